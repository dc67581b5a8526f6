"""What the page lists of thousands of tracks at once is what it lists of each."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from anonymize.data import Kind, Region, Shape, Timestamps, Why
from anonymize.kinds import Answer
from anonymize.plan import About, Plan, Regions
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Judge, Place
from anonymize.review import overview

ABOUT = About(sha256="ab", frames=60, width=1280, height=720)


@st.composite
def tracks_of(draw, number):
    """The rows of one track, most often of single frames, as they are found."""
    frames = sorted(draw(st.sets(st.integers(0, 59), min_size=1, max_size=8)))
    kind = draw(st.sampled_from(list(Kind)))
    shape = draw(st.sampled_from([Shape.BOX, Shape.ELLIPSE]))
    several = draw(st.booleans()) and draw(st.booleans())
    made = []
    for first, following in pairwise([*frames, 60]):
        x, y = draw(st.sampled_from([-20.0, 0.0, 300.0, 1250.0])), float(draw(st.integers(-10, 700)))
        side = draw(st.sampled_from([14.0, 40.0, 200.0]))
        score = draw(st.sampled_from([0.2, 0.5, 0.5, 0.9]))
        why = draw(st.sampled_from([Why.DETECTED, Why.DETECTED, Why.INTERPOLATED, Why.HELD, Why.MANUAL]))
        end = following if several else first + 1
        made.append((first, end, Region((x, y, x + side, y + side), kind, why, number, shape, score=score)))
    if several and draw(st.booleans()):
        made.append(made[0])
    return made


@st.composite
def plans(draw):
    count = draw(st.integers(0, 6))
    numbers = draw(st.permutations(range(count)))
    some = [row for number in numbers for row in draw(tracks_of(number))]
    some += [(3, 9, Region((1.0, 1.0, 90.0, 90.0), Kind.AREA, Why.ZONE))]
    return Plan(ABOUT, Regions(draw(st.permutations(some))))


def one_by_one(edited, numbers):
    return sorted(overview.tracks(edited, numbers), key=lambda row: (row["first"], row["track"]))


@given(plans())
@settings(deadline=None, max_examples=200)
def test_all_tracks_at_once_are_listed_as_one_by_one(made):
    edited = Edited(made)
    numbers = {region.track for _, _, region in made.regions.rows() if region.track >= 0}
    assert overview.tracks(edited) == one_by_one(edited, numbers)


@given(plans())
@settings(deadline=None)
def test_tracks_that_were_edited_are_listed_as_they_are_now(made):
    edited = Edited(made)
    numbers = {region.track for _, _, region in made.regions.rows() if region.track >= 0}
    for number in sorted(numbers)[:2]:
        edited.apply(Place(number, 5, ((10.0, 10.0, 50.0, 60.0),)))
    for number in sorted(numbers)[1:3]:
        if (rows := edited.rows(number)) and rows.kind is not Kind.AREA:
            edited.apply(Judge(number, Answer.NOTHING))
    assert overview.tracks(edited) == one_by_one(edited, numbers)


@given(plans(), plans(), st.sets(st.integers(0, 6)))
@settings(deadline=None)
def test_regions_without_some_tracks_joined_with_others(one, other, gone):
    expected = Regions([*(row for row in one.regions.rows() if row[2].track not in gone), *other.regions.rows()])
    made = one.regions.without(gone).joined(other.regions)
    assert list(made.lines()) == list(expected.lines())
    for index in (0, 5, 30, 2, 59):
        assert made.at(index) == expected.at(index)


def test_polygons_stay_with_their_rows():
    corners = ((1.0, 1.0), (30.0, 1.0), (30.0, 40.0))
    area = Region((1.0, 1.0, 30.0, 40.0), Kind.AREA, Why.MANUAL, 4, Shape.POLYGON, corners)
    face = Region((1.0, 1.0, 30.0, 40.0), Kind.FACE, Why.DETECTED, 2)
    made = (
        Regions([(5, 6, face), (7, 9, area)]).without({2}).joined(Regions([(2, 3, face), (3, 4, area), (8, 9, area)]))
    )
    rows = [(2, 3, face), (3, 4, area), (7, 9, area), (8, 9, area)]
    assert list(made.rows()) == rows
    assert made.at(8) == [area, area]


@given(st.lists(st.integers(-(2**40), 2**40)), st.sampled_from(["1/25", "1001/30000", "1/90000", "1/12800", "1"]))
def test_all_times_as_numbers(pts, base):
    times = Timestamps(Fraction(base))
    times.pts.extend(pts)
    assert times.floats() == [float(time) for time in times]
