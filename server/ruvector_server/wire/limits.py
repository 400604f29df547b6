"""Bounds on what a client may send; each is checked on the length field, before anything is buffered."""

from __future__ import annotations

#: The longest startup packet, as in PostgreSQL (MAX_STARTUP_PACKET_LENGTH).
MAX_STARTUP_PACKET = 10_000
#: The shortest one: a length and a protocol code.
MIN_STARTUP_PACKET = 8
#: A message that carries no user data (PQ_SMALL_MESSAGE_LIMIT).
MAX_SMALL_MESSAGE = 10_000
#: A password or a SASL response (PG_MAX_AUTH_TOKEN_LENGTH).
MAX_AUTHENTICATION_MESSAGE = 65_535
#: A message that carries SQL or data: PostgreSQL allows 1 GiB; one client must not take that much memory here.
MAX_LARGE_MESSAGE = 256 * 1024 * 1024
