"""Settings from options and environment, and the combinations that are refused."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from ruvector_server.cli import main
from ruvector_server.config import Config, ConfigError, add_options, is_loopback, load


def config(*arguments: str, **environment: str) -> Config:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return load(parser.parse_args(arguments), environment)


def test_defaults() -> None:
    assert config() == Config(
        data_dir=Path("data"),
        host="127.0.0.1",
        port=5432,
        password_file=None,
        max_connections=100,
        shutdown_timeout=10.0,
        log_level="info",
        password=None,
    )


def test_options_win_over_the_environment() -> None:
    found = config("--port", "1", RUVECTOR_PORT="2", RUVECTOR_DATA_DIR="/x", RUVECTOR_LOG_LEVEL="DEBUG")
    assert (found.port, found.data_dir, found.log_level) == (1, Path("/x"), "debug")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "x"),
        ("--port", "70000"),
        ("--port", "-1"),
        ("--max-connections", "0"),
        ("--shutdown-timeout", "-1"),
        ("--shutdown-timeout", "inf"),
        ("--log-level", "loud"),
        ("--user", ""),
        ("--user", "pg_ann"),
        ("--user", "public"),
        ("--user", "x" * 64),
    ],
)
def test_bad_values(option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"invalid value for {option}: '{value}'"):
        config(f"{option}={value}")
    variable = "RUVECTOR_" + option[2:].upper().replace("-", "_")
    with pytest.raises(ConfigError, match=f"invalid value for {variable}: '{value}'"):
        config(**{variable: value})


def test_first_superuser() -> None:
    assert config().user == "postgres"
    assert config("--user", "ann", RUVECTOR_USER="bob").user == "ann"
    assert config(RUVECTOR_USER="bob").user == "bob"


def test_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("sesame\n")
    assert config("--password-file", str(file), RUVECTOR_PASSWORD="other").password == "sesame"
    assert config(RUVECTOR_PASSWORD="other").password == "other"
    assert "other" not in repr(config(RUVECTOR_PASSWORD="other"))


def test_bad_passwords(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="could not read password file"):
        config("--password-file", str(tmp_path / "none"))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ConfigError, match="is empty"):
        config("--password-file", str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="the password in RUVECTOR_PASSWORD is empty"):
        config(RUVECTOR_PASSWORD="")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org", ""])
def test_no_password_beyond_this_machine(host: str) -> None:
    with pytest.raises(ConfigError, match=r"without a password.*--password-file FILE or RUVECTOR_PASSWORD"):
        config(f"--host={host}")
    assert config(f"--host={host}", RUVECTOR_PASSWORD="x").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
    assert config("--host", host).password is None


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["serve", "--host", "0.0.0.0"], 2, "ruvector-server: refusing to listen on 0.0.0.0 without a password"),
        (["serve", "--port", "x"], 2, "ruvector-server: invalid value for --port: 'x'"),
        (["serve", "--nonsense"], 2, "unrecognized arguments: --nonsense"),
        ([], 2, "the following arguments are required: COMMAND"),
        (["serve", "--help"], 0, "--shutdown-timeout SECONDS"),
        (["--version"], 0, "ruvector-server 0."),
    ],
)
def test_command_line(arguments: list[str], status: int, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        found = main(arguments)
    except SystemExit as exit_:
        found = int(str(exit_.code))
    assert found == status
    captured = capfd.readouterr()
    assert text in (captured.err if status else captured.out)
