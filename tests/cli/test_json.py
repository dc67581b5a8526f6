"""What machines are told with --json: every line is as the schema says, and the last is the summary."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from anonymize import cli
from anonymize.report.sign import keygen, sign_file
from tests.cli.test_cli import anonymize
from tests.evaluate.test_evaluate_several import ours, video
from tests.helpers.media import make_image, make_video
from tests.helpers.servers import pipe
from tests.helpers.terminals import PROGRAM
from tests.live.test_recordings import record

HOME = Path(__file__).parents[2]
DOCS = HOME / "docs"
REPORT = HOME / "anonymize" / "report" / "report.schema.json"
VALID = fastjsonschema.compile(
    json.loads((DOCS / "json.schema.json").read_text()), handlers={"": lambda _: json.loads(REPORT.read_text())}
)
ZONE = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
OF = {
    name: set(re.findall(r"`([a-z ]+)`", row.partition("--codec")[0]))
    for name, row in re.findall(r"^\| `([a-z ]+)` \| (.*) \|$", (DOCS / "json.md").read_text(), re.MULTILINE)
}
"""The events of each command, as the page lists them."""

WELL = {
    "a film": ("run film.ts -o x.ts", {"done"}),
    "a folder": ("run in -o out/", {"start", "done", "failed", "left out"}),
    "a folder again": ("run in -o out/", {"start", "done before", "failed", "left out"}),
    "a picture": ("run cat.png -o x.png", {"done"}),
    "codecs": ("run --codec list", {"choice"}),
    "devices": ("run --device list", {"choice"}),
    "a plan": ("detect film.ts -o x.jsonl", {"planned"}),
    "doubts of a plan": ("doubts doubtful.jsonl --hide 0", {"doubt", "doubts"}),
    "a plan drawn": ("render film.ts --plan film.jsonl -o y.ts", {"done"}),
    "a check": ("verify film.ts -t faces", {"verified"}),
    "no film": ("verify film.jsonl -t faces", {"verified"}),
    "a run": ("status was", {"status"}),
    "numbers": ("evaluate clip.mkv clip.mkv truth.jsonl", {"file", "total"}),
    "a signature": ("report check signed.report.json", {"signature"}),
    "models": ("models list", {"model"}),
    "recordings": ("recordings list kept", {"segment", "gap", "recordings"}),
    "a span": (
        "recordings export kept --from 2026-11-29T12:00:01Z --to 2026-11-29T12:00:09Z -o span.mp4",
        {"exported"},
    ),
    "recordings checked": ("recordings verify kept -t faces", {"verified"}),
    "held": ("recordings hold kept --from 2026-11-29T12:00Z --to 12:01 --reason C12", {"held"}),
    "released": ("recordings release kept --from 2026-11-29T12:00Z --to 12:01 --reason C12", {"released"}),
}
ENDED = {
    "no argument": ("run", 2),
    "no command": ("rnu", 2),
    "no such option": ("run film.ts -o x.ts --tragets faces", 2),
    "no such value": ("run film.ts -o x.ts --style mosiac", 2),
    "no number": ("run film.ts -o x.ts --quality high", 2),
    "too many": ("detect film.ts cat.png -o x.jsonl", 2),
    "a group": ("models", 2),
    "a film for a command": ("film.ts", 2),
    "no input": ("run gone.mp4 -o x.mp4", 3),
    "no input to plan": ("detect gone.mp4 -o x.jsonl", 3),
    "backwards": ("run film.ts -o x.ts --hide-span 3-2", 2),
    "report in a file": ("run film.ts -o x.ts --report film.ts", 6),
    "no folder": ("detect film.ts -o gone/x.jsonl", 6),
    "no plan": ("render film.ts --plan film.ts -o x.ts", 9),
    "no plan to ask about": ("doubts film.ts", 9),
    "no such doubt": ("doubts doubtful.jsonl --nothing 7", 2),
    "nothing to check": ("verify gone.mp4", 3),
    "no truth": ("evaluate film.ts film.ts film.ts", 3),
    "no ledger": ("status in", 3),
    "no report": ("report check film.ts", 12),
    "no recording": ("recordings export kept --from 2026-11-28 --to 2026-11-29 -o other.mp4", 2),
    "nothing held": ("recordings release kept --from 2026-11-29T12:00Z --to 12:01 --reason C12", 2),
    "no reason": ("recordings hold kept --from 2026-11-29T12:00Z --to 12:01", 2),
    "no recordings": ("recordings list gone", 3),
    "no model": ("run film.ts -o x.ts --detectors yunet -t faces", 8),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with all that the commands need."""
    desk = tmp_path_factory.mktemp("desk")
    make_video(desk / "film.ts", frames=8)
    make_image(desk / "cat.png")
    (desk / "in").mkdir()
    make_video(desk / "in" / "a.mp4", frames=4)
    (desk / "in" / "broken.mp4").write_bytes(b"no film")
    (desk / "in" / "notes.txt").write_text("no film")
    video(desk / "clip.mkv")
    ours(desk / "truth.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        for command in ("run film.ts -o was/ --report .", "detect film.ts -o film.jsonl"):
            patch.setattr(sys, "argv", ["anonymize", *command.split(), *ZONE])
            assert cli._run() == 0
    more = (
        '{"frame": 1, "track": 0, "kind": "face", "why": "held", "xyxy": [1, 2, 9, 9]}',
        '{"frame": 2, "track": 1, "kind": "plate", "why": "detected", "xyxy": [1, 2, 9, 9]}',
    )
    asked = (
        '{"frame": 1, "raised": "find", "doubt": 0}',
        '{"frame": 2, "raised": "check", "doubt": 1, "seconds": [0, 0.1]}',
    )
    (desk / "doubtful.jsonl").write_text((desk / "film.jsonl").read_text() + "\n".join((*more, *asked)))
    shutil.copy(desk / "film.ts.report.json", desk / "signed.report.json")
    keygen(desk / "office.key")
    sign_file(desk / "signed.report.json", desk / "office.key")
    record(desk / "kept", (0.0, 50), (6.0, 50))
    return desk


def told(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[Any], str]:
    """`command`, in this process: its exit code, its lines, and what it said on standard error."""
    zone = ZONE if command.split()[0] in ("run", "detect") and " -t " not in command and " -o " in command else ()
    monkeypatch.setattr(sys, "argv", ["anonymize", *command.split(), *zone, "--json"])
    capsys.readouterr()
    code = cli._run()
    said = capsys.readouterr()
    return code, [json.loads(line) for line in said.out.splitlines()], said.err


@pytest.mark.parametrize("name", WELL)
def test_every_line_is_as_the_schema_says(desk, name, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    command, events = WELL[name]
    code, lines, said = told(command, monkeypatch, capsys)
    for line in lines:
        VALID(line)
        assert line.get("why", "a reason") != ""
    *before, last = lines
    assert (last["event"], last["exit_code"]) == ("summary", code), said
    assert sum(last["counts"].values()) == sum(line["event"] != "progress" for line in before)
    assert set(last["counts"]) == events
    command = next(one for one in OF if f"{command} ".startswith(f"{one} "))
    assert events <= OF[command] | {"choice"}


@pytest.mark.parametrize("name", ENDED)
def test_whatever_ends_a_command_is_an_object(desk, name, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    command, code = ENDED[name]
    ended, lines, said = told(command, monkeypatch, capsys)
    for line in lines:
        VALID(line)
    why, summary = lines[-2:]
    assert (ended, summary["exit_code"], summary["counts"]) in [
        (code, code, {"error": 1}),
        (code, code, {"failed": 1}),
    ], said
    assert (why["exit_code"], why["message"]) == (code, said.splitlines()[-1].removeprefix("anonymize: "))


def test_no_page_lists_a_command_in_vain():
    assert set(OF) == {
        *("run", "detect", "doubts", "render", "verify", "status", "evaluate", "report check", "models list"),
        *("recordings list", "recordings export", "recordings hold", "recordings release", "recordings verify"),
    }
    assert all(any(command.startswith(name) for command, _ in WELL.values()) for name in OF)


def test_without_json_nothing_is_an_object(desk, monkeypatch, capsys):
    monkeypatch.chdir(desk)
    monkeypatch.setattr(sys, "argv", ["anonymize", "run", "gone.mp4", "-o", "x.mp4"])
    assert cli._run() == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("page", [("run", "--help"), ("--version",)])
def test_pages_stay_text(page):
    done = anonymize(*page, "--json")
    assert '"event"' not in done.stdout


def test_an_interruption_is_an_object(tmp_path):
    film = make_video(tmp_path / "film.ts", frames=400)
    command = [*PROGRAM, "run", str(film), "-o", str(tmp_path / "safe.ts"), *ZONE, "--json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert json.loads(pipe(process.stdout).readline())["event"] == "progress"
        process.send_signal(signal.SIGINT)
        lines = [json.loads(line) for line in process.communicate(timeout=60)[0].splitlines()]
    assert process.returncode == 130
    assert [line["event"] for line in lines[-2:]] == ["error", "summary"]
    assert {line["exit_code"] for line in lines[-2:]} == {130}


@pytest.mark.parametrize(("arguments", "code"), [(["gone.mp4", "--to", "record:x"], 3), (["--tragets"], 2)])
def test_live_tells_on_standard_error(tmp_path, arguments, code):
    done = anonymize("live", *arguments, "--json", cwd=tmp_path)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    for line in lines:
        VALID(line)
    assert done.stdout == ""
    assert [line["event"] for line in lines[-2:]] == ["error", "summary"]
    assert {line["exit_code"] for line in lines[-2:]} == {code} == {done.returncode}
