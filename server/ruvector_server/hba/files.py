"""The files of rules: their lines, those of the files that they include, and names kept in files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from ruvector_server.hba.tokens import BadToken, Token, fields, lines

#: How deep files may name further files.
MAX_DEPTH: Final = 10


class Line(NamedTuple):
    """A line that says something: where it stands, and its fields; or, if it cannot be read, why."""

    path: Path
    number: int
    fields: list[list[Token]]
    problem: str = ""

    def told(self, problem: str) -> str:
        """A problem with the line, in the log's words."""
        return f'line {self.number} of configuration file "{self.path}": {problem}'


class HbaError(Exception):
    """What is wrong with a file; one line of text an error."""


class BadLine(ValueError):
    """What is wrong with a line."""


def text_of(path: Path) -> str:
    """The text of a file; HbaError when there is none."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        raise HbaError(f'configuration file "{path}" is not UTF-8 text') from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise HbaError(f'could not open file "{path}": {getattr(error, "strerror", None) or error}') from None


def lines_in(text: str, path: Path, depth: int = 0) -> Iterator[Line]:
    """The lines of a text, which is that of the file at `path`, and of the files it includes."""
    for number, line in lines(text):
        try:
            found = fields(line)
            if found and (kind := found[0][0].text) in ("include", "include_if_exists", "include_dir"):
                for place in _included(kind, found, path.parent, depth):
                    yield from lines_in(text_of(place), place, depth + 1)
            elif found:
                yield Line(path, number, found)
        except (BadToken, BadLine, HbaError) as error:
            yield Line(path, number, [], str(error))


def _included(kind: str, found: list[list[Token]], folder: Path, depth: int) -> list[Path]:
    """The files that a line includes, relative to the folder of the file it stands in."""
    if len(found) != 2 or len(found[1]) != 1:
        raise BadLine(f'"{kind}" takes the name of one file or directory')
    path = folder / found[1][0].text
    if depth == MAX_DEPTH:
        raise BadLine(f'could not open file "{path}": maximum nesting depth exceeded')
    if kind == "include":
        return [path]
    try:
        if kind == "include_if_exists":
            return [path] if path.exists() else []
        names = sorted(place.name for place in path.iterdir() if place.is_file())
    except (OSError, ValueError) as error:
        raise BadLine(f'could not open directory "{path}": {getattr(error, "strerror", None) or error}') from None
    return [path / name for name in names if name.endswith(".conf") and not name.startswith(".")]


def expanded(token: Token, folder: Path, depth: int = 0) -> Iterator[Token]:
    """The token, or the tokens in the file that it names with @, relative to a folder."""
    if token.quoted or not token.text.startswith("@") or token.text == "@":
        yield token
        return
    path = folder / token.text[1:]
    if depth == MAX_DEPTH:
        raise BadLine(f'could not open file "{path}": maximum nesting depth exceeded')
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        raise BadLine(f'file "{path}" is not UTF-8 text') from None
    except ValueError:  # a null byte in the name
        raise BadLine(f'"{token.text}" names no file') from None
    except OSError as error:
        raise BadLine(f'could not open file "{path}": {error.strerror}') from None
    for _, line in lines(text):
        for name in (name for field in fields(line) for name in field):
            yield from expanded(name, path.parent, depth + 1)
