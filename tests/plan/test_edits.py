"""A person's edits of a plan: what each does, and that any of them can be taken back."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymize.data import Grounds, Kind, Region, Shape, Silence, Silencing, Why
from anonymize.errors import UsageError
from anonymize.kinds import Answer, Raised, Topic
from anonymize.plan import About, Plan, Regions
from anonymize.plan.doubts import Doubt
from anonymize.plan.edit_lines import EditLine as Line
from anonymize.plan.edit_lines import History, entry, is_step, step_of
from anonymize.plan.edited import Edited
from anonymize.plan.edits import (
    Arrange,
    Change,
    Draw,
    EditError,
    Hide,
    Judge,
    Merge,
    Place,
    Remove,
    Reply,
    Show,
    Sound,
    Split,
)
from anonymize.plan.model import VisibleTrack, lines
from anonymize.plan.regions import WHYS

FRAMES, WIDTH, HEIGHT = 100, 1280, 720
Track = dict[int, tuple[float, float, float, float]]


def found(
    track: int, first: int, end: int, left: float, every: int = 5, size: float = 14.0
) -> list[tuple[int, int, Region]]:
    """A face that moves right by two pixels a frame, found on every fifth frame."""
    return [
        (
            frame,
            frame + 1,
            Region(
                (left + 2 * frame, 50, left + 2 * frame + size, 50 + size),
                Kind.FACE,
                Why.DETECTED if (frame - first) % every == 0 else Why.INTERPOLATED,
                track,
                Shape.ELLIPSE,
                score=0.7,
            ),
        )
        for frame in range(first, end)
    ]


def base() -> Plan:
    """Two faces, of which one is doubtful, and a zone."""
    zone = [(0, FRAMES, Region((0, 0, 40, 40), Kind.AREA, Why.ZONE))]
    about = About("00", FRAMES, WIDTH, HEIGHT)
    rows = [*found(0, 10, 61, 100), *found(3, 0, FRAMES, 600), *zone]
    return Plan(about, Regions(rows), (), (Doubt(3, 0, FRAMES, Raised.FIND),)).marked()


def boxes(plan: Plan, track: int) -> Track:
    """Frame → box of `track`, as it is drawn."""
    return {i: one.xyxy for i in range(FRAMES) for one in plan.at(i) if one.track == track}


def text(plan: Plan) -> list[str]:
    """The file of a plan."""
    return list(lines(plan))


def edited(*edits: object) -> Plan:
    """The plan after `edits`."""
    made = Edited(base())
    for one in edits:
        made.apply(one)  # type: ignore[arg-type]
    return made.plan()


def test_the_rows_of_a_track_are_its_regions_frame_by_frame():
    def region(x: float, why: Why, score: float) -> Region:
        return Region((x, 0, x + 9, 9), Kind.PLATE, why, 4, Shape.BOX, score=score)

    some = [(7, 10, region(3, Why.MANUAL, 1.0)), (2, 3, region(1, Why.DETECTED, 0.5)), (3, 5, region(2, Why.HELD, 0.2))]
    others = found(0, 0, 20, 100)
    rows = Edited(Plan(About("00", FRAMES, WIDTH, HEIGHT), Regions([*others[:5], *some, *others[5:]]))).rows(4)
    assert rows is not None
    assert rows.frame.tolist() == [2, 3, 4, 7, 8, 9]
    assert rows.xyxy[:, 0].tolist() == [1, 2, 2, 3, 3, 3]
    assert rows.score.tolist() == [0.5, 0.2, 0.2, 1.0, 1.0, 1.0]
    assert [WHYS[why] for why in rows.why] == [Why.DETECTED, Why.HELD, Why.HELD, *[Why.MANUAL] * 3]
    assert rows.anchor.tolist() == [True, False, False, True, True, True]
    assert (rows.kind, rows.shape) == (Kind.PLATE, Shape.BOX)


def test_without_edits_a_plan_stays_the_same():
    plan = base()
    assert text(Edited(plan).plan()) == text(plan)


def test_a_drawn_box_covers_its_frames_and_no_others():
    after = edited(Draw(7, (20, 30), (1266, 706, 1280, 720), Kind.FACE, Shape.ELLIPSE, 25))
    assert boxes(after, 7) == dict.fromkeys(range(20, 30), (1266, 706, 1280, 720))
    assert boxes(after, 0) == boxes(base(), 0)
    assert after.by_hand
    assert [one.why for one in after.at(20) if one.track == 7] == [Why.MANUAL]


def test_a_box_that_is_set_moves_what_lies_between_it_and_its_anchors_by_a_falling_share():
    before = boxes(base(), 0)
    after = boxes(edited(Place(0, 13, ((150, 60, 164, 74),))), 0)
    by = np.array((150, 60, 164, 74)) - before[13]  # found on frames 10 and 15
    for frame, share in {10: 0, 11: 1 / 3, 12: 2 / 3, 13: 1, 14: 1 / 2, 15: 0, 9: None}.items():
        if share is None:
            assert frame not in after
        else:
            assert after[frame] == pytest.approx(np.array(before[frame]) + share * by, abs=0.01), frame
    assert {frame: after[frame] for frame in range(15, 61)} == {frame: before[frame] for frame in range(15, 61)}


def test_a_box_on_an_anchor_moves_both_sides_up_to_the_next_ones():
    before, new = boxes(base(), 0), (100, 100, 120, 120)
    after = boxes(edited(Place(0, 20, (new,))), 0)
    changed = {frame for frame in before if after[frame] != before[frame]}
    assert changed == set(range(16, 25))
    assert after[20] == new


def test_a_drawn_track_with_two_key_frames_moves_in_a_straight_line_and_is_held_outside_them():
    after = boxes(
        edited(
            Draw(7, (10, 50), (0, 0, 10, 10), anchor=20),
            Place(7, 30, ((100, 50, 130, 80),)),
        ),
        7,
    )
    assert after[10] == after[20] == (0, 0, 10, 10)
    assert after[25] == pytest.approx((50, 25, 70, 45))
    assert after[30] == after[49] == (100, 50, 130, 80)


@pytest.mark.parametrize("frame", [0, 99])
def test_a_box_beyond_the_end_of_a_track_continues_it_up_to_there(frame):
    after = boxes(edited(Place(0, frame, ((500, 500, 514, 514),))), 0)
    assert sorted(after) == (list(range(61)) if frame == 0 else list(range(10, 100)))
    assert after[frame] == (500, 500, 514, 514)
    middle = after[5 if frame == 0 else 80]
    near = boxes(base(), 0)[10 if frame == 0 else 60]
    assert middle != near, "it moves towards the box"
    assert all(
        low <= value <= high or high <= value <= low
        for low, value, high in zip(near, middle, after[frame], strict=True)
    )


def test_boxes_that_were_followed_replace_the_track_there():
    new = tuple((300.0 + i, 300.0, 314.0 + i, 314.0) for i in range(20))
    after, before = boxes(edited(Place(0, 30, new)), 0), boxes(base(), 0)
    assert [after[30 + i] for i in range(20)] == [pytest.approx(one) for one in new]
    assert after[25] == before[25]
    assert after[50] == before[50]
    more = boxes(edited(Place(0, 30, new), Place(0, 28, ((0, 0, 14, 14),)), Place(0, 52, ((0, 0, 14, 14),))), 0)
    assert {i for i in after if more[i] != after[i]} == {26, 27, 28, 29, 51, 52, 53, 54}, "their ends are anchors"


@pytest.mark.parametrize(
    ("frames", "left"), [((0, 20), range(20, 61)), ((30, 40), [*range(10, 30), *range(40, 61)]), ((0, 100), [])]
)
def test_frames_that_are_removed_are_gone_and_no_others(frames, left):
    after = edited(Remove(0, frames))
    assert sorted(boxes(after, 0)) == list(left)
    assert boxes(after, 3) == boxes(base(), 3)


@pytest.mark.parametrize(
    "edit", [Remove(0, (20, 30)), Split(0, 30, 9), Place(0, 70, ((500, 500, 514, 514),)), Merge(3, 0)], ids=repr
)
def test_scores_stay_with_their_frames(edit):
    both = [*found(0, 10, 61, 100), *found(3, 0, FRAMES, 600)]
    rows = [(first, end, replace(region, score=first / 100)) for first, end, region in both]
    made = Edited(Plan(About("00", FRAMES, WIDTH, HEIGHT), Regions(rows)).marked())
    made.apply(edit)
    seen = [(i, one.score) for i in range(FRAMES) for one in made.plan().at(i) if one.why is not Why.MANUAL]
    assert len(seen) >= FRAMES
    assert all(score == i / 100 for i, score in seen)


def test_an_edit_is_saved_before_it_holds_and_one_that_cannot_be_saved_changes_nothing():
    made, before, saved = Edited(base()), text(base()), []

    def full() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        made.apply(Remove(0, (20, 30)), full)
    assert (text(made.plan()), made.edits) == (before, [])
    made.apply(Remove(0, (20, 30)), lambda: saved.append(text(made.plan())))
    assert saved == [before]
    assert text(made.plan()) != before


def test_a_split_track_is_two():
    after, before = edited(Split(0, 30, 9)), boxes(base(), 0)
    assert boxes(after, 0) == {frame: box for frame, box in before.items() if frame < 30}
    assert boxes(after, 9) == {frame: box for frame, box in before.items() if frame >= 30}


@pytest.mark.parametrize("frame", [10, 61, 5])
def test_a_track_is_not_split_outside_itself(frame):
    with pytest.raises(EditError, match="does not go on"):
        edited(Split(0, frame, 9))


def test_both_parts_of_a_split_track_keep_what_was_decided():
    after = edited(Show(3, (20, 60), "form 1"), Judge(3, Answer.NOTHING, "a", "t"), Split(3, 40, 9))
    assert after.shown == (
        VisibleTrack(3, 20, 60, Grounds.CONSENT, "form 1"),
        VisibleTrack(9, 20, 60, Grounds.CONSENT, "form 1"),
    )
    assert {(one.track, one.first, one.end, one.answer) for one in after.doubts} == {
        (3, 0, 40, Answer.NOTHING),
        (9, 40, 100, Answer.NOTHING),
    }


def test_a_joined_track_has_the_hull_on_common_frames_and_no_consent():
    after = edited(Show(0, (10, 61), "form 1"), Merge(3, 0))
    before = base()
    assert boxes(after, 0) == {}
    one, other, both = boxes(before, 0), boxes(before, 3), boxes(after, 3)
    assert sorted(both) == list(range(FRAMES))
    assert both[5] == other[5]
    assert both[20] == (one[20][0], 50, other[20][2], 64)
    assert after.shown == ()


def drawn(*tracks: int) -> list[Draw]:
    return [Draw(track, (0, 9), (0, 0, 14, 14)) for track in tracks]


def test_lanes_are_in_one_row_until_one_leaves_it_and_nothing_else_changes():
    made, before = Edited(base()), text(base())
    made.apply(Arrange(3, 0))
    assert made.together() == [[0, 3]]
    assert text(made.plan()) == before
    assert not made.plan().by_hand
    for one in drawn(5, 6, 7):
        made.apply(one)
    made.apply(Arrange(7, 5))
    made.apply(Arrange(7, 3))
    assert made.together() == [[0, 3, 5, 7]], "whoever is in a row comes with it"
    made.apply(Arrange(0))
    assert made.together() == [[3, 5, 7]], "the row goes on without its first one"
    made.apply(Split(5, 4, 8))
    assert made.together() == [[3, 5, 7, 8]], "both parts of a track are in its row"
    made.apply(Arrange(0, 6))
    made.apply(Merge(5, 7))
    assert made.together() == [[0, 6], [3, 5, 8]], "what became a part of another has no lane"
    for _ in range(3):
        made.undo()
    assert made.together() == [[3, 5, 7]]


def test_a_row_is_no_change_of_what_was_found_in_a_report():
    history = History(Edited(base()))
    history.follow(Line(1, Arrange(3, 0)))
    history.follow(Line(2, Remove(0, (10, 12))))
    reviewed = history.plan().reviewed
    assert reviewed is not None
    assert reviewed.changes == {"remove": 1}


def test_what_is_shown_is_not_drawn_on_its_frames_alone():
    after = edited(Show(0, (20, 30), "form 1", 25))
    assert sorted(boxes(after, 0)) == [*range(10, 20), *range(30, 61)]
    assert {one.track for one in after.visible_at(20)} == {0}
    assert boxes(edited(Show(0, (20, 30), "form 1"), Hide(0)), 0) == boxes(base(), 0)


def test_a_head_that_stays_visible_with_a_face_has_its_own_frames_and_the_same_reason_and_version():
    both = Show(0, (20, 30), "form 1", 25, "", "court", Show(3, (22, 40), "form 1", 25, "came near", "court"))
    assert versions(both) == {"": [], "court": [0, 3], "press": []}
    assert versions(both, Hide(0, "court")) == {"": [], "court": [3], "press": []}
    assert versions(both, Hide(0, "court", (3,))) == versions(both, Hide(0, "", (3,))) == versions()
    made = Edited(base())
    made.apply(both)
    shown = sorted(made.plan("court").shown, key=lambda one: one.track)
    assert [(one.track, one.first, one.end, one.reason, one.chosen, one.note) for one in shown] == [
        (0, 20, 30, "form 1", 25, ""),
        (3, 22, 40, "form 1", 25, "came near"),
    ]
    made.undo()
    assert made.plan("court").shown == ()
    for one in (both, Show(0, (20, 30), "form 1", head=Show(3, (0, 9), "form 1")), Hide(0, "court", (3,)), Hide(0)):
        assert step_of(json.loads(json.dumps(entry(Line(1, one))))).edit == one
    alone = Show(3, (10, 12), "form 1", head=Show(3, (40, 42), "form 1"))
    assert [(one.first, one.end) for one in edited(alone).shown] == [(10, 12), (40, 42)]


def versions(*edits: object) -> dict[str, list[int]]:
    """By version, the tracks that stay visible on frame 25."""
    made = Edited(base())
    for one in edits:
        made.apply(one)  # type: ignore[arg-type]
    return {name: sorted({one.track for one in made.plan(name).visible_at(25)}) for name in ("", "court", "press")}


def test_who_stays_visible_in_a_version_is_hidden_in_all_others():
    mine = Show(0, (20, 30), "form 1", version="court")
    assert versions(mine) == {"": [], "court": [0], "press": []}
    everywhere = Show(3, (20, 30), "form 2")
    assert versions(mine, everywhere) == {"": [3], "court": [0, 3], "press": [3]}
    assert versions(mine, everywhere, Hide(3, "press")) == {"": [3], "court": [0, 3], "press": []}
    assert versions(Hide(3, "press"), everywhere) == {"": [3], "court": [3], "press": []}, (
        "what is decided for it holds"
    )
    assert versions(mine, everywhere, Hide(3)) == {"": [], "court": [0], "press": []}
    assert versions(mine, everywhere, Hide(0)) == {"": [3], "court": [3], "press": [3]}, "nowhere any more"
    assert versions(mine, everywhere, Split(0, 24, 9)) == {"": [3], "court": [3, 9], "press": [3]}
    assert versions(mine, Split(0, 24, 9), Hide(9, "court")) == {"": [], "court": [], "press": []}
    assert versions(mine, everywhere, Merge(3, 0)) == {"": [], "court": [], "press": []}


def test_what_is_set_by_hand_is_covered_but_in_the_version_that_shows_its_track():
    made = Edited(base())
    for one in (Place(0, 25, ((300, 300, 314, 314),)), Show(0, (20, 30), "form 1", version="court")):
        made.apply(one)
    for name, there in (("", True), ("court", False), ("press", True)):
        assert (25 in boxes(made.plan(name), 0)) is there
        assert (0 in {one.track for one in made.at(25, name)[0]}) is there
    assert made.versions() == ["court"]
    made.undo()
    assert made.versions() == []
    assert text(made.plan("court")) == text(made.plan())


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a\nb", "..", "a.", " a", "a ", "a" * 41, 7, None])
def test_a_version_is_named_so_that_a_file_can_be(name):
    for line in (
        {"edit": 1, "do": "hide", "track": 0},
        {"edit": 1, "do": "show", "track": 0, "frames": [0, 5], "reason": "a"},
    ):
        with pytest.raises((ValueError, TypeError)):
            step_of({**line, "version": name})
        edit = step_of({**line, "version": "Gericht Süd-2"}).edit
        assert isinstance(edit, Show | Hide)
        assert edit.version == "Gericht Süd-2"


def test_an_answer_leaves_a_track_out_and_hiding_brings_it_back():
    nothing = edited(Judge(0, Answer.NOTHING, "desk", "now"))
    assert boxes(nothing, 0) == {}
    assert [(one.track, one.answer, one.by, one.at) for one in nothing.doubts if one.track == 0] == [
        (0, Answer.NOTHING, "desk", "now")
    ]
    assert boxes(edited(Judge(0, Answer.NOTHING), Judge(0, Answer.HIDE)), 0) == boxes(base(), 0)
    assert edited(Judge(3, Answer.HIDE), Judge(3, None)).doubts == (Doubt(3, 0, FRAMES, Raised.FIND),)


def test_boxes_set_by_hand_are_not_drawn_where_their_track_stays_visible():
    """What a person draws is always covered, so a track that stays visible has no such boxes there."""
    after = edited(Place(0, 25, ((300, 300, 314, 314),)), Show(0, (20, 30), "form 1"))
    assert sorted(boxes(after, 0)) == [*range(10, 20), *range(30, 61)]
    assert boxes(edited(Place(0, 25, ((300, 300, 314, 314),)), Judge(0, Answer.NOTHING)), 0) == {}


def test_two_reasons_to_leave_a_drawn_track_out_leave_it_out_wherever_one_holds():
    after = edited(Draw(4, (0, 8), (0, 0, 14, 14), Kind.FACE), Judge(4, Answer.NOTHING), Show(4, (0, 1), "form 1"))
    assert boxes(after, 4) == {}


def test_a_kind_and_a_shape_can_be_changed():
    after = edited(Change(0, Kind.PLATE, Shape.BOX))
    assert {(one.kind, one.shape) for i in range(FRAMES) for one in after.at(i) if one.track == 0} == {
        (Kind.PLATE, Shape.BOX)
    }


@pytest.mark.parametrize("kind", [Kind.PLATE, Kind.TEXT, Kind.named("screen")])
def test_what_may_be_text_is_a_box_whatever_outline_is_asked_for(kind):
    """An ellipse left the corners of a plate bare."""
    for shape, expected in ((Shape.ELLIPSE, Shape.BOX), (Shape.BOX, Shape.BOX)):
        for edit in (
            Change(0, kind, shape),
            Draw(7, (0, 9), (10, 10, 30, 20), kind, shape),
            Reply(7, Topic.FAINT, 1, (0, 9), Answer.HIDE, ((10, 10, 30, 20),) * 9, kind, shape),
        ):
            line = entry(Line(1, edit))
            assert line["shape"] == expected.value
            assert step_of(line | {"shape": shape.value}).edit == edit, "an older plan has the ellipse in its line"
    assert Draw(7, (0, 9), (0, 0, 9, 9), kind, Shape.POLYGON, polygon=((0, 0), (9, 0), (0, 9))).shape is Shape.POLYGON
    for kind in (Kind.FACE, Kind.HEAD, Kind.PERSON, Kind.AREA):
        assert Change(0, kind, Shape.ELLIPSE).shape is Shape.ELLIPSE


MUTE, BLEEP = Silencing.MUTE, Silencing.BLEEP


@pytest.mark.parametrize(
    ("edits", "silences"),
    [
        ([Sound((2, 3), MUTE)], [(2, 3, MUTE)]),
        ([Sound((2, 3), MUTE), Sound((3, 4), MUTE)], [(2, 4, MUTE)]),
        ([Sound((2, 3), MUTE), Sound((3, 4), BLEEP)], [(2, 3, MUTE), (3, 4, BLEEP)]),
        ([Sound((2, 6), MUTE), Sound((3, 4), BLEEP)], [(2, 3, MUTE), (3, 4, BLEEP), (4, 6, MUTE)]),
        ([Sound((2, 6), MUTE), Sound((3, 4), None)], [(2, 3, MUTE), (4, 6, MUTE)]),
        ([Sound((2, 3), MUTE), Sound((5, 6), BLEEP), Sound((0, 9), None)], []),
        ([Sound((2, 3), MUTE), Sound((5, 6), BLEEP), Sound((2.5, 5.5), MUTE)], [(2, 5.5, MUTE), (5.5, 6, BLEEP)]),
        ([Sound((0, 9), None)], []),
    ],
)
def test_the_sound_is_silent_where_the_last_word_is_that_it_is(edits, silences):
    assert edited(*edits).silences == tuple(Silence(*one) for one in silences)
    assert not edited(*edits).by_hand, "the picture is as it was found"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Sound((3, 3), MUTE), "earlier one first"),
        (Draw(7, (0, 5), (1280, 0, 1290, 9)), "hides nothing"),
        (Draw(7, (0, 5), (-9, -9, 0, 0), boxes=((-9, -9, 0, 0),) * 5), "hides nothing"),
        (Place(0, 20, ((1300, 0, 1314, 14), (1310, 0, 1324, 14))), "hides nothing"),
        (Draw(7, (0, 5), (0, 0, 9, 9), shape=Shape.POLYGON), "a polygon needs its corners"),
        (Draw(7, (0, 5), (0, 0, 9, 9), polygon=((0, 0), (9, 0), (0, 9))), "other shapes have none"),
        (
            Reply(0, Topic.BEGINS, 0, (0, 1), Answer.HIDE, ((0, 0, 9, 9),), shape=Shape.POLYGON),
            "a polygon needs its corners",
        ),
        (Draw(0, (0, 5), (0, 0, 9, 9)), "already"),
        (Draw(7, (0, 101), (0, 0, 9, 9)), "do not lie"),
        (Draw(7, (5, 5), (0, 0, 9, 9)), "do not lie"),
        (Place(7, 0, ((0, 0, 9, 9),)), "no track 7"),
        (Place(0, 99, ((0, 0, 9, 9),) * 2), "do not lie"),
        (Remove(7, (0, 5)), "no track 7"),
        (Split(0, 20, 3), "already"),
        (Merge(0, 0), "itself"),
        (Arrange(0, 0), "in one row"),
        (Arrange(0), "a row of its own"),
        (Arrange(0, 8), "no track 8"),
        (Arrange(8, 0), "no track 8"),
        (Show(0, (0, 101), "form"), "do not lie"),
        (Hide(7), "no track 7"),
        (Hide(0, heads=(7,)), "no track 7"),
        (Show(0, (0, 9), "form", head=Show(7, (0, 9), "form")), "no track 7"),
        (Show(0, (0, 9), "form", head=Show(3, (0, 101), "form")), "do not lie"),
        (Judge(7, Answer.HIDE), "no track 7"),
    ],
)
def test_an_edit_that_does_not_fit_changes_nothing(edit, message):
    made = Edited(base())
    with pytest.raises(EditError, match=message):
        made.apply(edit)
    assert text(made.plan()) == text(base())
    assert not made.edits


def test_a_box_much_smaller_than_its_neighbours_turns_none_of_them_inside_out():
    small = Place(7, 0, ((100, 100, 110, 110), (100, 100, 110, 110), (100, 100, 110, 130)))
    made = edited(Draw(7, (0, 9), (100, 100, 110, 110)), small, Place(7, 2, ((100, 100, 110, 104),)))
    assert all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in boxes(made, 7).values())
    assert boxes(made, 7)[5][3] - boxes(made, 7)[5][1] >= 1


def test_what_a_person_calls_an_area_is_hidden_and_asks_nobody(tmp_path):
    from anonymize.plan import read, write

    after = edited(Change(3, Kind.AREA, Shape.BOX), Place(3, 50, ((1270, 0, 1290, 14),)))
    assert after.doubts == ()
    assert len(boxes(after, 3)) == FRAMES
    with pytest.raises(EditError, match="an area shows nobody"):
        edited(Change(3, Kind.AREA, Shape.BOX), Judge(3, Answer.NOTHING))
    write(after, tmp_path / "p.jsonl")
    assert text(read(tmp_path / "p.jsonl")) == text(after)


def test_a_track_that_is_pushed_out_of_the_picture_ends_there(tmp_path):
    from anonymize.plan import read, write

    gone = edited(Draw(7, (0, 40), (0, 0, 14, 14)), Place(7, 0, ((0, 0, 4, 4), (-30, 0, -20, 4))))
    assert sorted(boxes(gone, 7)) == [0]
    write(gone, tmp_path / "p.jsonl")
    assert text(read(tmp_path / "p.jsonl")) == text(gone)


def by_place(some: list[Region]) -> set[tuple[object, ...]]:
    return {(one.track, one.kind, one.why, one.shape, tuple(round(v, 2) for v in one.xyxy)) for one in some}


@pytest.mark.parametrize("raised", Raised)
def test_before_any_edit_frames_are_as_the_plan_has_them(raised):
    """Whoever stays visible in it, and whatever is doubtful."""
    plan = replace(
        base(),
        shown=(VisibleTrack(0, 20, 40, Grounds.CONSENT, "form 1"),),
        doubts=(Doubt(3, 0, FRAMES // 2, raised), Doubt(0, 50, FRAMES, raised)),
    )
    made = Edited(plan)
    for index in range(FRAMES):
        drawn, left = made.at(index)
        assert by_place(drawn) == by_place(plan.at(index)), index
        assert by_place([*drawn, *left]) == by_place(plan.regions.at(index)), index


def frames(least: int = 1) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(0, FRAMES - least), st.integers(least, FRAMES)).map(
        lambda pair: (pair[0], min(pair[0] + pair[1], FRAMES))
    )


BOX = st.tuples(st.integers(-20, 1200), st.integers(-20, 700), st.integers(1, 200), st.integers(1, 200)).map(
    lambda one: (float(one[0]), float(one[1]), float(one[0] + one[2]), float(one[1] + one[3]))
)
TRACKS = st.sampled_from([0, 3, 4, 5, 6, 7])
VERSIONS = st.sampled_from(["", "", "court"])
EDITS = st.one_of(
    st.builds(Draw, TRACKS, frames(), BOX, st.sampled_from(Kind), st.sampled_from([Shape.BOX, Shape.ELLIPSE])),
    st.builds(
        Draw,
        TRACKS,
        frames(),
        st.just((0.0, 0.0, 50.0, 50.0)),
        st.just(Kind.AREA),
        st.just(Shape.POLYGON),
        st.just(-1),
        st.just(((0.0, 0.0), (50.0, 0.0), (0.0, 50.0))),
    ),
    st.builds(
        lambda track, first, boxes: Draw(track, (first, first + len(boxes)), boxes[0], boxes=boxes),
        TRACKS,
        st.integers(0, FRAMES - 5),
        st.lists(BOX, min_size=1, max_size=4).map(tuple),
    ),
    st.builds(Place, TRACKS, st.integers(0, FRAMES - 1), st.lists(BOX, min_size=1, max_size=4).map(tuple)),
    st.builds(Remove, TRACKS, frames()),
    st.builds(Split, TRACKS, st.integers(0, FRAMES), TRACKS),
    st.builds(Merge, TRACKS, TRACKS),
    st.builds(Change, TRACKS, st.sampled_from(Kind), st.sampled_from(Shape)),
    st.builds(Show, TRACKS, frames(), st.sampled_from(["form 1", "form 2"]), version=VERSIONS),
    st.builds(
        lambda track, head, some, more, version: Show(
            track, some, "form 3", 5, "a", version, Show(head, more, "form 3", 5, "b", version)
        ),
        TRACKS,
        TRACKS,
        frames(),
        frames(),
        VERSIONS,
    ),
    st.builds(Hide, TRACKS, VERSIONS, st.lists(TRACKS, max_size=2).map(tuple)),
    st.builds(
        lambda track, topic, first, answer, boxes: Reply(
            track, topic, track, (first, first + max(len(boxes), 1)), answer, boxes
        ),
        TRACKS,
        st.sampled_from(Topic),
        st.integers(0, FRAMES - 5),
        st.sampled_from(Answer),
        st.lists(BOX, max_size=4).map(tuple),
    ),
    st.builds(Judge, TRACKS, st.sampled_from([None, *Answer])),
    st.builds(Arrange, TRACKS, st.sampled_from([-1, 0, 3, 4, 5, 6, 7])),
    st.builds(Sound, frames().map(lambda pair: (pair[0] / 8, pair[1] / 8)), st.sampled_from([None, *Silencing])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(EDITS, st.sampled_from(["undo", "redo"])), max_size=25))
def test_any_sequence_gives_the_plan_of_the_edits_in_force_also_when_read_again(steps):
    made, written = Edited(base()), list[str]()
    numbers, undone = list[int](), list[int]()
    for number, one in enumerate(steps, 1):
        if isinstance(one, str):
            had = numbers if one == "undo" else undone
            if not had:
                assert (made.undo() if one == "undo" else made.redo()) is None
                continue
            line = Line(had[-1], None, one == "undo")
            (undone if one == "undo" else numbers).append(had.pop())
            assert made.undo() if line.back else made.redo()
        else:
            try:
                made.apply(one)
            except EditError:
                continue
            line, undone = Line(number, one), []
            numbers.append(number)
        written.append(json.dumps(entry(line)))
    fresh = Edited(base())
    for edit in made.edits:
        fresh.apply(edit)
    plainly = Edited(base())
    for edit in (one for one in made.edits if not isinstance(one, Arrange)):
        plainly.apply(edit)
    for name in ("", "court"):
        assert text(fresh.plan(name)) == text(made.plan(name)) == text(plainly.plan(name)), "rows hide nothing"
    assert fresh.together() == made.together()

    again = History(Edited(base()))
    for one in written:
        assert is_step(json.loads(one))
        again.follow(step_of(json.loads(one)))
    assert (again.numbers, again.undone) == (numbers, undone)
    assert again.edited.together() == made.together()
    for name in ("", "court"):
        assert text(again.edited.plan(name)) == text(made.plan(name))
        for index in range(0, FRAMES, 7):
            drawn, left = made.at(index, name)
            assert by_place(drawn) == by_place(made.plan(name).at(index)), index
            assert by_place(left) >= by_place(made.plan(name).visible_at(index))

    while made.undo():
        pass
    assert text(made.plan()) == text(base())


def test_all_that_is_drawn_can_be_read_by_a_plan(tmp_path):
    from anonymize.plan import read, write

    after = edited(
        Draw(7, (20, 30), (0, 0, 9, 9)),
        Judge(0, Answer.NOTHING),
        Show(3, (5, 9), "form 1"),
        Place(3, 7, ((0, 0, 9, 9),)),
        Sound((1.25, 2.5), BLEEP),
    )
    write(after, tmp_path / "plan.jsonl")
    assert text(read(tmp_path / "plan.jsonl")) == text(after)


@pytest.mark.parametrize(
    "line",
    [
        {"edit": 1, "do": "draw", "track": 7, "frames": [0, 5]},
        {"edit": 1, "do": "draw", "track": 7, "frames": [0, 5], "xyxy": [5, 0, 5, 9]},
        {"edit": 1, "do": "draw", "track": 7, "frames": [0, 5], "xyxy": [0, 0, float("nan"), 9]},
        {
            "edit": 1,
            "do": "draw",
            "track": 7,
            "frames": [0, 5],
            "xyxy": [0, 0, 9, 9],
            "polygon": [[0, 0], [9, 0], [0, 9]],
        },
        {"edit": 1, "do": "draw", "track": 7, "frames": [0, 1], "xyxy": [0, 0, 9, 9], "boxes": [[0, 0, 9, 9]]},
        {"edit": 1, "do": "place", "track": 7, "first": 0, "boxes": []},
        {"edit": 1, "do": "fly", "track": 7},
        {"edit": 1, "do": "hide", "track": 7, "wings": 2},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": ""},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": "a\nb"},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": "form", "head": [3]},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": "form", "head": None},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": "form", "head": {"track": 3}},
        {"edit": 1, "do": "show", "track": 7, "frames": [0, 5], "reason": "form", "head": {"frames": [0, 5]}},
        {
            "edit": 1,
            "do": "show",
            "track": 7,
            "frames": [0, 5],
            "reason": "form",
            "head": {"track": 3, "frames": [0, 5], "reason": "another"},
        },
        {"edit": 1, "do": "hide", "track": 7, "heads": 3},
        {"edit": 1, "do": "hide", "track": 7, "heads": ["3"]},
        {"edit": 1, "do": "judge", "track": 7, "answer": "perhaps"},
        {"edit": 1, "do": "sound", "sound": "mute", "seconds": [2, 2]},
        {"edit": 1, "do": "sound", "sound": "mute", "seconds": [-1, 2]},
        {"edit": 1, "do": "sound", "sound": "mute", "seconds": [0, float("inf")]},
        {"edit": 1, "do": "sound", "sound": "mute", "seconds": [0, 2, 4]},
        {"edit": 1, "do": "sound", "sound": "louder", "seconds": [0, 2]},
        {"edit": 1, "do": "sound", "sound": "mute"},
        {"edit": 1, "do": "sound", "sound": "mute", "seconds": [0, 2], "track": 4},
        {"edit": -1, "do": "hide", "track": 7},
        {"undo": 1.5},
        {"redo": True},
        {"undo": 1, "track": 7},
    ],
)
def test_a_malformed_line_is_refused(line):
    with pytest.raises((ValueError, TypeError, KeyError, UsageError)):
        step_of(line)


WELL_FORMED: list[dict[str, Any]] = [
    {"do": "draw", "track": 7, "frames": [0, 5], "xyxy": [0, 0, 9, 9], "kind": "face", "shape": "box", "anchor": 1},
    {"do": "draw", "track": 7, "frames": [0, 5], "polygon": [[0, 0], [9, 0], [0, 9]]},
    {"do": "draw", "track": 7, "frames": [0, 1], "boxes": [[0, 0, 9, 9]]},
    {"do": "place", "track": 0, "first": 0, "boxes": [[0, 0, 9, 9]]},
    {"do": "remove", "track": 0, "frames": [0, 5], "heads": [3]},
    {"do": "split", "track": 0, "frame": 20, "new": 7},
    {"do": "join", "track": 0, "other": 3, "heads": [3]},
    {"do": "change", "track": 0, "kind": "face", "shape": "box"},
    {"do": "show", "track": 0, "frames": [0, 5], "reason": "form", "chosen": 1, "note": "so", "version": "court"},
    {"do": "show", "track": 0, "frames": [0, 5], "reason": "form", "head": {"track": 3, "frames": [0, 5]}},
    {"do": "hide", "track": 0, "version": "court", "heads": [3]},
    {"do": "judge", "track": 0, "answer": "hide"},
    {"do": "sound", "sound": "mute", "seconds": [0, 2]},
    {"do": "reply", "topic": "ends", "track": 0, "of": 0, "frames": [0, 1], "answer": "hide", "boxes": [[0, 0, 9, 9]]},
    {"do": "row", "track": 0, "other": 3},
]
OF_ANY_TYPE: tuple[Any, ...] = (7, -1.5, True, None, "x", "", [], ["a"], [[]], [None, None], {}, {"a": 1})


@pytest.mark.parametrize("line", WELL_FORMED, ids=[f"{one['do']}-{number}" for number, one in enumerate(WELL_FORMED)])
def test_a_value_of_another_type_is_a_malformed_line_and_no_mistake_of_ours(line):
    """A kind that is a number was an internal error."""
    for key in [*line, "by", "at", "edit"]:
        for value in OF_ANY_TYPE:
            with suppress(ValueError, TypeError, KeyError, UsageError):  # each is a message for people
                History(Edited(base())).follow(step_of({"edit": 1, **line, key: value}))


def test_lines_come_in_their_order():
    history = History(Edited(base()))
    history.follow(Line(1, Hide(0)))
    for wrong in (Line(2, None, True), Line(1, None, False), Line(1, Hide(3))):
        with pytest.raises(ValueError, match=r"undo|redo|above 1"):
            history.follow(wrong)
    history.follow(Line(1, None, True))
    assert (history.numbers, history.undone) == ([], [1])


def test_a_number_is_not_used_twice():
    made = Edited(base())
    assert made.unused() == 4
    made.apply(Draw(4, (0, 5), (0, 0, 9, 9)))
    made.undo()
    assert made.unused() == 5, "it may be brought back"


@pytest.mark.parametrize(("how", "word"), [(None, "keep"), (Silencing.MUTE, "mute"), (Silencing.BLEEP, "bleep")])
def test_a_line_about_the_sound_says_how_and_is_read_as_it_was(how: Silencing | None, word: str) -> None:
    line = entry(Line(1, Sound((1.5, 2.0), how)))
    assert (line["sound"], line["seconds"]) == (word, [1.5, 2.0])
    assert step_of(line).edit == Sound((1.5, 2.0), how)
