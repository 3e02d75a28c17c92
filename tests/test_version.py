"""The running code says its version, and never breaks a header."""

from __future__ import annotations

import pytest

from recomamp.version import read_version


def test_a_checkout_has_no_version() -> None:
    assert read_version() == "dev"


def test_an_image_says_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMAMP_VERSION", "1.2.0")
    assert read_version() == "1.2.0"


@pytest.mark.parametrize("value", ["", "1.2\r\nX-Evil: 1", "ä", "x" * 65, "1 2"])
def test_what_is_no_version_is_not_sent(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("RECOMAMP_VERSION", value)
    assert read_version() == "dev"
