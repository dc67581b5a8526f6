"""A session of edits: what was made is on the disk, and nothing else is."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from anonymize import errors, plan
from anonymize.data import Kind, Region, Shape, Why
from anonymize.kinds import Answer, Raised
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.plan.edits import Draw, EditError, Hide, Place, Remove, Show
from anonymize.recorded.kept import keep
from anonymize.review.session import Busy, EditSession, Torn, is_torn

FRAMES = 50
EDITOR = """
import sys
from pathlib import Path
from anonymize.plan.edits import Place
from anonymize.review.session import EditSession

with EditSession(Path(sys.argv[1])) as session:
    while True:
        for number in range(50):
            box = (number, 0, number + 14, 14)
            count = 1 if number % 5 else 50 - number  # a line of several pages of memory is not written at once
            print(session.do(Place(0, number, (box,) * count)), flush=True)
            if number % 7 == 3:
                print(-session.undo(), flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a plan with one face."""
    rows = [
        (frame, frame + 1, Region((0, 0, 14, 14), Kind.FACE, Why.DETECTED, 0, Shape.ELLIPSE)) for frame in range(FRAMES)
    ]
    made = Plan(About("0" * 64, FRAMES, 1280, 720), Regions(rows)).marked()
    plan.write(made, tmp_path / "plan.jsonl")
    return tmp_path / "plan.jsonl"


def text(path: Path) -> list[str]:
    return list(plan.lines(plan.read(path)))


def test_every_edit_is_in_the_file_at_once_and_can_be_taken_back_tomorrow(path: Path) -> None:
    original = text(path)
    with EditSession(path, "Ada Ø") as session:
        assert session.do(Remove(0, (0, 10))) == 1
        removed = text(path)
        assert session.do(Draw(1, (0, 5), (1266, 0, 1280, 14))) == 2
        assert removed != original
    with EditSession(path) as session:
        assert (session.undo(), session.undo(), session.undo()) == (2, 1, None)
        assert text(path) == original
        assert session.redo() == 1
    with EditSession(path) as session:
        assert session.redo() == 2
        assert session.redo() is None
        assert session.do(Hide(0)) == 3
        assert list(plan.lines(session.edited.plan())) == text(path)
    steps = [json.loads(line) for line in path.read_text().splitlines()[1 + FRAMES :]]
    assert [next(iter(step.items())) for step in steps] == [
        ("edit", 1), ("edit", 2), ("undo", 2), ("undo", 1), ("redo", 1), ("redo", 2), ("edit", 3),
    ]  # fmt: skip
    assert [step.get("by", "") for step in steps] == ["Ada Ø"] * 2 + [""] * 5
    assert all(step["at"].endswith("Z") for step in steps)


def test_an_edit_that_does_not_fit_is_not_written(path: Path) -> None:
    before = path.read_bytes()
    with EditSession(path) as session, pytest.raises(EditError, match="no track 7"):
        session.do(Hide(7))
    assert path.read_bytes() == before


def test_one_session_at_a_time_writes(path: Path) -> None:
    with EditSession(path) as first:
        with pytest.raises(Busy, match="somebody else is editing this plan"):
            EditSession(path)
        first.do(Hide(0))
        assert plan.read(path)
    EditSession(path).close()


@pytest.mark.parametrize("how", ["replaced", "longer", "gone"])
def test_a_plan_that_another_program_changed_is_not_written_to(path: Path, how: str) -> None:
    with EditSession(path) as session:
        if how == "replaced":
            path.with_name("new").write_bytes(path.read_bytes())
            path.with_name("new").replace(path)
        elif how == "longer":
            with path.open("a") as file:
                file.write("\n")
        else:
            path.unlink()
        before = path.read_bytes() if path.exists() else b""
        with pytest.raises(errors.PlanError, match=r"another program|cannot be reached"):
            session.do(Hide(0))
        assert session.edited.edits == []
        assert (path.read_bytes() if path.exists() else b"") == before


def test_a_full_disk_loses_nothing(path: Path) -> None:
    with EditSession(path) as session:
        session.do(Remove(0, (0, 10)))
        kept = path.read_bytes()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        signalled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            for room in (0, 20):
                resource.setrlimit(resource.RLIMIT_FSIZE, (len(kept) + room, before[1]))
                with pytest.raises(errors.PlanError, match="cannot be saved: "):
                    session.do(Remove(0, (10, 20)))
                assert path.read_bytes() == kept
                assert session.undo is not None
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, signalled)
        assert session.do(Remove(0, (10, 20))) == 2
    assert [len(plan.read(path).at(frame)) for frame in (0, 15, 25)] == [0, 0, 1]


def test_a_last_line_without_its_end(path: Path) -> None:
    whole = path.read_bytes().rstrip(b"\n")
    path.write_bytes(whole)
    with EditSession(path) as session:
        assert path.read_bytes() == whole, "looking changes nothing"
        session.do(Hide(0))
    assert path.read_bytes().startswith(whole + b'\n{"edit": 1')
    torn = path.read_bytes()
    for part in (b'{"undo": 1, "at": "20', b'{"sampled": 6', b'{"signed": "A. K.", "star'):
        path.write_bytes(torn + part)
        assert not is_torn(path)
        with EditSession(path) as session:
            assert session.dropped.startswith(f"line {FRAMES + 3} was cut off while it was written: it is not in force")
            assert session.dropped.endswith(f"It began: {part.decode()}")
        assert path.read_bytes() == torn
    with EditSession(path) as session:
        assert session.dropped == ""
        assert session.undo() == 1


TORN = (
    b'{"frame": 4, "xyx',
    b'{"frames": [1, 20], "xyxy": [0, 0, 9, 9]',
    b'{"doubt": 4, "fra',
    b'{"shown": 0, "fr',
    b"{",
    b"\0\0\0",
)


@pytest.mark.parametrize("part", TORN, ids=repr)
def test_a_last_line_that_was_cut_off_and_may_have_covered_somebody_is_taken_out_when_a_person_says_so(
    path: Path, part: bytes
) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole + part)
    assert is_torn(path)
    with pytest.raises(errors.PlanError, match=f"line {FRAMES + 2}"):
        plan.read(path)
    for _ in range(2):
        with pytest.raises(Torn, match=f"line {FRAMES + 2} was cut off while it was written. .* came later"):
            EditSession(path)
    assert path.read_bytes() == whole + part
    with EditSession(path, drop_torn=True) as session:
        assert f"line {FRAMES + 2} was cut off" in session.dropped
        assert session.do(Hide(0)) == 1
    assert path.read_bytes().startswith(whole + b'{"edit": 1')


def test_a_part_of_a_plan_is_told_from_a_plan_with_a_part_of_a_line_more(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-300])
    with pytest.raises(Torn, match="is missing: if you have another copy of this plan, compare them first"):
        EditSession(path)
    with pytest.raises(errors.PlanError, match="the last line was cut off; `anonymize review` shows"):
        plan.read(path)
    path.write_bytes(whole)
    with EditSession(path) as session:
        session.do(Remove(0, (0, 10)))
        session.undo()
    with path.open("ab") as file:
        file.write(b'{"frame": 3, "xy')
    with pytest.raises(Torn, match="All that had been found is there"):
        EditSession(path)
    path.write_bytes(whole[: len(path.read_bytes().splitlines()[0]) // 2])
    with pytest.raises(errors.PlanError, match="it is empty"):
        EditSession(path)


def test_what_a_check_asks_is_in_a_plan_that_can_be_read_wherever_the_write_was_cut_off(path: Path) -> None:
    before, found = path.read_bytes(), plan.read(path)
    region = Region((300, 300, 314, 314), Kind.FACE, Why.DETECTED, 7, Shape.ELLIPSE)
    doubt = Doubt(7, 5, 8, Raised.CHECK)
    asking = replace(found, regions=Regions([*found.regions.rows(), (5, 8, region)]), doubts=(doubt,))
    with EditSession(path) as session:
        assert session.ask(asking) == 1
    written = path.read_bytes().removeprefix(before)
    lines = written.splitlines(keepends=True)
    assert len(lines) == 2
    for cut in range(1, len(written), 9):
        path.write_bytes(before + written[:cut])
        if is_torn(path):
            with pytest.raises(Torn):
                EditSession(path)
            EditSession(path, drop_torn=True).close()
        EditSession(path).close()
        assert len(plan.read(path).at(6)) >= 1, "whoever was covered is"
    for kept in range(len(lines) + 1):
        path.write_bytes(before + b"".join(lines[:kept]))
        with EditSession(path):
            assert len(plan.read(path).at(6)) == (1, 2, 1)[kept], "drawn until it is known to be a question"


@pytest.mark.parametrize(
    "wrong", ['{"edit": 1, "do": "hide", "track": 4}', '{"undo": 1}', '{"edit": 0, "do": "hide", "track": 0}']
)
def test_a_damaged_edit_names_its_line(path: Path, wrong: str) -> None:
    with path.open("a") as file:
        file.write(wrong + "\n")
    for opened in (plan.read, EditSession):
        with pytest.raises(errors.PlanError, match=rf"line {FRAMES + 2}"):
            opened(path)


def test_a_link_stays_one_and_a_folder_is_refused(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with EditSession(link) as session:
        session.judge(0, Answer.NOTHING)
    assert link.is_symlink()
    assert [one.answer for one in plan.read(path).doubts] == [Answer.NOTHING]
    with pytest.raises(errors.PlanError, match="cannot edit this plan"):
        EditSession(tmp_path)
    with pytest.raises(errors.PlanError, match="no such file"):
        EditSession(tmp_path / "none.jsonl")


def test_an_edit_that_is_too_large_for_a_line_is_refused(path: Path) -> None:
    boxes = ((0.123456789012, 0.123456789012, 14.123456789012, 14.123456789012),) * 70_000
    with EditSession(path) as session:
        with pytest.raises(EditError, match="larger than"):
            session.do(Place(0, 0, boxes))
        assert session.edited.edits == []


def test_a_process_that_is_killed_loses_no_edit(path: Path) -> None:
    original, rolls = path.read_bytes(), random.Random(4)
    for _ in range(int(os.environ.get("KILLS", "6"))):
        path.write_bytes(original)
        with subprocess.Popen([sys.executable, "-c", EDITOR, str(path)], stdout=subprocess.PIPE, text=True) as editor:
            assert editor.stdout
            assert editor.stdout.readline() == "1\n"
            time.sleep(rolls.uniform(0, 0.15))
            os.kill(editor.pid, signal.SIGKILL)
            made = [1, *(int(line) for line in editor.stdout.read().splitlines(keepends=True) if line.endswith("\n"))]
        lines = [json.loads(line) for line in path.read_text().splitlines()[1 + FRAMES :]]
        there = [line["edit"] if "edit" in line else -line["undo"] for line in lines]
        assert there[: len(made)] == made
        assert len(there) <= len(made) + 1
        with EditSession(path) as session:
            assert session.edited.edits


@pytest.mark.parametrize("force", [False, True])
def test_a_plan_that_somebody_edited_is_not_replaced_by_a_later_run(path: Path, tmp_path: Path, force: bool) -> None:
    output = tmp_path / "safe.mp4"
    edited = path.rename(tmp_path / "safe.mp4.plan.jsonl")
    with EditSession(edited) as session:
        session.do(Show(0, (0, 10), "form 12"))
    before = edited.read_bytes()
    kept = keep(plan.read(edited), output, force=force)
    assert kept.plan != edited
    assert edited.read_bytes() == before
