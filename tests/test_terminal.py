"""Every command on a terminal: what a person at a screen gets to see, and what is left there in the end."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.media import make_video, pattern
from tests.terminals import on_terminal

QUICK = ("-t", "none", "--zone", "0,0 20,0 20,20")
"""No detector has to look: this is about what is shown."""
STAGES = ("looking", "redacting", "checking")
NUMBERS = r"\d+(( of |/)\d+)?( frames)?(,? \d+\.\d(/s| frames/s))?(,? (\d+:)?\d+:\d\d( left)?)?"
FILE = re.compile(rf"(looking|redacting|checking) *( .*?\S)?  ?(\[#*-*\]  )?{NUMBERS}")
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
        _media(folder / name, frames=40)
    (folder / "bad.mp4").write_bytes(b"noise" * 99)
    (folder / "notes.txt").write_bytes(b"noise")
    options = ("--workers", 2, "--report", "reports", *QUICK)
    seen = on_terminal("run", "in", "-o", "out/", *options, columns=columns, cwd=tmp_path)
    assert seen.process.returncode == 10, seen.sent
    assert len(list((tmp_path / "reports").glob("*.report.json"))) == 5
    drawn = [lines for lines in seen.screen.drawn if lines and FOLDER.fullmatch(lines[-1])]
    assert drawn[0][-1].startswith("0 of 5 files")
    assert max(len(_bars(lines)) for lines in drawn) == 3
    assert any(re.match(r"[1-4] of 5 files, 1 failed", lines[-1]) for lines in drawn)
    for lines in drawn:  # bars are the last lines, whole ones, and what stays is above them
        assert _bars(lines) == lines[-len(_bars(lines)) :]
    assert not _bars(seen.screen.lines())
    text = "".join(line.ljust(columns) for line in seen.screen.lines())
    for expected in (
        "in/a.mp4 -> out/a.mp4: nothing found",
        "anonymize: bad.mp4: not a video or picture",
        "in/notes.txt: left out",
        "3 done, 1 failed, 1 left out",
    ):
        assert expected in text
    assert "été 日本語" in seen.sent
