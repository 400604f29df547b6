"""Every client over TLS that it verifies (libpq's verify-full, or what it calls that), with a password by SCRAM.

The server lets nobody in otherwise: whoever connects has encrypted. Each client that verifies refuses the server when
it trusts another authority, and is refused with a wrong password.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import asyncpg
import pg8000.native
import psycopg
import psycopg2
import pytest
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi
from sqlalchemy.ext.asyncio import create_async_engine
from tests.drivers.conftest import PASSWORD, missing
from tests.drivers.test_adbc import fetch
from tests.drivers.test_programs import CLIENTS, EXPECTED
from tests.oracle.server import running_server
from tests.server.certificates import Authority

QUESTION = "SELECT 6 * 7"
HBA = "hostssl all all all scram-sha-256\n"


@dataclass(frozen=True)
class Site:
    """Where the server is, and what a client knows of it."""

    port: int
    root: Path  # the certificate of the authority that the client trusts
    other: Path  # and of one that has not signed the server's
    password: str = PASSWORD
    host: str = "localhost"

    def libpq(self) -> dict[str, str]:
        """libpq's parameters."""
        return {
            "host": self.host,
            "port": str(self.port),
            "user": "postgres",
            "dbname": "postgres",
            "password": self.password,
            "sslmode": "verify-full",
            "sslrootcert": str(self.root),
        }

    def environment(self) -> dict[str, str]:
        """The variables that libpq and its kin read; Node has one of its own for the authority."""
        names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "DATABASE", "password": "PASSWORD"}
        names |= {"sslmode": "SSLMODE", "sslrootcert": "SSLROOTCERT"}
        given = {f"PG{names[name]}": value for name, value in self.libpq().items()}
        return given | {"NODE_EXTRA_CA_CERTS": str(self.root)}

    def url(self) -> str:
        """A connection URI."""
        options = urlencode({"sslmode": "verify-full", "sslrootcert": str(self.root)})
        return f"postgresql://postgres:{quote(self.password)}@{self.host}:{self.port}/postgres?{options}"

    def context(self) -> ssl.SSLContext:
        """Python's own way of verifying."""
        return ssl.create_default_context(cafile=str(self.root))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Our server, which wants TLS and a password."""
    folder = tmp_path_factory.mktemp("encrypted")
    authority, other = (Authority.in_folder(folder / name) for name in ("authority", "other"))
    certificate, key = authority.issue("localhost")
    (folder / "password").write_text(PASSWORD)
    (folder / "hba").write_text(HBA)
    options = [
        "--ssl-cert", str(certificate), "--ssl-key", str(key), "--hba-file", str(folder / "hba"),
        "--password-file", str(folder / "password"),
    ]  # fmt: skip
    with running_server(folder / "data", options) as server:
        site = Site(server.port, authority.certificate, other.certificate)
        with psycopg.connect(**site.libpq(), autocommit=True) as setup:  # type: ignore[arg-type]
            setup.execute("CREATE EXTENSION vector")
        yield site


def _psycopg(site: Site) -> object:
    with psycopg.connect(**site.libpq()) as connection:  # type: ignore[arg-type]
        assert connection.pgconn.ssl_in_use
        return connection.execute(QUESTION).fetchone()


def _psycopg_async(site: Site) -> object:
    async def ask() -> object:
        async with await psycopg.AsyncConnection.connect(**site.libpq()) as connection:  # type: ignore[arg-type]
            return await (await connection.execute(QUESTION)).fetchone()

    return asyncio.run(ask())


def _psycopg2(site: Site) -> object:
    with closing(psycopg2.connect(**site.libpq())) as connection, connection.cursor() as cursor:
        cursor.execute(QUESTION)
        return cursor.fetchone()


def _asyncpg(site: Site) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(site.url())
        answer = tuple(await connection.fetchrow(QUESTION))
        await connection.close()
        return answer

    return asyncio.run(ask())


def _pg8000(site: Site) -> object:
    with closing(
        pg8000.native.Connection(
            "postgres", host=site.host, port=site.port, database="postgres", password=site.password,
            ssl_context=site.context(),
        )
    ) as connection:  # fmt: skip
        return tuple(connection.run(QUESTION)[0])


def _adbc(site: Site) -> object:
    with closing(dbapi.connect(site.url())) as connection, connection.cursor() as cursor:
        return tuple(fetch(cursor, QUESTION)[0].values())


def _sqlalchemy(driver: str) -> Callable[[Site], object]:
    def ask(site: Site) -> object:
        arguments: dict[str, Any] = {"sslmode": "verify-full", "sslrootcert": str(site.root)}
        if driver == "pg8000":
            arguments = {"ssl_context": site.context()}
        url = sa.URL.create(f"postgresql+{driver}", "postgres", site.password, site.host, site.port, "postgres")
        engine = sa.create_engine(url, connect_args=arguments, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return tuple(connection.execute(sa.text(QUESTION)).one())

    return ask


def _sqlalchemy_asyncpg(site: Site) -> object:
    async def ask() -> object:
        url = sa.URL.create("postgresql+asyncpg", "postgres", site.password, site.host, site.port, "postgres")
        engine = create_async_engine(url, connect_args={"ssl": site.context()})
        async with engine.connect() as connection:
            answer = tuple((await connection.execute(sa.text(QUESTION))).one())
        await engine.dispose()
        return answer

    return asyncio.run(ask())


#: Django has one configuration a process, so this is a process of its own.
DJANGO = """
import json, sys
from django.conf import settings
from django.db import connection
settings.configure(DATABASES={"default": json.loads(sys.argv[1])})
with connection.cursor() as cursor:
    cursor.execute(sys.argv[2])
    print(cursor.fetchone()[0])
"""


def _django(site: Site) -> object:
    libpq = site.libpq()
    database = {
        "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "HOST": site.host, "PORT": site.port,
        "USER": "postgres", "PASSWORD": site.password,
        "OPTIONS": {name: libpq[name] for name in ("sslmode", "sslrootcert")},
    }  # fmt: skip
    return (int(_run([sys.executable, "-c", DJANGO, json.dumps(database), QUESTION], {})),)


def _psql(site: Site) -> object:
    return (int(_run([*PSQL, "-c", QUESTION], site.environment())),)


def _pgbench(mode: str) -> Callable[[Site], object]:
    def ask(site: Site) -> object:
        script = site.root.with_name("question.sql")
        script.write_text(QUESTION + ";\n")
        command = ["/usr/bin/pgbench", "--no-vacuum", "--protocol", mode, "--transactions", "42"]
        report = _run([*command, "--file", str(script)], site.environment())
        assert "number of transactions actually processed: 42/42" in report
        return (42,)

    return ask


def _run(command: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise ConnectionError(done.stderr)
    return done.stdout


#: The system's psql and pgbench (15 in Debian 12): those of the wheel have been built without TLS.
PSQL = ["/usr/bin/psql", "--no-psqlrc", "-At"]
DRIVERS: dict[str, Callable[[Site], object]] = {
    "psycopg": _psycopg,
    "psycopg async": _psycopg_async,
    "psycopg2": _psycopg2,
    "asyncpg": _asyncpg,
    "pg8000": _pg8000,
    "ADBC": _adbc,
    **{f"SQLAlchemy {driver}": _sqlalchemy(driver) for driver in ("psycopg", "psycopg2")},
    "SQLAlchemy pg8000": _sqlalchemy("pg8000"),
    "SQLAlchemy asyncpg": _sqlalchemy_asyncpg,
    "Django": _django,
    "psql": _psql,
    **{f"pgbench {mode}": _pgbench(mode) for mode in ("simple", "extended", "prepared")},
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_driver(driver: str, site: Site) -> None:
    name = driver.split()[0]
    if name in ("psql", "pgbench") and shutil.which(f"/usr/bin/{name}") is None:
        missing(f"not installed: {name}")
    ask = DRIVERS[driver]
    assert ask(site) == (42,)
    with pytest.raises(Exception, match=r"(?i)certificate|ssl"):
        ask(replace(site, root=site.other))
    with pytest.raises(Exception, match=r"(?i)password authentication failed|28P01"):
        ask(replace(site, password="wrong"))


@pytest.mark.slow
@pytest.mark.timeout(600)  # the first test of a language downloads and compiles
@pytest.mark.parametrize("client", CLIENTS)
def test_program(client: str, site: Site) -> None:
    program, more = CLIENTS[client]
    assert program.report(site.environment()) == EXPECTED | more


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "client", ["node-postgres", "postgres.js", "pgx exec", "pgjdbc simple", "tokio-postgres", "sqlx"]
)
def test_program_that_trusts_another(client: str, site: Site) -> None:
    program, _ = CLIENTS[client]
    with pytest.raises(pytest.fail.Exception, match=r"(?i)certificate|UnknownIssuer|PKIX|self.signed"):
        program.report(replace(site, root=site.other).environment())
