"""All other commands on a narrow terminal: what they say is there, whole, and nothing else is left."""

import re
import subprocess

import pytest

from anonymize.evaluate.truth import FrameTruth, write_truth
from tests.helpers.media import make_video
from tests.helpers.terminals import PROGRAM, on_terminal

QUICK = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which a run has been."""
    place = tmp_path_factory.mktemp("place")
    (place / "in").mkdir()
    make_video(place / "in" / "a.mp4", frames=12, size=(160, 120))
    write_truth(place / "truth.jsonl", [FrameTruth(n, n / 25, (160, 120)) for n in range(12)])
    for command in (
        ("run", "in", "-o", "out/", "--report", "reports", *QUICK),
        ("detect", "in/a.mp4", "-o", "made.jsonl", *QUICK),
    ):
        subprocess.run([*PROGRAM, *command], cwd=place, check=True, capture_output=True)
    return place


COMMANDS = {
    ("detect", "in/a.mp4", "-o", "plan.jsonl", *QUICK): (0, "in/a.mp4 -> plan.jsonl"),
    ("render", "in/a.mp4", "--plan", "made.jsonl", "-o", "b.mp4"): (0, "in/a.mp4 -> b.mp4"),
    ("verify", "out/a.mp4", "-t", "faces"): (0, "out/a.mp4: PASS"),
    ("verify", "truth.jsonl"): (7, "truth.jsonl: FAIL"),
    ("status", "out"): (0, "1 of 1 done"),
    ("status", "in"): (3, "anonymize: in: no ledger here"),
    ("models", "list"): (0, "centerface"),
    ("models", "verify"): (0, "centerface"),
    ("presets", "list"): (0, "journalist"),
    ("presets", "show", "journalist"): (0, "min_face"),
    ("doctor",): (0, "libx264"),
    ("report", "page", "reports/a.mp4.report.json", "-o", "page.html"): (0, "-> page.html"),
    ("report", "dpia", "reports", "-o", "annex"): (0, "annex.md"),
    ("evaluate", "in/a.mp4", "out/a.mp4", "truth.jsonl"): (0, "collateral"),
    ("live", "in/a.mp4", "--to", "record:kept", *QUICK): (0, "stopped"),
    ("live", "in/a.mp4", "--to", "-"): (2, "standard output is a terminal"),
    ("live", "-", "--to", "record:kept"): (2, "standard input is a terminal"),
    ("run", "-", "-o", "out.mp4"): (2, "standard input is a terminal"),
    ("run", "--help"): (0, "Usage: anonymize run"),
    ("run", "--nonsense"): (2, "No such option"),
    ("demo", "--help"): (0, "Usage: anonymize demo"),
}


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments[:2]))
def test_a_command_on_a_narrow_terminal(place, arguments):
    code, expected = COMMANDS[arguments]
    seen = on_terminal(*arguments, columns=40, cwd=place, environment={"LC_ALL": "C"} if code else {})
    said = re.sub(r"[\s│╭╮╰╯─|+-]+", "", "".join(seen.screen.lines()))
    assert seen.process.returncode == code, seen.sent
    assert re.sub(r"[\s|+-]+", "", expected) in said
    assert "Traceback" not in seen.sent
    assert not re.search(r"^(detecting|redacting|checking) ", "\n".join(seen.screen.lines()), re.MULTILINE)


def test_what_is_sent_elsewhere_holds_no_bars(place, tmp_path):
    with (tmp_path / "results").open("wb") as results:
        seen = on_terminal("run", "in/a.mp4", "-o", tmp_path / "a.mp4", *QUICK, cwd=place, stdout=results)
    assert seen.process.returncode == 0, seen.sent
    assert "checking" in seen.sent
    assert seen.screen.lines() == []
    assert (tmp_path / "results").read_text().startswith("in/a.mp4 -> ")
    with (tmp_path / "log").open("wb") as log:
        seen = on_terminal("run", "in/a.mp4", "-o", tmp_path / "b.mp4", *QUICK, cwd=place, stderr=log)
    assert seen.process.returncode == 0
    assert "checking" not in seen.sent
    assert "in/a.mp4: checking, frame 12" in (tmp_path / "log").read_text()
