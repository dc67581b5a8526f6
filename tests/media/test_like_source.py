"""Without `--quality` an output is about as large, and about as good, as its source."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonymize.media import open_source, output_suffix, with_quality
from anonymize.media.still.formats.webp import quality_of
from anonymize.media.still.parts import webp_parts
from anonymize.media.video import like_source
from anonymize.media.video.like_source import BEST, WORST
from anonymize.media.video.options import MIDDLE
from anonymize.settings import Codec, Output
from tests.helpers.carry import carry
from tests.helpers.media import Picture, make_video

FAST = Output(speed="veryfast")
SIZE = (192, 144)


def scene(count: int) -> list[Picture]:
    """A textured ground that a camera pans over, and a sensor's noise."""
    chance = np.random.default_rng(5)
    coarse = chance.integers(0, 256, (40, 60, 3), np.uint8)
    ground = np.asarray(Image.fromarray(coarse).resize((SIZE[0] + 2 * count, SIZE[1]), Image.Resampling.BICUBIC))
    shown = [ground[:, 2 * i : 2 * i + SIZE[0]].astype(np.int16) for i in range(count)]
    return [np.clip(p + chance.normal(0, 3, p.shape), 0, 255).astype(np.uint8) for p in shown]


def quality_for(path: Path) -> int:
    with open_source(path) as source:
        for _ in source.frames():
            pass
        quality = with_quality(source, FAST).quality
    assert quality is not None
    return quality


def size_ratio(path: Path, target: Path) -> float:
    with open_source(path) as source:
        target = target.with_suffix(output_suffix(source, FAST))
    carry(path, target, output=Output(quality=quality_for(path)))
    return target.stat().st_size / path.stat().st_size


SOURCES = {
    "coarse": ("in.mp4", {"options": {"preset": "veryfast", "crf": "30"}}),
    "middling": ("in.mkv", {"options": {"preset": "medium", "crf": "24"}}),
    "fine": ("in.mp4", {"options": {"preset": "veryfast", "crf": "18"}}),
    "many key frames": ("in.mp4", {"options": {"preset": "medium", "crf": "23", "g": "12"}}),
    "another codec": ("in.avi", {"codec": "mpeg4", "options": {"b": "150000"}}),
    "without times": ("in.mpg", {"codec": "mpeg2video", "options": {"b": "400000"}}),
    "vp9": ("in.webm", {"codec": "libvpx-vp9", "options": {"crf": "32", "b": "0", "cpu-used": "8"}}),
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_output_is_about_as_large_as_the_source(tmp_path: Path, name: str) -> None:
    file, options = SOURCES[name]
    path = make_video(tmp_path / file, frames=scene(70), **options)  # type: ignore[arg-type]
    assert 0.5 < size_ratio(path, tmp_path / "out") < 1.5


def _halved_every_five(
    share: float, fitting: int, source: object, packets: object, target: object, output: Output
) -> float:
    """The output's size over the source's: `share` at the quality `fitting`."""
    assert output.quality is not None
    return float(share * 2 ** ((fitting - output.quality) / 5))


HEVC = {"codec": "libx265"}


@pytest.mark.parametrize(
    ("made", "codec", "share"), [({}, Codec.H264, 0.92), (HEVC, Codec.H264, 1.2), (HEVC, Codec.H265, 0.92)]
)
def test_only_an_older_codec_gets_more_bytes_than_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, str], codec: Codec, share: float
) -> None:
    path = make_video(tmp_path / "in.mp4", frames=2, **made)  # type: ignore[arg-type]
    for fitting in (MIDDLE, MIDDLE + 3, MIDDLE - 4):
        halved = partial(_halved_every_five, share, fitting)
        monkeypatch.setattr(like_source, "_ratio", halved)
        with open_source(path) as source:
            list(source.frames())
            assert with_quality(source, Output(codec=codec)).quality == fitting


def test_a_coarse_source_is_not_blown_up_and_a_fine_one_not_spoilt(tmp_path: Path) -> None:
    made = [
        make_video(tmp_path / f"{crf}.mp4", frames=scene(40), options={"preset": "veryfast", "crf": str(crf)})
        for crf in (17, 23, 29)
    ]
    fine, middling, coarse = map(quality_for, made)
    assert BEST <= fine < middling < coarse <= WORST
    assert abs(middling - 23) <= 3


def test_a_source_with_bits_to_waste_gets_the_best_and_no_more(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.avi", frames=scene(20), codec="huffyuv", pix_fmt="yuv422p")
    assert quality_for(path) == BEST


def test_what_was_asked_for_stays(tmp_path: Path) -> None:
    path = make_video(tmp_path / "in.mp4", frames=4)
    with open_source(path) as source:
        assert with_quality(source, Output(quality=41)).quality == 41


def test_one_picture_has_a_quality(tmp_path: Path) -> None:
    assert BEST <= quality_for(make_video(tmp_path / "in.mp4", frames=1)) <= WORST


@pytest.mark.parametrize("quality", [20, 50, 75, 90, 100])
def test_a_webp_keeps_its_quality(tmp_path: Path, quality: int) -> None:
    path, target = tmp_path / "in.webp", tmp_path / "out.webp"
    Image.fromarray(scene(1)[0]).save(path, quality=quality)
    carry(path, target)
    assert target.stat().st_size < 1.15 * path.stat().st_size
    told = [
        quality_of(body) for file in (path, target) for name, body in webp_parts(file.read_bytes()) if name == "VP8"
    ]
    before, after = told
    assert before is not None
    assert after is not None
    assert abs(before - quality) <= 10
    assert abs(after - before) <= 6


@pytest.mark.parametrize("payload", [b"", b"\1" * 40, b"\0" * 40])
def test_what_is_no_key_frame_has_no_quality(payload: bytes) -> None:
    assert quality_of(payload) is None


def test_a_gif_of_a_camera_that_stands_still_does_not_grow(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    ground = np.asarray(Image.fromarray(scene(1)[0]).quantize(200).convert("RGB"))
    pictures = []
    for step in range(8):
        picture = ground.copy()
        picture[60 + step : 100 + step, 60:100] = (255, 0, step)
        flicker = chance.integers(0, SIZE[0], 40)
        picture[chance.integers(0, SIZE[1], 40), flicker] = (0, 255, 0)
        pictures.append(Image.fromarray(picture))
    path, target = tmp_path / "in.gif", tmp_path / "out.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40, optimize=True)
    before = [np.asarray(picture) for picture in _pictures(path)]
    carry(path, target)
    assert target.stat().st_size < 1.1 * path.stat().st_size
    assert all((a == b).all() for a, b in zip(before, _pictures(target), strict=True))


def _pictures(path: Path) -> list[Picture]:
    with Image.open(path) as opened:
        found = []
        for number in range(getattr(opened, "n_frames", 1)):
            opened.seek(number)
            found.append(np.asarray(opened.convert("RGB")))
        return found
