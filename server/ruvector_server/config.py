"""Every setting of the server, once: its name, default, meaning; the command line and the environment follow from it.

A setting `data_dir` is the option `--data-dir` and the variable `RUVECTOR_DATA_DIR`; the option wins.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ruvector_engine.catalog.roles import DEFAULT_SUPERUSER
from ruvector_server.access import HBA_NAME, IDENT_NAME

ENVIRONMENT_PREFIX = "RUVECTOR_"
#: A password itself is no option: other users of the machine could see it in the list of processes.
PASSWORD_VARIABLE = ENVIRONMENT_PREFIX + "PASSWORD"


#: How long a name may be.
MAX_NAME_BYTES = 63


class ConfigError(Exception):
    """Settings with which the server must not start; the text says what to do."""


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise ValueError
    return number


def _name(text: str) -> str:
    if not 0 < len(text.encode()) <= MAX_NAME_BYTES or text.startswith("pg_") or text in ("none", "public"):
        raise ValueError
    return text


def _timeout(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 600:
        raise ValueError
    return number


def _level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError
    return text.lower()


LOG_LEVELS = ("debug", "info", "warning", "error")


def _about(parse: Callable[[str], Any], metavar: str, text: str) -> dict[str, Any]:
    return {"parse": parse, "metavar": metavar, "help": text}


@dataclass(frozen=True)
class Config:
    """The settings. `password` is not among the options: it comes from a file or from the environment."""

    data_dir: Path = field(
        default=Path("data"), metadata=_about(Path, "DIR", "where the data is; made if it is not there")
    )
    host: str = field(default="127.0.0.1", metadata=_about(str, "HOST", "address to listen on"))
    port: int = field(default=5432, metadata=_about(_port, "PORT", "TCP port to listen on; 0 for any free one"))
    user: str = field(
        default=DEFAULT_SUPERUSER,
        metadata=_about(_name, "NAME", "the first superuser of a data directory that is made"),
    )
    password_file: Path | None = field(
        default=None,
        metadata=_about(
            Path, "FILE", f"file with the first superuser's password, which it then has; or set {PASSWORD_VARIABLE}"
        ),
    )
    hba_file: Path | None = field(
        default=None,
        metadata=_about(Path, "FILE", f"who may connect, and how; without it, {HBA_NAME} in DIR if it is there"),
    )
    ident_file: Path | None = field(
        default=None,
        metadata=_about(Path, "FILE", f"names for peer and cert; without it, {IDENT_NAME} in DIR if it is there"),
    )
    ssl_cert: Path | None = field(
        default=None, metadata=_about(Path, "FILE", "the server's certificate (chain) in PEM: TLS is spoken with it")
    )
    ssl_key: Path | None = field(
        default=None, metadata=_about(Path, "FILE", "the certificate's private key, which nobody else may read")
    )
    ssl_ca: Path | None = field(
        default=None, metadata=_about(Path, "FILE", "certificates of those who may sign client certificates")
    )
    unix_socket_dir: Path | None = field(
        default=None, metadata=_about(Path, "DIR", "listen on a Unix-domain socket in this directory too")
    )
    authentication_timeout: float = field(
        default=60.0, metadata=_about(_timeout, "SECONDS", "how long a client may take to say who it is, 1 to 600")
    )
    tcp_keepalives_idle: int = field(
        default=0, metadata=_about(_count, "SECONDS", "silence before a client is asked for a sign; 0: the system's")
    )
    tcp_keepalives_interval: int = field(
        default=0, metadata=_about(_count, "SECONDS", "how long until it is asked again; 0: the system's")
    )
    tcp_keepalives_count: int = field(
        default=0, metadata=_about(_count, "N", "how often until it is taken for dead; 0: the system's")
    )
    tcp_user_timeout: int = field(
        default=0,
        metadata=_about(_count, "MS", "how long a client may leave unacknowledged what it was sent; 0: the system's"),
    )
    max_connections: int = field(default=100, metadata=_about(_positive, "N", "the most sessions at a time"))
    shutdown_timeout: float = field(
        default=10.0, metadata=_about(_seconds, "SECONDS", "how long statements may still run when the server stops")
    )
    log_level: str = field(
        default="info", metadata=_about(_level, "LEVEL", f"least important messages to log: {', '.join(LOG_LEVELS)}")
    )
    password: str | None = field(default=None, repr=False)

    @property
    def ident_path(self) -> Path:
        """Where the maps of names are, if they are."""
        return self.ident_file or self.data_dir / IDENT_NAME

    @property
    def hba_path(self) -> Path:
        """Where the rules of who may connect are, if they are."""
        return self.hba_file or self.data_dir / HBA_NAME


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every setting."""
    for setting in fields(Config):
        if not setting.metadata:
            continue
        default = "" if setting.default is None else f" (default: {setting.default})"
        parser.add_argument(
            "--" + setting.name.replace("_", "-"),
            metavar=setting.metadata["metavar"],
            help=setting.metadata["help"] + default,
        )


def load(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Config:
    """Put the settings together and check them; ConfigError tells what is wrong."""
    values: dict[str, Any] = {}
    for setting in fields(Config):
        if not setting.metadata:
            continue
        option, variable = "--" + setting.name.replace("_", "-"), ENVIRONMENT_PREFIX + setting.name.upper()
        source, text = option, getattr(options, setting.name)
        if text is None:
            source, text = variable, environment.get(variable)
        if text is None:
            continue
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError:
            raise ConfigError(f"invalid value for {source}: {text!r}") from None
    config = Config(**values, password=_password(values.get("password_file"), environment))
    _check_access(config)
    return config


def _check_access(config: Config) -> None:
    if (config.ssl_cert is None) != (config.ssl_key is None):
        raise ConfigError("--ssl-cert and --ssl-key belong together")
    if config.ssl_ca is not None and config.ssl_cert is None:
        raise ConfigError("--ssl-ca is of use with --ssl-cert and --ssl-key only")
    if config.hba_file is not None or config.hba_path.exists():
        return
    if config.password is None and not is_loopback(config.host):
        raise ConfigError(
            f"refusing to listen on {config.host} without a password, as anybody could connect: "
            f"set one with --password-file FILE or {PASSWORD_VARIABLE}, "
            f"say who may connect with --hba-file FILE, or listen on 127.0.0.1"
        )


def _password(file: Path | None, environment: Mapping[str, str]) -> str | None:
    if file is None:
        password = environment.get(PASSWORD_VARIABLE)
        source = PASSWORD_VARIABLE
    else:
        source = str(file)
        try:
            password = file.read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"could not read password file {file}: {error}") from None
    if password == "":
        raise ConfigError(f"the password in {source} is empty")
    return password


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
