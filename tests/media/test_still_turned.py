"""Pictures whose parts do not agree on which way up they are are looked at in every way that a viewer may show them."""

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

import anonymize
from anonymize.data import Detections, readings
from anonymize.errors import UnsupportedInput
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.source import StillSource
from anonymize.media.still.turned import BY_NUMBER
from anonymize.settings import Output, Settings
from anonymize.text.mapping import from_mapping
from tests.conftest import astronaut
from tests.helpers import planting as p
from tests.helpers.formats import documented
from tests.helpers.heifs import clap, encoded, imir, irot, with_properties

Pixels = NDArray[Any]
WIDE, HIGH = 128, 96
MARK = (16, 8, 40, 20)
"""x0, y0, x1, y1 of what stands out, away from every axis of symmetry."""
PARTS = ("heic", "avif")


def picture() -> Pixels:
    y, x = np.mgrid[:HIGH, :WIDE]
    made = np.stack([x, y * 2, (x + y) // 2], -1).astype(np.uint8)
    x0, y0, x1, y1 = MARK
    made[y0:y1, x0:x1] = 255
    return made


def exif(orientation: int) -> bytes:
    made = Image.Exif()
    made[ExifTags.Base.Orientation] = orientation
    return made.tobytes()


def xmp(orientation: int) -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation


def made(suffix: str, pixels: Pixels, *, said: int = 0, also: int = 0, properties: Any = ()) -> bytes:
    """`pixels` in a file whose EXIF has the orientation `said`, its XMP `also`; 0 for neither."""
    extra: dict[str, Any] = {"exif": exif(said)} if said else {}
    extra |= {"xmp": xmp(also)} if also else {}
    if suffix in PARTS:
        if said:  # writers turn an orientation into the format's own, so it goes in under the next tag's number
            hidden = Image.Exif()
            hidden[ExifTags.Base.Orientation + 1] = said
            extra["exif"] = hidden.tobytes()
        if also:
            extra["xmp"] = xmp(also).replace(b"Orient", b"0rient")
        data = encoded(suffix, pixels, **extra).replace(b"\x01\x13\0\3\0\0\0\1", b"\x01\x12\0\3\0\0\0\1")
        data = data.replace(b"0rient", b"Orient")
    else:
        target = BytesIO()
        name = {"jpg": "JPEG"}.get(suffix, suffix.upper())
        lossless: dict[str, dict[str, Any]] = {"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}
        Image.fromarray(pixels).save(target, name, **(lossless.get(suffix, {}) | extra))
        data = target.getvalue()
    return with_properties(data, *properties) if properties else data


def frame_of(data: bytes) -> StillFrame:
    frame = next(StillSource(data).frames())
    assert isinstance(frame, StillFrame)
    return frame


def like(a: Pixels, b: Pixels) -> bool:
    return a.shape == b.shape and bool(np.abs(a.astype(int) - b).mean() < 4)


def ways(data: bytes) -> list[Pixels]:
    return [
        reading.frame.bgr(reading.frame.width, reading.frame.height)[..., ::-1] for reading in readings(frame_of(data))
    ]


FORMATS = ("jpg", "png", "webp", "tiff", *PARTS)


def case(suffix: str, words: str, said: int, also: int, properties: Any, shown: Any, others: list[Any]) -> Any:
    outcome = f"shown as {words}; looked at in the other ways, too" if others else f"shown as {words}"
    told = [f"EXIF {said}"] * bool(said) + [f"XMP {also}"] * bool(also)
    told += [name.decode() for name, _ in properties]
    mark = documented("geometry", f".{suffix} turned by {' and '.join(told)}", outcome)
    return pytest.param(suffix, said, also, properties, shown, others, marks=mark, id=f"{suffix}-{'-'.join(told)}")


def turn(number: int) -> Any:
    return lambda pixels: BY_NUMBER[number].apply(pixels)


def same(pixels: Pixels) -> Pixels:
    return pixels


CASES = [
    *(case(suffix, "stored", 6, 0, (), same, [turn(6)]) for suffix in PARTS),
    *(case(suffix, "stored", 3, 0, (), same, [turn(3)]) for suffix in PARTS),
    *(case(suffix, "stored", 0, 6, (), same, [turn(6)]) for suffix in PARTS),
    *(case(suffix, "irot says", 0, 0, (irot(1),), np.rot90, []) for suffix in PARTS),
    *(case(suffix, "irot says", 8, 0, (irot(1),), np.rot90, []) for suffix in PARTS),
    *(case(suffix, "irot says", 1, 0, (irot(1),), np.rot90, []) for suffix in PARTS),
    *(
        case(suffix, "irot says", 3, 0, (irot(1),), np.rot90, [turn(3), lambda a: turn(3)(np.rot90(a))])
        for suffix in PARTS
    ),
    *(case(suffix, "imir says", 0, 0, (imir(0),), turn(4), []) for suffix in PARTS),
    case("jpg", "EXIF says", 6, 0, (), turn(6), []),
    case("jpg", "EXIF says", 6, 6, (), turn(6), []),
    case("jpg", "EXIF says", 6, 8, (), turn(6), [turn(8)]),
    case("jpg", "EXIF says", 6, 1, (), turn(6), [same]),
    case("jpg", "stored", 0, 6, (), same, [turn(6)]),
    *(case(suffix, "EXIF says", 6, 0, (), turn(6), [same]) for suffix in ("png", "webp")),
    *(case(suffix, "EXIF says", 6, 8, (), turn(6), [same, turn(8)]) for suffix in ("webp",)),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "said", "also", "properties", "shown", "others"), CASES)
def test_every_way_that_a_viewer_may_choose(
    tmp_path: Path, suffix: str, said: int, also: int, properties: Any, shown: Any, others: list[Any]
) -> None:
    data = made(suffix, picture(), said=said, also=also, properties=properties)
    frame = frame_of(data)
    assert like(frame.bgr(frame.width, frame.height)[..., ::-1], shown(picture()))
    found = ways(data)
    assert len(found) == len(others)
    for other in others:
        assert any(like(way, other(picture())) for way in found)
    path = tmp_path / f"in.{suffix}"
    path.write_bytes(data)
    target = p.carried(path, tmp_path / f"out.{suffix}", Output())
    assert p.complaints(target, path) == ""
    made_of_it = frame_of(target.read_bytes())
    assert readings(made_of_it) == ()
    assert like(made_of_it.bgr(made_of_it.width, made_of_it.height)[..., ::-1], shown(picture()))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_tiff_as_its_tag_says_and_as_stored(orientation: int) -> None:
    target = BytesIO()
    Image.fromarray(picture()).save(target, "TIFF", tiffinfo={274: orientation})
    assert like(frame_of(target.getvalue()).pixels, BY_NUMBER[orientation].apply(picture()))
    found = ways(target.getvalue())
    assert len(found) == (orientation != 2)
    assert all(like(way, picture()) or like(way[:, ::-1], picture()) for way in found)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["heic", "png"])
def test_what_is_found_in_a_turned_reading_is_brought_back(suffix: str, orientation: int) -> None:
    frame = frame_of(made(suffix, picture(), said=orientation))
    for reading in readings(frame):
        box = bright(reading.frame.bgr(reading.frame.width, reading.frame.height))
        found = Detections(np.array([box], np.float32), np.ones(1, np.float32), np.zeros(1, np.int8))
        assert reading.back(found).xyxy[0].tolist() == bright(frame.bgr(frame.width, frame.height))
    assert len(readings(frame)) == (0 if orientation in (1, 2) else 1)


def bright(bgr: Pixels) -> list[float]:
    """The box of what stands out."""
    y, x = np.nonzero(bgr.min(axis=2) > 240)
    return [float(value) for value in (x.min(), y.min(), x.max() + 1, y.max() + 1)]


def scene(quarters: int) -> tuple[Pixels, tuple[slice, slice]]:
    """A picture with a face, turned by quarters against the clock, and where the face is."""
    coarse = np.random.default_rng(3).integers(0, 256, (24, 32, 3), np.uint8)
    ground = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
    ground[120:168, 100:148] = cv2.resize(astronaut()[:256, 96:352], (48, 48), interpolation=cv2.INTER_AREA)
    where = np.zeros((480, 640), bool)
    where[130:153, 115:133] = True
    y, x = np.nonzero(np.rot90(where, quarters))
    return np.ascontiguousarray(np.rot90(ground, quarters)), (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))


FIRST_LOOK_ALONE = from_mapping(Settings, {"verify": {"publish_unverified": True}}, Settings())


@pytest.mark.parametrize(
    ("suffix", "quarters", "extra"),
    [
        ("heic", 1, {"said": 6}),
        ("avif", 2, {"said": 3}),
        ("png", 0, {"said": 3}),
    ],
)
def test_a_face_is_hidden_whichever_way_up_it_is_meant(
    tmp_path: Path, suffix: str, quarters: int, extra: dict[str, Any]
) -> None:
    pixels, _ = scene(quarters)
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    path.write_bytes(made(suffix, pixels, **extra))
    anonymize.run(path, target, FIRST_LOOK_ALONE)
    frame = frame_of(target.read_bytes())
    turned = 2 if suffix == "png" else 0
    _, place = scene(quarters + turned)
    covered = frame.bgr(frame.width, frame.height)[place]
    assert covered.size > 1000
    assert covered[4:-4, 4:-4].max() < 40


MIDDLE = clap(32, 16, 96, 70, (WIDE, HIGH))
APPLIED: dict[str, tuple[Any, Any]] = {
    "clap": ((clap(32, 16, 96, 80, (WIDE, HIGH)),), lambda a: a[16:80, 32:96]),
    "clap-corner": ((clap(0, 0, 100, 80, (WIDE, HIGH)),), lambda a: a[:80, :100]),
    "clap-irot": ((MIDDLE, irot(3)), lambda a: np.rot90(a[16:70, 32:96], -1)),
    "clap-irot-imir": ((MIDDLE, irot(1), imir(1)), lambda a: np.rot90(a[16:70, 32:96])[:, ::-1]),
    "irot-imir": ((irot(2), imir(0)), lambda a: a[::-1, ::-1][::-1]),
}


@pytest.mark.parametrize("suffix", PARTS)
@pytest.mark.parametrize(("properties", "shown"), APPLIED.values(), ids=APPLIED)
@documented(
    "geometry", "HEIC and AVIF with clap, irot and imir", "applied; what is cropped away is gone, and is listed"
)
def test_crops_turns_and_mirrors_are_applied(tmp_path: Path, suffix: str, properties: Any, shown: Any) -> None:
    path, target = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    path.write_bytes(made(suffix, picture(), properties=properties))
    assert like(frame_of(path.read_bytes()).pixels, shown(picture()))
    assert ("what is cropped away" in StillSource(path).info.removed) == any(kind == b"clap" for kind, _ in properties)
    p.carried(path, target, Output())
    assert p.complaints(target, path) == ""
    assert like(frame_of(target.read_bytes()).pixels, shown(picture()))
    if properties[0][0] == b"clap":
        assert "cropped away" in p.complaints(path, None)


ODD = {
    "turned before it is cropped": (irot(1), clap(8, 8, 64, 64, (HIGH, WIDE))),
    "mirrored before it is turned": (imir(0), irot(1)),
    "turned twice": (irot(1), irot(1)),
    "cropped between pixels": ((b"clap", struct.pack(">8I", 63, 1, 64, 1, 0, 1, 0, 1)),),
    "cropped beyond the picture": (clap(0, 0, WIDE + 8, HIGH, (WIDE, HIGH)),),
    "cropped to nothing": ((b"clap", struct.pack(">8I", 0, 1, 0, 1, 0, 1, 0, 1)),),
}


@pytest.mark.parametrize("suffix", PARTS)
@pytest.mark.parametrize(
    "odd", [pytest.param(odd, marks=documented("geometry", f"HEIC and AVIF {odd}", "refused")) for odd in ODD]
)
def test_what_viewers_do_not_agree_on_is_refused(suffix: str, odd: str) -> None:
    with pytest.raises(UnsupportedInput, match="it is cropped"):
        StillSource(made(suffix, picture(), properties=ODD[odd]))
