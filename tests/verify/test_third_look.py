"""A third network is asked about faint places: on which frames, what it is shown, and what follows from its answers."""

from dataclasses import replace
from fractions import Fraction
from typing import cast

import pytest

from anonymize.cli.render import results
from anonymize.data import Box, Kind
from anonymize.detect import Witness, least_of_plates, witness_of
from anonymize.models import ModelState
from anonymize.plan import Plan
from anonymize.plan.faint import Faint
from anonymize.report import page_check
from anonymize.verify.faint import FaintPlaces, ThirdLook
from tests.detect.test_context import Bright, at, frame
from tests.verify.test_faint import HERE, faint, made, moved

LEAST = least_of_plates()


def heard(plan: Plan, *said: tuple[int, float]) -> FaintPlaces:
    """The places of a plan after these answers: the number of a place, and a score."""
    places = FaintPlaces(plan, (Kind.FACE, Kind.HEAD, Kind.PLATE))
    for one in said:
        places.hear((one,))
    return places


def once(number: int, score: float = 0.1) -> Faint:
    """A place on one frame."""
    return Faint(number, Kind.FACE, 10, (HERE,), 10, score)


def test_a_place_that_the_third_network_sees_comes_first_by_its_best_score() -> None:
    other = moved(HERE, 300)
    plan = made(faint(1, score=0.19), faint(2, other, score=0.1))
    assert [one.box for one in heard(plan).finds()[0]] == [HERE, other]
    said = (1, 0.2), (1, 0.2), (2, 0.31), (2, 0.0)
    assert [one.box for one in heard(plan, *said).finds()[0]] == [other, HERE]
    assert [one.box for one in heard(plan, (1, 0.23), *said).finds()[0]] == [HERE, other]


def test_plates_that_it_hardly_sees_in_the_mean_come_last_and_apart_and_others_do_not() -> None:
    """Of the second it sees less in its best look, and of the first none in one; about the last it was not asked."""
    first, second, third, last = (moved(HERE, 300 * n) for n in range(4))
    plates = [faint(n, box, kind=Kind.PLATE, score=0.19) for n, box in enumerate((first, second, third), 1)]
    plan = made(*plates, faint(4, last, kind=Kind.PLATE, score=0.02), faint(5, moved(HERE, -300), score=0.01))
    said = (1, 2 * LEAST - 0.01), (1, 0.0), (2, LEAST + 0.01), (2, LEAST + 0.01), (3, 0.02), (5, 0.0)
    finds, unlikely = heard(plan, *said).finds()
    assert [one.box for one in finds] == [second, moved(HERE, -300), last, first, third]
    assert ([one.track for one in finds], unlikely) == ([0, 1, 2, 3, 4], 2)


def test_plates_count_by_their_mean_and_less_than_faces() -> None:
    plan = made(faint(1, kind=Kind.PLATE), faint(2, moved(HERE, 300)))
    kinds = [one.kind for one in heard(plan, (1, 0.5), (1, 0.3), (2, 0.26)).finds()[0]]
    assert kinds == [Kind.FACE, Kind.PLATE], "0.4 - 0.15 and 0.26"
    kinds = [one.kind for one in heard(plan, (1, 0.5), (1, 0.34), (2, 0.26)).finds()[0]]
    assert kinds == [Kind.PLATE, Kind.FACE]


def test_it_is_asked_where_each_place_shows_best_and_in_both_halves() -> None:
    way = tuple(moved(HERE, step) for step in range(20))
    plan = made(Faint(4, Kind.FACE, 10, way, 29, 0.1, 3), Faint(5, Kind.TEXT, 10, way, 29, 0.1, 3))
    places = FaintPlaces(plan, (Kind.FACE, Kind.TEXT)).questions()
    assert places == {29: [(4, Kind.FACE, way[19])], 15: [(4, Kind.FACE, way[5])], 25: [(4, Kind.FACE, way[15])]}
    assert FaintPlaces(made(once(1)), (Kind.FACE,)).questions() == {10: [(1, Kind.FACE, HERE)]}


def test_of_many_on_one_frame_it_is_asked_about_those_of_the_best_scores() -> None:
    many = [once(n, n / 100) for n in range(1, 60)]
    (places,) = FaintPlaces(made(*many), (Kind.FACE,)).questions().values()
    assert [number for number, _, _ in places] == list(range(59, 19, -1))


def third_look(witness: Bright, places: dict[int, list[tuple[int, Kind, Box]]]) -> ThirdLook:
    return ThirdLook(cast(Witness, witness), places)


def test_it_looks_at_the_frames_of_its_places_alone() -> None:
    witness = Bright()
    third = third_look(witness, {4: [(7, Kind.FACE, at(100, 100)), (9, Kind.HEAD, at(600, 300))]})
    assert third.see(frame(at(100, 100), index=3)) == ()
    assert not witness.asked
    (one, other) = third.see(frame(at(100, 100), index=4))
    assert (one[0], other) == (7, (9, 0.0))
    assert one[1] == pytest.approx(0.4)
    assert witness.asked == [(Kind.FACE, at(100, 100)), (Kind.HEAD, at(600, 300))]


def test_a_frame_with_other_pixels_is_looked_at_as_it_is_shown() -> None:
    witness = Bright()
    third = third_look(witness, {0: [(1, Kind.PLATE, (400, 300, 420, 310))]})
    wide = replace(frame((400, 300, 420, 310), size=(640, 720)), aspects=(Fraction(2),))
    ((number, score),) = third.see(wide)
    assert number == 1
    assert score == pytest.approx(0.4)
    assert witness.asked == [(Kind.PLATE, (800, 300, 840, 310))]


def test_without_the_network_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert witness_of(1) is not None
    monkeypatch.setattr("anonymize.detect.registry.state_of", lambda _: ModelState.ABSENT)
    assert witness_of(1) is None


def place(start: float, kind: str = "plate") -> dict[str, object]:
    return {"kind": kind, "start": start, "box": [0, 0, 20, 10]}


def told(likely: int, unlikely: int, *some: dict[str, object]) -> dict[str, object]:
    return {"of_frames": 50, "faint_places": likely, "faint_unlikely": unlikely, "faint": list(some)}


@pytest.mark.parametrize(
    ("verified", "line"),
    [
        (
            told(1, 2, place(1, "face"), place(2), place(3)),
            "1 place where somebody may be seen, too faintly to be covered; likeliest: face at 0:01; "
            "2 more hardly show a plate",
        ),
        (
            told(1, 1, place(1, "face"), place(2)),
            "1 place where somebody may be seen, too faintly to be covered; likeliest: face at 0:01; "
            "1 more hardly shows a plate",
        ),
        (told(0, 2, place(2), place(3)), "2 places that hardly show a plate; likeliest: plate at 0:02, plate at 0:03"),
        (told(0, 1, place(2)), "1 place that hardly shows a plate; likeliest: plate at 0:02"),
    ],
    ids=["some", "one", "no other", "no other than one"],
)
def test_a_run_counts_them_apart_and_names_those_that_are_likely(verified: dict[str, object], line: str) -> None:
    (first, *_) = results._faint(verified)
    assert first == f"  to look at: {line}"
    assert not list(results._faint(told(0, 0)))


def test_the_page_of_a_report_counts_them_apart() -> None:
    about = page_check.about_faint
    assert about(told(1, 2, place(1), place(2), place(3)), 60) == (
        "1 place where somebody may be seen: found too faintly to be covered or doubted. 2 others hardly show a plate. "
        "A review asks about each."
    )
    assert about(told(0, 1, place(1)), 60) == "1 place hardly shows a plate. A review asks about each."
    assert about(told(3, 1, *map(place, range(4))), 2).startswith("The likeliest 2 of 3 places where")
    assert about(told(0, 0), 60) == ""
