"""Standard streams that are closed, full or cut: the work is done, and an exit code says how it went."""

import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anonymize.live.log import KeyValue
from tests.helpers.media import make_video
from tests.helpers.terminals import PROGRAM

QUICK = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
OUTPUT, ERROR = 1, 2
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full; CI has it")


@contextmanager
def stream(state):
    """Something to print to: a pipe that nobody reads, or a disk that is full."""
    if state == "cut":
        read, write = os.pipe()
        os.close(read)
    else:
        write = os.open("/dev/full", os.O_WRONLY)
    try:
        yield write
    finally:
        os.close(write)


def anonymize(*arguments, number, state, cwd=None):
    """Run the command with one standard stream spoilt; the code, and what came on the other stream."""
    command = [*PROGRAM, *map(str, arguments)]
    name, other = ("stdout", "stderr") if number == OUTPUT else ("stderr", "stdout")
    if state == "closed":
        command = ["sh", "-c", f'exec "$@" {number}>&-', "sh", *command]
        named: dict[str, Any] = {other: subprocess.PIPE}
        done = subprocess.run(command, **named, text=True, timeout=90, cwd=cwd)
    else:
        with stream(state) as spoilt:
            named = {name: spoilt, other: subprocess.PIPE}
            done = subprocess.run(command, **named, text=True, timeout=90, cwd=cwd)
    return done.returncode, getattr(done, other)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("streams")
    (place / "in").mkdir()
    for name in ("a.mp4", "b.ts"):
        make_video(place / "in" / name, frames=12, size=(160, 120))
    return place


@needs_full
@pytest.mark.parametrize(
    ("number", "state", "more"),
    [
        (OUTPUT, "closed", ()),
        (OUTPUT, "full", ("--workers", 2)),
        (OUTPUT, "cut", ("--json",)),
        (ERROR, "closed", ("--workers", 2)),
        (ERROR, "full", ()),
        (ERROR, "full", ("--json",)),
        (ERROR, "cut", ()),
    ],
)
def test_a_folder_is_done_whatever_the_streams_are(folder, tmp_path, number, state, more):
    arguments = ("run", "in", "-o", f"{tmp_path}/out/", *QUICK, *more)
    code, other = anonymize(*arguments, number=number, state=state, cwd=folder)
    assert sorted(path.name for path in (tmp_path / "out").glob("[!.]*")) == ["a.mp4", "b.ts"], other
    lost = state == "full" and (number == OUTPUT or not more)
    assert code == (6 if lost else 0), other
    assert "Traceback" not in other
    assert "Exception ignored" not in other
    if number == OUTPUT:
        assert ("standard output cannot be written (No space left on device)" in other) == lost


@needs_full
@pytest.mark.parametrize("state", ["closed", "full", "cut"])
@pytest.mark.parametrize(
    "arguments",
    [("run", "--help"), (), ("presets", "show", "default"), ("models", "list")],
    ids=" ".join,
)
def test_what_only_prints_ends_with_a_code(arguments, state):
    code, complaint = anonymize(*arguments, number=OUTPUT, state=state)
    usual = 0 if arguments else 2
    assert code == (6 if state == "full" and arguments else usual), complaint
    assert "Traceback" not in complaint
    assert "Exception ignored" not in complaint
    assert ("cannot be written" in complaint) == (code == 6)


def test_nothing_that_is_printed_gets_into_a_file_when_streams_are_closed(folder, tmp_path):
    command = [
        "sh",
        "-c",
        'exec "$@" <&- >&- 2>&-',
        "sh",
        *PROGRAM,
        "run",
        str(folder / "in"),
        "-o",
        f"{tmp_path}/out/",
    ]
    assert subprocess.run([*command, *QUICK], timeout=90, check=False).returncode == 0
    code, shown = anonymize("status", tmp_path / "out", number=ERROR, state="closed")
    assert code == 0
    assert "2 of 2 done" in shown


@pytest.mark.parametrize(
    ("given", "code", "complaint"),
    [
        ("<&-", 3, "standard input cannot be read"),
        ("< /dev/null", 3, "standard input"),
        ("0> taken", 3, "standard input cannot be read"),
    ],
)
@pytest.mark.parametrize("command", ["run", "detect"])
def test_a_standard_input_that_holds_nothing_is_said(tmp_path, command, given, code, complaint):
    script, made = f'exec "$@" {given}', {"run": "out.mp4", "detect": "out.jsonl"}[command]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *PROGRAM, command, "-", "-o", made, *QUICK],
        capture_output=True,
        text=True,
        timeout=90,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("anonymize: ")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / made).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "in", "-o", "-"),
        ("run", "in/a.mp4", "-o", "-"),
        ("run", "in/a.mp4", "-o", "out.mp4", "--report", "-"),
        ("detect", "in/a.mp4", "-o", "-"),
        ("render", "in/a.mp4", "--plan", "plan.jsonl", "-o", "-"),
        ("verify", "in/a.mp4", "--report", "-"),
        ("demo", "-o", "-"),
        ("report", "page", "a.report.json", "-o", "-"),
        ("report", "dpia", "a.report.json", "-o", "-"),
        ("report", "keygen", "-"),
        ("evaluate", "a", "b", "c", "--html", "-"),
    ],
    ids=" ".join,
)
def test_a_dash_is_no_name_for_an_output(folder, arguments):
    before = sorted(folder.rglob("*"))
    (folder / "plan.jsonl").touch()
    code, complaint = anonymize(*arguments, number=OUTPUT, state="cut", cwd=folder)
    (folder / "plan.jsonl").unlink()
    assert code == 2
    assert (
        complaint
        == "anonymize: -: the output cannot go to standard output, as it is released only once verified; name a file\n"
    )
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("said", ["\x1b[2J", "\x9b31m", "\r", "\x07", "\u2028", "\udcff", "\x7f"])
def test_what_a_server_says_does_not_reach_the_terminal_as_it_is(said):
    record = logging.makeLogRecord(
        {"msg": f"lost{said}it", "facts": {"detail": f"no{said}such stream", "to": f"a{said}b"}}
    )
    line = KeyValue().format(record)
    assert line.isprintable()
    assert said not in line
    assert "such stream" in line


TWICE = """
import os, signal
from anonymize.cli import _stop_in_order
_stop_in_order()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    print("cleaned up")
"""


def test_what_is_being_cleaned_up_is_not_interrupted_again():
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cleaned up\n", "")
