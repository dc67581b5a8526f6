"""Bounds of tests: what waits for good reaches them, however busy the machine; what is slow with it does not."""

import time

import pytest

from tests.helpers import pace
from tests.helpers.pace import Bound, slowdown


def test_what_waits_reaches_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "slowdown", lambda: 1.0)
    bound = Bound(0.05)
    assert not bound.over()
    assert 0 < bound.left() <= 0.05
    time.sleep(0.06)
    assert bound.over()
    assert bound.left() == 0


def test_on_a_slow_machine_a_bound_moves_out_once_it_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "slowdown", lambda: 1000.0)
    bound = Bound(0.05)
    time.sleep(0.06)
    assert not bound.over()
    assert 40 < bound.left() < 50
    monkeypatch.setattr(pace, "slowdown", lambda: 1.0)
    assert not bound.over(), "it does not come back"


def test_a_slowdown_is_what_others_take() -> None:
    assert 1 <= slowdown() <= 40
