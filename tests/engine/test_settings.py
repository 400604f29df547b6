"""Settings: values, units, ranges, and what a transaction does to them."""

from __future__ import annotations

import pytest

from ruvector_engine.errors import SqlError
from ruvector_engine.setting_checks import check_value
from ruvector_engine.setting_definitions import SETTINGS
from ruvector_engine.settings import Settings, lookup


def test_every_default_is_a_value_the_setting_takes() -> None:
    for setting in SETTINGS:
        assert check_value(setting, setting.default) == setting.default, setting.name


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("hnsw.ef_search", "100", "100"),
        ("HNSW.EF_SEARCH", "1", "1"),
        ("hnsw.ef_search", "1000", "1000"),
        ("ruvector.ef_search", "77", "77"),
        ("work_mem", "8MB", "8MB"),
        ("work_mem", "1024", "1MB"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "1min", "1min"),
        ("statement_timeout", "0", "0"),
        ("enable_seqscan", "0", "off"),
        ("enable_seqscan", "TRUE", "on"),
        ("hnsw.iterative_scan", "Strict_Order", "strict_order"),
        ("timezone", "Europe/Berlin", "Europe/Berlin"),
        ("client_encoding", "'utf-8'", "UTF8"),
        ("my.own", "anything", "anything"),
    ],
)
def test_set_then_show(name: str, value: str, shown: str) -> None:
    settings = Settings({})
    settings.set(name, value)
    assert settings.show(name) == shown


@pytest.mark.parametrize(
    ("name", "value", "sqlstate", "message"),
    [
        ("hnsw.ef_search", "0", "22023", '0 is outside the valid range for parameter "hnsw.ef_search" (1 .. 1000)'),
        (
            "hnsw.ef_search",
            "1001",
            "22023",
            '1001 is outside the valid range for parameter "hnsw.ef_search" (1 .. 1000)',
        ),
        ("hnsw.ef_search", "abc", "22023", 'invalid value for parameter "hnsw.ef_search": "abc"'),
        (
            "ivfflat.probes",
            "32769",
            "22023",
            '32769 is outside the valid range for parameter "ivfflat.probes" (1 .. 32768)',
        ),
        ("enable_sort", "maybe", "22023", 'parameter "enable_sort" requires a Boolean value'),
        ("server_version", "19", "55P02", 'parameter "server_version" cannot be changed'),
        ("no_such_thing", "1", "42704", 'unrecognized configuration parameter "no_such_thing"'),
        ("timezone", "Nowhere/Land", "22023", 'invalid value for parameter "TimeZone": "Nowhere/Land"'),
        ("hnsw.bad", "1", "42602", 'invalid configuration parameter name "hnsw.bad"'),
    ],
)
def test_refused_values(name: str, value: str, sqlstate: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        Settings({}).set(name, value)
    assert (caught.value.sqlstate, caught.value.message) == (sqlstate, message)


def test_rollback_undoes_set_and_commit_keeps_it() -> None:
    settings = Settings({"hnsw.ef_search": "50"})
    settings.begin()
    settings.set("hnsw.ef_search", "60")
    settings.end(committed=False)
    assert settings["hnsw.ef_search"] == "50"
    settings.begin()
    settings.set("hnsw.ef_search", "70")
    settings.end(committed=True)
    assert settings["hnsw.ef_search"] == "70"
    settings.reset("hnsw.ef_search")
    assert settings["hnsw.ef_search"] == "50"


def test_set_local_ends_with_the_transaction_either_way() -> None:
    settings = Settings({})
    for committed in (True, False):
        settings.begin()
        settings.set("ivfflat.probes", "9", local=True)
        assert settings["ivfflat.probes"] == "9"
        settings.end(committed=committed)
        assert settings["ivfflat.probes"] == "1"


def test_a_custom_setting_that_was_never_set_does_not_exist() -> None:
    with pytest.raises(SqlError, match="unrecognized configuration parameter"):
        Settings({}).show("my.unknown")
    assert lookup("my.unknown") is None
