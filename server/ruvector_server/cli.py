"""The command `ruvector-server`. Exit status: 0 after an orderly stop, 1 when it cannot start, 2 for wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ruvector_server import __version__
from ruvector_server.config import ENVIRONMENT_PREFIX, ConfigError, add_options, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        config = load(options)
    except ConfigError as error:
        return _fail(str(error), 2)
    # Not at the top: the engine's libraries take a second to load, and --help or a typo need not wait for them.
    from ruvector_server.lifecycle import StartError, configure_logging, serve

    configure_logging(config.log_level)
    try:
        serve(config)
    except StartError as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:  # before the server listened for signals: there is nothing to end in order
        return _fail("interrupted", 1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ruvector-server", description="A vector database that speaks PostgreSQL.")
    parser.add_argument("--version", action="version", version=f"ruvector-server {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser(
        "serve",
        help="serve a data directory until SIGTERM or Ctrl-C",
        epilog=f"Each option may come from the environment too: --data-dir as {ENVIRONMENT_PREFIX}DATA_DIR, and so on.",
    )
    add_options(command)
    return parser


def _fail(message: str, status: int) -> int:
    print(f"ruvector-server: {message}", file=sys.stderr)  # noqa: T201
    return status
