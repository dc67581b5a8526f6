"""In a picture, which is looked at once, a find counts by its own score and by what another network says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymize import media, report
from anonymize.data import Box, Detections, Kind
from anonymize.detect.context import Said, alone
from anonymize.detect.context.asking import ASKED, ASKED_ONCE
from anonymize.kinds import Raised
from anonymize.plan import Plan
from anonymize.plan.compose import WEAKLY
from anonymize.recorded import passes
from anonymize.settings import Detect, Settings
from tests.conftest import face_box, face_pictures
from tests.detect.test_context import FACE, HEAD, HERE, PLATE, RULE, SIZE, Bright, asking, at, finds, frame, track
from tests.helpers.media import make_image, make_video

ONCE = replace(RULE, enough={FACE: 0.25, HEAD: 0.25, PLATE: 0.5}, once=True)
NOTHING = Detections.empty()


def confirmed(
    said: float, found: Detections, quiet: Detections = NOTHING, *bright: Box
) -> tuple[Detections, NDArray[np.bool_]]:
    """Finds in a picture, and which are confirmed, if the network says `said` of what is `bright`."""
    return asking(Bright(said), ONCE).confirmed(frame(*bright), Fraction(0), found, quiet)


@pytest.mark.parametrize("kind", [FACE, HEAD])
@pytest.mark.parametrize(
    ("score", "said", "counts"), [(0.1, 0.95, True), (0.1, 0.88, False), (0.19, 0.75, True), (0.19, 0.7, False)]
)
def test_a_faint_find_counts_if_both_are_sure_enough_together(
    kind: Kind, score: float, said: float, counts: bool
) -> None:
    place = at(600, 300, 24)
    left, sure = confirmed(said, NOTHING, finds((place, score), kind=kind), place)
    assert (len(left), sure.tolist()) == ((1, [True]) if counts else (0, []))
    if counts:
        assert (left.kind[0], left.xyxy[0].tolist()) == (kind, list(place))
        assert left.score[0] == pytest.approx(score), "the plan has what the detector said"


def test_a_weak_head_that_is_not_confirmed_stays_as_it_is_and_a_sure_one_needs_nobody() -> None:
    some = finds((at(100, 100), 0.22), (at(500, 100), 0.22), (at(900, 100), 0.6), kind=HEAD)
    left, sure = confirmed(0.9, some, NOTHING, at(100, 100), at(900, 100))
    assert sure.tolist() == [True, False, False]
    np.testing.assert_array_equal(left.xyxy, some.xyxy)
    np.testing.assert_array_equal(left.score, some.score)


def test_faint_plates_and_what_was_found_already_are_not_added() -> None:
    found = finds((at(100, 100), 0.3))
    near, plate = finds((at(104, 100), 0.15)), finds((at(500, 300), 0.19), kind=PLATE)
    quiet = Detections.concatenate([near, plate])
    left, _ = confirmed(0.99, found, quiet, at(90, 90, 60), at(500, 300))
    assert (len(left), left.kind.tolist()) == (1, [FACE])


def test_in_a_video_nothing_is_added_and_nobody_is_asked_for_it() -> None:
    witness, found, quiet = Bright(0.99), finds((at(100, 100), 0.3)), finds((at(500, 300), 0.19))
    left, sure = asking(witness, replace(ONCE, once=False)).confirmed(frame(at(500, 300)), Fraction(0), found, quiet)
    assert left is found
    assert sure.tolist() == [False]
    assert not witness.asked


def test_each_place_is_asked_about_once_and_more_of_them_than_in_a_video() -> None:
    many = finds(*((at(20 + 40 * (n % 30), 20 + 60 * (n // 30)), 0.2 + 0.001 * n) for n in range(120)))
    witness = Bright(0.5)
    context = asking(witness, ONCE)
    left, _ = context.confirmed(frame(), Fraction(0), many, NOTHING)
    assert ASKED < ASKED_ONCE == len(witness.asked)
    said = context.around(frame(), Fraction(0), left)
    assert ASKED_ONCE == len(witness.asked) == len(said.there)
    assert sorted(said.there.score.tolist()) == [0.0] * ASKED_ONCE
    assert min(box[0] for _, box in witness.asked if box[1] < 30) > 300, "the 20 faintest are not asked about"


@pytest.mark.parametrize(
    ("score", "said", "lonely"),
    [(0.3, 0.52, False), (0.3, 0.5, True), (0.45, 0.22, False), (0.45, 0.2, True), (0.5, 0.0, False)],
)
def test_a_weak_face_of_a_picture_is_alone_if_both_together_are_not_sure_enough(
    score: float, said: float, lonely: bool
) -> None:
    seen = {10: Said(finds((HERE, said)))}
    assert (3 in alone([track([score])], seen, ONCE, SIZE)) is lonely


def test_a_large_face_that_was_found_surely_is_judged_as_one_of_a_video() -> None:
    large = at(100, 100, 300)
    for said, lonely in ((0.1, True), (0.2, False)):
        seen = {10: Said(finds((large, said)))}
        for rule in (ONCE, replace(ONCE, once=False)):
            assert bool(alone([track([0.6], large)], seen, rule, SIZE)) is lonely


def test_a_face_of_a_picture_about_which_nobody_was_asked_is_covered() -> None:
    assert not alone([track([0.21])], {}, ONCE, SIZE)


def test_a_weak_plate_of_a_picture_is_judged_as_one_of_a_video() -> None:
    for said, lonely in ((0.2, False), (0.1, True)):
        seen = {10: Said(finds((HERE, said), kind=PLATE))}
        for rule in (ONCE, replace(ONCE, once=False)):
            assert bool(alone([track([0.55], kind=PLATE)], seen, rule, SIZE)) is lonely


@dataclass
class Told:
    """Finds what it was told: boxes with scores, in a picture 320 wide."""

    told: Detections
    name, sha256, device = "told", "0" * 64, "cpu"
    kinds = frozenset({FACE, HEAD})
    min_size: ClassVar[dict[Kind, float]] = {FACE: 16.0, HEAD: 16.0}
    max_reliable_size: ClassVar[dict[Kind, float]] = {}
    max_input_side = 320

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        scale = picture.shape[1] / 320
        return replace(self.told, xyxy=self.told.xyxy * np.float32(scale))

    def release_memory(self) -> None:
        """There is nothing to give back."""


def planned(path: Path, told: Detections) -> Plan:
    settings = Settings(targets=frozenset({FACE, HEAD}), detect=Detect(behind=0.2))
    with media.open_source(path) as source:
        made, _ = passes.detect(source, settings, [Told(told)], report.sha256(path))
    return made


def test_a_faint_face_of_a_picture_is_covered_and_a_weak_find_on_a_wall_is_a_doubt(tmp_path: Path) -> None:
    """The network is the real one; the same finds in a film of three frames are judged as those of videos."""
    pictures = face_pictures()
    x0, y0, x1, y1 = face_box(0)
    wall: Box = (250.0, 20.0, 290.0, 72.0)
    told = finds(((float(x0), float(y0), float(x1), float(y1)), 0.14), (wall, 0.3))
    still = planned(make_image(tmp_path / "still.png", picture=pictures[0]), told)
    assert any(r.xyxy[0] < x0 and r.xyxy[2] > x1 and r.score == pytest.approx(0.14) for r in still.at(0))
    assert not any(r.xyxy[0] < 270 < r.xyxy[2] for r in still.at(0))
    assert [one.raised for one in still.doubts if not one.drawn] == [Raised.ALONE]
    film = planned(make_video(tmp_path / "film.mp4", frames=pictures[:3], options={"crf": "12"}), told)
    assert not any(r.xyxy[0] < (x0 + x1) / 2 < r.xyxy[2] for r in film.at(1)), "too faint for a video"


def test_what_the_network_half_believes_is_covered_in_a_video_and_a_doubt_in_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.3))
    pictures = [np.full((240, 320, 3), 220, np.uint8)] * 3
    told = finds(((100.0, 100.0, 140.0, 140.0), 0.3))
    still = planned(make_image(tmp_path / "still.png", picture=pictures[0]), told)
    assert [one.raised for one in still.doubts if not one.drawn] == [Raised.ALONE]
    assert not still.at(0)
    film = planned(make_video(tmp_path / "film.mp4", frames=pictures, options={"crf": "12"}), told)
    assert all(film.at(index) for index in range(3))


def test_a_faint_head_of_a_picture_may_be_one_from_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.full((240, 320, 3), 220, np.uint8)
    told = finds(((100.0, 100.0, 140.0, 140.0), 0.15), kind=HEAD)
    for face, behind in ((0.0, True), (0.9, False)):
        witness = Bright(0.95, face)
        monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_, witness=witness: witness)
        still = planned(make_image(tmp_path / f"{face}.png", picture=picture), told)
        assert bool(still.at(0)) is not behind
        assert [one.raised for one in still.doubts if not one.drawn] == ([Raised.BEHIND] if behind else [])


def test_however_many_are_confirmed_all_are_covered_and_none_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is weak and not confirmed the tracker follows two dozen."""
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.95))
    picture = np.full((240, 320, 3), 220, np.uint8)
    places = [at(8 + 36 * (n % 8), 6 + 36 * (n // 8), 20) for n in range(40)]
    told = finds(*((place, 0.15 if n % 2 else 0.3) for n, place in enumerate(places)))
    still = planned(make_image(tmp_path / "crowd.png", picture=picture), told)
    middles = [((x0 + x1) / 2, (y0 + y1) / 2) for x0, y0, x1, y1 in (one.xyxy for one in still.at(0))]
    for x0, y0, x1, y1 in places:
        assert any(x0 < x < x1 and y0 < y < y1 for x, y in middles), (x0, y0)
    assert {one.raised for one in still.doubts} == {Raised.FIND}, "they are covered, and a person may be asked"


def test_a_confirmed_find_is_padded_as_a_weak_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network says nothing of where exactly a face is."""
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.95))
    picture = np.full((240, 320, 3), 220, np.uint8)
    (weak,) = planned(make_image(tmp_path / "a.png", picture=picture), finds((at(100, 100, 40), 0.45))).at(0)
    (sure,) = planned(make_image(tmp_path / "b.png", picture=picture), finds((at(100, 100, 40), 0.95))).at(0)
    assert weak.xyxy[2] - weak.xyxy[0] == pytest.approx(sure.xyxy[2] - sure.xyxy[0] + 2 * WEAKLY * 40)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "h264"])
def test_a_video_of_one_frame_is_judged_as_a_video(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.3))
    told = finds(((100.0, 100.0, 140.0, 140.0), 0.3), ((200.0, 100.0, 240.0, 140.0), 0.19))
    film = make_video(tmp_path / f"one.{suffix}", frames=[np.full((240, 320, 3), 220, np.uint8)])
    (covered,) = planned(film, told).at(0)
    assert covered.xyxy[0] < 120 < covered.xyxy[2]


def test_an_animated_picture_is_judged_as_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.3))
    pictures = [Image.fromarray(np.full((240, 320, 3), shade, np.uint8)) for shade in (220, 230, 240)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=40)
    film = planned(tmp_path / "a.gif", finds(((100.0, 100.0, 140.0, 140.0), 0.3)))
    assert film.about.frames == 3
    assert all(film.at(index) for index in range(3))


def test_of_faces_and_heads_those_are_covered_that_are_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anonymize.detect.registry.witness_of", lambda *_: Bright(0.95, 0.9))
    picture = np.full((240, 320, 3), 20, np.uint8)
    picture[90:150, 90:150] = 220
    faces = finds((at(10, 10), 0.3), (at(200, 10), 0.3), (at(200, 180), 0.3))
    told = Detections.concatenate([faces, finds((at(110, 110), 0.15), kind=HEAD)])
    (head,) = planned(make_image(tmp_path / "a.png", picture=picture), told).at(0)
    assert head.kind is HEAD
