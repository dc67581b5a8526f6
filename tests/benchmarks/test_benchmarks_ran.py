"""What CI skips was run where `tests/skips.toml` says, and pages say of what was never run that it was not."""

import datetime
import re
import sys

import pytest

from benchmarks import history, page, ran, report

PLACES = sorted({one["run"] for one in ran.skips() if re.fullmatch(r"make [\w-]+", one["run"])} - {"make unit"})


@pytest.mark.parametrize("place", PLACES)
def test_each_place_was_run_and_nothing_failed_or_the_page_says_that_none_is_noted(place):
    entry = ran.read().get(place)
    if entry is None:
        assert f"| `{place}` | not noted |" in (report.HERE / report.PAGE).read_text(encoding="utf-8")
        return
    assert (entry["exit_code"], entry["failed"]) == (0, 0)
    assert entry["passed"] > 5
    assert datetime.date.fromisoformat(entry["date"]) >= datetime.date(2026, 11, 29)


def test_the_page_says_when():
    text = (report.HERE / report.PAGE).read_text(encoding="utf-8")
    for place, entry in ran.read().items():
        assert any(f"`{place}` | {entry['date']} |" in line for line in text.splitlines()), place


def test_a_run_is_kept_with_what_it_counted(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pytest.skip('3 passed in 2s')\n"
        "def test_d(): pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}", str(tmp_path)]
    assert ran.run(command, tmp_path) == 1
    (entry,) = ran.read(tmp_path).values()
    assert {key: entry[key] for key in ("exit_code", "passed", "failed", "skipped")} == {
        "exit_code": 1,
        "passed": 2,
        "failed": 1,
        "skipped": 1,
    }
    assert entry["date"] == datetime.datetime.now(datetime.UTC).date().isoformat()


def test_counts_are_those_of_every_run_of_pytest():
    told = [
        "========== 1 failed, 12 passed, 3 skipped, 2 warnings in 45.20s ==========",
        "3 passed and 4 failed, it says in a test's own output",
        "5 passed, 1 error in 0.61s",
        "=================== 146 passed, 28 skipped in 128.22s (0:02:08) ===================",
    ]
    assert ran.counts(told) == {"passed": 163, "failed": 2, "skipped": 31}


def test_what_was_not_run_says_never():
    text = page.render(
        {}, {"make cluster-test": {**report.taken(), "exit_code": 0, "passed": 9, "failed": 0, "skipped": 0}}
    )
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    last = {row[1]: row[2] for row in rows}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", last["`make cluster-test`"])
    assert last["`make contracts-openvino`"] == "not noted"
    assert last["nowhere"] == "never"


@pytest.mark.parametrize("entry", ran.never(), ids=lambda entry: entry["what"])
def test_what_nobody_has_run_is_marked_where_people_read_of_it(entry):
    for name in entry["said"]:
        text = " ".join((history.ROOT / name).read_text(encoding="utf-8").split())
        assert entry["words"] in text, name
        assert "never run" in entry["words"]
