"""A region that was not drawn, or not as the plan says, is found: in every style, on a single frame, at its place."""

import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anonymize.data import Kind, Region, Shape, Why
from anonymize.kinds import Verdict
from anonymize.media import open_source
from anonymize.media.still.source import StillSource
from anonymize.plan import Plan, Regions
from anonymize.redact import MANY
from anonymize.settings import Settings, Style
from anonymize.verify import By, Evidence, Verified, examine
from anonymize.verify.against_plan import Comparer, Comparison
from tests.conftest import FRAMES, face_box, face_pictures
from tests.detect.test_detect import Bright
from tests.helpers.leaks import evidence, good_plan, rendered
from tests.helpers.media import make_image

STYLES = list(Style)


def examined(output: Path, known: Evidence, quality: int = 20) -> Verified:
    settings = Settings(output=replace(Settings().output, quality=quality))
    return examine(output, known, settings, [])


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("quality", [20, 38])
def test_a_faithful_output_passes(face_clip: Path, tmp_path: Path, style: Style, quality: int) -> None:
    plan = good_plan(face_clip, style)
    output = rendered(face_clip, plan, tmp_path / "good.mp4", quality=quality)
    verified = examined(output, evidence(face_clip, plan), quality)
    assert verified.verdict is Verdict.PASS, verified
    assert f"{FRAMES} regions compared" in verified.checks[1].detail
    assert examined(output, Evidence(plan=plan), quality).verdict is Verdict.PASS


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("leaking", [[0], [7], [19], [5, 6, 7], range(FRAMES)])
def test_a_face_that_shows_is_found(face_clip: Path, tmp_path: Path, style: Style, leaking: list[int]) -> None:
    plan = good_plan(face_clip, style)
    verified = examined(rendered(face_clip, plan, tmp_path / "bad.mp4", leaking), evidence(face_clip, plan))
    assert verified.verdict is Verdict.FAIL
    (find,) = verified.leaks
    assert (find.by, find.kind, find.track) == (By.PLAN, Kind.FACE, 0)
    assert (find.frames, find.start, find.end) == (len(leaking), leaking[0] / 25, leaking[-1] / 25)
    assert find.frame in leaking
    assert not verified.checks[1].passed


@pytest.mark.parametrize("kind", [Kind.FACE, Kind.PLATE])
def test_a_leak_has_the_place_and_the_size_of_its_region(face_clip: Path, tmp_path: Path, kind: Kind) -> None:
    """Faces are as high as their size says, plates as wide."""
    plan = good_plan(face_clip)
    shape = Shape.BOX if kind is Kind.PLATE else Shape.ELLIPSE
    rows = [(first, end, replace(region, kind=kind, shape=shape)) for first, end, region in plan.regions.rows()]
    plan = Plan(plan.about, Regions(rows))
    (find,) = examined(rendered(face_clip, plan, tmp_path / "bad.mp4", [9]), evidence(face_clip, plan)).leaks
    x0, y0, x1, y1 = plan.at(9)[0].xyxy
    assert find.box == (x0, y0, x1, y1)
    assert find.size == (x1 - x0 if kind is Kind.PLATE else y1 - y0)
    assert x1 - x0 != y1 - y0


@pytest.mark.parametrize(("style", "verdict"), [("solid", Verdict.FAIL), ("mosaic", Verdict.PASS_WITH_DOUBTS)])
def test_without_the_source_what_had_to_be_guessed_is_a_doubt(
    face_clip: Path, tmp_path: Path, style: str, verdict: Verdict
) -> None:
    plan = good_plan(face_clip, Style(style))
    verified = examined(rendered(face_clip, plan, tmp_path / "bad.mp4", [9]), Evidence(plan=plan))
    assert verified.verdict is verdict
    (find,) = (*verified.leaks, *verified.doubts)
    assert find.frame == 9


def test_a_frame_that_was_drawn_as_its_neighbour_is_found(face_clip: Path, tmp_path: Path) -> None:
    """Regions that come three frames late: most of the face is covered, its edge is not."""
    plan = good_plan(face_clip)
    late = Regions(
        (min(first + 3, FRAMES - 1), min(first + 4, FRAMES), region) for first, _, region in plan.regions.rows()
    )
    output = rendered(face_clip, Plan(plan.about, late), tmp_path / "late.mp4")
    assert examined(output, evidence(face_clip, plan)).verdict is Verdict.FAIL


@pytest.mark.parametrize("shape", ["polygon", "box"])
def test_zones_and_hidden_frames_are_compared(face_clip: Path, tmp_path: Path, shape: str) -> None:
    plan = good_plan(face_clip)
    corners = ((20.0, 20.0), (300.0, 30.0), (160.0, 220.0))
    zone = Region(
        (20.0, 20.0, 300.0, 220.0), Kind.AREA, Why.ZONE, -1, Shape(shape), corners if shape == "polygon" else ()
    )
    zoned = Plan(plan.about, Regions([(0, FRAMES, zone)]))
    assert (
        examined(rendered(face_clip, zoned, tmp_path / "good.mp4"), evidence(face_clip, zoned)).verdict is Verdict.PASS
    )
    bad = rendered(face_clip, plan, tmp_path / "bad.mp4")
    verified = examined(bad, evidence(face_clip, zoned))
    assert [(find.kind, find.frames) for find in verified.leaks] == [(Kind.AREA, FRAMES)]


def test_mosaics_that_overlap_are_skipped_without_the_source_and_said_to_be(face_clip: Path, tmp_path: Path) -> None:
    plan = good_plan(face_clip, Style.MOSAIC)
    twice = [
        (first, end, replace(region, track=track)) for first, end, region in plan.regions.rows() for track in (0, 1)
    ]
    double = Plan(plan.about, Regions(twice))
    output = rendered(face_clip, double, tmp_path / "good.mp4")
    assert any("overlapping mosaics" in line for line in examined(output, Evidence(plan=double)).not_checked)
    assert examined(output, evidence(face_clip, double)).verdict is Verdict.PASS


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_mosaic_beside_overlapping_ones_is_compared_wherever_it_stands(
    face_clip: Path, tmp_path: Path, place: str
) -> None:
    """Two that overlap in a corner are skipped without the source; the face's own, before or after them, is not."""
    plan = good_plan(face_clip, Style.MOSAIC)
    pair = [
        Region((250.0 + 10 * track, 8.0, 290.0 + 10 * track, 48.0), Kind.FACE, Why.DETECTED, track, Shape.ELLIPSE)
        for track in (1, 2)
    ]
    rows = [
        (first, end, one)
        for first, end, region in plan.regions.rows()
        for one in ((region, *pair) if place == "first" else (*pair, replace(region, track=3)))
    ]
    three = Plan(plan.about, Regions(rows))
    known = Evidence(plan=three)
    good = examined(rendered(face_clip, three, tmp_path / "good.mp4"), known)
    assert (good.verdict, good.doubts) == (Verdict.PASS, ())
    assert any("overlapping mosaics" in line for line in good.not_checked)
    bad = examined(rendered(face_clip, three, tmp_path / "bad.mp4", [9]), known)
    assert [(find.track, find.frame) for find in (*bad.leaks, *bad.doubts)] == [(0 if place == "first" else 3, 9)]


def test_a_plan_of_another_length_fails(face_clip: Path, tmp_path: Path) -> None:
    plan = good_plan(face_clip)
    output = rendered(face_clip, plan, tmp_path / "good.mp4")
    short = Plan(replace(plan.about, frames=12), Regions(row for row in plan.regions.rows() if row[1] <= 12))
    assert "the plan covers 12 frames, it has 20" in "; ".join(examined(output, Evidence(plan=short)).failures)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    photo = make_image(tmp_path / f"photo{suffix}", picture=face_pictures(1)[0])
    plan = good_plan(photo)
    good, bad = (
        rendered(photo, plan, tmp_path / f"{name}{suffix}", leaking) for name, leaking in (("a", ()), ("b", (0,)))
    )
    assert examined(good, evidence(photo, plan)).verdict is Verdict.PASS
    assert examined(bad, evidence(photo, plan)).leaks[0].by is By.PLAN


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("style", STYLES)
def test_the_pixels_of_a_source_are_held_beside_those_of_its_output_only_to_compare_them(
    tmp_path: Path, suffix: str, style: Style
) -> None:
    """A picture of 100 megapixels takes 300 MB twice over otherwise. The next frames are decoded again."""
    photo = make_image(tmp_path / f"photo{suffix}", picture=face_pictures(1)[0])
    plan = good_plan(photo, style)
    good, known = rendered(photo, plan, tmp_path / f"good{suffix}"), evidence(photo, plan)
    assert isinstance(known.source, StillSource)
    (pixels,) = known.source.decoded.pictures()
    held, before, seen = weakref.ref(pixels), pixels.copy(), []
    del pixels
    verified = examine(good, known, Settings(), [], on_progress=lambda _: seen.append(held() is not None))
    assert verified.verdict is Verdict.PASS, verified
    assert seen == [style is not Style.SOLID]
    (again,) = known.source.decoded.pictures()
    assert np.array_equal(again, before)


def test_detectors_give_their_memory_back_after_each_examination(tmp_path: Path) -> None:
    """What a large picture took is hundreds of megabytes; the next drawing, or the next file, needs them."""

    class Counting(Bright):
        released = 0

        def release_memory(self) -> None:
            self.released += 1

    photo = make_image(tmp_path / "photo.png", picture=face_pictures(1)[0])
    plan = good_plan(photo)
    detectors = [Counting(), Counting()]
    examine(rendered(photo, plan, tmp_path / "good.png"), evidence(photo, plan), Settings(), detectors)
    assert [(one.released, bool(one.seen)) for one in detectors] == [(1, True), (1, True)]


def test_nothing_is_compared_where_nothing_is_redacted(face_clip: Path) -> None:
    plan = good_plan(face_clip)
    comparer, comparison = Comparer(Plan(plan.about, Regions([])), 20), Comparison()
    with open_source(face_clip) as source:
        for frame in source.frames():
            comparison.take(comparer.see(frame))
    assert (comparison.compared, comparison.finds()) == (0, ([], []))


@pytest.mark.parametrize("others", [0, MANY])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_face_that_shows_in_one_plane_alone_is_found(
    face_clip: Path, tmp_path: Path, number: int, others: int
) -> None:
    """A cover that is black in its brightness may still have the colours of what it hides, at half the resolution.

    Of many covers those that are black in every sample are told apart first.
    """
    plan = good_plan(face_clip)
    crowd = [Region((0.0, 0.0, 30.0, 30.0), Kind.FACE, Why.DETECTED, track + 1) for track in range(others)]
    plan = Plan(plan.about, Regions([*plan.regions.rows(), *((9, 10, one) for one in crowd)]))
    comparer = Comparer(plan, 20)
    with open_source(rendered(face_clip, plan, tmp_path / "good.mp4")) as source:
        frames = [frame.writable() if frame.index == 9 else frame for frame in source.frames()]
    compared = [comparer.see(frame) for frame in frames]
    assert not any(one.leaks for one in compared)
    assert [one.count for one in compared] == [1] * 9 + [1 + others] + [1] * 10
    plane, (x0, y0, x1, y1) = frames[9].planes[number], face_box(9)
    plane.pixels[y0 // plane.step[1] : y1 // plane.step[1], x0 // plane.step[0] : x1 // plane.step[0]] += 60
    (leak,) = comparer.see(frames[9]).leaks
    assert (leak.frame, leak.region.track) == (9, 0)
