"""A server's life: open the data, listen, say so, wait for a signal, stop in stages, close the data."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from ruvector_engine.catalog.roles import BOOTSTRAP_ROLE, DEFAULT_SUPERUSER
from ruvector_engine.database import Database
from ruvector_engine.errors import SqlError
from ruvector_engine.login import set_superuser_password
from ruvector_server import __version__
from ruvector_server.access import Access, AccessError, AccessFiles, mock_secret
from ruvector_server.config import Config, is_loopback
from ruvector_server.listener import Listener, new_event_loop
from ruvector_server.sockets import Limits
from ruvector_server.tls import TlsFiles
from ruvector_server.unix_socket import SocketError, UnixSocket

_log = logging.getLogger(__name__)

#: How long a thread may keep the GIL while another wants it, in seconds.
SWITCH_INTERVAL = 0.0005

#: Seconds for an error to reach its client before the process ends, when storage has given up.
FATAL_GRACE = 1.0

#: How many of the sessions that there may be are kept for superusers.
RESERVED_PLACES = 3


class StartError(Exception):
    """The server could not start; the text is one line for the user."""


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT; StartError when that cannot begin."""
    # A search releases the GIL; the event loop must not wait the usual 5 ms to get it back from a worker thread.
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        database = Database.open(config.data_dir, config.user)
    except SqlError as error:
        raise StartError(error.message if error.hint is None else f"{error.message} ({error.hint})") from None
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            if not runner.run(_serve(config, database, _access(config, database))):
                _give_up()
    finally:
        _close(database)
    _log.info("stopped")


def _close(database: Database) -> None:
    try:
        database.close()
    except SqlError as error:
        _log.error("could not close the data directory: %s", error.message)
        _give_up()


def _access(config: Config, database: Database) -> Access:
    """Set the first superuser's password, and read who gets in.

    Not before the data directory is there and ours: the rules may be in it, a secret is.
    """
    first = database.authority.role_by_oid(BOOTSTRAP_ROLE)
    if first is not None and config.user not in (first.name, DEFAULT_SUPERUSER):
        _log.warning("--user names the first superuser of a new data directory; that of this one is %r", first.name)
    tls = None
    if config.ssl_cert is not None and config.ssl_key is not None:
        tls = TlsFiles(config.ssl_cert, config.ssl_key, config.ssl_ca)
    exposed = not is_loopback(config.host)
    files = AccessFiles(config.hba_path, config.hba_file is not None, exposed, config.ident_path, tls)
    try:
        if config.password is not None:
            set_superuser_password(database, config.password)
        return Access(files, database.accounts, mock_secret(config.data_dir))
    except AccessError as error:
        raise StartError(str(error)) from None
    except OSError as error:
        raise StartError(f"could not use data directory {config.data_dir}: {error.strerror}") from None


def _give_up() -> NoReturn:
    """Leave without an orderly end: what is committed is safe, and is read from the log at the next start."""
    _log.error("leaving without a checkpoint")
    logging.shutdown()
    os._exit(1)


async def _serve(config: Config, database: Database, access: Access) -> bool:
    """Listen until a signal comes, then stop; whether every session has ended."""
    limits = Limits(
        config.authentication_timeout,
        config.tcp_keepalives_idle,
        config.tcp_keepalives_interval,
        config.tcp_keepalives_count,
        config.tcp_user_timeout,
    )
    listener = Listener(database, access, max_connections=config.max_connections, limits=limits)
    local = None
    try:
        host, port = await listener.start(config.host, config.port)
        if config.unix_socket_dir is not None:
            local = UnixSocket(config.unix_socket_dir, port, config.data_dir)
            await listener.start_local(local.socket)
            _log.info("listening on %s too", local.path)
    except OSError as error:
        await listener.stop(0)
        raise StartError(f"could not listen on {config.host}:{config.port}: {error.strerror or error}") from None
    except SocketError as error:
        await listener.stop(0)
        raise StartError(str(error)) from None
    try:
        loop = asyncio.get_running_loop()
        database.configuration.start_with(_shown(config, host, port))
        database.access_rules, database.name_mappings = access.shown_rules, access.shown_mappings
        database.on_reload = lambda: loop.call_soon_threadsafe(access.reload)
        database.store.on_fatal = lambda: loop.call_soon_threadsafe(loop.call_later, FATAL_GRACE, _give_up)
        stopping = _on_signals(listener.hurry, database.reload)
        return await _until_stopped(config, listener, stopping, host, port)
    finally:
        if local is not None:
            local.close()


async def _until_stopped(config: Config, listener: Listener, stopping: asyncio.Event, host: str, port: int) -> bool:
    gc.freeze()  # what is here now stays: a full collection need not look at it while queries wait
    shown = f"[{host}]" if ":" in host else host
    print(f"ruvector-server {__version__} ready on {shown}:{port} (data in {config.data_dir})", flush=True)  # noqa: T201
    await stopping.wait()
    _log.info("stopping")
    return await listener.stop(config.shutdown_timeout)


def _shown(config: Config, host: str, port: int) -> dict[str, str]:
    """The settings as SHOW names them."""
    return {
        "authentication_timeout": str(round(config.authentication_timeout)),
        "data_directory": str(config.data_dir.absolute()),
        "hba_file": str(config.hba_path.absolute()),
        "ident_file": str(config.ident_path.absolute()),
        "listen_addresses": host,
        "max_connections": str(config.max_connections),
        "superuser_reserved_connections": str(min(RESERVED_PLACES, config.max_connections - 1)),
        "port": str(port),
        "ssl": "off" if config.ssl_cert is None else "on",
        "ssl_ca_file": str(config.ssl_ca or ""),
        "ssl_cert_file": str(config.ssl_cert or ""),
        "ssl_key_file": str(config.ssl_key or ""),
        "tcp_keepalives_count": str(config.tcp_keepalives_count),
        "tcp_keepalives_idle": str(config.tcp_keepalives_idle),
        "tcp_keepalives_interval": str(config.tcp_keepalives_interval),
        "tcp_user_timeout": str(config.tcp_user_timeout),
        "unix_socket_directories": str(config.unix_socket_dir or ""),
    }


def _on_signals(hurry: Callable[[], None], reload: Callable[[], None]) -> asyncio.Event:
    """The first SIGTERM or SIGINT sets the event, a further SIGINT calls `hurry`; SIGHUP calls `reload`."""
    stopping = asyncio.Event()

    def interrupt() -> None:
        if stopping.is_set():
            hurry()
        stopping.set()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    loop.add_signal_handler(signal.SIGINT, interrupt)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return stopping


def configure_logging(level: str) -> None:
    """Log to standard error."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
