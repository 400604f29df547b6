"""The Unix-domain socket `.s.PGSQL.<port>` in a directory, and the lock file that keeps a second server off it.

The lock is the kernel's (flock), so a server that was killed leaves none behind; the text in the file is PostgreSQL's,
which looks there for the process that owns a socket.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO, Final

#: The longest path that fits a socket's address.
MAX_PATH_BYTES: Final = 107


class SocketError(Exception):
    """A socket that cannot be had; the text says why."""


class UnixSocket:
    """A listening socket, as long as nobody calls `close`."""

    def __init__(self, directory: Path, port: int, data_dir: Path) -> None:
        """Take the path, also from a dead server; SocketError when that cannot be."""
        self.path = directory / f".s.PGSQL.{port}"
        self._lock_path = directory / f".s.PGSQL.{port}.lock"
        if len(os.fsencode(self.path)) > MAX_PATH_BYTES:
            raise SocketError(f'Unix-domain socket path "{self.path}" is too long (maximum {MAX_PATH_BYTES} bytes)')
        try:
            self._lock = self._take_lock()
        except OSError as error:
            raise SocketError(f'could not lock "{self._lock_path}": {error.strerror}') from None
        try:
            self.socket = self._listen()
        except OSError as error:
            self._lock.close()
            raise SocketError(f'could not listen on "{self.path}": {error.strerror}') from None
        except SocketError:
            self._lock.close()
            raise
        content = (os.getpid(), data_dir.absolute(), int(time.time()), port, directory, "")
        self._lock.truncate(0)
        self._lock.write("\n".join(map(str, content)))
        self._lock.flush()

    def close(self) -> None:
        """Give the path back. The lock is let go last: whoever takes it then finds nothing here."""
        self.path.unlink(missing_ok=True)
        self._lock_path.unlink(missing_ok=True)
        self.socket.close()
        self._lock.close()

    def _take_lock(self) -> IO[str]:
        while True:
            lock = open(self._lock_path, "a+", opener=_private)  # noqa: SIM115 - held until close()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                owner = lock.readline().strip() or "unknown"
                lock.close()
                raise SocketError(f'socket "{self.path}" is in use by another server (PID {owner})') from None
            if self._is_there(lock):
                return lock
            lock.close()  # its owner removed it between our opening and locking it

    def _is_there(self, lock: IO[str]) -> bool:
        try:
            return os.path.samestat(os.fstat(lock.fileno()), self._lock_path.stat())
        except FileNotFoundError:
            return False

    def _listen(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # A PostgreSQL holds no lock of this kind, but it answers.
            if self.path.exists() and listening.connect_ex(os.fspath(self.path)) == 0:
                raise SocketError(f'socket "{self.path}" is in use by another server')
            listening.close()
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.path.unlink(missing_ok=True)
            listening.bind(os.fspath(self.path))
            self.path.chmod(0o777)  # as PostgreSQL's: who gets in is for the rules to say
        except BaseException:
            listening.close()
            raise
        return listening


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
