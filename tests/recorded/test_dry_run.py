"""`run --dry-run` says what would be hidden and what it would cost, and writes nothing; `-q` prints errors alone."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anonymize import cli, media
from anonymize.data import Kind, Region, Why
from anonymize.plan import About, Plan, Regions
from anonymize.recorded.forecast import _checking, covered_share, forecast
from anonymize.recorded.item import Item
from anonymize.settings import Settings, Zone
from tests.conftest import astronaut
from tests.helpers.media import make_image, make_video
from tests.helpers.terminals import Terminal, on_terminal

ZONE = ("-t", "none", "--hide-zone", "0,0 32,0 32,24 0,24")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(*arguments: object) -> int:
    """The command in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["anonymize", *map(str, arguments)])
        return cli._run()


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def region(box: tuple[float, float, float, float], kind: Kind = Kind.FACE) -> Region:
    return Region(xyxy=box, kind=kind, why=Why.DETECTED, track=1)


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ((), 0.0),
        (((0, 300, region((0, 0, 32, 48))),), 0.5),
        (((0, 300, region((-9, -9, 999, 999))),), 1.0),
        (((0, 150, region((0, 0, 32, 48))),), 0.25),
        (((0, 300, region((0, 0, 32, 48))), (0, 300, region((16, 0, 48, 48)))), 0.75),
        (((0, 1, region((0, 0, 64, 48))),), 0.01),
        (((299, 300, region((0, 0, 64, 48))),), 0.01),
    ],
)
def test_the_share_of_the_picture_is_that_of_all_covers_together(rows, share):
    boxes = [(first, end, Region(**{**_plain(one), "shape": "box"})) for first, end, one in rows]
    plan = Plan(About("", 300, 64, 48, Settings()), Regions(boxes))
    assert covered_share(plan) == pytest.approx(share)


def test_the_share_of_no_frames_is_none():
    assert covered_share(Plan(About("", 0, 64, 48, Settings()), Regions(()))) == 0.0


def _plain(one: Region) -> dict[str, Any]:
    return {"xyxy": one.xyxy, "kind": one.kind, "why": one.why, "track": one.track}


def test_a_film_is_foretold_as_it_is_done(face_clip, desk, capsys):
    before = tree(desk)
    assert here("run", face_clip, "-o", "safe.mp4", "--dry-run", "--json", "-q") == 0
    told, summary = lines(capsys)
    assert tree(desk) == before
    assert (told["event"], summary["counts"]) == ("dry run", {"dry run": 1})
    assert here("run", face_clip, "-o", "safe.mp4", "--json", "-q") == 0
    done, _ = lines(capsys)
    assert told["tracks"] == done["report"]["redacted"]["tracks"] == {"face": 1, "head": 1, "plate": 0}
    assert told["frames"] == 20
    assert 0.03 < told["covered"] < 0.3
    assert told["size"] == pytest.approx((desk / "safe.mp4").stat().st_size, rel=0.5)
    assert 0 < told["seconds"] < 100


def test_a_check_costs_what_detection_on_as_many_frames_does(face_clip):
    """Detection looks at every third frame at 25 a second, the check at every ninth."""
    with media.open_source(face_clip) as source:
        asked = Settings()
        assert _checking(source, 9000, asked, 300.0) == pytest.approx(100.0, rel=0.02)
        every = replace(asked, detect=replace(asked.detect, every=0.0), verify=replace(asked.verify, look_every=0.0))
        assert _checking(source, 9000, every, 300.0) == pytest.approx(300.0)
        unverified = replace(asked, verify=replace(asked.verify, publish_unverified=True))
        assert _checking(source, 9000, unverified, 300.0) == 0
        zones = replace(asked, targets=frozenset(), zones=(Zone(((0, 0), (9, 0), (9, 9))),))
        assert _checking(source, 9000, zones, 300.0) == 300


def test_drawing_takes_time_in_a_forecast(face_clip, tmp_path):
    """As much for every frame as a few take that are encoded on trial."""
    item = Item(face_clip, tmp_path / "safe.mp4", Path("safe.mp4"), named=True, sought=True)
    asked = replace(Settings(), verify=replace(Settings().verify, publish_unverified=True))
    with media.open_source(face_clip) as source:
        long = Plan(About("", 1_000_000, 320, 240, asked), Regions(()))
        assert forecast(item, item.target, source, long, asked, 0.0).seconds > 10


def test_a_picture_is_foretold_to_the_byte(desk, capsys):
    make_image(desk / "a.png", picture=astronaut())
    assert here("run", "a.png", "-o", "safe.jpg", "--dry-run", "--json", "-q") == 0
    told, _ = lines(capsys)
    assert not (desk / "safe.jpg").exists()
    assert here("run", "a.png", "-o", "safe.jpg", "-q") == 0
    assert told["tracks"]["face"] == 1
    assert told["size"] == (desk / "safe.jpg").stat().st_size


def test_a_folder_is_summed_up_and_nothing_is_written(desk, capsys):
    (desk / "in" / "sub").mkdir(parents=True)
    make_video(desk / "in" / "sub" / "a.mp4", frames=4)
    make_image(desk / "in" / "b.png")
    (desk / "in" / "notes.txt").write_text("no film")
    (desk / "in" / "broken.mp4").write_bytes(b"no film")
    before = tree(desk)
    assert here("run", "in", "-o", "out/", "--dry-run", *ZONE, "--json", "-q") == 10
    *told, summary = lines(capsys)
    assert summary["counts"] == {"dry run": 2, "failed": 1, "left out": 1}
    found = {line["input"]: line for line in told if line["event"] == "dry run"}
    assert found["in/sub/a.mp4"]["output"] == "out/sub/a.mp4"
    assert all(line["covered"] == 0.25 for line in found.values())
    assert here("run", "in", "-o", "out/", "--dry-run", *ZONE) == 10
    said = capsys.readouterr()
    assert tree(desk) == before
    assert "covers would take 25.0% of the picture" in said.out
    *_, sum_of_all, last = said.out.splitlines()
    assert sum_of_all.startswith("2 would be done, 1 would fail, 1 left out: nothing found; a run would take about ")
    assert last == "nothing was written"


@pytest.mark.parametrize(("name", "code"), [("there.mp4", 6), ("gone/a.mp4", 6), ("a.xyz", 2)])
def test_what_would_fail_a_run_fails_a_dry_one(desk, capsys, name, code):
    make_video(desk / "a.mp4", frames=4)
    (desk / "there.mp4").write_bytes(b"precious")
    assert here("run", "a.mp4", "-o", name, "--dry-run", *ZONE) == code
    assert name.split("/")[0] in capsys.readouterr().err


QUIET = {
    "run": ("run in -o out/", 10),
    "again": ("run in -o out/", 10),
    "dry": ("run in/a.mp4 -o x.mp4 --dry-run", 0),
    "detect": ("detect in/a.mp4 -o plan.jsonl", 0),
    "render": ("render in/a.mp4 --plan plan.jsonl -o b.mp4", 0),
    "verify": ("verify b.mp4 -t faces", 0),
    "what did not pass": ("verify in/a.mp4 -t faces", 7),
    "a failure": ("run in/broken.mp4 -o x.mp4", 3),
    "a mistake": ("run in/a.mp4 -o x.mp4 --tragets faces", 2),
}


def test_quiet_says_nothing_but_errors(desk, capsys):
    (desk / "in").mkdir()
    make_video(desk / "in" / "a.mp4", frames=4)
    (desk / "in" / "broken.mp4").write_bytes(b"no film")
    (desk / "in" / "notes.txt").write_text("no film")
    for name, (command, code) in QUIET.items():
        zone = ZONE if command.startswith(("run", "detect")) else ()
        assert here(*command.split(), *zone, "--quiet") == code, name
        said = capsys.readouterr()
        assert (said.out, len(said.err.splitlines())) == ("", int(code > 0)), name


def test_quiet_leaves_a_terminal_empty(desk):
    make_video(desk / "a.mp4", frames=12)
    seen = on_terminal("run", "a.mp4", "-o", "b.mp4", "-q", *ZONE, cwd=desk)
    assert (seen.process.returncode, seen.sent) == (0, "")


@pytest.mark.parametrize(("key", "code"), [("y\n", 0), ("\n", 2)])
def test_on_a_terminal_a_film_for_a_command_can_be_run(desk, key, code):
    make_video(desk / "a film.mp4", frames=4)
    with Terminal("a film.mp4", *ZONE, cwd=desk) as terminal:
        terminal.until("Run that? [y/N]")
        terminal.type(key)
        assert terminal.end() == code
    assert "anonymize run 'a film.mp4'" in terminal.sent
    assert (desk / "a film-safe.mp4").exists() == (code == 0)
