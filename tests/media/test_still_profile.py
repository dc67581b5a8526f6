"""A colour profile in a picture says what its colours are and nothing else, in every format that holds one."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from anonymize.errors import UnsupportedInput
from anonymize.media import open_source
from anonymize.media.still.profile import colour_profile
from anonymize.media.still.source import StillSource, open_still_sink
from anonymize.settings import Output
from anonymize.verify.containers.profile import foreign
from anonymize.verify.containers.stills import profiles
from tests.helpers import planting as p
from tests.helpers import profiles as icc
from tests.helpers.formats import documented
from tests.helpers.media import BT709, make_video, pattern

FORMATS = ("jpg", "png", "webp", "tiff", "heic", "avif")
PICTURE = Image.fromarray(pattern(3))
_LIGHT = [((i / 255 + 0.055) / 1.055) ** 2.4 if i > 10 else i / 255 / 12.92 for i in range(256)]
CUT_DOWN = (
    "only its numbers are kept, no names, serials, dates, private tags or pictures; one that equals sRGB, Display P3 "
    "or Adobe RGB becomes the same for everybody"
)
SAMPLED = icc.curv(*(round(65535 * light) for light in _LIGHT))
"""The curve of sRGB in samples."""


def saved(path: Path, profile: bytes, mode: str = "RGB") -> Path:
    pillow_heif.register_heif_opener()
    PICTURE.convert(mode).save(path, icc_profile=profile)
    return path


def tells(data: bytes) -> bool:
    """Whether `data` holds anything of what was planted."""
    words = (icc.OWNER.encode(), icc.OWNER.encode("utf-16-be"), icc.SERIAL, b"SN-0", b"JFIF", b"Color LCD", b"appl")
    return any(word in data or word.decode("latin-1").encode("utf-16-be") in data for word in words)


@pytest.mark.parametrize("hidden", icc.HIDDEN)
def test_only_numbers_of_a_profile_are_kept(hidden: str) -> None:
    before = icc.HIDDEN[hidden]()
    after = colour_profile(before, "RGB")
    assert list(foreign(before))
    assert list(foreign(after)) == []
    assert not tells(after)
    assert colour_profile(after, "RGB") == after
    if hidden != "text-as-white":
        assert np.abs(icc.converted(PICTURE, before) - icc.converted(PICTURE, after)).max() <= 1


OURS = colour_profile(icc.profile(), "RGB")


def rewritten(place: int, what: bytes) -> bytes:
    return OURS[:place] + what + OURS[place + len(what) :]


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        *(
            (rewritten(place, b"SN-0"), "a maker, device, creator or identifier")
            for place in (4, 40, 44, 48, 52, 80, 84, 100)
        ),
        (rewritten(24, b"\7\xea"), "a date"),
        (rewritten(0, struct.pack(">I", len(OURS) + 9)) + icc.SERIAL[:9], "bytes that belong to no tag"),
        (OURS + icc.SERIAL, "bytes that belong to no tag"),
        (OURS.replace(b"C\0o\0l\0o\0u\0r\0s", b"J\0a\0n\0e\0 \0D"), "a description"),
        (OURS.replace(b"N\0o\0n\0e", b"J\0a\0n\0e"), "a description"),
        (OURS.replace(b"wtpt", b"prvw"), "prvw"),
        (OURS.replace(b"XYZ \0\0\0\0", b"XYZ SN-0"), "more than numbers"),
        (OURS.replace(b"para\0\0\0\0\0\3", b"para\0\0\0\0\0\1"), "more than numbers"),
    ],
)
def test_one_thing_planted_in_a_profile_of_ours_is_found(planted: bytes, found: str) -> None:
    assert list(foreign(OURS)) == []
    assert planted != OURS
    assert found in " ".join(foreign(planted))


@pytest.mark.parametrize(
    "suffix",
    [pytest.param(suffix, marks=documented("colour", f"ICC profile in .{suffix}", CUT_DOWN)) for suffix in FORMATS],
)
def test_profiles_in_every_format(tmp_path: Path, suffix: str) -> None:
    held = icc.tags() | {"dscm": icc.mluc(icc.OWNER), "prvw": b"data" + bytes(8) + icc.preview()}
    before = icc.profile(held, head={48: b"SN-0"}, after=icc.SERIAL)
    path = saved(tmp_path / f"in.{suffix}", before)
    target = p.carried(path, tmp_path / f"out.{suffix}", Output())
    assert p.complaints(target, path) == p.complaints(target, None) == ""
    (after,) = profiles(target.read_bytes(), suffix)
    assert after
    assert not tells(after)
    with Image.open(target) as again:
        assert again.info["icc_profile"] == after
        assert np.abs(icc.converted(PICTURE, before) - icc.converted(PICTURE, after)).max() <= 1
    assert "descriptions in the colour profile" in StillSource(path).info.removed
    assert "still in" in p.complaints(path, None)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("hidden", ["description", "preview", "maker", "after", "more-after-a-curve"])
def test_a_profile_that_tells_more_is_found_in_an_output(tmp_path: Path, suffix: str, hidden: str) -> None:
    """Also where it is that of the source, to the byte."""
    path = saved(tmp_path / f"out.{suffix}", icc.HIDDEN[hidden]())
    found = p.complaints(path, path)
    assert "in its colour profile" in found


def test_a_png_profile_is_called_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "in.png", icc.profile())
    data = path.read_bytes()
    chunk = p.png_chunk(b"iCCP", icc.OWNER.encode() + b"\0\0" + zlib.compress(icc.profile()))
    place = data.index(b"iCCP") - 4
    (size,) = struct.unpack_from(">I", data, place)
    path.write_bytes(data[:place] + chunk + data[place + 12 + size :])
    assert "profile" in p.complaints(path, None)
    target = p.carried(path, tmp_path / "out.png", Output())
    assert icc.OWNER.encode() not in target.read_bytes()
    assert p.complaints(target, path) == ""


@pytest.mark.parametrize("name", [b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI"])
def test_a_png_colour_chunk_holds_nothing_more(tmp_path: Path, name: bytes) -> None:
    PICTURE.save(tmp_path / "plain.png")
    path = p.inserted(tmp_path / "plain.png", tmp_path / "in.png", 33, p.png_chunk(name, bytes(40) + icc.SERIAL))
    assert "chunk" in p.complaints(path, None)
    target = p.carried(path, tmp_path / "out.png", Output())
    assert icc.SERIAL not in target.read_bytes()


@pytest.mark.parametrize("colours", ["sRGB", "Display P3"])
@pytest.mark.parametrize("curve", [icc.SRGB_CURVE, SAMPLED], ids=["para", "curv"])
def test_what_equals_a_standard_becomes_the_standard(colours: str, curve: bytes) -> None:
    exact = colour_profile(icc.profile(icc.tags(colours)), "RGB")
    red, *rest = icc.COLOURS[colours]
    nearly = {**icc.tags(colours, curve), "rXYZ": icc.xyz(red[0] + 0.0004, *red[1:])}
    assert colour_profile(icc.profile(nearly), "RGB") == exact
    other = {**icc.tags(colours, curve), "rXYZ": icc.xyz(red[0] + 0.02, *red[1:])}
    assert colour_profile(icc.profile(other), "RGB") != exact
    darker = icc.tags(colours) | dict.fromkeys(("rTRC", "gTRC", "bTRC"), icc.para(2.0))
    made = colour_profile(icc.profile(darker), "RGB")
    assert made != exact
    assert np.abs(icc.converted(PICTURE, made) - icc.converted(PICTURE, icc.profile(darker))).max() <= 1
    assert len(rest) == 2


def test_lcms_own_srgb_is_a_standard() -> None:
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour_profile(own, "RGB") == colour_profile(icc.profile(icc.tags("sRGB")), "RGB")


def lut(kind: str, ins: int, outs: int) -> bytes:
    """A look-up table from `ins` to `outs` channels."""
    rng = np.random.default_rng(ins)
    grid: NDArray[np.uint8] = rng.integers(0, 256, 3**ins * outs, dtype=np.uint8)
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    ramp: bytes = np.linspace(0, 255, 256).astype(np.uint8).tobytes()
    if kind == "mft1":
        return b"mft1" + bytes((0, 0, 0, 0, ins, outs, 3, 0)) + matrix + ramp * ins + grid.tobytes() + ramp * outs
    if kind == "mft2":
        head = b"mft2" + bytes((0, 0, 0, 0, ins, outs, 3, 0)) + matrix + struct.pack(">HH", 2, 2)
        return (
            head + b"\0\0\xff\xff" * ins + (grid.astype(">u2") * 257).astype(">u2").tobytes() + b"\0\0\xff\xff" * outs
        )
    curves = [icc.para(1.0) * ins, icc.para(1.0) * outs]
    table = bytes([3] * ins).ljust(16, b"\0") + b"\1\0\0\0" + grid.tobytes()
    table += bytes(-len(table) % 4)
    places = (32, 0, 0, 32 + len(curves[1]), 32 + len(curves[1]) + len(table))
    head = b"mAB " + bytes((0, 0, 0, 0, ins, outs, 0, 0)) + struct.pack(">5I", *places)
    return head + curves[1] + table + curves[0]


@pytest.mark.parametrize("kind", ["mft1", "mft2", "mAB"])
@pytest.mark.parametrize("mode", ["CMYK", "RGB"])
def test_tables_are_kept_and_what_hides_behind_them_is_not(kind: str, mode: str) -> None:
    table = lut(kind, len(mode), 3)
    held = {"desc": icc.mluc(icc.OWNER), "cprt": icc.text("x"), "wtpt": icc.xyz(*icc.D50), "A2B0": table}
    options = {"space": mode.ljust(4).encode(), "kind": b"prtr", "connection": b"Lab "}
    before = icc.profile(held, **options)  # type: ignore[arg-type]
    more = icc.profile({**held, "A2B0": table + icc.SERIAL}, **options)  # type: ignore[arg-type]
    after = colour_profile(more, mode)
    assert not tells(after)
    assert "more than numbers in A2B0" in " ".join(foreign(more))
    assert list(foreign(after)) == []
    assert colour_profile(after, mode) == after
    picture = PICTURE.convert(mode)
    shown = icc.converted(picture, before)
    assert shown.std() > 5
    assert np.array_equal(shown, icc.converted(picture, after))


def test_a_gap_within_a_table_of_pieces_is_found_and_not_kept() -> None:
    table = lut("mAB", 3, 3)
    b, *_, grid, a = struct.unpack_from(">5I", table, 12)
    moved = table[:12] + struct.pack(">5I", b, 0, 0, grid + 12, a + 12) + table[32:grid] + icc.SERIAL + table[grid:]
    held = {"wtpt": icc.xyz(*icc.D50), "A2B0": moved}
    before = icc.profile(held, connection=b"Lab ")
    assert "more than numbers in A2B0" in " ".join(foreign(before))
    after = colour_profile(before, "RGB")
    assert not tells(after)
    assert list(foreign(after)) == []


def test_grey_profiles(tmp_path: Path) -> None:
    grey = icc.profile({"desc": icc.mluc(icc.OWNER), "wtpt": icc.xyz(*icc.D50), "kTRC": icc.para(1.8)}, space=b"GRAY")
    for suffix in ("jpg", "png", "tiff"):
        path = saved(tmp_path / f"in.{suffix}", grey, "L")
        target = p.carried(path, tmp_path / f"out.{suffix}", Output())
        (after,) = profiles(target.read_bytes(), suffix)
        assert p.complaints(target, path) == ""
        assert not tells(after)
        assert np.abs(icc.converted(PICTURE.convert("L"), grey) - icc.converted(PICTURE.convert("L"), after)).max() <= 1


def test_a_grey_profile_is_not_put_beside_colours(tmp_path: Path) -> None:
    grey = icc.profile({"wtpt": icc.xyz(*icc.D50), "kTRC": icc.para(1.8)}, space=b"GRAY")
    source = StillSource(saved(tmp_path / "in.png", grey, "L"))
    with pytest.raises(UnsupportedInput, match="unchanged"):
        open_still_sink(tmp_path / "out.webp", source, Output())


@pytest.mark.parametrize(
    "broken",
    [
        b"Jane Doe",
        icc.profile(space=b"GRAY"),
        icc.profile(kind=b"link"),
        icc.profile({"desc": icc.mluc(icc.OWNER)}),
        icc.profile({**icc.tags(), "rTRC": b"curv" + bytes(4) + b"\xff" * 4}),
        icc.profile({**icc.tags(), "rTRC": b"para" + bytes(4) + b"\0\x09" + bytes(20)}),
        icc.profile({**icc.tags(), "A2B0": b"mft1" + bytes(4) + b"\xff\xff\xff" + bytes(99)}),
        icc.profile()[:150],
    ],
    ids=["text", "grey", "link", "no-colours", "endless", "unknown", "huge", "cut"],
)
def test_a_profile_that_makes_no_sense_goes_and_is_named(tmp_path: Path, broken: bytes) -> None:
    assert colour_profile(broken, "RGB") == b""
    path = tmp_path / "in.jpg"
    PICTURE.save(path, icc_profile=broken)
    if StillSource(path).info.removed:
        assert "a colour profile that fits no such picture" in StillSource(path).info.removed
    target = p.carried(path, tmp_path / "out.jpg", Output())
    assert list(profiles(target.read_bytes(), "jpg")) == [b""]
    assert p.complaints(target, path) == ""


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(suffix, marks=documented("colour", f"ICC profile in .{suffix}", "goes, and is listed"))
        for suffix in ("mov", "mp4")
    ],
)
def test_a_profile_in_a_video_is_named_and_gone(tmp_path: Path, suffix: str) -> None:
    plain, path, target = (tmp_path / f"{name}.{suffix}" for name in ("plain", "in", "out"))
    make_video(plain, frames=4, color=BT709)
    path.write_bytes(with_profile(plain.read_bytes(), b"prof" + icc.profile()))
    with open_source(path) as source:
        frames = list(source.frames())
        assert "ICC profile in the video stream" in source.info.removed
        assert len(frames) == 4
    p.carried(path, target, Output(speed="ultrafast"))
    assert b"acsp" not in target.read_bytes()
    assert p.complaints(target, path) == ""
    assert "ICC profile" in p.complaints(path, None)


def with_profile(data: bytes, colours: bytes) -> bytes:
    """An MP4 or MOV whose `moov` comes last, with `colours` as its colr box."""
    place = data.index(b"colr") - 4
    (size,) = struct.unpack_from(">I", data, place)
    made = bytearray(data[:place] + p.box(b"colr", colours) + data[place + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        around = data.rindex(name, 0, place) - 4
        struct.pack_into(">I", made, around, struct.unpack_from(">I", data, around)[0] + 8 + len(colours) - size)
    return bytes(made)
