"""Pictures that are read and written as PNG: Netpbm, Targa, JPEG 2000; and those that are named and refused."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonymize.batch.inputs import plan_items
from anonymize.errors import AnonymizeError, UnsupportedInput
from anonymize.media import open_source
from anonymize.media.still.file import CODESTREAM, is_targa, picture_format
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.source import StillSource
from anonymize.text.suffixes import OTHER_SUFFIXES, RAW_SUFFIXES
from tests.conftest import face_box, face_pictures
from tests.helpers.formats import documented
from tests.helpers.media import make_video, pattern
from tests.helpers.runs import Seen, settings

PICTURE = pattern(3, (90, 60))
SAVED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ppm": ("RGB", "PPM", {}),
    "pgm": ("L", "PPM", {}),
    "pbm": ("1", "PPM", {}),
    "tga": ("RGB", "TGA", {}),
    "tga, RLE": ("RGB", "TGA", {"compression": "tga_rle"}),
    "tga, from the top": ("RGB", "TGA", {"orientation": 1}),
    "tga, with a palette": ("P", "TGA", {}),
    "jp2": ("RGB", "JPEG2000", {}),
    "j2k": ("RGB", "JPEG2000", {"no_jp2": True}),
    "jp2, grey": ("L", "JPEG2000", {}),
}


def saved(case: str, picture: np.ndarray = PICTURE) -> bytes:
    mode, kind, options = SAVED[case]
    target = BytesIO()
    Image.fromarray(picture).convert(mode).save(target, kind, **options)
    return target.getvalue()


def pixels(source: StillSource) -> np.ndarray:
    (frame,) = source.frames()
    assert isinstance(frame, StillFrame)
    pixels: np.ndarray = frame.pixels
    return pixels


@documented(
    "pictures", "PPM, PGM and PBM (Netpbm), Targa and JPEG 2000, 8 bits", "PNG, pixel for pixel; a note says so"
)
@pytest.mark.parametrize("case", SAVED)
def test_they_are_read_as_they_are(case: str) -> None:
    mode, _, _ = SAVED[case]
    wanted = np.asarray(Image.fromarray(PICTURE).convert(mode).convert("RGB" if mode in ("RGB", "P") else "L"))
    source = StillSource(saved(case))
    assert np.array_equal(pixels(source).squeeze(), wanted)
    assert source.info.removed == ()


@pytest.mark.parametrize("case", ["ppm", "pgm", "tga", "jp2"])
def test_a_face_is_gone_and_the_rest_is_there_to_the_pixel(case: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    picture = face_pictures(1)[0]
    (tmp_path / "in" / f"a.{case}").write_bytes(saved(case, picture))
    wanted = settings(targets=["face"], zones=[], detect={"detectors": ["centerface"]}, verify={})
    seen = Seen(tmp_path / "in", tmp_path / "out", wanted)
    outcome = seen.by_name[f"a.{case}"]
    assert (seen.code, outcome.output) == (0, tmp_path / "out" / "a.png"), outcome.report.error
    assert outcome.report.verified["looked_frames"] == 1
    assert "became png, since the former cannot be written" in " ".join(outcome.report.output["notes"])
    before = np.asarray(Image.fromarray(picture).convert("L" if case == "pgm" else "RGB"))
    after = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    x0, y0, x1, y1 = face_box(0)
    assert after[y0:y1, x0:x1].mean() < 8
    assert np.array_equal(after[-30:], before[-30:])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (saved("ppm").replace(b"P6\n", b"P6\n# Anna, at home\n"), ("comments",)),
        (b"\x04" + saved("tga")[1:18] + b"Anna" + saved("tga")[18:], ("an identification",)),
        (saved("jp2") + b"\0\0\0\x0cxml Anna", ("a box xml",)),
    ],
)
def test_what_is_beside_the_picture_is_listed(content: bytes, words: tuple[str, ...]) -> None:
    source = StillSource(content)
    assert source.info.removed == words
    assert np.array_equal(pixels(source), PICTURE)


WIDE = np.arange(60 * 90, dtype=np.uint16).reshape(60, 90) * 12


def wide_jp2() -> bytes:
    target = BytesIO()
    Image.fromarray(WIDE).save(target, "JPEG2000")
    return target.getvalue()


@documented("pictures", "Netpbm, JPEG 2000 with more than 8 bits, further pictures in one", "refused")
@pytest.mark.parametrize(
    "content",
    [
        b"P5 90 60 65535\n" + WIDE.astype(">u2").tobytes(),
        b"P6 90 60 4095\n" + bytes(90 * 60 * 6),
        saved("ppm") + saved("ppm"),
        saved("pbm") + b"P4\n1 1\n\0",
        wide_jp2(),
        saved("jp2") + b"\0\0\0\x0cjp2c" + CODESTREAM,
    ],
)
def test_what_would_change_is_refused(content: bytes) -> None:
    with pytest.raises(UnsupportedInput, match="PNG"):
        StillSource(content)


@pytest.mark.parametrize("case", SAVED)
def test_what_ends_early_is_damaged(case: str) -> None:
    content = saved(case)
    if case.startswith("tga"):
        content = content[:-26]  # without its footer
    with pytest.raises(AnonymizeError):
        pixels(StillSource(content[: len(content) * 2 // 3]))


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "libx264"),
        ("mkv", "libx264"),
        ("ts", "libx264"),
        ("avi", "mpeg4"),
        ("mpg", "mpeg2video"),
        ("flv", "flv1"),
    ],
)
def test_a_film_is_no_targa(suffix: str, codec: str, tmp_path: Path) -> None:
    made = make_video(tmp_path / f"a.{suffix}", frames=2, codec=codec.removesuffix("1"))
    assert picture_format(made.read_bytes()[:64]) == ""


def test_an_elementary_stream_is_no_targa() -> None:
    assert picture_format(b"\0\0\1\xb3" + bytes(60)) == ""


@documented(
    "pictures", "SVG, PSD, EXR, JPEG XL, icons, camera raws and the like in a folder", "named, counted as failed"
)
def test_what_is_called_like_a_picture_is_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    suffixes = sorted(OTHER_SUFFIXES | RAW_SUFFIXES)
    for suffix in suffixes:
        (tmp_path / "in" / f"a{suffix}").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "in" / "a.txt").write_text("0 0 0 0 0")
    items = {item.relative.name: item for item in plan_items([str(tmp_path / "in")], f"{tmp_path}/out/")}
    assert not items["a.txt"].expected
    for suffix in suffixes:
        assert items[f"a{suffix}"].expected
        with pytest.raises(UnsupportedInput, match=f"a{suffix}"):
            open_source(tmp_path / "in" / f"a{suffix}")
    (tmp_path / "in" / "b.pgm").write_bytes(saved("pgm"))
    assert Seen(tmp_path / "in", tmp_path / "out").code == 10


@pytest.mark.parametrize(
    ("kind", "mapped", "bits"),
    [
        (1, 1, (8,)),
        (9, 1, (8,)),
        (2, 0, (15, 16, 24, 32)),
        (10, 0, (15, 16, 24, 32)),
        (3, 0, (8, 16)),
        (11, 0, (8, 16)),
    ],
)
def test_a_targa_is_known_by_its_kind_and_the_bits_that_it_may_have(
    kind: int, mapped: int, bits: tuple[int, ...]
) -> None:
    def head(deep: int, table: int = mapped, described: int = 0, flags: int = 0) -> bytes:
        return bytes([0, table, kind, 0, 0, described, 0, 0, 0, 0, 0, 0, 5, 0, 3, 0, deep, flags])

    assert tuple(deep for deep in range(64) if is_targa(head(deep))) == bits
    assert not is_targa(head(bits[0], 1 - mapped))
    assert is_targa(head(bits[0], described=1)) is bool(mapped), "without a table nothing describes one"
    assert not is_targa(head(bits[0], flags=0x40))
    assert not is_targa(head(bits[0])[:17])
