"""Every command on a terminal: what a person at a screen gets to see, and what is left there in the end."""

import os
import re
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from anonymize.cli.render.bars import Count, fit, width
from tests.helpers.media import make_video, pattern
from tests.helpers.terminals import CTRL_C, Screen, Terminal, on_terminal

QUICK = ("-t", "none", "--hide-zone", "0,0 20,0 20,20")
"""No detector has to look: this is about what is shown."""
STAGES = ("detecting", "redacting", "checking")
NUMBERS = r"(\d+%,? )?\d+(( of |/)\d+)?( frames)?(,? \d+\.\d(/s| frames/s))?(,? (\d+:)?\d+:\d\d( left)?)?"
FILE = re.compile(rf"(detecting|redacting|checking) *( .*?\S)?  ?(\[#*-*\]  )?{NUMBERS}")
FOLDER = re.compile(rf"\d+ of \d+ files(, \d+ failed)?  ?(\[#*-*\]  )?{NUMBERS}")


def _media(path: Path, frames: int = 12) -> Path:
    if path.suffix == ".png":
        Image.fromarray(pattern(0)).save(path)
        return path
    return make_video(path, frames=frames, size=(160, 120))


def _bars(lines: list[str]) -> list[str]:
    return [line for line in lines if FILE.fullmatch(line) or FOLDER.fullmatch(line)]


@pytest.mark.parametrize("columns", [100, 40])
@pytest.mark.parametrize("name", ["film.mp4", "stream.ts", "picture.png"])
def test_a_file_has_a_bar_for_every_stage_and_leaves_a_result(tmp_path, name, columns):
    _media(tmp_path / name)
    seen = on_terminal("run", name, "-o", f"safe-{name}", *QUICK, columns=columns, cwd=tmp_path)
    assert seen.process.returncode == 0, seen.sent
    assert (tmp_path / f"safe-{name}").exists()
    shown = [line for lines in seen.screen.drawn for line in lines]
    assert {line.split()[0] for line in shown} >= set(STAGES)
    assert all(FILE.fullmatch(line) for line in shown), shown
    assert max(map(len, shown)) < columns
    lines = seen.screen.lines()
    assert lines[0].startswith(f"{name} -> safe-{name}"[: columns - 1])
    assert not _bars(lines)


@pytest.mark.parametrize("columns", [100, 40])
def test_a_folder_has_a_bar_for_each_worker_and_one_for_all(tmp_path, columns):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "été 日本語.mkv", "z.png"):
        _media(folder / name, frames=200)  # so that two are in progress at once, also where a worker starts late
    (folder / "bad.mp4").write_bytes(b"noise" * 99)
    (folder / "notes.txt").write_bytes(b"noise")
    options = ("--workers", 2, "--report", "reports", *QUICK)
    seen = on_terminal("run", "in", "-o", "out/", *options, columns=columns, cwd=tmp_path)
    assert seen.process.returncode == 10, seen.sent
    assert len(list((tmp_path / "reports").glob("*.report.json"))) == 4  # notes.txt is no medium
    drawn = [lines for lines in seen.screen.drawn if lines and FOLDER.fullmatch(lines[-1])]
    assert drawn[0][-1].startswith("0 of 5 files")
    assert max(len(_bars(lines)) for lines in drawn) == 3
    assert any(re.match(r"[1-4] of 5 files, 1 failed", lines[-1]) for lines in drawn)
    for lines in drawn:  # bars are the last lines, whole ones, and what stays is above them
        assert _bars(lines) == lines[-len(_bars(lines)) :]
    assert not _bars(seen.screen.lines())
    text = " ".join(line.strip() for line in seen.screen.lines())  # broken between words
    for expected in (
        "in/a.mp4 -> out/a.mp4: nothing found",
        "anonymize: bad.mp4: not a video or picture",
        "in/notes.txt: left out",
        "3 done, 1 failed, 1 left out",
    ):
        assert expected in text
    assert "été 日本語" in seen.sent
    assert max(map(len, seen.screen.lines())) <= columns


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory) -> Path:
    return make_video(tmp_path_factory.mktemp("long") / "long.mp4", frames=600, size=(160, 120))


@pytest.mark.parametrize("stage", STAGES)
def test_ctrl_c_ends_every_stage_and_leaves_nothing(long_clip, tmp_path, stage):
    with Terminal("run", long_clip, "-o", "safe.mp4", *QUICK, cwd=tmp_path) as terminal:
        terminal.until(stage)
        terminal.type(CTRL_C)
        assert terminal.end() == 130, terminal.sent
    assert list(tmp_path.iterdir()) == []
    assert terminal.screen.lines() == ["anonymize: interrupted: nothing half-done was left"]


@pytest.mark.parametrize("when", ["0 of 2 files", "detecting"])
def test_ctrl_c_ends_workers_too_however_often_it_is_pressed(long_clip, tmp_path, when):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).symlink_to(long_clip)
    with Terminal("run", "a.mp4", "b.mp4", "-o", "out/", "--workers", 2, *QUICK, cwd=tmp_path) as terminal:
        terminal.until(when)
        for _ in range(3):
            terminal.type(CTRL_C)
            time.sleep(0.1)
        assert terminal.end() == 130, terminal.sent
    assert {path.name for path in (tmp_path / "out").glob("*")} <= {".anonymize.lock", ".anonymize.sqlite"}
    lines = [line.replace("^C", "") for line in terminal.screen.lines()]  # what the terminal echoes
    assert [line for line in lines if line] == ["anonymize: interrupted: nothing half-done was left"]


def test_a_window_that_is_closed_ends_the_command_in_order(long_clip, tmp_path):
    with Terminal("run", long_clip, "-o", "safe.mp4", *QUICK, cwd=tmp_path) as terminal:
        terminal.until("redacting")
        terminal.hang_up()
        assert terminal.end() == 129
    assert list(tmp_path.iterdir()) == []


def test_a_window_that_is_resized_shows_no_remains(long_clip, tmp_path):
    with Terminal("run", long_clip, "-o", "safe.mp4", *QUICK, cwd=tmp_path) as terminal:
        for stage, columns in zip(STAGES, (37, 90, 50), strict=True):
            terminal.until(stage)
            terminal.resize(columns)
        assert terminal.end() == 0, terminal.sent
    assert {len(lines) for lines in terminal.screen.drawn} <= {0, 1, 2, 3}  # what was wrapped, until it is drawn anew
    assert terminal.screen.lines()[0].startswith(str(long_clip)[:37])
    assert not _bars(terminal.screen.lines())


@pytest.mark.parametrize(
    ("environment", "bars"),
    [
        ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False),
        ({"NO_COLOR": "1"}, True),
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, True),
        ({"PYTHONIOENCODING": "latin-1"}, True),
    ],
    ids=str,
)
def test_any_name_on_any_terminal(tmp_path, environment, bars):
    (tmp_path / "in").mkdir()
    clip = _media(tmp_path / "clip.mp4")
    names = [b"\xc3\xa9t\xc3\xa9.mp4", b"a\xff.mp4", b"b\x1b[2J\n\xe2\x80\xa8c.mp4", b"\xe6\x98\xa0.mp4"]
    for name in names:
        Path(os.fsdecode(bytes(tmp_path / "in") + b"/" + name)).symlink_to(clip)
    seen = on_terminal("run", "in", "-o", "out/", *QUICK, cwd=tmp_path, environment=environment, columns=200)
    assert seen.process.returncode == 0, seen.sent
    assert {os.fsencode(path.name) for path in (tmp_path / "out").glob("[!.]*")} == set(names)
    assert ("\x1b[J" in seen.sent) == bars
    lines = [line for line in seen.screen.lines() if " -> " in line]
    assert len(lines) == 4
    assert any("b\\x1b[2J\\n" in line for line in lines)


def test_a_recording_on_standard_input_has_bars(tmp_path):
    with _media(tmp_path / "film.ts").open("rb") as film:
        seen = on_terminal("run", "-", "-o", "safe.mp4", *QUICK, cwd=tmp_path, stdin=film)
    assert seen.process.returncode == 0, seen.sent
    assert {line.split()[0] for lines in seen.screen.drawn for line in lines} == set(STAGES)
    assert seen.screen.lines()[0].startswith("standard input -> safe.mp4")


NAMES = (
    "a.mp4",
    "a very long name of a film, the second of eleven.mp4",
    "映像資料の長い名前、十一本のうちの二本目.mp4",
    "e\u0301.mp4",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [1, 20, 33, 40, 50, 80, 132])
def test_a_line_never_wraps_and_keeps_its_numbers(name, columns):
    for share, count in (
        (0.3, Count(30, 100, 12.34, 75)),
        (None, Count(120_000, None, 250.0, None)),
        (1.2, Count(120_000, 100_000, 0, 36_000)),
    ):
        line = fit(columns, "redacting", name, share, count)
        assert width(line) <= columns
        if columns >= 40:
            assert line.startswith("redacting ")
            assert str(count.done) in line
            assert "1:15" in line or count.left != 75
            assert "12.3" in line or count.rate != 12.34


def test_bars_that_are_wider_than_a_terminal_has_become_take_one_row_each(long_clip, tmp_path):
    """The window is made narrower between the question for its width and the drawing."""
    screen = Screen(40, 10)
    screen.feed("above\r\n" + "\r\x1b[J\x1b[?7l" + "x" * 70 + "\n" + "y" * 70 + "\x1b[1A" + "\r\x1b[?7h")
    assert [len(line) for line in screen.lines()] == [5, 40, 40]
    screen.feed("\r\x1b[?7h\x1b[J")
    assert screen.lines() == ["above"]
    with Terminal("run", long_clip, "-o", "safe.mp4", *QUICK, cwd=tmp_path) as terminal:
        assert terminal.end() == 0
    drawings = re.findall(r"\x1b\[J(.*?)\r", terminal.sent.replace("\r\n", "\n"), re.DOTALL)
    assert all(drawn.startswith("\x1b[?7l") for drawn in drawings if re.search("detecting|redacting|checking", drawn))
    assert terminal.sent.rindex("\x1b[?7h") > terminal.sent.rindex("\x1b[?7l")


@pytest.mark.parametrize("columns", [80, 40])
def test_a_message_breaks_between_words(tmp_path, columns):
    words = "anonymize: no-such-film-of-a-long-name.mp4: no such file or folder"
    command = ("run", "no-such-film-of-a-long-name.mp4", "-o", "safe.mp4")
    lines = on_terminal(*command, columns=columns, cwd=tmp_path).screen.lines()
    assert words in " ".join(line.strip() for line in lines)
    assert all(len(line) <= columns for line in lines)


def test_a_line_to_be_copied_stays_whole():
    line = "    anonymize render street.mp4 --plan " + 9 * "street-safe.mp4.plan " + "-o safe.mp4"
    script = f"from anonymize.cli.render.output import say; say({line!r}); say({line[2:]!r})"
    with Terminal(columns=60, program=[sys.executable, "-c", script]) as terminal:
        assert terminal.end() == 0
    whole, broken = terminal.sent.replace("\r", "").split("\n", 1)
    assert whole == line
    assert broken.count("\n") > 2
