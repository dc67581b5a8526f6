"""What a person is asked, in which order, and what becomes of the plan when they answer."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anonymize import plan
from anonymize.data import Kind, Region, Shape, Track, Why
from anonymize.kinds import Answer, Raised, Topic
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.plan.edit_lines import EditLine, entry, step_of
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Draw, EditError, Judge, Place, Reply, Show
from anonymize.plan.faint import Faint, uncovered
from anonymize.review.overview import tracks
from anonymize.review.questions import Question, Questions
from anonymize.review.review import Review
from anonymize.settings import Settings
from anonymize.track import outline
from tests.conftest import FRAMES, face_box
from tests.helpers.terminals import Terminal
from tests.review.conftest import ended

LONG = 250
TIMES = [Fraction(i, 25) for i in range(LONG)]
Row = tuple[int, int, Region]


def rows(track: int, first: int, end: int, found: Any = (), at: float = 300.0, score: float = 0.9) -> list[Row]:
    """A face of 40 px that stands still; found on the frames `found`, on every third if none are given."""
    seen = set(found or range(first, end, 3))
    box = (at, 100.0, at + 40, 140.0)

    def why(index: int) -> Why:
        if index in seen:
            return Why.DETECTED
        return Why.INTERPOLATED if min(seen) < index < max(seen) else Why.HELD

    return [(i, i + 1, Region(box, Kind.FACE, why(i), track, Shape.ELLIPSE, score=score)) for i in range(first, end)]


def made(*some: list[Row], doubts: tuple[Doubt, ...] = (), faint: tuple[Faint, ...] = ()) -> Edited:
    about = About("00", LONG, 1280, 720)
    return Edited(Plan(about, Regions(row for one in some for row in one), (), doubts, faint=faint).marked())


def asked(edited: Edited) -> list[Question]:
    asked = Questions(edited, TIMES)
    while asked.more(1):  # as for a page, a few tracks at a time
        assert asked.open() is not None
    assert [one.id for one in asked.open()] == [one.id for one in Questions(edited, TIMES).all().open()]
    return asked.open()


def ids(edited: Edited) -> set[str]:
    return {one.id for one in asked(edited)}


def test_nothing_found_asks_nothing() -> None:
    assert asked(made()) == []


def test_a_track_is_asked_about_at_its_ends_but_not_at_those_of_the_film() -> None:
    assert ids(made(rows(0, 10, 40))) == {"sure-0-10", "begins-0-9", "ends-0-40"}
    assert ids(made(rows(0, 0, LONG))) == {"sure-0-0"}
    assert ids(made(rows(0, 1, LONG - 1))) == {"sure-0-1", "begins-0-0", f"ends-0-{LONG - 1}"}


def test_a_place_that_another_track_covers_is_not_asked_about() -> None:
    assert ids(made(rows(0, 10, 40), rows(1, 35, 60, at=302))) == {"sure-0-10", "begins-0-9", "sure-1-35", "ends-1-60"}


def test_a_pause_of_a_track_is_asked_about_in_its_middle() -> None:
    edited = made(rows(0, 0, 50), rows(0, 100, LONG))
    assert ids(edited) == {"sure-0-0", "gap-0-50"}
    (gap,) = (one for one in asked(edited) if one.topic is Topic.GAP)
    assert (gap.frame, gap.span) == (75, (50, 100))
    assert ids(made(rows(0, 0, 50), rows(0, 50 + 126, LONG))) == {"sure-0-0"}, "longer than five seconds: another visit"


def test_nobody_in_the_middle_of_a_long_hold_uncovers_the_half_that_follows_from_it() -> None:
    edited = made(rows(0, 0, 101, found=range(0, 60, 3)))  # held from 58 to 100
    (held,) = (one for one in asked(edited) if one.topic is Topic.HELD)
    assert (held.span, held.frame) == ((79, 101), 79)
    edited.apply(Reply(0, Topic.HELD, 0, held.span, Answer.NOTHING))
    left = edited.rows(0)
    assert left is not None
    assert left.frame.tolist() == list(range(79))
    assert "ends-0-79" not in ids(edited), "it was just said that nobody is there"
    (again,) = (one for one in asked(edited) if one.topic is Topic.HELD)
    assert again.span == (68, 79)
    edited.undo()
    assert held.id in ids(edited)


def test_nobody_at_the_beginning_of_a_track_or_between_finds_uncovers_only_that() -> None:
    edited = made(rows(0, 0, 60, found=range(30, 60, 3)))
    (held,) = (one for one in asked(edited) if one.topic is Topic.HELD)
    assert held.span == (0, 16)
    edited = made(rows(0, 0, 60, found=(0, 40, 59)))
    middle = {one.span for one in asked(edited) if one.topic is Topic.HELD}
    assert middle == {(10, 31), (45, 55)}


@pytest.mark.parametrize(
    ("rows_of", "frame"),
    [
        ([(0, 40.0, 0.9), (1, 60.0, 0.9), (2, 50.0, 0.9)], 1),  # the largest
        ([(0, 40.0, 0.5), (1, 40.0, 0.9), (2, 40.0, 0.4)], 1),  # the surest
        ([(0, 60.0, 0.3), (1, 40.0, 0.9)], 1),  # somewhat larger and far less sure
        ([(0, 40.0, 0.9), (1, 40.0, 0.9), (2, 40.0, 0.9)], 1),  # the middle one
        ([(0, -1.0, 0.95), (1, 40.0, 0.8)], 1),  # the first is cut off
    ],
)
def test_a_track_is_shown_where_it_shows_best(rows_of: list[tuple[int, float, float]], frame: int) -> None:
    look = Settings().redact.face
    some = []
    for index, side, score in rows_of:
        box = (0.0, 100.0, 45.0, 145.0) if side < 0 else (300.0, 100.0, 300.0 + side, 100.0 + side)
        region = Region(outline(box, look, 1280, 720), Kind.FACE, Why.DETECTED, 0, Shape.ELLIPSE, score=score)
        some.append((index, index + 1, region))
    edited = made(some)
    (row,) = tracks(edited)
    assert row["best"] == frame
    (sure,) = (one for one in asked(edited) if one.topic is Topic.SURE)
    assert sure.frame == frame


def test_what_is_judged_ends_the_questions_about_its_track_and_no_other() -> None:
    edited = made(rows(0, 10, 40), rows(1, 10, 40, at=600))
    edited.apply(Judge(0, Answer.NOTHING))
    assert ids(edited) == {"sure-1-10", "begins-1-9", "ends-1-40"}
    edited.apply(Reply(1, Topic.SURE, 1, (10, 40), Answer.HIDE))
    assert ids(edited) == {"begins-1-9", "ends-1-40"}


def test_an_answer_that_changes_no_region_leaves_the_plan_as_found() -> None:
    edited = made(rows(0, 10, 40), rows(1, 10, 40, at=600))
    edited.apply(Reply(0, Topic.ENDS, 0, (40, 41), Answer.NOTHING))
    edited.apply(Judge(0, Answer.NOTHING))
    assert not edited.plan().by_hand


def test_doubts_that_are_not_covered_come_first_then_what_matters_most() -> None:
    edited = made(
        rows(0, 0, LONG, score=0.3),
        rows(1, 0, 9, at=600, score=0.95),
        rows(2, 0, 9, at=900),
        doubts=(Doubt(2, 0, 9, Raised.CHECK),),
        faint=(Faint(1, Kind.FACE, 100, ((50.0, 50, 80, 80),), 100, 0.45, 3),),
    )
    order = [one.id for one in asked(edited)]
    assert order[0] == "doubt-2-0"
    assert order.index("sure-0-0") < order.index("sure-1-0"), "a weak cover of the whole film before a sure one"
    assert order.index("faint-1-100") < order.index("sure-1-0")


def test_a_faint_find_becomes_a_track_or_is_never_asked_about_again() -> None:
    box = (50.0, 50.0, 80.0, 80.0)
    other = Faint(5, Kind.FACE, 300, (box,), 300, 0.3)
    edited = made(faint=(Faint(4, Kind.FACE, 100, (box, box), 101, 0.3), other))
    assert ids(edited) == {"faint-4-100", "faint-5-300"}
    edited.apply(Reply(-1, Topic.FAINT, 4, (100, 102), Answer.NOTHING))
    assert ids(edited) == {"faint-5-300"}
    assert list(edited.plan().regions.rows()) == []
    assert edited.plan().faint == (other,), "what is drawn asks about it no more"
    edited.undo()
    edited.apply(Reply(0, Topic.FAINT, 4, (90, 92), Answer.HIDE, (box, box)))
    assert [one.id for one in asked(edited) if one.topic is Topic.FAINT] == ["faint-5-300"]
    (region,) = edited.plan().at(91)
    assert (region.xyxy, region.why, region.shape) == (box, Why.MANUAL, Shape.ELLIPSE)


def test_a_faint_find_that_another_answer_covers_is_no_question_any_more() -> None:
    box = (50.0, 50.0, 80.0, 80.0)
    edited = made(faint=tuple(Faint(n, Kind.FACE, 100, (box,), 100, 0.3) for n in (1, 2)))
    edited.apply(Draw(0, (90, 110), (45.0, 45.0, 85.0, 85.0), Kind.FACE, Shape.ELLIPSE))
    assert not any(one.topic is Topic.FAINT for one in asked(edited))
    edited.undo()
    edited.apply(Draw(0, (101, 110), (45.0, 45.0, 85.0, 85.0), Kind.FACE, Shape.ELLIPSE))
    assert {one.number for one in asked(edited) if one.topic is Topic.FAINT} == {1, 2}, "it covers a later frame"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(0, Topic.ENDS, 9, (40, 41), Answer.NOTHING), "no track 9"),
        (Reply(1, Topic.ENDS, 0, (40, 41), Answer.NOTHING), "changes no other"),
        (Reply(0, Topic.ENDS, 0, (40, 42), Answer.HIDE, ((1.0, 1, 9, 9),)), "1 boxes"),
        (Reply(0, Topic.ENDS, 0, (40, LONG + 1), Answer.NOTHING), "do not lie within"),
        (Reply(5, Topic.FAINT, 1, (40, 41), Answer.HIDE, ((1.0, 1, 9, 9),)), "no faint find 1"),
        (Reply(0, Topic.FAINT, 2, (40, 41), Answer.HIDE, ((1.0, 1, 9, 9),)), "is a track 0 already"),
    ],
)
def test_an_answer_that_does_not_fit_changes_nothing(reply: Reply, words: str) -> None:
    edited = made(rows(0, 10, 40), faint=(Faint(2, Kind.FACE, 50, ((50.0, 50, 80, 80),), 50, 0.3),))
    before = list(plan.lines(edited.plan()))
    with pytest.raises(EditError, match=words):
        edited.apply(reply)
    assert list(plan.lines(edited.plan())) == before


@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("topic", Topic)
def test_an_answer_read_back_from_its_line_is_the_same(topic: Topic, answer: Answer) -> None:
    for track, boxes in ((-1, ()), (0, ()), (3, ((1.0, 2.0, 9.0, 9.5),))):
        reply = Reply(track, topic, 7, (4, 5), answer, boxes, Kind.PLATE, Shape.BOX)
        assert step_of(json.loads(json.dumps(entry(EditLine(1, reply))))).edit == reply


def test_faint_finds_that_a_region_covers_are_left_out() -> None:
    def track(first: int, box: tuple[float, ...]) -> Track:
        return Track(
            -1, Kind.FACE, first, np.array([box] * 2, np.float32), np.full(2, 0.3, np.float32), (Why.DETECTED,) * 2
        )

    covered = [(10, 12, (100.0, 100.0, 140.0, 140.0)), (50, 51, (100.0, 100.0, 140.0, 140.0))]
    some = [track(50, (105, 105, 130, 130)), track(10, (105, 105, 130, 130)), track(0, (-30, 5, -2, 30))]
    (one,) = uncovered(some, covered, (1280, 720))
    assert (one.number, one.first, one.finds, one.boxes[0]) == (1, 50, 2, (105, 105, 130, 130))
    assert uncovered([], covered, (1280, 720)) == []


def test_somebody_seen_faintly_once_is_covered_on_every_frame_after_one_answer(face_clip: Path, bare: Path) -> None:
    with Review(face_clip, bare) as review:
        (question,) = review.questions()["questions"]
        changed = review.answer(question["id"], "hide")
        assert review.questions()["answered"] == 1
        with pytest.raises(EditError, match="answered already"):
            review.answer(question["id"], "hide")
    (row,) = changed["tracks"]
    assert (row["first"], row["end"], row["kind"]) == (0, FRAMES, "face")
    after = plan.read(bare)
    for index in range(FRAMES):
        (region,) = after.at(index)
        x0, y0, x1, y1 = face_box(index)
        left, top, right, bottom = region.xyxy
        assert left <= x0 and top <= y0 and right >= x1 and bottom >= y1, index  # noqa: PT018
        assert (right - left) * (bottom - top) < 12 * (x1 - x0) * (y1 - y0)


@pytest.mark.parametrize(("topic", "first", "end"), [("begins", 10, FRAMES), ("ends", 0, 10)])
def test_a_track_goes_on_where_somebody_still_is(
    face_clip: Path, found: Path, bare: Path, topic: str, first: int, end: int
) -> None:
    whole = plan.read(found)
    some = [row for row in whole.regions.rows() if first <= row[0] < end]
    plan.write(Plan(whole.about, Regions(some)).marked(), bare)
    with Review(face_clip, bare) as review:
        one = next(one for one in review.questions()["questions"] if one["topic"] == topic)
        assert one["frame"] == (first - 1 if topic == "begins" else end)
        review.answer(one["id"], "hide")
    after = plan.read(bare)
    for index in range(FRAMES):
        x0, y0, x1, y1 = face_box(index)
        left, top, right, bottom = after.at(index)[0].xyxy
        assert left <= x0 and top <= y0 and right >= x1 and bottom >= y1, index  # noqa: PT018


def test_a_pause_is_filled_where_somebody_is(face_clip: Path, found: Path, bare: Path) -> None:
    whole = plan.read(found)
    plan.write(Plan(whole.about, Regions(row for row in whole.regions.rows() if not 6 <= row[0] < 14)).marked(), bare)
    with Review(face_clip, bare) as review:
        one = next(one for one in review.questions()["questions"] if one["topic"] == "gap")
        assert one["frames"] == [6, 14]
        review.answer(one["id"], "hide")
    after = plan.read(bare)
    for index in range(FRAMES):
        x0, y0, x1, y1 = face_box(index)
        left, top, right, bottom = after.at(index)[0].xyxy
        assert left <= x0 and top <= y0 and right >= x1 and bottom >= y1, index  # noqa: PT018


def test_the_terminal_asks_the_same_questions(face_clip: Path, bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal("doubts", bare, face_clip, "--everything") as terminal:
        terminal.until("1 question, those that matter most first")
        terminal.until("1 left: face, seen faintly")
        terminal.until("h, n, s or q? ")
        terminal.type("why\n")
        terminal.until("h: hide it")
        terminal.type("h\n")
        assert terminal.end() == 0
    assert len(plan.read(bare).at(FRAMES - 1)) == 1
    assert ended("doubts", bare, face_clip, "--everything", "--list") == 2
    assert ended("doubts", bare, "--everything") == 2
    assert "needs SOURCE" in " ".join(capsys.readouterr().err.split())


def head(track: int, first: int, end: int, at: float = 290.0, side: float = 60.0) -> list[Row]:
    """A head around the face that `rows` has, found on every third frame."""
    box = (at, 90.0, at + side, 90.0 + side)
    whys = {0: Why.DETECTED}
    return [
        (i, i + 1, Region(box, Kind.HEAD, whys.get(i % 3, Why.INTERPOLATED), track, Shape.ELLIPSE, score=0.8))
        for i in range(first, end)
    ]


def test_of_a_face_in_its_head_the_head_alone_is_asked_about() -> None:
    """The answer for the face would change nothing, while the head is covered."""
    together = made(rows(0, 0, LONG), head(1, 0, LONG))
    assert ids(together) == {"sure-1-0"}
    together.apply(Judge(1, Answer.NOTHING))
    assert ids(together) == {"sure-0-0"}, "the head is no more"
    together.undo()
    together.apply(Show(1, (0, LONG), "form 12"))
    assert ids(together) == {"sure-0-0"}, "the head stays visible"
    together.undo()
    together.apply(Place(1, 100, ((900.0, 90.0, 960.0, 150.0),)))
    assert ids(together) == {"sure-0-0", "sure-1-0"}, "the head was moved away"
    undrawn = Doubt(1, 0, LONG, Raised.ALONE)
    assert "sure-0-0" in ids(made(rows(0, 0, LONG), head(1, 0, LONG), doubts=(undrawn,))), "the head is not covered"
    doubtful = Doubt(0, 0, LONG, Raised.FIND)
    assert ids(made(rows(0, 0, LONG), head(1, 0, LONG), doubts=(doubtful,))) == {"doubt-0-0", "sure-1-0"}, (
        "a doubt of the plan"
    )


def test_a_face_that_is_somewhere_in_no_head_is_asked_about() -> None:
    assert ids(made(rows(0, 0, LONG), head(1, 0, LONG - 40))) >= {"sure-0-0"}
    assert ids(made(rows(0, 0, LONG), head(1, 0, LONG, at=320))) >= {"sure-0-0"}
    assert ids(made(rows(0, 0, LONG), rows(1, 0, LONG, at=301))) >= {"sure-0-0", "sure-1-0"}, "it is no head"
    assert ids(made(rows(0, 0, LONG), head(1, 0, 130), head(2, 120, LONG))) == {"sure-1-0", "sure-2-120"}, "in two"
