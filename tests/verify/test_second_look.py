"""The second look finds what was not redacted, with the real detector; what is expected to be visible is no find."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

import anonymize
from anonymize import errors, plan
from anonymize.data import Box, Detections, Kind, Region, Shape, Why
from anonymize.detect import Detector, Facing, Pending, build, in_order, second_detectors
from anonymize.kinds import Verdict
from anonymize.media import open_source
from anonymize.plan import Plan, Regions, VisibleTrack
from anonymize.recorded import job, release
from anonymize.recorded.release import Refused
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from anonymize.verify import By, Evidence, Verified, examine
from anonymize.verify.frames import Checker, FrameFindings
from anonymize.verify.sample import Sample
from anonymize.verify.second_look import SecondFinds, SecondLook, covered
from anonymize.verify.uncovered import Uncovered
from anonymize.verify.variants import Variants
from tests.conftest import FRAMES, face_box, face_pictures
from tests.detect.test_detect import Bright
from tests.detect.test_detect import Still as Scanned
from tests.detect.test_incremental import FACE, frame
from tests.helpers.leaks import evidence, good_plan, rendered
from tests.helpers.media import make_video, read_video
from tests.track import test_wide as wide


@pytest.fixture(scope="module")
def detectors() -> list[Detector]:
    return build(["centerface"], {Kind.FACE})


def settings(**values: object) -> Settings:
    return from_mapping(Settings, {"output": {"speed": "ultrafast"}, **values}, Settings())


def examined(output: Path, known: Evidence, detectors: list[Detector], wanted: Settings | None = None) -> Verified:
    return examine(output, known, wanted or settings(), detectors)


def without_regions(clip: Path) -> Plan:
    return Plan(good_plan(clip).about, Regions([]))


def shows(find_box: tuple[float, ...], frame: int) -> bool:
    x0, y0, x1, y1 = face_box(frame)
    return find_box[0] < (x0 + x1) / 2 < find_box[2] and find_box[1] < (y0 + y1) / 2 < find_box[3]


def test_a_good_output_passes_with_and_without_its_plan(
    face_clip: Path, tmp_path: Path, detectors: list[Detector]
) -> None:
    made = good_plan(face_clip)
    output = rendered(face_clip, made, tmp_path / "good.mp4")
    verified = examined(output, evidence(face_clip, made), detectors)
    assert verified.verdict is Verdict.PASS
    assert 0 < verified.looked_frames < verified.of_frames == FRAMES
    assert verified.bound is not None
    blind = examined(output, Evidence(), detectors)
    assert blind.verdict is Verdict.PASS, blind
    assert (blind.looked_frames, blind.bound) == (FRAMES, None)
    assert any("no source was given" in line for line in blind.not_checked)
    assert any("no plan was given" in line for line in blind.not_checked)


@pytest.mark.parametrize("leaking", [[8], [8, 9, 10]])
def test_a_face_that_shows_is_found_with_nothing_but_the_file(
    face_clip: Path, tmp_path: Path, detectors: list[Detector], leaking: list[int]
) -> None:
    output = rendered(face_clip, good_plan(face_clip), tmp_path / "bad.mp4", leaking)
    verified = examined(output, Evidence(), detectors)
    assert verified.verdict is Verdict.FAIL
    assert any(shows(find.box, find.frame) and find.frame in leaking and find.by is By.LOOK for find in verified.leaks)
    assert not verified.doubts, "it is said once"


def test_without_a_plan_faces_that_come_after_one_another_are_two_finds(
    tmp_path: Path, detectors: list[Detector]
) -> None:
    """Only a plan could say that they are of one subject."""
    portrait = face_pictures(1)[0][60:180, 40:160]
    grain = np.random.default_rng(7).integers(90, 130, (240, 320, 3), np.uint8)
    pictures = [grain.copy() for _ in range(40)]
    for left, frames in ((10, range(8)), (190, range(30, 38))):
        for index in frames:
            pictures[index][60:180, left : left + 120] = portrait
    clip = make_video(tmp_path / "two.mp4", frames=pictures)
    found = examined(clip, Evidence(), detectors).leaks
    assert len(found) == 2
    assert found[0].box[2] < 160 < found[1].box[0]


def test_a_face_that_no_region_hides_is_found_on_a_sample_of_frames(face_clip: Path, detectors: list[Detector]) -> None:
    verified = examined(face_clip, Evidence(plan=without_regions(face_clip)), detectors)
    find = max(verified.leaks, key=lambda find: find.frames)
    assert shows(find.box, find.frame)
    assert find.score > 0.6
    assert find.frames >= verified.looked_frames - 1
    assert verified.bound is not None
    assert verified.bound.share == 1.0


@pytest.mark.parametrize("hand", [True, False])
def test_what_a_person_left_visible_is_a_doubt(face_clip: Path, detectors: list[Detector], hand: bool) -> None:
    known = replace(Evidence(plan=without_regions(face_clip)), by_hand=hand)
    verified = examined(face_clip, known, detectors)
    assert any(shows(find.box, find.frame) for find in (verified.doubts if hand else verified.leaks))
    assert not (hand and verified.leaks)


def test_finds_outside_the_spans_are_expected(face_clip: Path, detectors: list[Detector]) -> None:
    known = Evidence(plan=without_regions(face_clip))
    assert not examined(face_clip, known, detectors, settings(only=[{"start": 5}])).leaks


def test_a_face_in_a_zone_left_alone_is_a_leak_unless_the_plan_says_that_it_is_a_thing(
    face_clip: Path, detectors: list[Detector]
) -> None:
    everywhere = {"polygon": [[0, 0], [320, 0], [320, 240], [0, 240]]}
    known = Evidence(plan=without_regions(face_clip))
    assert examined(face_clip, known, detectors, settings(spared=[everywhere])).leaks


def test_a_visible_person_passes_with_doubts_forbidden_and_a_stranger_in_the_same_place_does_not(
    face_clip: Path, detectors: list[Detector]
) -> None:
    """The plan says on which frames the face is that of the person who may be seen; on the others it is a leak."""
    strict = settings(verify={"doubts": "fail", "look_every": 0})
    made = good_plan(face_clip)
    number = made.regions.at(0)[0].track
    seen = replace(made, shown=(VisibleTrack(number, 0, FRAMES, reason="form 12"),))
    verified = examined(face_clip, Evidence(plan=seen, by_hand=True), detectors, strict)
    assert verified.looked_frames == FRAMES
    assert not (*verified.leaks, *verified.doubts)

    def without(row: tuple[int, int, Region]) -> bool:
        return row[0] in (8, 9, 10) and row[2].track == number

    elsewhere = replace(seen, regions=Regions(row for row in seen.regions.rows() if not without(row)))
    verified = examined(face_clip, Evidence(plan=elsewhere), detectors, strict)
    assert verified.leaks
    assert all(find.frame in (8, 9, 10) and shows(find.box, find.frame) for find in verified.leaks)
    moved = (
        (first, end, replace(region, xyxy=cast(Box, tuple(value + 60 for value in region.xyxy))))
        for first, end, region in seen.regions.rows()
    )
    beside = replace(seen, regions=Regions(moved))
    assert examined(face_clip, Evidence(plan=beside), detectors, strict).leaks


def test_with_the_source_alone_only_what_survives_counts(
    face_clip: Path, tmp_path: Path, detectors: list[Detector]
) -> None:
    hidden = rendered(face_clip, good_plan(face_clip, anonymize.settings.Style.BLUR), tmp_path / "good.mp4")
    assert examined(hidden, evidence(face_clip, None), detectors).verdict is Verdict.PASS
    assert examined(face_clip, evidence(face_clip, None), detectors).leaks


def test_middles_of_boxes_are_held_against_the_outlines_of_regions() -> None:
    boxes = np.array([[10, 10, 30, 30], [60, 60, 80, 80]], np.float32)
    ellipse = Region((0.0, 0.0, 40.0, 40.0), Kind.FACE, Why.DETECTED, shape=Shape.ELLIPSE)
    corner = Region((0.0, 0.0, 68.0, 68.0), Kind.FACE, Why.DETECTED, shape=Shape.ELLIPSE)
    polygon = ((50.0, 50.0), (90.0, 50.0), (90.0, 90.0), (50.0, 90.0))
    zone = Region((50.0, 50.0, 90.0, 90.0), Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=polygon)
    assert covered(boxes, [ellipse]).tolist() == [True, False]
    assert covered(boxes, [corner]).tolist() == [True, False]
    assert covered(boxes, [zone]).tolist() == [False, True]
    assert covered(boxes, [replace(zone, shape=Shape.BOX)]).tolist() == [False, True]
    assert covered(boxes, []).tolist() == [False, False]


def test_a_second_detector_has_a_say_where_one_is_installed(detectors: list[Detector]) -> None:
    names = [detector.name for detector in second_detectors(settings(), detectors)]
    assert names[0] == "centerface"
    assert len(names) == 2
    only = settings(targets=["face"], verify={"detectors": ["centerface"]})
    assert [detector.name for detector in second_detectors(only, detectors)] == ["centerface"]
    assert second_detectors(settings(), []) == []


def test_a_run_whose_detection_missed_somebody_leaves_no_output(
    face_clip: Path, tmp_path: Path, blind_first_look: None
) -> None:
    with pytest.raises(Refused, match="--repair") as raised:
        anonymize.run(face_clip, tmp_path / "safe.mp4", settings())
    assert raised.value.verified is not None
    assert raised.value.verified.leaks
    assert [path.name for path in tmp_path.iterdir()] == ["safe.mp4.plan.jsonl"]


def test_repair_redacts_what_verification_found_on_every_frame(
    face_clip: Path, tmp_path: Path, blind_first_look: None
) -> None:
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings(verify={"repair": 3}))
    assert report.verdict == "pass"
    assert report.verified["repaired"] >= 1
    assert report.redacted["tracks"]["face"] >= 1
    for index, picture in enumerate(read_video(tmp_path / "safe.mp4")):
        x0, y0, x1, y1 = face_box(index)
        assert picture[y0:y1, x0:x1].std() < 12, index


@pytest.mark.parametrize("repair", [0, 3])
def test_a_plan_that_nobody_changed_is_rendered_as_run_does(
    repair: int, face_clip: Path, tmp_path: Path, blind_first_look: None
) -> None:
    """It is repaired, or fails: no person decided to leave the face visible."""
    wanted, drawn = settings(verify={"repair": repair}), tmp_path / "two.mp4"
    anonymize.write_plan(face_clip, tmp_path / "plan.jsonl", wanted)
    if not repair:
        with pytest.raises(errors.VerificationError, match="--repair"):
            anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", drawn)
        return
    anonymize.run(face_clip, tmp_path / "run.mp4", wanted)
    anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", drawn)
    assert drawn.read_bytes() == (tmp_path / "run.mp4").read_bytes()


def test_render_releases_what_a_person_left_visible_and_says_so(face_clip: Path, tmp_path: Path) -> None:
    plan.write(without_regions(face_clip), tmp_path / "plan.jsonl")
    report = anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "safe.mp4", settings())
    assert report.verdict == "pass-with-doubts"
    assert {find["kind"] for find in report.verified["doubts"]} == {"face", "head"}
    assert report.verified["leaks"] == []
    strict = settings(verify={"doubts": "fail"})
    with pytest.raises(errors.VerificationError, match=r"allow no doubts .*--preset default"):
        anonymize.render_plan(face_clip, tmp_path / "plan.jsonl", tmp_path / "strict.mp4", strict)


def test_unverified_means_that_no_detector_ran(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blind_first_look: None
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("it was examined")

    monkeypatch.setattr(release, "examine", never)
    report = anonymize.run(face_clip, tmp_path / "safe.mp4", settings(verify={"publish_unverified": True}))
    assert report.verdict == report.verified["verdict"] == "unverified"
    assert report.verified["checks"] == []
    assert job.detectors_for(settings())


def test_a_cover_that_comes_off_for_one_frame_is_a_doubt_even_without_a_find(face_clip: Path, tmp_path: Path) -> None:
    made = good_plan(face_clip)

    def flashes(leaking: list[int]) -> list[tuple[int, int, int]]:
        """Frame, and the first and the last one that shows it."""
        look = SecondLook(Variants([], settings().detect, {Kind.FACE}), 0.5, Uncovered())
        with open_source(rendered(face_clip, made, tmp_path / "output.mp4", leaking)) as source:
            for frame in source.frames():
                look.watch(frame)
        return [(find.frame, round(find.start * 25), round(find.end * 25)) for find in look.finds()[1]]

    assert flashes([9]) == [(9, 9, 9)]
    assert flashes([9, 10, 11]) == [(9, 9, 11)]
    assert flashes([]) == []
    assert flashes(list(range(FRAMES))) == []


def test_a_cover_that_comes_off_is_not_doubtful_as_well_where_a_detector_found_somebody_just_then(
    face_clip: Path, tmp_path: Path
) -> None:
    with open_source(rendered(face_clip, good_plan(face_clip), tmp_path / "output.mp4", [9])) as source:
        frames = list(source.frames())

    def flashes(box: Box | None = None, index: int = 9) -> list[Box]:
        """Where there are doubts, if a detector finds a face in `box` on the frame `index`."""
        look = SecondLook(Variants([], settings().detect, {Kind.FACE}), 0.5, Uncovered())
        for picture in frames:
            look.watch(picture)
            if box and picture.index == index:
                look.take(SecondFinds(index, index / 25, ((Kind.FACE, box, 0.5, 1.0),)))
        return [find.box for find in look.finds()[1]]

    (flash,) = flashes()
    x0, y0, x1, y1 = flash
    assert flashes(flash) == []
    assert flashes((x1 - 1, y1 - 1, x1 + 30, y1 + 30)) == []
    assert flashes((x0 - 30, y0 - 30, x0 + 1, y0 + 1)) == []
    for elsewhere in ((x0 - 30, y0, x0, y1), (x1, y0, x1 + 30, y1), (x0, y0 - 30, x1, y0), (x0, y1, x1, y1 + 30)):
        assert flashes(elsewhere) == [flash]
    assert flashes(flash, 8) == flashes(flash, 10) == [flash]


class NoFace:
    """Sees every head from behind."""

    def of(self, _frame: Scanned, found: Detections) -> NDArray[np.float32]:
        return np.zeros(len(found), np.float32)

    def behind(self, faces: Sequence[float]) -> bool:
        return max(faces) == 0


@pytest.mark.parametrize("blind", [True, False])
def test_a_head_from_behind_is_no_find_but_what_came_off_there_is(face_clip: Path, tmp_path: Path, blind: bool) -> None:
    """Nor does it stand for the cover that came off: one of the two is said."""
    with open_source(rendered(face_clip, good_plan(face_clip), tmp_path / "output.mp4", [9])) as source:
        frames = list(source.frames())
    facing = cast(Facing, NoFace())
    uncovered = Uncovered() if blind else None
    look = SecondLook(Variants([], settings().detect, {Kind.HEAD}), 0.5, uncovered, facing=facing)
    for picture in frames:
        look.watch(picture)
        if picture.index == 9:
            heads = (Kind.HEAD, face_box(9), 0.9, 0.0), (Kind.HEAD, (10.0, 10.0, 40.0, 40.0), 0.9, 0.3)
            look.take(SecondFinds(9, 9 / 25, heads))
    leaks, doubts, _ = look.finds()
    bare = [find for find in (*leaks, *doubts) if find.box != (10.0, 10.0, 40.0, 40.0)]
    assert len(leaks) + len(doubts) == len(bare) + 1, "a face showed in the other"
    assert len(bare) == blind


@pytest.mark.parametrize("size", wide.SIZES, ids=str)
def test_faces_of_fourteen_pixels_are_found_at_every_border_of_wide_pictures(size: tuple[int, int]) -> None:
    """By variants that are mirrored, shifted and scaled; the finds are as large as the faces."""
    there, detect = wide.places(*size), replace(settings().detect, min_face=14.0)
    grey = wide.picture(*size, list(there.values()))
    scanned = Scanned(np.repeat(grey[..., None], 3, axis=2), 0, 0)
    look = SecondLook(Variants([wide.Lit()], detect, {Kind.FACE}), 0.5)
    finds = look.detect(scanned, [], lambda found: np.zeros(len(found), bool)).result().finds
    assert len(finds) == len(there)
    for name, box in there.items():
        seen = [np.clip(found, 0, [*size, *size]) for _, found, _, _ in finds]
        assert any(np.abs(found - box).max() < 5 for found in seen), f"{name}: {finds}"


class NoOthers(Executor):
    """Must not be called."""


def test_without_a_plan_no_frame_is_watched_before_what_those_before_it_showed_is_taken(face_clip: Path) -> None:
    look = SecondLook(Variants([Bright()], settings().detect, {Kind.FACE}), 0.5, Uncovered(), NoOthers())
    checker = Checker(None, settings(), Sample(1, 1, ""), look)
    begun = taken = most = 0
    with open_source(face_clip) as source:

        def steps() -> Iterator[Pending[FrameFindings]]:
            nonlocal begun, most
            for frame in source.frames():
                most = max(most, begun - taken)
                begun += 1
                yield checker.see(frame, None)

        for checked in in_order(steps()):
            assert checked.seen is not None
            look.take(checked.seen)
            taken += 1
    assert taken == FRAMES
    assert most == 0


@pytest.mark.parametrize("uncovered", [Uncovered(), None])
def test_what_stands_still_and_is_found_again_with_a_better_score_is_scanned_again(
    uncovered: Uncovered | None,
) -> None:
    detector = Bright(score=0.45)
    look = SecondLook(Variants([detector], settings().detect, {Kind.FACE}), 0.5, uncovered)

    def scores(index: int) -> list[float]:
        picture = frame(index, FACE)
        return [
            score
            for _, _, score, _ in look.detect(picture, [], lambda found: np.zeros(len(found), bool)).result().finds
        ]

    assert scores(0) == ([pytest.approx(0.45)] if uncovered else [])
    detector.score = 0.95
    assert scores(50) == [pytest.approx(0.95)]
    looks = len(detector.seen)
    assert scores(53) == [pytest.approx(0.95)]
    assert len(detector.seen) == looks, "nothing changed since"


@pytest.mark.parametrize(("score", "faces", "heads"), [(0.29, False, False), (0.34, True, False), (0.36, True, True)])
def test_a_head_counts_in_the_output_from_the_score_that_would_have_covered_it(
    score: float, faces: bool, heads: bool
) -> None:
    """Where a preset takes less for a face, that would be a doubt about every ball."""
    for kind, counts in ((Kind.FACE, faces), (Kind.HEAD, heads)):
        detector = Bright(score=score, kind=kind, kinds=frozenset({kind}), min_size={kind: 16.0})
        look = SecondLook(Variants([detector], settings().detect, {kind}), 0.3)
        look.take(look.detect(frame(0, FACE), [], lambda found: np.zeros(len(found), bool)).result())
        leaks, doubts, frames = look.finds()
        assert (bool(leaks or doubts), frames) == (counts, int(counts))
