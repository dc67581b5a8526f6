"""Doubts of a plan: raised by a check, answered by a person, drawn and checked as they were answered."""

import json
import shlex
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import anonymize
from anonymize import errors, plan, presets, report
from anonymize.data import Box, Detections, Kind, Region, Shape, Why
from anonymize.kinds import Answer, Raised, Verdict
from anonymize.media import open_source
from anonymize.plan import About, Plan, Regions, consent
from anonymize.plan.doubts import Doubt
from anonymize.recorded import passes
from anonymize.recorded.release import Refused
from anonymize.review.queue import Queue
from anonymize.settings import Redact, Settings
from anonymize.text.mapping import from_mapping
from anonymize.track import outline
from anonymize.verify import By, Find, Verified
from anonymize.verify.doubting import doubted
from tests.conftest import FRAMES as FRAMES_OF_CLIP
from tests.conftest import face_box, face_pictures
from tests.detect.test_detect import Bright
from tests.helpers.leaks import good_plan
from tests.helpers.media import make_video, read_video
from tests.helpers.terminals import CTRL_C, PROGRAM, Terminal
from tests.review.conftest import ended

FRAMES, SIZE = 250, (640, 360)
ABOUT = About("0" * 64, FRAMES, *SIZE)
LOOKS = Redact()


def journalist(**verify: object) -> Settings:
    values = {"output": {"speed": "ultrafast"}, "verify": {"repair": 0, **verify}, "targets": ["face"]}
    return from_mapping(Settings, values, presets.load("journalist").settings)


@pytest.fixture(scope="module")
def two_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a face that moves, and the same once more below it."""
    pictures = [np.concatenate([picture, picture[:, ::-1]]) for picture in face_pictures()]
    return make_video(tmp_path_factory.mktemp("clips") / "two.mp4", frames=pictures, options={"crf": "12"})


def rows(track: int, frames: range, box: tuple[float, float, float, float]) -> Iterator[tuple[int, int, Region]]:
    drawn = outline(box, LOOKS.face, *SIZE)
    for index in frames:
        yield index, index + 1, Region(drawn, Kind.FACE, Why.DETECTED, track, Shape.ELLIPSE, score=0.4)


def held(*doubts: Doubt, tracks: int = 2) -> Plan:
    boxes = [(40.0 + 60 * track, 50.0, 80.0 + 60 * track, 100.0) for track in range(tracks)]
    return Plan(ABOUT, Regions(row for i, box in enumerate(boxes) for row in rows(i, range(FRAMES), box)), (), doubts)


def find(*places: tuple[int, float, float], size: float = 30, score: float = 0.35, kind: Kind = Kind.FACE) -> Find:
    """A find on (frame, left, top)."""
    boxes = tuple((frame, (x, y, x + size, y + size)) for frame, x, y in places)
    start, end = places[0][0] / 25, places[-1][0] / 25
    return Find(9, kind, start, end, boxes[0][1], size, score, By.LOOK, boxes[0][0], len(boxes), boxes)


def checked(*doubts: Find, leaks: tuple[Find, ...] = ()) -> Verified:
    return Verified(Verdict.FAIL, leaks=leaks, doubts=doubts, looked_frames=70, of_frames=FRAMES)


def asked(made: Plan, *doubts: Find, leaks: tuple[Find, ...] = ()) -> Plan:
    return doubted(made, checked(*doubts, leaks=leaks), 25, Settings())


def test_a_doubt_read_back_from_its_line_is_the_same() -> None:
    answers: list[tuple[Answer | None, str, str]] = [
        (None, "", ""),
        *product(Answer, ("", "desk 2"), ("", "2026-11-28T20:00:00Z")),
    ]
    spans: tuple[tuple[float, float] | tuple[()], ...] = ((), (0.0, 0.0), (2.8, 9.999))
    some = tuple(
        Doubt(number, number, number + 1, raised, seconds, answer, by, at)
        for number, (raised, seconds, (answer, by, at)) in enumerate(product(Raised, spans, answers))
    )
    assert len(some) < FRAMES
    place = (40.0, 50.0, 80.0, 100.0)
    made = Plan(
        ABOUT, Regions(row for one in some for row in rows(one.track, range(one.first, one.end), place)), (), some
    )
    assert plan.parse(plan.lines(made), "plan").doubts == some


@pytest.mark.parametrize(
    ("raised", "answer", "drawn", "expected"),
    [
        (Raised.FIND, None, True, False),
        (Raised.FIND, Answer.HIDE, True, False),
        (Raised.FIND, Answer.NOTHING, False, True),
        (Raised.CHECK, None, False, False),
        (Raised.CHECK, Answer.HIDE, True, False),
        (Raised.CHECK, Answer.NOTHING, False, True),
    ],
)
def test_what_is_drawn_and_what_the_check_expects(
    raised: Raised, answer: Answer | None, drawn: bool, expected: bool
) -> None:
    made = held(Doubt(1, 10, 240, raised, answer=answer))
    for index, asked_about in ((0, False), (9, False), (10, True), (239, True), (240, False), (249, False)):
        assert {region.track for region in made.at(index)} == ({0, 1} if drawn or not asked_about else {0})
        assert {region.track for region in made.expected_at(index)} == ({1} if expected and asked_about else set())
        assert made.visible_at(index) == []
        assert made.covered().at(index) == made.at(index)
    assert made.marked().about.as_found == held().marked().about.as_found, "an answer changes no region"


def test_two_doubts_about_one_track_are_refused() -> None:
    lines = [*plan.lines(held(Doubt(1, 0, 9, Raised.CHECK))), '{"doubt": 1, "frame": 3, "raised": "find"}']
    with pytest.raises(errors.PlanError, match=rf"plan, line {len(lines)}: there is a doubt about track 1 already"):
        plan.parse(lines, "plan")


def test_what_a_check_found_becomes_doubts_that_are_not_drawn() -> None:
    made = asked(held(), find((70, 300, 90), (79, 318, 90)), find((0, 500, 200)), leaks=(find((249, 10, 200)),))
    assert [(one.track, one.first, one.end, one.raised) for one in made.doubts] == [
        (2, 0, 21, Raised.CHECK),
        (3, 50, 100, Raised.CHECK),
        (4, 229, 250, Raised.CHECK),
    ]
    assert [one.seconds for one in made.doubts] == [(0, 0), (2.8, 3.16), (9.96, 9.96)]
    assert all({region.track for region in made.at(index)} == {0, 1} for index in (0, 75, 249))
    ((between, why),) = [(r.xyxy, r.why) for r in made.regions.at(74) if r.track == 3]
    assert why is Why.INTERPOLATED
    assert (between[0] + between[2]) / 2 == pytest.approx(323, abs=0.1)
    again = plan.parse(plan.lines(made), "plan")
    assert [(q.number, q.frame, q.place, round(q.size), q.score) for q in questions(again)] == [
        (2, 0, "middle right", 30, 0.35),
        (3, 79, "top middle", 30, 0.35),
        (4, 249, "middle left", 30, 0.35),
    ]


def questions(made: Plan) -> list[Any]:
    from anonymize.review.questions import doubts

    return list(doubts(made))


def test_nothing_found_raises_nothing() -> None:
    assert list(plan.lines(asked(held()))) == list(plan.lines(held()))
    unseen = Find(0, Kind.FACE, 1, 1, (1, 2, 30, 40), 30, 0.9, By.PLAN, places=((25, (1, 2, 30, 40)),))
    assert asked(held(), leaks=(unseen,)).doubts == (), "what is drawn and shows all the same is no question"


def test_one_woman_is_one_doubt_and_her_neighbour_another() -> None:
    walking = {frame: 100 + frame for frame in range(FRAMES)}
    her = [
        (frame, frame + 1, Region(outline((x, 90.0, x + 30, 120.0), LOOKS.face, *SIZE), Kind.FACE, Why.DETECTED, 7))
        for frame, x in walking.items()
        if frame % 125 < 100
    ]
    her = [(a, b, replace(region, shape=Shape.ELLIPSE)) for a, b, region in her]
    beside = [find((frame, walking[frame] + 8, 92)) for frame in (5, 104, 112, 230)]
    neighbour = find((230, walking[230] + 80, 90))
    made = asked(Plan(ABOUT, Regions(her)), *beside, neighbour)
    assert [(one.track, one.seconds) for one in made.doubts] == [(8, (0.2, 9.2)), (9, (9.2, 9.2))]
    covered = {index for index, _, region in made.regions.rows() if region.track == 8}
    assert {5, 25, 104, 108, 112, 132, 230, 249} <= covered
    assert not {50, 80, 170, 200} & covered, "where nobody saw her she is not guessed"


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.named("screen")])
def test_what_a_check_found_of_any_kind_becomes_a_doubt(kind: Kind) -> None:
    made = asked(held(), find((70, 300, 90), (79, 318, 90), kind=kind))
    ((track, first, region),) = {(r.track, a, r.kind) for a, _, r in made.regions.rows() if r.track > 1 and a == 70}
    assert (track, first, region) == (2, 70, kind)
    assert [one.track for one in made.doubts] == [2]


def test_a_new_check_replaces_what_an_earlier_one_asked_and_keeps_every_answer() -> None:
    made = asked(held(), find((10, 400, 90)), find((120, 300, 90)))
    nothing = Doubt(2, made.doubts[0].first, made.doubts[0].end, Raised.CHECK, (0.4, 0.4), Answer.NOTHING, "me", "now")
    weak = Doubt(1, 0, FRAMES, Raised.FIND)
    made = replace(made, doubts=(weak, nothing, made.doubts[1]))
    after = asked(made, find((200, 100, 200)))
    assert after.doubts[:2] == (weak, nothing)
    assert [(one.track, one.seconds) for one in after.doubts[2:]] == [(3, (8.0, 8.0))]
    assert {region.track for _, _, region in after.regions.rows()} == {0, 1, 2, 3}
    assert [r.track for r in after.regions.at(120)] == [0, 1], "the open one is gone"


def finds(*boxes: tuple[float, float, float, float]) -> Detections:
    return Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int8))


def test_an_answer_is_for_its_place_its_time_and_one_find() -> None:
    made = asked(held(), find((70, 300, 90), (90, 340, 90)))
    made = replace(made, doubts=(replace(made.doubts[0], answer=Answer.NOTHING),))

    def expected(index: int, *boxes: tuple[float, float, float, float]) -> list[bool]:
        regions = made.expected_at(index)
        return list(consent.expected(finds(*boxes), regions, made.about.redact, SIZE)) if regions else []

    assert expected(70, (302, 91, 331, 121)) == [True]
    assert expected(80, (318, 88, 352, 124)) == [True]
    assert expected(80, (280, 90, 310, 120), (322, 90, 352, 120)) == [False, True], "one find, the one that fits"
    assert expected(80, (300, 50, 400, 170)) == [False], "a much larger one"
    assert expected(130, (340, 90, 370, 120)) == [], "at another time"


def test_someone_who_stays_visible_is_not_taken_for_a_find_answered_as_nothing() -> None:
    near, times = find((100, 64, 52), score=0.9), [Fraction(i, 25) for i in range(FRAMES)]
    wanted = from_mapping(Settings, {"show_persons": [{"track": 0, "at": 0, "reason": "form 12"}]}, Settings())
    asking = asked(held(tracks=1), near)
    nothing = replace(asking, doubts=(replace(asking.doubts[0], answer=Answer.NOTHING),))
    ends = [consent.visible(made, times, wanted, "film.mp4").shown[0].end for made in (asking, nothing)]
    assert ends[0] < 100
    assert ends[1] == FRAMES


@pytest.mark.usefixtures("blind_first_look")
@pytest.mark.parametrize("answer", list(Answer))
def test_an_answered_plan_releases_with_the_strict_preset(face_clip: Path, tmp_path: Path, answer: Answer) -> None:
    output = tmp_path / "safe.mp4"
    with pytest.raises(Refused) as raised:
        anonymize.run(face_clip, output, journalist())
    kept = raised.value.kept
    assert kept is not None
    assert kept.doubts == 1
    queue = Queue(Path(str(kept.plan)))
    (question,) = queue.open()
    queue.answer([question.number], answer, by="desk 2")
    assert Queue(queue.path).open() == []
    done = anonymize.render_plan(face_clip, queue.path, output)
    assert done.verdict == "pass"
    (result,) = done.redacted["doubts"]
    assert (result["answer"], result["by"], result["raised"], result["track"]) == (answer.value, "desk 2", "check", 0)
    assert result["at"].endswith("Z")
    report.write(done, tmp_path / "safe.report.json")
    assert report.read(tmp_path / "safe.report.json")["redacted"]["doubts"] == [result], "it fits the schema"
    page = (tmp_path / "safe.report.html").read_text()
    assert "What a person was asked" in page
    assert "desk 2" in page
    shows = [
        picture[y0:y1, x0:x1].std() > 12
        for i, picture in enumerate(read_video(output))
        for x0, y0, x1, y1 in [face_box(i)]
    ]
    assert all(shows) is (answer is Answer.NOTHING)
    assert any(shows) is (answer is Answer.NOTHING)
    assert done.redacted["tracks"]["face"] == (answer is Answer.HIDE)


@pytest.mark.parametrize("moved", ["another time", "another place"])
def test_a_stranger_is_raised_where_something_was_answered(face_clip: Path, tmp_path: Path, moved: str) -> None:
    made = good_plan(face_clip)
    made = replace(made, about=replace(made.about, settings=journalist()))
    answered = Doubt(0, 0, FRAMES_OF_CLIP, Raised.CHECK, answer=Answer.NOTHING)
    if moved == "another time":
        answered = replace(answered, end=10)
        regions = Regions(row for row in made.regions.rows() if row[0] < 10)
    else:
        aside = (60.0, 0.0, 60.0, 0.0)
        regions = Regions(
            (first, end, replace(region, xyxy=cast(Box, tuple(map(sum, zip(region.xyxy, aside, strict=True))))))
            for first, end, region in made.regions.rows()
        )
    plan.write(replace(made, regions=regions, doubts=(answered,)).marked(), tmp_path / "plan.jsonl")
    with pytest.raises(Refused) as raised:
        anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4")
    assert raised.value.verified is not None
    assert raised.value.verified.leaks
    places = [frame for one in raised.value.verified.leaks for frame, _ in one.places]
    assert min(places) >= (10 if moved == "another time" else 0)
    assert raised.value.kept is not None
    again = plan.read(Path(str(raised.value.kept.plan)))
    assert answered in again.doubts, "an answer is kept"
    assert [one.answer for one in again.doubts] == [Answer.NOTHING, None]


@pytest.mark.usefixtures("blind_first_look")
def test_an_answer_of_nothing_leaves_repair_on_for_everybody_else(two_faces: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused) as raised:
        anonymize.run(two_faces, tmp_path / "safe.mp4", journalist())
    kept = Path(str(raised.value.kept and raised.value.kept.plan))
    queue = Queue(kept)
    upper, lower = sorted(queue.open(), key=lambda one: one.box[1])
    queue.answer([upper.number], Answer.NOTHING)
    made = plan.read(kept)
    plan.write(replace(made, doubts=tuple(one for one in made.doubts if one.answer)), kept)
    made = plan.read(kept)
    left = Regions(row for row in made.regions.rows() if row[2].track != lower.number)
    plan.write(replace(made, regions=left).marked(), kept)
    done = anonymize.render_plan(two_faces, kept, tmp_path / "safe.mp4", journalist(repair=3))
    assert done.verdict == "pass"
    assert done.verified["repaired"]
    for i, picture in enumerate(read_video(tmp_path / "safe.mp4")):
        x0, y0, x1, y1 = face_box(i)
        assert picture[y0:y1, x0:x1].std() > 12
        below = picture[len(picture) // 2 :, ::-1]
        assert below[y0:y1, x0:x1].std() < 12


@pytest.mark.usefixtures("blind_first_look")
def test_a_plan_that_a_person_changed_stays_theirs(face_clip: Path, tmp_path: Path) -> None:
    made = replace(good_plan(face_clip), regions=Regions([]))
    made = replace(made, about=replace(made.about, settings=journalist(repair=3))).marked()
    plan.write(made, tmp_path / "plan.jsonl")
    with (tmp_path / "plan.jsonl").open("a") as file:
        file.write('{"frame": 0, "xyxy": [1, 2, 3, 4]}\n')
    with pytest.raises(Refused, match=r"answer those in its plan") as raised:
        anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4")
    queue = Queue(Path(str(raised.value.kept and raised.value.kept.plan)))
    assert queue.plan.by_hand
    queue.answer([one.number for one in queue.open()], Answer.HIDE)
    assert anonymize.render_plan(face_clip, queue.path, tmp_path / "safe.mp4").verdict == "pass"


def test_doubts_of_a_released_output_can_be_answered_too(
    face_clip: Path, tmp_path: Path, blind_first_look: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "faint.toml").write_text("[detect]\nhigh = 0.9\n")
    assert ended("run", face_clip, "-o", tmp_path / "safe.mp4", "-p", tmp_path / "faint.toml", "-t", "faces") == 0
    result = capsys.readouterr().out.splitlines()
    assert "  to answer 1 doubt in its plan:" in result
    asking, going_on = (shlex.split(line) for line in result if line.startswith("    anonymize "))
    assert ended(*asking[1:], "--hide", "all", "--by", "desk 2") == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == shlex.join(going_on)
    assert ended(*going_on[1:]) == 0
    result = capsys.readouterr().out.splitlines()
    assert [line for line in result if line.startswith("  asked: 1 doubt, answered by desk 2 on 20")]
    assert not [line for line in result if "doubtful" in line]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A plan with four open doubts, about tracks 2, 3, 4 and 5."""
    made = asked(held(), *(find((10 + 60 * i, 100 + 120 * i, 250 - 80 * i)) for i in range(4)))
    path = tmp_path / "safe.mp4.plan.jsonl"
    plan.write(made.marked(), path)
    return path


def answers(path: Path) -> dict[int, str]:
    return {one.track: one.answer.value if one.answer else "" for one in plan.read(path).doubts}


def test_what_is_not_covered_is_asked_first(tmp_path: Path) -> None:
    doubts = (Doubt(0, 0, 50, Raised.FIND), Doubt(1, 60, 90, Raised.CHECK), Doubt(2, 10, 40, Raised.CHECK))
    plan.write(held(*doubts, tracks=3).marked(), tmp_path / "plan.jsonl")
    assert [one.number for one in Queue(tmp_path / "plan.jsonl").open()] == [2, 1, 0]


def test_every_answer_is_one_line_more(written: Path) -> None:
    lines = written.read_text().splitlines()
    lines.insert(1, "  ")
    lines[-1] = lines[-1].replace(": ", " :   ")
    written.write_bytes("\r\n".join(lines).encode())
    written.chmod(0o640)
    link = written.with_name("link.jsonl")
    link.symlink_to(written)
    queue = Queue(link)
    queue.answer([3, 5], Answer.HIDE, "Ada Ø")
    queue.answer([3], Answer.NOTHING)
    before, after = "\r\n".join(lines), written.read_bytes().decode()
    assert after.startswith(f"{before}\n")
    assert [json.loads(line)["do"] for line in after[len(before) :].splitlines()[1:]] == ["judge"] * 3
    assert answers(written) == {2: "", 3: "nothing", 4: "", 5: "hide"}
    assert [one.by for one in plan.read(written).doubts] == ["", "", "", "Ada Ø"]
    assert not plan.read(written).by_hand
    assert link.is_symlink()
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    assert sorted(path.name for path in written.parent.iterdir()) == ["link.jsonl", "safe.mp4.plan.jsonl"]


def test_what_is_gone_or_was_never_there_is_refused_and_nothing_is_saved(written: Path) -> None:
    queue, before = Queue(written), written.read_bytes()
    with pytest.raises(errors.UsageError, match=r"no doubt about track 9; there are: 2, 3, 4, 5"):
        queue.answer([2, 9], Answer.HIDE)
    with pytest.raises(errors.UsageError, match=r"by: .*one line"):
        queue.answer([2], Answer.HIDE, "a\nb")
    assert written.read_bytes() == before
    written.write_text("\n".join(line for line in before.decode().splitlines() if '"doubt": 3' not in line))
    changed = written.read_bytes()
    with pytest.raises(errors.PlanError, match="changed meanwhile and no longer has a doubt about track 3"):
        queue.answer([2, 3], Answer.HIDE)
    assert written.read_bytes() == changed
    assert [one.number for one in queue.open()] == [2, 3, 4, 5]


@pytest.mark.parametrize("columns", [40, 80])
def test_a_person_answers_one_after_the_other(written: Path, columns: int) -> None:
    with Terminal("doubts", written, "--by", "desk 2", columns=columns) as terminal:
        terminal.until("Doubt 1 of 4: face, track 2")
        for keys, seen in (
            ("perhaps\n", "h: hide it"),
            ("n 9\n", "2, 3, 4, 5"),
            ("h\n", "Doubt 2 of 4: face, track 3"),
            ("s\n", "Doubt 3 of 4: face, track 4"),
        ):
            terminal.sent = ""
            terminal.type(keys)
            terminal.until(seen)
        assert answers(written) == {2: "hide", 3: "", 4: "", 5: ""}
        terminal.type("n 4 5\n")
        assert terminal.end() == 11
    assert answers(written) == {2: "hide", 3: "", 4: "nothing", 5: "nothing"}
    shown = terminal.screen.lines()
    assert "  bottom left, 30 px high" in shown
    assert "1 to hide, 2 nothing, 1 open" in shown
    assert "".join(shown).replace(" ", "").endswith(f"anonymizerenderSOURCE--plan{written}-o{written.parent}/safe.mp4")
    with Terminal("doubts", written, columns=columns) as terminal:
        terminal.until("Doubt 1 of 1: face, track 3")
        terminal.type("h\n")
        assert terminal.end() == 0
    assert [one.by for one in plan.read(written).doubts] == ["desk 2", "", "desk 2", "desk 2"]


@pytest.mark.parametrize(("keys", "code"), [(CTRL_C, 130), ("q\n", 11), ("\x04", 11)])
def test_leaving_half_way_keeps_what_was_answered(written: Path, keys: str, code: int) -> None:
    with Terminal("doubts", written) as terminal:
        terminal.until("Doubt 1 of 4")
        terminal.type("n\n")
        terminal.until("Doubt 2 of 4")
        terminal.until("h, n, s or q? ")
        terminal.type(keys)
        assert terminal.end() == code
    assert answers(written) == {2: "nothing", 3: "", 4: "", 5: ""}
    assert "0 to hide, 1 nothing, 3 open" in terminal.screen.lines()
    assert [path.name for path in written.parent.iterdir()] == ["safe.mp4.plan.jsonl"]


Piped = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def piped(capsys: pytest.CaptureFixture[str]) -> Piped:
    """`doubts` without a terminal, in this very process: a start of its own takes longer than what it does."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess("", ended("doubts", *arguments), *capsys.readouterr())

    return run


def test_without_a_terminal_nobody_is_asked(written: Path, piped: Piped) -> None:
    before = written.read_bytes()
    command = [*PROGRAM, "doubts", str(written)]
    alone = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "no terminal to ask on" in alone.stderr
    assert "--hide" in alone.stderr
    listed = piped(written, "--list")
    assert (listed.returncode, listed.stderr) == (11, "")
    heading, *table = listed.stdout.splitlines()
    assert heading.split() == ["track", "kind", "from", "to", "frames", "where", "px", "score", "raised", "answer"]
    assert table[1].split() == [
        "3",
        "face",
        "0:02.8",
        "0:02.8",
        "50-90",
        "middle",
        "(220,170,250,200)",
        "30",
        "0.35",
        "check",
        "open",
    ]
    assert written.read_bytes() == before
    result = piped(written, "--json", "--hide", "2, 4", "--nothing", "3", "--by", "desk 2")
    assert result.returncode == 11
    *objects, total, _ = map(json.loads, result.stdout.splitlines())
    assert [(one["track"], one["answer"], one["covered"]) for one in objects] == [
        (2, "hide", True),
        (3, "nothing", False),
        (4, "hide", True),
        (5, None, False),
    ]
    assert total == {"event": "doubts", "open": 1, "hide": 2, "nothing": 1, "command": total["command"]}
    assert piped(written, "--nothing", "all").returncode == 0
    assert answers(written) == {2: "hide", 3: "nothing", 4: "hide", 5: "nothing"}
    assert piped(written).returncode == 0, "nobody has to be asked any more"


def test_what_cannot_be_answered_is_refused(written: Path, face_clip: Path, piped: Piped) -> None:
    before = written.read_bytes()
    for given, message in (
        (["--hide", "3", "--nothing", "2,3"], "track 3 cannot be both"),
        (["--hide", "three"], "expected track numbers"),
        (["--hide", ""], "expected track numbers"),
        (["--nothing", "77"], "no doubt about track 77"),
        ([face_clip, "--hide", "3"], "was made for another file"),
    ):
        result = piped(written, *given)
        assert result.returncode in (2, 9)
        assert message in result.stderr
    assert written.read_bytes() == before
    written.write_text("{}")
    assert piped(written, "--list").returncode == errors.PlanError.exit_code


def test_a_plan_without_doubts_says_so(written: Path, piped: Piped) -> None:
    plan.write(held().marked(), written)
    result = piped(written)
    assert (result.returncode, result.stdout) == (0, "no doubts in this plan\n")


def test_tracks_with_nobody_around_them_are_doubts_that_are_drawn_once_somebody_says_so() -> None:
    times = [Fraction(i, 25) for i in range(FRAMES)]
    regions = Regions([*rows(4, range(3), (5, 5, 30, 30)), *held().regions.rows()])
    (doubt,) = plan.weakly_found(regions.columns(), {4: Raised.ALONE}, times)
    assert doubt == Doubt(4, 0, 3, Raised.ALONE, (0.0, 0.08))
    made = Plan(ABOUT, regions, doubts=(doubt,))
    assert {region.track for region in made.at(1)} == {0, 1}
    (question,) = questions(made)
    assert not question.covered
    hidden = Plan(ABOUT, regions, doubts=(replace(doubt, answer=Answer.HIDE),))
    assert {region.track for region in hidden.at(1)} == {0, 1, 4}


def test_tracks_of_weak_finds_are_doubts_that_are_drawn() -> None:
    columns = Regions(
        [*rows(4, range(3), (5, 5, 30, 30)), *rows(4, range(9, 12), (5, 5, 30, 30)), *held().regions.rows()]
    )
    times = [Fraction(i, 25) for i in range(FRAMES)]
    weak = {4: Raised.FIND, 7: Raised.FIND}
    assert list(plan.weakly_found(columns.columns(), weak, times)) == [Doubt(4, 0, 12, Raised.FIND, (0.0, 0.44))]
    assert list(plan.weakly_found(Regions([]).columns(), weak, times)) == []
    made = Plan(ABOUT, columns, doubts=(Doubt(4, 0, 12, Raised.FIND),))
    assert {region.track for region in made.at(10)} == {0, 1, 4}
    (question,) = questions(made)
    assert question.box == pytest.approx((5, 5, 30, 30), abs=0.1)


def test_a_lone_weak_find_is_covered_and_asked_about(tmp_path: Path) -> None:
    lit = np.zeros((240, 320, 3), np.uint8)
    lit[100:140, 200:240] = 255
    frames = [np.zeros_like(lit)] * 30 + [lit] * 3 + [np.zeros_like(lit)] * 30
    clip = make_video(tmp_path / "brief.mp4", frames=frames, options={"crf": "12"})
    settings = journalist()
    with open_source(clip) as source:
        made, _ = passes.detect(source, settings, [Bright(score=0.4)], report.sha256(clip))
    (doubt,) = made.doubts
    assert (doubt.raised, doubt.answer) == (Raised.FIND, None)
    assert doubt.seconds == pytest.approx((1.2, 1.2), abs=0.1)
    assert all(region.track == doubt.track for region in made.at(30))
    assert made.at(30)
    assert made.at(0) == made.at(62) == []
    plan.write(made.marked(), tmp_path / "plan.jsonl")
    done = anonymize.render_plan(clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4")
    assert done.verdict == "pass"
    assert [(one["raised"], one["answer"]) for one in done.redacted["doubts"]] == [("find", "")]
    assert read_video(tmp_path / "safe.mp4")[31][100:140, 200:240].max() < 40
