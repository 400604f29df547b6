"""TLS by libpq against a real server: what is encrypted, verified and bound; and what is refused."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.oracle.server import Server, run_offline, running_server
from tests.server.certificates import Authority
from tests.server.test_command import Command
from tests.wire.client import encode

from ruvector_server.tls import Tls, TlsError, TlsFiles
from ruvector_server.wire import messages as m

USERS = ("ann", "clear", "old", "both", "by_certificate", "any_certificate", "mapped", "by_subject")
PASSWORD = "sesame"
HBA = """
hostssl all by_certificate all cert
hostssl all both all scram-sha-256 clientcert=verify-full
hostssl all any_certificate all trust clientcert=verify-ca
hostssl all mapped all cert map=names
hostssl all by_subject all cert map=subjects clientname=DN
hostssl all clear all password
hostssl all old all md5
hostnossl all plain all trust
hostssl all all all scram-sha-256
"""
IDENT = r"""
names /^any_(.*)$ mapped
subjects "CN=both" by_subject
"""


class Site(NamedTuple):
    """A running server with its authority."""

    server: Server
    authority: Authority
    certificate: Path

    def connect(self, user: str = "ann", /, **options: object) -> psycopg.Connection[tuple[object, ...]]:
        settings = {"host": "127.0.0.1", "port": self.server.port, "dbname": "postgres", "sslmode": "require"}
        return psycopg.connect(**{**settings, "user": user, **options})  # type: ignore[arg-type]

    def client_files(self, name: str) -> dict[str, object]:
        return {
            "sslcert": self.authority.folder / f"{name}.crt",
            "sslkey": self.authority.folder / f"{name}.key",
        }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority.in_folder(folder / "ca")
    for user in ("by_certificate", "both", "any_certificate"):
        authority.issue(user)
    certificate, key = authority.issue("server", common_name="localhost")
    (folder / "password").write_text(PASSWORD)
    (folder / "hba").write_text(HBA)
    (folder / "ident").write_text(IDENT)
    options = [
        "--ssl-cert", str(certificate), "--ssl-key", str(key), "--ssl-ca", str(authority.certificate),
        "--hba-file", str(folder / "hba"), "--ident-file", str(folder / "ident"),
        "--password-file", str(folder / "password"),
    ]  # fmt: skip
    run_offline(folder / "data", *(f"CREATE USER \"{user}\" PASSWORD '{PASSWORD}'" for user in USERS))
    with running_server(folder / "data", options) as server:
        yield Site(server, authority, certificate)


def works(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    with connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_modes(site: Site, mode: str, negotiation: str) -> None:
    options: dict[str, object] = {
        "sslrootcert": site.authority.certificate,
        "sslmode": mode,
        "sslnegotiation": negotiation,
    }
    connection = site.connect("ann", password=PASSWORD, **options)
    assert connection.pgconn.ssl_in_use
    assert works(connection)


def test_long_answers_and_long_statements(site: Site) -> None:
    with site.connect(password=PASSWORD) as connection:
        text = "é" * 500_000
        assert connection.execute("SELECT %s::text", (text,)).fetchone() == (text,)
        rows = connection.execute("SELECT i, repeat('x', 1000) FROM generate_series(1, 5000) AS t(i)").fetchall()
        assert (len(rows), rows[-1][0]) == (5000, 5000)


@pytest.mark.parametrize("binding", ["disable", "prefer", "require"])
def test_channel_binding(site: Site, binding: str) -> None:
    assert works(site.connect(password=PASSWORD, channel_binding=binding))


def test_versions(site: Site) -> None:
    files = TlsFiles(site.certificate, site.certificate.with_suffix(".key"))
    assert Tls.load(files).context.minimum_version == ssl.TLSVersion.TLSv1_2
    context = ssl.create_default_context(cafile=str(site.authority.certificate))
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with request_ssl(site) as raw, context.wrap_socket(raw, server_hostname="localhost") as encrypted:
        assert encrypted.version() == "TLSv1.2"


@pytest.mark.parametrize(
    ("user", "password", "options", "error"),
    [
        ("ann", "wrong", {}, 'password authentication failed for user "ann"'),
        ("nobody", "wrong", {"channel_binding": "require"}, 'password authentication failed for user "nobody"'),
        ("clear", "wrong", {}, 'password authentication failed for user "clear"'),
        ("ann", PASSWORD, {"sslmode": "disable"}, 'no pg_hba.conf entry for host "127.0.0.1", user "ann", database '
         '"postgres", no encryption'),
        ("plain", PASSWORD, {"sslmode": "disable", "channel_binding": "require"}, "channel binding required"),
        ("by_certificate", None, {}, "connection requires a valid client certificate"),
        ("both", PASSWORD, {}, "connection requires a valid client certificate"),
        ("any_certificate", None, {}, "connection requires a valid client certificate"),
        ("clear", PASSWORD, {"channel_binding": "require"}, "channel binding"),
    ],
)  # fmt: skip
def test_who_is_not_let_in(site: Site, user: str, password: str | None, options: dict[str, object], error: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=error):
        site.connect(user, password=password, **options)


@pytest.mark.parametrize("user", ["clear", "old"])
def test_old_methods(site: Site, user: str) -> None:
    assert works(site.connect(user, password=PASSWORD))


def test_client_certificates(site: Site) -> None:
    assert works(site.connect("by_certificate", **site.client_files("by_certificate")))
    assert works(site.connect("any_certificate", **site.client_files("both")))
    assert works(site.connect("both", password=PASSWORD, **site.client_files("both")))
    with pytest.raises(psycopg.OperationalError, match='certificate authentication failed for user "by_certificate"'):
        site.connect("by_certificate", **site.client_files("both"))
    with pytest.raises(psycopg.OperationalError, match='password authentication failed for user "both"'):
        site.connect("both", password=PASSWORD, **site.client_files("any_certificate"))


@pytest.mark.parametrize(("user", "owner"), [("mapped", "any_certificate"), ("by_subject", "both")])
def test_names_of_certificates_are_mapped(site: Site, user: str, owner: str) -> None:
    assert works(site.connect(user, **site.client_files(owner)))
    with pytest.raises(psycopg.OperationalError, match=f'certificate authentication failed for user "{user}"'):
        site.connect(user, **site.client_files("by_certificate"))


def test_a_certificate_of_another_authority(site: Site, tmp_path: Path) -> None:
    certificate, key = Authority.in_folder(tmp_path / "other").issue("by_certificate")
    with pytest.raises(psycopg.OperationalError, match="unknown ca"):
        site.connect("by_certificate", sslcert=certificate, sslkey=key)


def test_cancel_over_tls(site: Site) -> None:
    with site.connect(password=PASSWORD) as connection:
        connection.cancel_safe()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def request_ssl(site: Site, behind: bytes = b"") -> socket.socket:
    raw = socket.create_connection(("127.0.0.1", site.server.port))
    raw.settimeout(20)
    raw.sendall(encode(m.SSLRequest()) + behind)
    assert raw.recv(1) == b"S"
    return raw


def test_what_comes_in_clear_behind_the_request_is_never_a_message(site: Site) -> None:
    """CVE-2021-23214: whoever sits in the middle could put messages before those of the encrypted stream."""
    packet = encode(m.StartupMessage(3, 0, {"user": "plain", "database": "postgres"})) + encode(m.Query("SELECT 1"))
    with request_ssl(site, packet) as raw:
        answer = b""
        while part := raw.recv(4096):
            answer += part
    assert b"SELECT" not in answer
    assert answer[:1] in (b"", b"\x15")  # a TLS alert at most


@pytest.mark.parametrize("protocols", [[], ["http/1.1"]])
def test_tls_at_once_must_name_the_protocol(site: Site, protocols: list[str]) -> None:
    context = ssl.create_default_context(cafile=str(site.authority.certificate))
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", site.server.port)) as raw:
        raw.settimeout(20)
        with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=True) as encrypted:
            encrypted.sendall(encode(m.StartupMessage(3, 0, {"user": "ann"})))
            assert encrypted.recv(1) == b""


def test_garbage_in_an_encrypted_stream_ends_it(site: Site) -> None:
    raw = request_ssl(site)
    context = ssl.create_default_context(cafile=str(site.authority.certificate))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        with suppress(ssl.SSLWantReadError):
            stream.do_handshake()
            break
        raw.sendall(outgoing.read())
        incoming.write(raw.recv(65536))
    stream.write(encode(m.StartupMessage(3, 0, {"user": "clear", "database": "postgres"})))
    raw.sendall(outgoing.read() + b"\x17\x03\x03\x00\x20" + bytes(32))
    with raw:
        while raw.recv(65536):
            pass
    assert works(site.connect(password=PASSWORD))


def test_no_password_in_the_log(site: Site) -> None:
    with pytest.raises(psycopg.OperationalError):
        site.connect("clear", password="a-secret-word")
    log = site.server.log()
    assert "refused user 'clear', database 'postgres', from 127.0.0.1: 'password authentication failed" in log
    assert "a-secret-word" not in log


def test_reload(site: Site, tmp_path: Path) -> None:
    """A new certificate is used without a restart; one that cannot be loaded changes nothing."""
    other = Authority.in_folder(tmp_path / "other")
    new_certificate, _ = other.issue("server", common_name="localhost")
    key = site.certificate.with_suffix(".key")
    saved = site.certificate.read_bytes(), key.read_bytes()
    try:
        shutil.copy(new_certificate, site.certificate)  # which the key does not fit yet
        reload(site, "not reloaded")
        assert works(site.connect(password=PASSWORD, sslmode="verify-ca", sslrootcert=site.authority.certificate))
        shutil.copy(new_certificate.with_suffix(".key"), key)
        reload(site, "reloaded the rules")
        assert works(site.connect(password=PASSWORD, sslmode="verify-ca", sslrootcert=other.certificate))
    finally:
        site.certificate.write_bytes(saved[0])
        key.write_bytes(saved[1])
        reload(site, "reloaded the rules")


def reload(site: Site, expected: str) -> None:
    before = site.server.log().count(expected)
    os.kill(site.server.pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    while site.server.log().count(expected) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_without_a_certificate(ruvector: Server) -> None:
    assert works(psycopg.connect(ruvector.dsn() + " sslmode=prefer"))
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        psycopg.connect(ruvector.dsn() + " sslmode=require")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(ruvector.dsn() + " sslmode=require sslnegotiation=direct")


def test_bad_files(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path / "ca")
    certificate, key = authority.issue("server")
    _, other_key = authority.issue("other")
    empty = tmp_path / "empty"
    empty.touch(0o600)
    open_key = tmp_path / "open.key"
    shutil.copy(key, open_key)
    open_key.chmod(0o640)
    for files, message in (
        (TlsFiles(tmp_path / "none", key), "could not load server certificate file .*: No such file or directory"),
        (TlsFiles(empty, key), "it holds no certificate"),
        (TlsFiles(certificate, tmp_path / "none"), "could not access private key file .*: No such file or directory"),
        (TlsFiles(certificate, open_key), "has group or world access: it must have permissions u=rw"),
        (TlsFiles(certificate, tmp_path), "could not access private key file|is not a regular file"),
        (TlsFiles(certificate, other_key), "KEY_VALUES_MISMATCH"),
        (TlsFiles(certificate, key, tmp_path / "none"), "could not load root certificate file"),
    ):
        with pytest.raises(TlsError, match=message):
            Tls.load(files)


def test_a_server_does_not_start_with_bad_files(tmp_path: Path) -> None:
    command = Command(
        "--data-dir", str(tmp_path / "data"), "--ssl-cert", str(tmp_path / "no"), "--ssl-key", str(tmp_path / "no")
    )
    status, _, error = command.end()
    assert status == 1
    assert error.startswith("ruvector-server: could not load server certificate file")
