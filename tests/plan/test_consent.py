"""Who stays visible: one track, as long as nobody can be taken for them; and things in zones that are left alone."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from anonymize import plan
from anonymize.data import Box, Detections, Grounds, Kind, Region, Track, Why
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Answer, Raised
from anonymize.plan import About, Plan, Regions, VisibleTrack, consent
from anonymize.plan.compose import compose
from anonymize.plan.doubts import Doubt
from anonymize.plan.paths import SEEN_WITHIN, TrackPaths
from anonymize.report import account
from anonymize.report.meaning import covering, crossing
from anonymize.settings import Person, Settings
from anonymize.text.mapping import from_mapping

SIZE = (400, 200)
FRAMES = 60
TIMES = [Fraction(i, 10) for i in range(FRAMES)]
"""Ten frames a second, of which every one is looked at."""
EVERYWHERE = [[0, 0], [400, 0], [400, 200], [0, 200]]


def settings(**values: object) -> Settings:
    return from_mapping(Settings, values, Settings())


def track(
    number: int,
    centres: Mapping[int, tuple[float, float]],
    side: float = 20,
    unseen: range | tuple[int, ...] = (),
    kind: Kind = Kind.FACE,
    score: float = 0.9,
) -> Track:
    """A track on the frames of `centres`, which are consecutive; inferred on those in `unseen`."""
    half = side / 2
    boxes = np.array([[x - half, y - half, x + half, y + half] for x, y in centres.values()], np.float32)
    why = tuple(Why.INTERPOLATED if i in unseen else Why.DETECTED for i in centres)
    return Track(number, kind, min(centres), boxes, np.full(len(boxes), score, np.float32), why)


def still(number: int, place: tuple[float, float], frames: range = range(FRAMES), **more) -> Track:
    return track(number, dict.fromkeys(frames, place), **more)


def walking(number: int, start: float, step: float, frames: range = range(FRAMES), y: float = 100, **more) -> Track:
    return track(number, {i: (start + step * i, y) for i in frames}, **more)


def made(*tracks: Track, wanted: Settings | None = None, times=TIMES) -> Plan:
    about = About("0" * 64, len(times), *SIZE)
    rows = compose(tracks, times, times, (), SIZE, wanted or Settings())
    return Plan(about, Regions(rows))


def shown(*tracks: Track, times=TIMES, **wanted: object) -> Plan:
    chosen = settings(**wanted)
    return consent.visible(made(*tracks, wanted=chosen, times=times), times, chosen, "film.mp4")


def person(**values: object) -> dict[str, object]:
    return {"reason": "form 12", **values}


def visible_frames(done: Plan, number: int) -> list[int]:
    """The frames on which track `number` is not drawn."""
    frames = [i for i in range(FRAMES) if number in {region.track for region in done.visible_at(i)}]
    for i in range(FRAMES):
        everybody = [*done.at(i), *done.visible_at(i)]
        assert sorted(region.track for region in everybody) == sorted(r.track for r in done.regions.at(i))
    return frames


def test_a_person_is_chosen_by_a_point_and_a_time_and_everybody_else_is_drawn():
    done = shown(still(0, (50, 100)), still(1, (200, 100)), show_persons=[person(point=[52, 95], at=2)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert all({region.track for region in done.at(i)} == {1} for i in range(FRAMES))
    assert done.shown == (VisibleTrack(0, 0, FRAMES, Grounds.CONSENT, "form 12", 20),)


def test_a_person_is_chosen_by_number_where_it_is_the_same_one_from_beginning_to_end():
    done = shown(still(0, (50, 100)), still(1, (200, 100)), show_persons=[person(track=1)])
    assert visible_frames(done, 1) == list(range(FRAMES))
    assert {region.track for region in done.at(0)} == {0}


def test_at_a_crossing_consent_ends_for_whoever_was_chosen_and_passes_to_nobody():
    """The two pass through one another at frame 30, and the tracks are swapped, as a tracker may do."""
    one = {i: (50 + 5 * i, 100) if i < 30 else (350 - 5 * i, 100) for i in range(FRAMES)}
    other = {i: (350 - 5 * i, 100) if i < 30 else (50 + 5 * i, 100) for i in range(FRAMES)}
    done = shown(track(0, one), track(1, other), show_persons=[person(point=[100, 100], at=1)])
    frames = visible_frames(done, 0)
    assert frames == list(range(frames[-1] + 1))
    assert 25 <= frames[-1] < 29
    assert "face 1 came near" in done.shown[0].note
    for i in range(28, FRAMES):
        assert {region.track for region in done.at(i)} == {0, 1}


def test_both_may_be_chosen_and_both_are_hidden_where_they_cross():
    people = [person(point=[100, 100], at=1), person(point=[300, 100], at=1)]
    done = shown(walking(0, 50, 5), walking(1, 350, -5), show_persons=people)
    assert {region.track for region in done.at(30)} == {0, 1}
    assert done.at(10) == []


def test_chosen_again_after_the_crossing_it_is_visible_again():
    people = [person(point=[100, 100], at=1), person(point=[300, 100], at=5)]
    done = shown(walking(0, 50, 5), walking(1, 350, -5), show_persons=people)
    frames = visible_frames(done, 0)
    assert {10, 50} <= set(frames)
    assert not {29, 30, 31} & set(frames)


def test_who_was_not_seen_for_a_while_may_be_somebody_else_afterwards():
    done = shown(still(0, (50, 100), unseen=range(20, 40)), show_persons=[person(point=[50, 100], at=1)])
    frames = visible_frames(done, 0)
    assert frames == list(range(frames[-1] + 1))
    assert 20 <= frames[-1] <= 23
    assert "not seen for too long" in done.shown[0].note


def test_one_who_sits_beside_another_can_be_chosen_and_not_where_their_heads_nearly_touch():
    done = shown(still(0, (50, 100)), still(1, (80, 100)), show_persons=[person(track=0)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    with pytest.raises(UsageError, match="No moment of it can be chosen"):
        shown(still(0, (50, 100)), still(1, (74, 100)), show_persons=[person(track=0)])


def test_a_faint_find_beside_a_person_counts_where_a_detection_missed_that_person():
    """Hands before a face are found faintly: they are drawn, and the consent goes on; but not when in doubt."""
    hands = still(1, (50, 112), score=0.3)
    done = shown(still(0, (50, 100)), hands, show_persons=[person(point=[50, 105], at=1)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert visible_frames(done, 1) == []
    done = shown(still(0, (50, 100), unseen=(30, 31)), hands, show_persons=[person(point=[50, 100], at=1)])
    assert visible_frames(done, 0) == list(range(30))


def test_between_two_detections_that_found_a_person_no_detection_missed_that_person():
    """Every third frame is looked at; what is faintly found beside the person ends no consent, but for a wide gap."""
    hands, looked = still(1, (50, 112), range(58), score=0.3), range(0, 58, 3)
    who = {"show_persons": [person(point=[50, 105], at=1.2)], "times": TIMES[:58]}
    between = tuple(i for i in range(58) if i not in looked)
    done = shown(still(0, (50, 100), range(58), unseen=between), hands, **who)
    assert [i for i in range(58) if 0 in {one.track for one in done.visible_at(i)}] == list(range(58))
    done = shown(still(0, (50, 100), range(58), unseen=(*between, 33)), hands, **who)
    assert [i for i in range(58) if 0 in {one.track for one in done.visible_at(i)}] == list(range(31))


def test_what_overlaps_a_visible_track_is_drawn_whole():
    """Another find or a hand-drawn region: no pixel of it is opened."""
    plate = still(1, (52, 100), kind=Kind.PLATE)
    done = shown(still(0, (50, 100)), plate, show_persons=[person(point=[50, 100], at=1)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert all(region in done.at(10) for region in done.regions.at(10) if region.track == 1)
    by_hand = Region((40.0, 90.0, 60.0, 110.0), Kind.FACE, Why.MANUAL, track=0)
    drawn = Plan(done.about, Regions([*done.regions.rows(), (5, 6, by_hand)]), done.shown)
    assert [region.why for region in drawn.at(5) if region.track == 0] == [Why.MANUAL]


BOTH = ["faces", "heads", "plates"]


def test_with_a_face_chosen_by_a_point_its_head_is_visible_and_no_other() -> None:
    face, head = still(0, (50, 100)), still(1, (50, 98), side=36, kind=Kind.HEAD)
    stranger = still(2, (200, 100), side=36, kind=Kind.HEAD)
    done = shown(face, head, stranger, targets=BOTH, show_persons=[person(point=[50, 100], at=1)])
    assert visible_frames(done, 0) == visible_frames(done, 1) == list(range(FRAMES))
    assert visible_frames(done, 2) == []


@pytest.mark.parametrize("at", [{"at": 3}, {}])
def test_with_a_face_chosen_by_its_number_its_head_is_visible_and_with_a_head_no_face(at: dict[str, object]) -> None:
    """Without a time: a head that is found later than the face, too."""
    face, stranger = still(0, (50, 100)), still(2, (200, 100), side=36, kind=Kind.HEAD)
    head = still(1, (50, 98), range(20, FRAMES), side=36, kind=Kind.HEAD)
    done = shown(face, head, stranger, targets=BOTH, show_persons=[person(track=0, **at)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert visible_frames(done, 1) == list(range(20, FRAMES))
    assert visible_frames(done, 2) == []
    passing = still(3, (50, 98), range(10), side=36, kind=Kind.HEAD)
    unclear = shown(face, head, passing, targets=BOTH, show_persons=[person(track=0)])
    assert visible_frames(unclear, 3) == visible_frames(unclear, 1) == [], "one of them may be another's"
    alone = shown(face, head, targets=BOTH, show_persons=[person(track=1, **at)])
    assert visible_frames(alone, 0) == []
    assert visible_frames(alone, 1) == list(range(20, FRAMES))


@pytest.mark.parametrize(
    "heads",
    [
        [still(1, (50, 98), side=60, kind=Kind.HEAD)],
        [still(1, (72, 98), side=40, kind=Kind.HEAD)],
        [still(i, (50, 98 + i), side=36, kind=Kind.HEAD) for i in (1, 2)],
        [walking(1, 50, 12, range(20, 25), y=98, side=36, kind=Kind.HEAD, unseen=range(20, 25))],
    ],
    ids=["as large as a person", "of one beside", "two of them", "never found"],
)
def test_a_head_that_may_be_anothers_stays_covered(heads: list[Track]) -> None:
    done = shown(still(0, (50, 100)), *heads, targets=BOTH, show_persons=[person(point=[50, 100], at=1)])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert all(visible_frames(done, head.id) == [] for head in heads)


def test_a_consent_to_a_face_that_is_withdrawn_was_one_to_the_heads_around_it_given_for_the_same_reason() -> None:
    face, later = still(0, (50, 100)), still(4, (50, 98), range(40, FRAMES), side=36, kind=Kind.HEAD)
    head = still(1, (50, 98), range(20), side=36, kind=Kind.HEAD)
    stranger, plate = still(2, (200, 100), side=36, kind=Kind.HEAD), still(3, (50, 100), side=30, kind=Kind.PLATE)
    some = [VisibleTrack(one, 0, FRAMES, Grounds.CONSENT, "form 12") for one in range(5)]
    done = replace(made(face, later, head, stranger, plate), shown=tuple(some))
    assert consent.heads_shown_with(done, TIMES, 0) == [1, 4]
    assert consent.heads_shown_with(done, TIMES, 1) == consent.heads_shown_with(done, TIMES, 9) == []
    other = replace(done, shown=(*some[:4], replace(some[4], reason="form 13")))
    assert consent.heads_shown_with(other, TIMES, 0) == [1]
    outside = replace(done, shown=tuple(VisibleTrack(one, 0, FRAMES, Grounds.SPAN) for one in range(5)))
    assert consent.heads_shown_with(outside, TIMES, 0) == []


def test_a_head_is_covered_again_where_another_comes_near() -> None:
    head, other = still(1, (50, 98), side=36, kind=Kind.HEAD), walking(2, 350, -6, y=98, side=36, kind=Kind.HEAD)
    done = shown(still(0, (50, 100)), head, other, targets=BOTH, show_persons=[person(point=[50, 100], at=0)])
    assert 0 in visible_frames(done, 1)
    assert FRAMES - 1 not in visible_frames(done, 1)
    assert visible_frames(done, 2) == []


PAIR = {
    "face": [(456.33, 153.47, 511.39, 220.69), (407.38, 172.73, 461.73, 234.0)],
    "head": [(455.23, 136.33, 513.94, 218.0), (404.7, 160.13, 466.13, 237.06)],
    "person": [(335.98, 95.56, 579.21, 712.8)],
}
"""What was found in a photo in which one box of a person holds two who stand side by side."""


def of_pair(*found: tuple[str, int], targets: list[str], moving: Mapping[int, float] | None = None) -> Plan:
    """Those found, each by kind and place in `PAIR`, on every frame; the place of each in `found` is its number.

    `moving` says by how many pixels a frame a track comes from the right; it arrives with the last frame.
    """
    about = About("0" * 64, FRAMES, 853, 1280, settings(targets=targets))
    rows = []
    for number, (kind, place) in enumerate(found):
        x0, y0, x1, y1 = PAIR[kind][place]
        for i in range(FRAMES):
            by = (moving or {}).get(number, 0) * (FRAMES - 1 - i)
            box = (x0 + by, y0, x1 + by, y1)
            rows.append((i, i + 1, Region(box, Kind.named(kind), Why.DETECTED, number, score=0.9)))
    return Plan(about, Regions(rows))


def chosen_in(plan: Plan, at: float = 1, number: int = 0) -> VisibleTrack:
    one = Person("form 12", track=number, at=Fraction(at))
    (done,) = consent.visible(plan, TIMES, plan.about.settings, "film.mp4", [one]).shown
    return done


@pytest.mark.parametrize(
    "others",
    [
        [("head", 0), ("head", 1)],
        [("face", 0), ("face", 1)],
        [("head", 0), ("face", 1)],
        [("head", 0), ("head", 1), ("face", 0), ("face", 1)],
    ],
    ids=["heads", "faces", "the head of one and the face of the other", "both"],
)
def test_a_person_in_whose_box_are_two_people_is_not_left_visible(others: list[tuple[str, int]]):
    """Consent of one uncovered a stranger who stood beside them."""
    plan = of_pair(("person", 0), *others, targets=["faces", "heads", "persons"])
    with pytest.raises(UsageError, match=r"person 0 cannot be left visible .*: 2 people are in its box"):
        chosen_in(plan)
    by_number = Person("form 12", track=0)
    with pytest.raises(UsageError, match="2 people are in its box"):
        consent.visible(plan, TIMES, plan.about.settings, "film.mp4", [by_number])
    of_nobody = replace(
        plan, doubts=tuple(Doubt(i, 0, FRAMES, Raised.FIND, answer=Answer.NOTHING) for i in (1, 2, 3, 4))
    )
    assert chosen_in(of_nobody).end == FRAMES, "a person said that these show nobody"


@pytest.mark.parametrize("others", [[], [("head", 0)], [("face", 0)], [("head", 0), ("face", 0)]])
def test_a_person_alone_in_their_box_is_left_visible(others: list[tuple[str, int]]):
    for step in (0, 8):  # standing, and walking
        walking_on = dict.fromkeys(range(3), step)
        plan = of_pair(("person", 0), *others, targets=["faces", "heads", "persons"], moving=walking_on)
        done = chosen_in(plan)
        assert (done.first, done.end, done.note) == (0, FRAMES, "")


def test_two_faces_in_the_box_of_one_head_are_two_people():
    plan = of_pair(("person", 0), ("head", 0), ("face", 0), ("face", 0), targets=["faces", "heads", "persons"])
    with pytest.raises(UsageError, match="2 people are in its box"):
        chosen_in(plan)


@pytest.mark.parametrize("kind", ["head", "face"])
def test_a_person_is_covered_again_where_somebody_comes_into_their_box(kind: str):
    plan = of_pair(("person", 0), (kind, 1), (kind, 0), targets=[f"{kind}s", "persons"], moving={2: 10.0})
    done = chosen_in(plan)
    middle = (PAIR[kind][0][0] + PAIR[kind][0][2]) / 2 - sum(PAIR["person"][0][::2]) / 2
    width = (PAIR["person"][0][2] - PAIR["person"][0][0]) / 1.2  # as found, before it was padded
    comes = FRAMES - 1 - int((width / 2 - middle) // 10)
    assert (done.first, done.end) == (0, comes)
    assert done.note == f"hidden from 0:0{float(TIMES[comes]):g} on: 2 people are in its box"
    with pytest.raises(UsageError, match=r"2 people are in its box.*Choose a moment, as 0@TIME, from: 0:00 to"):
        chosen_in(plan, at=5.9)


def test_who_is_in_a_persons_box_is_not_known_where_neither_faces_nor_heads_were_looked_for():
    plan = of_pair(("person", 0), targets=["persons", "plates"])
    with pytest.raises(UsageError, match=r"neither faces nor heads were looked for.* --targets persons,heads"):
        chosen_in(plan)
    before = replace(plan, shown=(VisibleTrack(0, 0, FRAMES, Grounds.CONSENT, "form 12", 10),))
    assert consent.still_visible(before, before, TIMES, plan.about.settings).shown == ()
    assert chosen_in(of_pair(("person", 0), targets=["persons", "faces"])).end == FRAMES
    assert chosen_in(of_pair(("face", 0), targets=["persons"])).end == FRAMES


def test_a_face_drawn_by_hand_in_a_persons_box_is_somebody():
    plan = of_pair(("person", 0), ("head", 0), targets=["heads", "persons"])
    by_hand = Region(PAIR["face"][1], Kind.FACE, Why.MANUAL)
    drawn = replace(plan, regions=Regions([*plan.regions.rows(), (30, 40, by_hand)]))
    assert chosen_in(drawn).end == 30


def test_a_head_that_repair_adds_in_a_persons_box_ends_the_consent():
    before = of_pair(("person", 0), ("head", 0), targets=["heads", "persons"])
    before = replace(before, shown=(chosen_in(before),))
    rows = of_pair(("person", 0), ("head", 0), ("head", 1), targets=["heads", "persons"]).regions.rows()
    after = replace(before, regions=Regions(row for row in rows if row[2].track < 2 or row[0] >= 20))
    (left,) = consent.still_visible(before, after, TIMES, before.about.settings).shown
    assert (left.first, left.end) == (0, 20)


def test_a_poster_of_several_people_in_a_zone_stays_visible():
    plan = of_pair(("person", 0), ("head", 0), ("head", 1), targets=["heads", "persons"])
    poster = {"polygon": [[0, 0], [853, 0], [853, 1280], [0, 1280]]}
    wanted = replace(plan.about.settings, spared=settings(spared=[poster]).spared)
    done = consent.visible(plan, TIMES, wanted, "film.mp4")
    assert (0, FRAMES) in [(one.first, one.end) for one in done.shown if one.track == 0]
    assert consent.still_visible(done, done, TIMES, wanted).shown == done.shown


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"point": [120, 100], "at": 1}, r"no face was found there at 0:01 \(frame 10\).*face 0 in 40,90,60,110"),
        ({"point": [213, 100], "at": 1}, r"2 people are there.*face 1 in 190,.*face 2 in 215,"),
        ({"point": [50, 100], "at": 99}, "no frame is shown then: its last frame is shown at 0:05.9"),
        ({"point": [50, 100]}, "expected a time as well, such as 50,100@0:02"),
        ({"track": 9}, "there is no track 9; there are: 0, 1, 2, 3"),
        (
            {"track": 3},
            r"from beginning to end. Choose a moment, as 3@TIME, from: 0:00 to 0:01.2, 0:03.7 to",
        ),
        ({"track": 3, "at": 2.5}, "cannot be left visible at 0:02.5 .*: no detection found it for too long"),
        ({"point": [300, 150], "at": 1}, "no face was found there.* There: face 2 in .*, face 1 in .*, face 0 in "),
    ],
)
def test_who_cannot_be_chosen_is_refused_with_what_is_there(chosen: dict[str, object], words: str):
    tracks = [
        still(0, (50, 100)), still(1, (200, 100)), still(2, (225, 100)),
        still(3, (50, 30), unseen=range(10, 40)), still(4, (300, 150), kind=Kind.PLATE),
    ]  # fmt: skip
    with pytest.raises(UsageError, match=words):
        shown(*tracks, show_persons=[person(**chosen)])


@pytest.mark.parametrize(
    ("at", "words"), [({"at": 99}, "no frame is shown then"), ({}, "expected a time"), ({"at": 5}, ""), ({"at": 0}, "")]
)
def test_a_time_that_no_frame_has_is_refused_before_anybody_is_looked_for(at: dict[str, object], words: str):
    asked = settings(show_persons=[person(point=[50, 100], **at)])
    if not words:
        consent.refuse_unmet(TIMES, asked, "film.mp4")
        return
    with pytest.raises(UsageError, match=words):
        consent.refuse_unmet(TIMES, asked, "film.mp4")


def test_in_a_picture_a_point_needs_no_time():
    one = [Fraction(0)]
    done = shown(still(0, (50, 100), range(1)), times=one, show_persons=[person(point=[50, 100])])
    assert done.at(0) == []


def test_a_reason_is_a_must_and_is_one_line():
    for reason in ("", "  ", "a\nb", "x" * 300):
        with pytest.raises(UsageError, match="reason"):
            Person(reason, track=1)
    with pytest.raises(UsageError, match="either by a point or by a track"):
        Person("form 12")


# zones that are left alone


def test_a_poster_in_a_zone_stays_visible_and_whoever_walks_in_is_covered():
    poster, passer = still(0, (100, 40)), walking(1, 20, 5, y=150)
    done = shown(poster, passer, spared=[{"polygon": EVERYWHERE}])
    assert visible_frames(done, 0) == list(range(FRAMES))
    assert visible_frames(done, 1) == []
    assert done.shown[0].grounds is Grounds.ZONE


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(walking(1, 100, 0.05), id="moves a little"),
        pytest.param(still(1, (100, 100), range(3, FRAMES)), id="was not there at first"),
        pytest.param(still(1, (100, 100), range(15)), id="is soon gone"),
        pytest.param(still(1, (100, 100), range(20)), id="is gone a frame too soon"),
        pytest.param(track(1, dict.fromkeys(range(FRAMES), (100, 100)) | {40: (112, 100)}), id="moves late"),
        pytest.param(still(1, (100, 100), unseen=range(FRAMES)), id="was never seen"),
    ],
)
def test_what_may_be_a_person_in_a_zone_is_covered(who: Track):
    assert visible_frames(shown(who, spared=[{"polygon": EVERYWHERE}]), 1) == []


def test_a_thing_that_lasts_for_two_seconds_stays_visible():
    done = shown(still(1, (100, 100), range(21)), spared=[{"polygon": EVERYWHERE}])
    assert visible_frames(done, 1) == list(range(21))


def test_a_poster_that_somebody_stands_before_is_covered_from_then_on():
    passer = walking(1, 350, -5)
    frames = visible_frames(shown(still(0, (100, 100)), passer, spared=[{"polygon": EVERYWHERE}]), 0)
    assert 40 < frames[-1] < 50
    assert frames == list(range(frames[-1] + 1))


def test_a_zone_holds_in_its_place_and_time_alone():
    left = [[0, 0], [200, 0], [200, 200], [0, 200]]
    zone = {"polygon": left, "span": {"start": 1, "end": 4}}
    done = shown(still(0, (100, 100)), still(1, (300, 100)), spared=[zone])
    assert visible_frames(done, 0) == list(range(10, 40))
    assert visible_frames(done, 1) == []


def test_outside_the_spans_of_finds_all_tracks_stay_visible_and_are_named():
    done = shown(walking(0, 50, 5), walking(1, 350, -5), only=[{"start": 2, "end": 3}])
    assert visible_frames(done, 0) == visible_frames(done, 1) == [*range(20), *range(30, FRAMES)]
    assert {(one.track, one.first, one.end, one.grounds) for one in done.shown} == {
        (number, first, end, Grounds.SPAN) for number in (0, 1) for first, end in ((0, 20), (30, FRAMES))
    }


def test_what_covers_one_who_stays_visible_is_named_with_those_on_most_frames_first():
    faint = {"score": 0.3}
    others = [still(1, (50, 106), range(10, 20), **faint), still(2, (50, 95), range(15, 50), **faint)]
    done = shown(still(0, (50, 100)), *others, still(3, (350, 100)), show_persons=[person(track=0)])
    (told,) = account(done, TIMES)["visible"]
    assert (told["track"], told["frames"], told["covered"], told["covered_by"]) == (0, FRAMES, 40, [2, 1])
    assert covering(told) == "tracks 2 and 1 cover it"
    assert covering({"covered_by": [7]}) == "track 7 covers it"
    assert covering({"covered_by": [7, 8, 9]}) == "tracks 7, 8 and 9 cover it"
    assert (told["partly"], told["partly_by"]) == (0, [])
    (alone,) = account(shown(still(0, (50, 100)), show_persons=[person(track=0)]), TIMES)["visible"]
    assert (alone["covered"], alone["covered_by"]) == (0, [])
    zone = {"polygon": [[0, 0], [60, 0], [60, 200], [0, 200]]}
    (zoned,) = account(shown(still(0, (50, 100)), show_persons=[person(track=0)], zones=[zone]), TIMES)["visible"]
    assert (zoned["covered"], zoned["covered_by"]) == (FRAMES, [])
    assert covering(zoned) == "what was not found as a track covers it"


def test_what_is_drawn_over_parts_of_a_person_who_stays_visible_is_named():
    """Who chose a person as a whole was not told that their face and head stay covered."""
    found = [("person", 0), ("face", 0), ("head", 0)]
    plan = of_pair(*found, targets=["faces", "heads", "persons"], moving={2: 8.0})
    done = replace(plan, shown=(VisibleTrack(0, 0, FRAMES, Grounds.CONSENT, "form 12"),))
    (told,) = account(done, TIMES)["visible"]
    assert (told["covered"], told["partly"], told["partly_by"]) == (0, FRAMES, [1, 2])
    assert crossing(told) == "tracks 1 and 2 are drawn over parts of it"
    assert crossing({"partly_by": [1]}) == "track 1 is drawn over a part of it"
    assert crossing({"partly_by": []}) == "what was not found as a track is drawn over a part of it"
    beside = of_pair(("person", 0), ("head", 0), targets=["heads", "persons"], moving={1: 40.0})
    (told,) = account(replace(beside, shown=done.shown), TIMES)["visible"]
    assert told["partly"] == 1 + int((579.21 - 455.23 - 0.1 * (513.94 - 455.23)) // 40)


# what verification expects


def finds(*boxes: Box, score: float = 0.9) -> Detections:
    return Detections(
        np.array(boxes, np.float32), np.full(len(boxes), score, np.float32), np.zeros(len(boxes), np.int8)
    )


def test_one_find_for_each_visible_track_is_expected_the_one_that_fits_best():
    done = shown(still(0, (50, 100)), show_persons=[person(track=0)])
    there = done.visible_at(5)
    expected = consent.expected(finds((40, 90, 60, 110), (44, 94, 64, 114)), there, done.about.redact, SIZE)
    assert expected.tolist() == [True, False]
    expected = consent.expected(finds((46, 96, 66, 116), (40, 90, 60, 110)), there, done.about.redact, SIZE)
    assert expected.tolist() == [False, True]


@pytest.mark.parametrize("box", [(100, 90, 120, 110), (58, 90, 78, 110), (20, 60, 80, 140), (47, 97, 53, 103)])
def test_who_stands_elsewhere_or_is_of_another_size_is_not_expected(box: Box):
    done = shown(still(0, (50, 100)), show_persons=[person(track=0)])
    assert not consent.expected(finds(box), done.visible_at(5), done.about.redact, SIZE).any()


@pytest.mark.parametrize("border", ["left", "top", "right", "bottom"])
def test_at_a_border_all_finds_of_who_leaves_are_expected_and_others_are_not(border):
    """A hand and a cheek, where a detector sees half of a head: a doubt was raised on who had agreed."""

    def at(along: float, until: float, depth: float, beyond: float = 6) -> Box:
        """A box along the border, reaching so far in and so far `beyond`."""
        return {
            "left": (-beyond, along, depth, until),
            "top": (along, -beyond, until, depth),
            "right": (400 - depth, along, 400 + beyond, until),
            "bottom": (along, 200 - depth, until, 200 + beyond),
        }[border]

    def meant(depth: float, *boxes: Box) -> list[bool]:
        """Which of `boxes` are of a head of 20 pixels that is so deep in the picture."""
        x0, y0, x1, y1 = at(90, 110, depth, 20 - depth)
        done = shown(still(0, ((x0 + x1) / 2, (y0 + y1) / 2)), show_persons=[person(track=0)])
        hidden: list[bool] = consent.expected(finds(*boxes), done.visible_at(5), done.about.redact, SIZE).tolist()
        return hidden

    cheek, hand = at(91, 109, 9), at(100, 116, 10)
    assert meant(8, cheek, hand) == [True, True]
    assert meant(12, at(90, 110, 12), hand) == [True, False], "much of the head is in the picture: one find"
    others = [at(111, 127, 10), at(103, 119, 10), at(92, 108, 40), at(95, 105, 10, -2)]
    assert meant(8, cheek, *others) == [True, False, False, False, False]


def test_nobody_is_expected_where_the_track_is_hidden():
    done = shown(still(0, (50, 100), unseen=range(20, 40)), show_persons=[person(point=[50, 100], at=1)])
    assert done.visible_at(30) == []
    assert not consent.expected(finds((40, 90, 60, 110)), done.visible_at(30), done.about.redact, SIZE).any()


def test_a_track_that_repair_adds_beside_a_visible_one_ends_the_consent():
    before = shown(still(0, (50, 100)), show_persons=[person(point=[50, 100], at=1)])
    more = compose([still(7, (55, 100), range(40, 45))], TIMES, TIMES, (), SIZE, Settings())
    after = Plan(before.about, Regions([*before.regions.rows(), *more]))
    done = consent.still_visible(before, after, TIMES, Settings())
    assert visible_frames(done, 0) == list(range(40))


@pytest.mark.parametrize(
    ("near", "left"),
    [(range(40, 45), range(10, 30)), (range(20, 25), range(10, 20)), (range(5), range(10, 30)), (range(5, 12), ())],
)
def test_a_repair_opens_nothing_that_was_not_left_visible_before(near: range, left: range):
    """Consent for some of a track's frames is for no others, whatever comes near at other times."""
    before = replace(made(still(0, (50, 100))), shown=(VisibleTrack(0, 10, 30, Grounds.CONSENT, "form 12"),))
    more = compose([still(7, (55, 100), near)], TIMES, TIMES, (), SIZE, Settings())
    after = Plan(before.about, Regions([*before.regions.rows(), *more]))
    assert visible_frames(consent.still_visible(before, after, TIMES, Settings()), 0) == list(left)


def test_what_a_person_drew_is_not_among_those_who_stay_visible_outside_the_spans():
    before = made(still(0, (50, 100)))
    by_hand = Region((200.0, 90.0, 220.0, 110.0), Kind.FACE, Why.MANUAL, track=5)
    after = Plan(before.about, Regions([*before.regions.rows(), (0, FRAMES, by_hand)]))
    done = consent.still_visible(before, after, TIMES, settings(only=[{"start": 2, "end": 3}]))
    assert {one.track for one in done.shown} == {0}
    assert all(by_hand in done.at(i) for i in range(FRAMES))


# the plan file


def test_a_plan_keeps_who_is_visible_and_why(tmp_path: Path):
    done = shown(still(0, (50, 100)), walking(1, 350, -5), show_persons=[person(point=[50, 100], at=1)])
    path = tmp_path / "plan.jsonl"
    plan.write(done, path)
    assert plan.read(path).shown == done.shown != ()
    assert plan.read(path).at(3) == done.at(3)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"shown": 4, "frames": [0, 5], "reason": "x"}', "line 2: there is no track 4"),
        ('{"shown": 0, "frames": [0, 5]}', "line 2: .*needs a reason"),
        ('{"shown": 0, "frames": [0, 500], "reason": "x"}', "line 2: frames 0 to 500 do not lie"),
        ('{"shown": 0, "reason": "x"}', "line 2: expected either"),
        ('{"shown": 0, "frames": [0, 5], "reason": "x", "who": 1}', "line 2: unknown key 'who'"),
        ('{"shown": 0, "frames": [0, 5], "reason": "x", "grounds": "love"}', "line 2: .*love"),
    ],
)
def test_a_line_that_shows_somebody_without_a_track_a_time_or_a_reason_is_an_error(line: str, words: str):
    header, *rows = plan.lines(made(still(0, (50, 100))))
    with pytest.raises(PlanError, match=words):
        plan.parse([header, line, *rows], "plan.jsonl")


def test_a_track_is_clear_for_a_while_after_its_last_find_as_before_its_first() -> None:
    """It is held on either side for longer than somebody can be known to be the same."""
    reach = int(SEEN_WITHIN * 25)
    whys = [Why.HELD] * (reach + 3) + [Why.DETECTED] * 2 + [Why.HELD] * (reach + 3)
    rows = [(i, i + 1, Region((100.0, 50.0, 140.0, 100.0), Kind.FACE, why, 1, score=0.9)) for i, why in enumerate(whys)]
    plan = Plan(About("ab" * 32, len(rows), 320, 240), Regions(rows))
    path = TrackPaths(plan, [Fraction(i, 25) for i in range(len(rows))]).of(1)
    assert path is not None
    assert path.clear.tolist() == [False] * 3 + [True] * (2 * reach + 2) + [False] * 3
