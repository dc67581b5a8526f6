"""Moving and further pictures beside a picture are listed as removed, and are gone."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from anonymize.errors import UnsupportedInput
from anonymize.media.still.source import StillSource
from anonymize.settings import Output
from tests.helpers import planting as p
from tests.helpers.formats import documented
from tests.helpers.heifs import encoded
from tests.helpers.media import pattern

PICTURE = pattern(3, (128, 96))
MP4 = p.box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + p.box(b"mdat", p.SECRET * 9) + p.box(b"moov", p.SECRET)
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + MP4 + b"SEFH\x6b\0\0\0SEFT"
MPF = b"MPF\0MM\0*\0\0\0\x08" + p.SECRET


def data(suffix: str) -> bytes:
    if suffix in ("heic", "avif"):
        return encoded(suffix, PICTURE)
    target = BytesIO()
    Image.fromarray(PICTURE).save(target, {"jpg": "JPEG"}.get(suffix, suffix.upper()))
    return target.getvalue()


def bmp_with_profile() -> bytes:
    """A BMP of version 5 that names a profile of this machine, and says where it is."""
    plain = data("bmp")
    path = p.SECRET
    pixels = plain[54:]
    head = struct.pack("<I", 124) + plain[18:54] + bytes(16) + b"KNIL" + bytes(48)
    head += struct.pack("<IIII", 4, 124 + len(pixels), len(path), 0)
    assert len(head) == 124
    return plain[:2] + struct.pack("<III", 138 + len(pixels) + len(path), 0, 138) + head + pixels + path


def jpeg_with_mpf() -> bytes:
    plain = data("jpg")
    return plain[:2] + p.segment(0xE2, MPF) + plain[2:]


def animation(*, default: bool) -> bytes:
    target = BytesIO()
    first, *others = (Image.fromarray(pattern(i, (64, 48))) for i in range(4))
    first.save(target, "PNG", save_all=True, append_images=others, duration=100, default_image=default)
    return target.getvalue()


CASES = {
    "motion photo, JPEG (Google)": ("jpg", data("jpg") + MP4, "motion video"),
    "motion photo, JPEG (Samsung)": ("jpg", data("jpg") + SAMSUNG, "motion video"),
    "motion photo, JPEG with further pictures": ("jpg", jpeg_with_mpf() + data("jpg") + MP4, "motion video"),
    "further pictures in JPEG (MPF)": ("jpg", jpeg_with_mpf() + data("jpg"), "further pictures (MPF)"),
    "motion photo, HEIC": ("heic", data("heic") + p.box(b"mpvd", MP4), "motion video"),
    "motion photo, AVIF": ("avif", data("avif") + p.box(b"mpvd", MP4), "motion video"),
    "data after HEIC": ("heic", data("heic") + b"\xff" * 9 + p.SECRET, "data after the picture's end"),
    "data of a maker in HEIC": ("heic", data("heic") + p.box(b"sefd", p.SECRET), "sefd data"),
    "motion photo, PNG": ("png", data("png") + MP4, "motion video"),
    "motion photo, WebP": ("webp", data("webp") + MP4, "motion video"),
    "colour profile in BMP": ("bmp", bmp_with_profile(), "colour profile"),
    "data after BMP": ("bmp", data("bmp") + p.SECRET, "data after the picture's end"),
    "default image of an animated PNG": ("png", animation(default=True), "the picture shown where animations are not"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=documented("pictures", case, f"goes, and is listed: {CASES[case][2]}"))
        for case in CASES
    ],
)
def test_what_goes_is_listed(tmp_path: Path, case: str) -> None:
    suffix, content, word = CASES[case]
    path = tmp_path / f"in.{suffix}"
    path.write_bytes(content)
    source = StillSource(path)
    assert word in source.info.removed
    target = p.carried(path, tmp_path / f"out.{suffix}", Output())
    assert p.SECRET not in target.read_bytes()
    assert StillSource(target).info.removed == ()
    assert p.complaints(target, path) == p.complaints(target, None) == ""
    if "default" not in case:
        assert p.complaints(path, None)


def test_an_animation_without_a_default_image_lists_none() -> None:
    source = StillSource(animation(default=False))
    assert source.info.removed == ()
    assert source.info.frame_count == 4
    assert StillSource(animation(default=True)).info.frame_count == 3


@documented("pictures", "animated AVIF", "refused")
def test_animated_avif_is_refused_and_a_film_beside_a_picture_is_listed(tmp_path: Path) -> None:
    first, *others = (Image.fromarray(pattern(i, (64, 48))) for i in range(3))
    first.save(tmp_path / "in.avif", save_all=True, append_images=others, duration=100)
    content = (tmp_path / "in.avif").read_bytes()
    with pytest.raises(UnsupportedInput, match="not supported; convert it to a video"):
        StillSource(content)
    source = StillSource(content[:8] + b"avif" + content[12:])  # players show the picture of such a file
    assert source.info.frame_count == 1
    assert "moving pictures" in source.info.removed
