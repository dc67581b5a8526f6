"""A skip hides what its test claims: with `ANONYMIZE_SKIPS=named`, those that `tests/skips.toml` does not name fail."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
LIST = Path(__file__).parents[1] / "skips.toml"
VARIABLE, NAMED = "ANONYMIZE_SKIPS", "named"


@cache
def known() -> tuple[str, ...]:
    """How the reasons begin for which tests may be skipped."""
    return tuple(entry["reason"] for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["skip"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that is skipped for a reason that is not named."""
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file."""
    return _judged((yield))


def _judged(report: Report) -> Report:
    if os.environ.get(VARIABLE) != NAMED or not report.skipped or not isinstance(report.longrepr, tuple):
        return report
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not reason.startswith(known()):
        report.outcome = "failed"
        report.longrepr = f"skipped, which {LIST.name} does not name: {reason}"
    return report
