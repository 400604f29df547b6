"""Choosing a SIMD level: automatic, by argument, by environment, refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ruvector_simd import ENVIRONMENT_VARIABLE, available_levels, choose_level, simd_info


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    yield
    choose_level()


def test_auto_takes_an_available_level_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    info = choose_level()
    assert info == simd_info()
    assert info.requested == "auto"
    assert info.level in info.available
    assert info.available[0] == "none"
    assert info.level == best_available()


@pytest.mark.parametrize("level", available_levels())
def test_every_available_level_can_be_forced(level: str) -> None:
    assert choose_level(level.upper()).level == level
    assert simd_info().requested == level


def test_the_environment_chooses_unless_the_setting_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "none")
    assert choose_level().level == "none"
    assert choose_level("auto").level == best_available()


def test_an_unknown_level_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r'SIMD level "mmx" is not available .*: auto, none'):
        choose_level("mmx")


def best_available() -> str:
    levels = available_levels()
    return next((level for level in ("avx512", "avx2") if level in levels), levels[-1])
