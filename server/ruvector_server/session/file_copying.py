"""COPY from and to files of the server. The data's formats are the business of `ruvector_server.copy`."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ruvector_engine.errors import SqlError, not_supported
from ruvector_engine.results import CopyIn, CopySink
from ruvector_server.copy import CopyDecoder, CopyEncoder
from ruvector_server.session.state import SessionState
from ruvector_server.session.statements import Portal
from ruvector_server.session.steps import ClientGone, Steps, Work

#: Bytes that are read and decoded in one go.
_PIECE = 512 * 1024
#: Nothing may wait for the other end of a pipe.
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
#: Rows that are encoded and written in one go.
_ROWS = 1000
#: SQLSTATEs of what goes wrong with files, as errcode_for_file_access gives them; XX000 for the rest.
_STATES = {
    **dict.fromkeys((errno.EPERM, errno.EACCES, errno.EROFS), "42501"),
    errno.ENOENT: "58P01",
    errno.EEXIST: "58P02",
    errno.ENAMETOOLONG: "58P03",
    **dict.fromkeys((errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY), "42809"),
    errno.ENOSPC: "53100",
    **dict.fromkeys((errno.ENFILE, errno.EMFILE), "53000"),
    errno.EIO: "58030",
}
_HINT = (
    "COPY {} instructs the PostgreSQL server process to {} a file. "
    "You may want a client-side facility such as psql's \\copy."
)


def copy_from_file(state: SessionState, copy: CopyIn, path: str, codec: CopyDecoder) -> Steps[str]:
    """Read the file a piece at a time; return the command tag."""
    try:
        file: BinaryIO = yield Work(partial(_opened_to_read, path, copy.folder))
        with file:
            while (yield Work(partial(_feed, file, codec))):
                _check(state)
        tag: str = yield Work(partial(_finish, codec, copy.sink))
    except Exception:
        yield Work(copy.sink.abort)
        raise
    return tag


def copy_to_file(state: SessionState, portal: Portal, path: str, encoder: CopyEncoder) -> Steps[int]:
    """Write a portal's rows into the file; return their number. What was written before an error stays, as always."""
    file: BinaryIO = yield Work(partial(_opened_to_write, path))
    written = 0
    try:
        yield Work(partial(_write, file, encoder.header()))
        while count := (yield Work(partial(_write_rows, file, encoder, portal))):
            written += count
            _check(state)
        yield Work(partial(_write, file, encoder.trailer()))
    finally:
        file.close()
    return written


def _check(state: SessionState) -> None:
    """There is nobody to wait for here, so what others want is looked at between two pieces of work."""
    if state.gone:
        raise ClientGone
    state.check_cancelled()


def _opened_to_read(path: str, folder: str) -> BinaryIO:
    try:
        file = os.fdopen(os.open(Path(folder, path), os.O_RDONLY | _FLAGS), "rb", buffering=0)
    except IsADirectoryError:
        raise SqlError("42809", f'"{path}" is a directory') from None
    except (OSError, ValueError) as error:
        raise _failure(error, f'could not open file "{path}" for reading', ("FROM", "read")) from error
    return _regular(file, path, stat.S_ISREG)


def _opened_to_write(path: str) -> BinaryIO:
    try:
        # As PostgreSQL does it: others may read, and the file is emptied before the query runs.
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o644), "wb", buffering=0)
    except (OSError, ValueError) as error:
        raise _failure(error, f'could not open file "{path}" for writing', ("TO", "write")) from error
    return _regular(file, path, lambda mode: stat.S_ISREG(mode) or stat.S_ISCHR(mode))  # such as /dev/null


def _regular(file: BinaryIO, path: str, fits: Callable[[int], bool]) -> BinaryIO:
    """The file, unless it is one (a pipe, a terminal) that a worker thread could wait for without end."""
    if fits(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise not_supported(f'COPY with "{path}" is not supported: it is not a regular file', hint="Use STDIN or STDOUT.")


def _feed(file: BinaryIO, codec: CopyDecoder) -> bool:
    """Decode the next piece; False at the end."""
    try:
        data = file.read(_PIECE)
    except OSError as error:
        raise _failure(error, "could not read from COPY file") from error
    codec.feed(data)
    return bool(data)


def _finish(codec: CopyDecoder, sink: CopySink) -> str:
    codec.finish()
    return sink.finish()


def _write_rows(file: BinaryIO, encoder: CopyEncoder, portal: Portal) -> int:
    """Write the portal's next rows; their number, 0 at the end."""
    rows = portal.take(_ROWS)
    while not rows and portal.more is not None:
        portal.refill(portal.more(_ROWS))
        rows = portal.take(_ROWS)
    if rows:
        _write(file, b"".join(encoder.rows(rows)))
    return len(rows)


def _write(file: BinaryIO, data: bytes) -> None:
    try:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        raise _failure(error, "could not write to COPY file") from error


def _failure(error: OSError | ValueError, what: str, hinted: tuple[str, str] | None = None) -> SqlError:
    """The error as PostgreSQL tells it; opening has a hint for names that are not the server's."""
    if isinstance(error, ValueError):  # a zero byte in the name
        return SqlError("42602", f"{what}: {error}")
    hint = _HINT.format(*hinted) if hinted and error.errno in (errno.ENOENT, errno.EACCES) else None
    return SqlError(_STATES.get(error.errno or 0, "XX000"), f"{what}: {error.strerror}", hint=hint)
