"""Enums on the wire: the label, in text and in binary alike.

Whether a text is one of the labels is asked of the session, or of the statement when it runs: one that was prepared
earlier takes labels that were added since.
"""

from __future__ import annotations

from ruvector_server.types.codec import BinaryCodec, decode_utf8

CODEC = BinaryCodec(decode_utf8, str.encode)
