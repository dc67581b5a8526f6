"""The pictures of a source by their index, in any order, and boxes that are followed through them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from anonymize import media
from anonymize.data import Kind, Region, Why
from anonymize.errors import UnreadableInput
from anonymize.media import open_source
from anonymize.review import pictures as module
from anonymize.review.follow import followed
from anonymize.review.pictures import Pictures, cut_out, jpeg, published
from anonymize.settings import Redact
from tests.helpers.media import make_video

WIDTH, HEIGHT, COUNT = 1280, 720, 60


def drawn() -> list[np.ndarray]:
    """A textured square of 28 pixels that moves right over a still background, each frame of its own."""
    noise = np.random.default_rng(3)
    coarse = noise.integers(40, 220, (18, 32, 3)).astype(np.uint8)
    ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    face = np.kron(noise.integers(0, 255, (7, 7, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    made = []
    for index in range(COUNT):
        picture = ground.copy()
        left = 100 + 5 * index
        picture[300:328, left : left + 28] = face
        picture[:20, :20] = index * 4
        made.append(picture)
    return made


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One film in containers that can be sought and that cannot, with a key frame every 12 frames or only one."""
    folder, frames = tmp_path_factory.mktemp("clips"), drawn()
    return {
        "mp4": make_video(folder / "a.mp4", frames=frames, options={"g": "12", "crf": "12"}),
        "mkv": make_video(folder / "a.mkv", frames=frames, options={"g": "12", "crf": "12"}),
        "ts": make_video(folder / "a.ts", frames=frames, options={"g": "12", "crf": "12"}),
        "one key frame": make_video(folder / "b.mp4", frames=frames, options={"g": "999", "crf": "12"}),
    }


@pytest.mark.parametrize("name", ["mp4", "mkv", "ts", "one key frame"])
def test_a_frame_is_the_same_in_any_order_as_in_a_whole_pass(
    clips: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOM", 6 * WIDTH * HEIGHT)  # four pictures
    order = [0, COUNT - 1, 30, 31, 29, 12, 11, *random.Random(1).choices(range(COUNT), k=12)]
    with open_source(clips[name]) as source:
        whole = {frame.index: (frame.pts, frame.luma(320, 180).copy()) for frame in source.frames()}
        got = Pictures(source)
        for index in order:
            frame = got.frame(index)
            assert (frame.index, frame.pts) == (index, whole[index][0])
            assert np.array_equal(frame.luma(320, 180), whole[index][1]), index
            assert len(got._kept) <= 4
        for wrong in (-1, COUNT):
            with pytest.raises(UnreadableInput, match="no frame"):
                got.frame(wrong)
        assert got.frame(0).index == 0
        got.close()


def test_a_picture_for_a_page_is_as_wide_as_asked_and_upright(clips: dict[str, Path]) -> None:
    with open_source(clips["mp4"]) as source:
        frame = Pictures(source).frame(20)
        for width, shape in ((640, (360, 640)), (9999, (720, 1280))):
            shown = cv2.imdecode(np.frombuffer(jpeg(frame, width), np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None
            assert shown.shape[:2] == shape
        hidden = published(frame, [Region((1266, 706, 1280, 720), Kind.AREA, Why.MANUAL)], Redact())
        assert hidden.luma(WIDTH, HEIGHT)[706:, 1266:].max() <= 1
        assert np.array_equal(hidden.luma(WIDTH, HEIGHT)[:700], frame.luma(WIDTH, HEIGHT)[:700])


@pytest.mark.parametrize(
    ("box", "around"),
    [((200, 300, 228, 328), 128), ((-40, -40, 4, 4), 0), ((1270, 700, 1290, 720), 0), ((9, 9, 9, 9), 128)],
)
def test_a_cut_out_is_square_and_black_beyond_the_picture(
    clips: dict[str, Path], box: tuple[float, float, float, float], around: int
) -> None:
    with open_source(clips["mp4"]) as source:
        frame = Pictures(source).frame(20)
    made = cv2.imdecode(np.frombuffer(cut_out(frame, box, 104), np.uint8), cv2.IMREAD_COLOR)
    assert made is not None
    assert made.shape == (104, 104, 3)
    assert (made[4:10, 4:10].max() < 30) == (box[0] < 0), "the corner at the top left"
    assert (made[-10:-4, -10:-4].max() < 30) == (box[2] > WIDTH), "the corner at the bottom right"
    assert int(np.median(made)) > 20 or not around


def test_jumps_back_and_forth_decode_on_where_that_is_nearer(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    start = Pictures._start

    def noted(self: Pictures, index: int) -> None:
        begun.append(index)
        start(self, index)

    monkeypatch.setattr(Pictures, "_start", noted)
    with open_source(clips["mp4"]) as source:  # key frames on 0, 12, 24, 36, 48
        got = Pictures(source)
        for index in (0, 10, 20, 50, 59, 58):
            assert got.frame(index).index == index
    assert begun == [0, 50], "0 to 20 in one go; from 21 the key frame on 48 is nearer"


@pytest.mark.parametrize("damaged", [False, True])
def test_damage_is_looked_for_only_where_a_plan_allows_for_it(
    clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    told: list[bool] = []
    cut_up = media.cut_up

    def told_of(*given: Any, whole: bool, **others: Any) -> Any:
        told.append(whole)
        return cut_up(*given, whole=whole, **others)

    monkeypatch.setattr(media, "cut_up", told_of)
    with open_source(clips["mp4"], allow_damaged=damaged) as source:
        times, announced = Pictures(source).times, media.announced(source)
        assert times is not None
        assert announced is not None
        assert [*times] == [*announced]
    assert told == [not damaged]


@pytest.mark.parametrize("back", [False, True])
def test_a_box_is_followed_in_both_directions_to_the_ends(clips: dict[str, Path], back: bool) -> None:
    with open_source(clips["mp4"]) as source:
        got = Pictures(source)
        order = list(range(30, -1, -1) if back else range(30, COUNT))
        boxes = list(followed((got.frame(index) for index in order), (250, 300, 278, 328)))
    assert len(boxes) == len(order) - 1
    for index, (x0, y0, x1, y1) in zip(order[1:], boxes, strict=True):
        left = 100 + 5 * index
        assert x0 <= left + 1.5, index
        assert x1 >= left + 26.5, index
        assert (y0 <= 301.5, y1 >= 326.5) == (True, True), index
        assert x1 - x0 < 28 * 1.8
        assert y1 - y0 < 28 * 1.8


def test_a_box_is_not_followed_across_a_cut_or_out_of_the_picture(tmp_path: Path) -> None:
    frames = drawn()
    other = [255 - frames[0][::-1].copy() for _ in range(10)]
    with open_source(make_video(tmp_path / "cut.mp4", frames=[*frames[:10], *other], options={"crf": "12"})) as source:
        got = Pictures(source)

        def some() -> Iterator[object]:
            return (got.frame(index) for index in range(20))

        assert len(list(followed(some(), (100, 300, 128, 328)))) == 9  # type: ignore[arg-type]
        assert list(followed(iter([got.frame(3)]), (100, 300, 128, 328))) == []
