"""An output that does not pass its check is deleted; the plan that it was drawn from is not."""

import json
import pickle
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import anonymize
from anonymize import errors, plan, presets
from anonymize.batch import run as batch
from anonymize.batch.inputs import only_item, plan_items
from anonymize.data import Kind
from anonymize.kinds import Answer, Raised, Verdict
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.recorded import finish, job, release
from anonymize.recorded.kept import Kept, keep
from anonymize.recorded.release import Refused
from anonymize.review.queue import Queue
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.verify import By, Check, Find, Verified
from anonymize.verify.hiding import gathered
from anonymize.verify.repair import repaired
from tests.conftest import face_box
from tests.helpers.leaks import good_plan
from tests.helpers.media import read_video

pytestmark = pytest.mark.usefixtures("blind_first_look")


def journalist(repair: int = 0) -> Settings:
    values = {"output": {"speed": "ultrafast"}, "verify": {"repair": repair}, "targets": ["face"]}
    return from_mapping(Settings, values, presets.load("journalist").settings)


@pytest.fixture
def short_repairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repairs hide what they find on the first frames only."""
    real = repaired

    def some(*arguments: object) -> Plan:
        made = real(*arguments)  # type: ignore[arg-type]
        return Plan(made.about, Regions(row for row in made.regions.rows() if row[0] < 8))

    monkeypatch.setattr(release, "repaired", some)


def hides(output: Path) -> bool:
    pictures = enumerate(read_video(output))
    return all(picture[y0:y1, x0:x1].std() < 12 for i, picture in pictures for x0, y0, x1, y1 in [face_box(i)])


def lines_of(verified: dict[str, list[dict[str, list[str]]]]) -> Iterator[str]:
    for find in (*verified["leaks"], *verified["doubts"]):
        yield from find["lines"]


@pytest.mark.parametrize("repair", [0, 3])
def test_a_run_that_fails_goes_on_from_its_plan_and_the_lines_of_what_it_listed(
    repair: int, face_clip: Path, tmp_path: Path, short_repairs: None
) -> None:
    output = tmp_path / "safe.mp4"
    with pytest.raises(Refused, match=r"its plan is kept in .*safe\.mp4\.plan\.jsonl") as raised:
        anonymize.run(face_clip, output, journalist(repair))
    error = raised.value
    assert error.kept is not None
    assert error.verified is not None
    assert list(tmp_path.iterdir()) == [error.kept.plan] == [tmp_path / "safe.mp4.plan.jsonl"]
    kept = plan.read(tmp_path / "safe.mp4.plan.jsonl")
    assert not kept.by_hand
    assert kept.about.settings == journalist(repair)
    assert bool(len(kept.covered())) is bool(repair)
    assert kept.doubts
    assert kept.about.repaired == repair
    assert error.verified.repaired == repair
    with (tmp_path / "safe.mp4.plan.jsonl").open("a") as file:
        file.writelines(line + "\n" for line in lines_of(error.verified.as_dict()))
    report = anonymize.render_plan(face_clip, tmp_path / "safe.mp4.plan.jsonl", output)
    assert report.verdict == "pass"
    assert hides(output)


def test_what_was_answered_is_all_that_a_further_check_would_find(
    face_clip: Path, tmp_path: Path, short_repairs: None
) -> None:
    with pytest.raises(Refused) as raised:
        anonymize.run(face_clip, tmp_path / "safe.mp4", journalist(1))
    assert raised.value.kept is not None
    queue = Queue(Path(str(raised.value.kept.plan)))
    assert queue.plan.about.repaired == 1
    queue.answer([one.number for one in queue.open()], Answer.NOTHING)
    done = anonymize.render_plan(face_clip, queue.path, tmp_path / "safe.mp4")
    assert (done.verdict, done.verified["repaired"]) == ("pass", 1)


def test_the_command_says_how_to_go_on(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from anonymize.cli.app import app

    def ended(*arguments: object) -> int:
        with pytest.raises(SystemExit) as raised:
            app([str(argument) for argument in arguments])
        return int(raised.value.code or 0)

    given = ("run", face_clip, "-o", tmp_path / "it's safe.mp4", "-p", "journalist", "-t", "faces", "--no-repair")
    assert ended(*given) == errors.VerificationError.exit_code
    told = capsys.readouterr().err.splitlines()
    lines = [line.partition("to hide it: ")[2] for line in told if "to hide it: " in line]
    assert lines
    assert all({"frames", "kind", "xyxy"} == json.loads(line).keys() for line in lines)
    assert sum("  leak: face" in line and ", score 0." in line for line in told) == len(lines)
    made = tmp_path / "it's safe.mp4.plan.jsonl"
    with made.open("a") as file:
        file.writelines(line + "\n" for line in lines)
    assert shlex.split(told[-3]) == ["anonymize", "doubts", str(made), str(face_clip)]
    program, *command = shlex.split(told[-1])
    assert program == "anonymize"
    assert ended(*command) == 0
    assert hides(tmp_path / "it's safe.mp4")
    assert ended(*given, "--json", "--force", "--report", tmp_path) == errors.VerificationError.exit_code
    event = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert event["kept"]["plan"] == str(made)
    assert shlex.split(event["kept"]["command"])[1:] == command
    account = json.loads((tmp_path / "it's safe.mp4.report.json").read_text())
    assert list(lines_of(account["verified"])) == list(lines_of(event["report"]["verified"])) == lines
    assert "safe" not in json.dumps(account["error"])


def test_each_file_of_a_folder_has_its_own(face_clip: Path, empty_clip: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "a.mp4").write_bytes(face_clip.read_bytes())
    (tmp_path / "in" / "b.mp4").write_bytes(empty_clip.read_bytes())
    items = plan_items([str(tmp_path / "in")], f"{tmp_path / 'out'}/")
    outcomes = {outcome.item.relative.as_posix(): outcome for outcome in batch.run(items, journalist())}
    assert outcomes["b.mp4"].output
    assert outcomes["b.mp4"].kept is None
    made = outcomes["sub/a.mp4"].kept
    assert made is not None
    assert made.plan == tmp_path / "out" / "sub" / "a.mp4.plan.jsonl"
    assert plan.read(tmp_path / "out" / "sub" / "a.mp4.plan.jsonl").about.frames == 20


def test_only_plans_that_nobody_changed_are_replaced(face_clip: Path, tmp_path: Path) -> None:
    made, output, place = good_plan(face_clip), tmp_path / "a.mp4", tmp_path / "a.mp4.plan.jsonl"
    for _ in range(2):
        assert keep(made, output, force=False).plan == place
    edited = place.read_text() + '{"frame": 0, "xyxy": [1, 2, 30, 40]}\n'
    for precious in (edited, "precious"):
        place.write_text(precious)
        assert keep(made, output, force=False).plan == tmp_path / "a.mp4~2.plan.jsonl"
        assert place.read_text() == precious
    assert keep(made, output, force=True).plan == place
    assert not plan.read(place).by_hand
    long = tmp_path / ("ä" * 120 + ".mp4")
    assert plan.read(Path(str(keep(made, long, force=False).plan))).regions


def test_a_plan_that_a_person_gave_is_not_written_once_more_where_nothing_is_new(
    face_clip: Path, tmp_path: Path
) -> None:
    anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", journalist())
    before = (tmp_path / "plan.jsonl").read_bytes()
    with pytest.raises(Refused) as raised:
        anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4")
    made = raised.value.kept
    assert made is not None
    assert made.doubts == 1
    assert (tmp_path / "plan.jsonl").read_bytes() == before
    assert made.plan.rename(tmp_path / "other.jsonl")
    with pytest.raises(Refused) as raised:
        anonymize.render_plan(face_clip, tmp_path / "other.jsonl", tmp_path / "safe.mp4")
    assert raised.value.kept is None
    assert raised.value.verified is not None
    assert [*lines_of(raised.value.verified.as_dict())]
    assert sorted(tmp_path.iterdir()) == [tmp_path / "other.jsonl", tmp_path / "plan.jsonl"]


def test_answers_are_never_replaced_but_by_a_plan_that_holds_them(face_clip: Path, tmp_path: Path) -> None:
    made, output, place = good_plan(face_clip), tmp_path / "a.mp4", tmp_path / "a.mp4.plan.jsonl"
    made = replace(made, doubts=(Doubt(0, 0, 20, Raised.CHECK),))
    for force in (False, True):
        assert keep(made, output, force=force).plan == place
    Queue(place).answer([0], Answer.NOTHING)
    answered = plan.read(place)
    assert not answered.by_hand
    assert (
        keep(made, output, force=False).plan == keep(made, output, force=True).plan == tmp_path / "a.mp4~2.plan.jsonl"
    )
    assert keep(answered, output, force=False).plan == tmp_path / "a.mp4~2.plan.jsonl"
    assert keep(answered, output, force=True).plan == place
    assert plan.read(place).doubts == answered.doubts


def test_what_failed_is_said_also_where_no_plan_can_be_kept(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise errors.OutputError("the disk is full")

    monkeypatch.setattr(finish, "keep", full)
    with pytest.raises(errors.VerificationError, match=r"did not pass .*could not be kept: the disk is full"):
        anonymize.run(face_clip, tmp_path / "safe.mp4", journalist())


def test_where_the_target_is_in_passing_the_plan_goes_where_the_output_was_to_be(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Verified(Verdict.FAIL, (Check("structure", False, "expected 20 frames, got 19"),))
    monkeypatch.setattr(release, "examine", lambda *_, **__: failed)
    (tmp_path / "passing").mkdir()
    item = only_item(str(face_clip), str(tmp_path / "passing" / "safe.mp4"))
    with pytest.raises(Refused) as raised:
        job.run(replace(item, keep_in=tmp_path / "out"), journalist())
    made = raised.value.kept
    assert made is not None
    assert (made.plan, made.output) == (tmp_path / "out" / "safe.mp4.plan.jsonl", tmp_path / "out" / "safe.mp4")
    assert plan.read(tmp_path / "out" / "safe.mp4.plan.jsonl").about.frames == 20
    assert list((tmp_path / "passing").iterdir()) == []
    assert made.command(None).startswith("anonymize render - --plan ")


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.PASS_WITH_DOUBTS])
def test_the_command_replaces_an_output_only_where_there_is_one(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict
) -> None:
    doubted = Verified(verdict, (), doubts=(find(0.2, 50),))
    monkeypatch.setattr(release, "examine", lambda *_, **__: doubted)
    item = only_item(str(face_clip), str(tmp_path / "safe.mp4"))
    if verdict is Verdict.FAIL:
        with pytest.raises(Refused) as raised:
            job.run(item, journalist())
        made = raised.value.kept
    else:
        made = job.run(item, journalist()).kept
    assert made is not None
    assert made.released is (tmp_path / "safe.mp4").exists() is (verdict is not Verdict.FAIL)
    assert ("--force" in shlex.split(made.command(face_clip))) is made.released


def find(
    start: float, x: float, *, end: float = 0.0, size: float = 20, kind: Kind = Kind.FACE, score: float = 0.3
) -> Find:
    box, frame = (x, 50.0, x + size, 50.0 + size), int(25 * start)
    places = ((frame, box),)
    return Find(9, kind, start, end or start, box, size, score, By.LOOK, frame, places=places, lines=(f"{start}",))


def test_finds_that_follow_one_another_are_one() -> None:
    walking = [find(second / 2, 100 + 8 * second, score=0.5 if second == 6 else 0.3) for second in range(14)]
    stranger = find(3.0, 400)
    one, other = gathered([stranger, *reversed(walking)])
    assert (one.start, one.end, one.finds, one.frames, one.score, one.frame) == (0.0, 6.5, 14, 14, 0.5, 75)
    assert one.lines == tuple(step.lines[0] for step in walking)
    assert one.places == tuple(step.places[0] for step in walking)
    assert (one.track, other.track, other.finds, other.box) == (0, 1, 1, stranger.box)


@pytest.mark.parametrize(
    "other",
    [
        find(4.1, 100),
        find(1.0, 100),
        find(3.0, 185),
        find(1.2, 125),
        find(2.0, 100, size=45),
        find(2.0, 100, kind=Kind.PLATE),
    ],
)
def test_two_that_are_far_apart_in_time_place_size_or_kind_stay_two(other: Find) -> None:
    assert [one.finds for one in gathered([find(1.0, 100), other])] == [1, 1]
    assert [one.finds for one in gathered([find(1.0, 100), find(1.2, 115)])] == [2]


def test_a_refusal_is_the_same_in_another_process():
    refused = Refused(
        "it shows a face", "film.mp4", Verified(Verdict.FAIL), Plan(About("ab" * 32, 1, 64, 48), Regions(()))
    )
    refused.kept = Kept(Path("safe.mp4.plan.jsonl"), Path("safe.mp4"))
    copied = pickle.loads(pickle.dumps(refused))
    assert (str(copied), copied.verified, copied.kept) == (str(refused), refused.verified, refused.kept)
    assert copied.plan.about == refused.plan.about
