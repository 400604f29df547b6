"""TLS: the server's certificate, loaded and checked as PostgreSQL does, and one client's encrypted stream.

The stream runs on Python's `ssl` over memory buffers rather than on the event loop's own TLS, since a client may begin
with TLS at once (`sslnegotiation=direct`): what has been read by then must be decrypted, not given back.
"""

from __future__ import annotations

import logging
import os
import ssl
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruvector_server.auth import can_bind

_log = logging.getLogger(__name__)

#: What the first byte of a connection is when it begins with TLS: the type of a handshake record.
HANDSHAKE_BYTE: Final = 0x16
#: The name of PostgreSQL's protocol in TLS's ALPN; a client that begins with TLS must name it.
ALPN: Final = "postgresql"
_READ_SIZE: Final = 256 * 1024


class TlsError(Exception):
    """Files with which TLS cannot be spoken; the text says what is wrong with which."""


@dataclass(frozen=True)
class TlsFiles:
    """Where certificate chain, private key and (to ask clients for certificates) the authorities' certificates are."""

    certificate: Path
    key: Path
    authorities: Path | None = None


@dataclass(frozen=True, slots=True)
class Tls:
    """What was loaded. `certificate` is the server's own in PEM: what channel binding binds to; None if it cannot."""

    context: ssl.SSLContext
    certificate: str | None
    verifies_clients: bool

    @classmethod
    def load(cls, files: TlsFiles) -> Tls:
        """Load the files; TlsError when that cannot be."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # As PostgreSQL has it: no renegotiation, and no session tickets, which would outlive a change of the files.
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
        context.num_tickets = 0
        context.set_alpn_protocols([ALPN])
        certificate = _first_certificate(files.certificate)
        _check_key_file(files.key)
        try:
            context.load_cert_chain(files.certificate, files.key, _no_passphrase(files.key))
        except (ssl.SSLError, OSError) as error:
            raise TlsError(
                f'could not load certificate "{files.certificate}" with private key "{files.key}": {_reason(error)}'
            ) from None
        if files.authorities is not None:
            try:
                context.load_verify_locations(files.authorities)
            except (ssl.SSLError, OSError) as error:
                raise TlsError(
                    f'could not load root certificate file "{files.authorities}": {_reason(error)}'
                ) from None
            context.verify_mode = ssl.CERT_OPTIONAL
        if not can_bind(certificate):
            _log.warning("no channel binding: the signature algorithm of %s names no hash", files.certificate)
            return cls(context, None, files.authorities is not None)
        return cls(context, certificate, files.authorities is not None)


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a client's TLS has established.

    `client_name` and `client_subject` are the common name and the whole subject (by RFC 2253, the last part first) in
    its certificate, if one was verified.
    """

    tls: Tls
    version: str
    cipher: str
    has_client_certificate: bool
    client_name: str | None
    client_subject: str | None


class TlsStream:
    """The server's end of one encrypted stream: ciphertext goes out by `write`, plaintext comes back of `receive`."""

    def __init__(self, tls: Tls, write: Callable[[bytes], None]) -> None:
        self._tls = tls
        self._write = write
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = tls.context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._shaking_hands = True
        self._broken = False
        self.ended = False  # the client has said that it sends no more

    @property
    def established(self) -> bool:
        """Whether the handshake is over."""
        return not self._shaking_hands

    @property
    def negotiated_alpn(self) -> bool:
        """Whether the client named PostgreSQL's protocol."""
        return self._object.selected_alpn_protocol() == ALPN

    def encryption(self) -> Encryption:
        """What the handshake has established."""
        cipher = self._object.cipher()
        # Empty without a certificate; one that could not be verified has failed the handshake.
        certificate: Any = self._object.getpeercert() or {}
        return Encryption(
            self._tls,
            self._object.version() or "",
            cipher[0] if cipher else "",
            bool(certificate),
            _common_name(certificate),
            _subject(certificate),
        )

    def receive(self, data: bytes) -> bytes:
        """Take ciphertext; return the plaintext it completes. ssl.SSLError when it is not what it must be."""
        self._incoming.write(data)
        parts = []
        try:
            if self._shaking_hands:
                self._object.do_handshake()
                self._shaking_hands = False
            while part := self._object.read(_READ_SIZE):
                parts.append(part)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self._broken = True
            raise
        finally:
            self._flush()  # handshake messages, and the alert that tells the client what was wrong
        return b"".join(parts)

    def send(self, data: bytes) -> None:
        """Encrypt and write; nothing once the stream is broken, for then the connection is about to end."""
        if self._broken:
            return
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]
        self._flush()

    def close(self) -> None:
        """Tell the client that nothing more comes."""
        if self._shaking_hands or self._broken:
            return
        # The client has not said the same yet, or the stream is broken: the socket is closed anyway.
        with suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._write(self._outgoing.read())


def _first_certificate(path: Path) -> str:
    """The server's own certificate, the first of its file, in PEM."""
    end = "-----END CERTIFICATE-----"
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise TlsError(f'could not load server certificate file "{path}": {_reason(error)}') from None
    start = text.find("-----BEGIN CERTIFICATE-----")
    stop = text.find(end, start)
    if start < 0 or stop < 0:
        raise TlsError(f'could not load server certificate file "{path}": it holds no certificate in PEM form')
    return text[start : stop + len(end)] + "\n"


def _check_key_file(path: Path) -> None:
    """PostgreSQL's rules for the file of a private key: nobody else may read it."""
    try:
        found = path.stat()
        path.open("rb").close()
    except OSError as error:
        raise TlsError(f'could not access private key file "{path}": {_reason(error)}') from None
    if not stat.S_ISREG(found.st_mode):
        raise TlsError(f'private key file "{path}" is not a regular file')
    owner = os.geteuid()
    if found.st_uid not in (owner, 0):
        raise TlsError(f'private key file "{path}" must be owned by the database user or root')
    forbidden = stat.S_IRWXG | stat.S_IRWXO if found.st_uid == owner else stat.S_IWGRP | stat.S_IXGRP | stat.S_IRWXO
    if found.st_mode & forbidden:
        raise TlsError(
            f'private key file "{path}" has group or world access: it must have permissions u=rw (0600) or less if '
            "owned by the database user, or permissions u=rw,g=r (0640) or less if owned by root"
        )


def _no_passphrase(path: Path) -> Callable[[], str]:
    def refuse() -> str:
        raise TlsError(f'private key file "{path}" cannot be loaded because it requires a passphrase')

    return refuse


#: The names of a subject's attributes that have a short form.
_SHORT_NAMES = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}


def _subject(certificate: Any) -> str | None:
    """All of the subject; None when there is no certificate, or none that a name can be told by."""
    parts = []
    for attributes in reversed(certificate.get("subject", ())):
        found = [f"{_SHORT_NAMES.get(name, name)}={_escaped(value)}" for name, value in attributes]
        parts.append("+".join(found))
    subject = ",".join(parts)
    return None if not subject or "\0" in subject else subject


def _escaped(value: str) -> str:
    shown = "".join(f"\\{character}" if character in ',+"\\<>;' else character for character in value)
    if shown.startswith(("#", " ")):
        shown = "\\" + shown
    return shown[:-1] + "\\ " if value.endswith(" ") and len(value) > 1 else shown


def _common_name(certificate: Any) -> str | None:
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    # A name with a zero byte is meant to be read as another one by C programs.
    return names[-1] if names and "\0" not in names[-1] else None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or str(error)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
