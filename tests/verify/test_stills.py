"""Every kind of metadata that EXIF and picture formats can hold, put into otherwise good pictures of ours, is found."""

import struct
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from anonymize.settings import Output
from tests.helpers import planting as p
from tests.helpers.media import pattern
from tests.helpers.planting import Plant, appended, patched

FORMATS = ("jpg", "png", "webp", "gif", "tiff", "bmp", "heic", "avif")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of outputs of ours, one of each picture format."""
    folder = tmp_path_factory.mktemp("good")
    pillow_heif.register_heif_opener()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for suffix in FORMATS:
        extra: dict[str, Any] = {} if suffix in ("gif", "bmp") else {"icc_profile": profile}
        Image.fromarray(pattern(3)).save(folder / f"in-photo.{suffix}", **extra)
        p.carried(folder / f"in-photo.{suffix}", folder / f"photo.{suffix}", Output())
    return folder


def exif(**tags: object) -> Plant:
    """EXIF, with Pillow: `gps`, `thumbnail`, or the number of a tag as `tag_N`."""

    def plant(path: Path, target: Path) -> Path:
        held = Image.Exif()
        for name, value in tags.items():
            if name == "gps":
                held[0x8825] = {1: "N", 2: (59.0, 54.0, 50.0), 3: "E", 4: (10.0, 45.0, 8.0)}
            elif name == "inner":
                held[0x8769] = value
            else:
                held[int(name.removeprefix("tag_"))] = value
        Image.open(path).save(target, exif=held.tobytes())
        return target

    return plant


def text_png(path: Path, target: Path) -> Path:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Alex Example")
    Image.open(path).save(target, pnginfo=info)
    return target


def png(name: bytes, body: bytes) -> Plant:
    return lambda path, target: p.inserted(path, target, 33, p.png_chunk(name, body))


def jpeg(marker: int, body: bytes) -> Plant:
    return lambda path, target: p.inserted(path, target, 2, p.segment(marker, body))


def gif(block: bytes) -> Plant:
    return lambda path, target: p.inserted(path, target, len(path.read_bytes()) - 1, block)


def tiff(entries: list[tuple[int, bytes]]) -> Plant:
    return lambda path, target: p.tiff_with(path, target, entries)


def bmp_gap(path: Path, target: Path) -> Path:
    """Bytes between the header and the pixels, whose place the header gives."""
    p.inserted(path, target, 54, p.SECRET)
    return p.rewritten(target, target, b"BM", struct.pack("<I", 54 + len(p.SECRET)), offset=10)


def webp(name: bytes, body: bytes) -> Plant:
    return lambda path, target: p.webp_with(path, target, name, body)


def other_profile(path: Path, target: Path) -> Path:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    name = profile.index("sRGB".encode("utf-16-be"))
    profile[name : name + 8] = "Alex".encode("utf-16-be")
    Image.open(path).save(target, icc_profile=bytes(profile))
    return target


PHONE = {"tag_271": "Phones", "tag_272": "12"}
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>Alex</x:xmpmeta>"
PICTURES: list[tuple[str, str, Plant]] = [
    *((f"{suffix}-gps", f"photo.{suffix}", exif(gps=True)) for suffix in ("jpg", "png", "webp", "avif", "heic")),
    *(
        (f"{suffix}-phone", f"photo.{suffix}", exif(**PHONE))
        for suffix in ("jpg", "png", "webp", "avif", "heic", "tiff")
    ),
    *(
        (f"{suffix}-trailing", f"photo.{suffix}", appended(p.SECRET))
        for suffix in ("jpg", "png", "webp", "gif", "tiff", "bmp")
    ),
    *((f"{suffix}-profile", f"photo.{suffix}", other_profile) for suffix in ("jpg", "png", "webp", "tiff")),
    ("jpg-description", "photo.jpg", exif(tag_270="Alex")),
    ("jpg-owner", "photo.jpg", exif(inner={0xA430: "Alex", 0xA431: "serial 7"})),
    ("jpg-time", "photo.jpg", exif(tag_306="2026:05:17 09:41:22")),
    ("jpg-comment-exif", "photo.jpg", exif(inner={0x9286: b"ASCII\0\0\0Alex"})),
    ("jpg-artist", "photo.jpg", exif(tag_315="Alex")),
    ("jpg-xmp", "photo.jpg", jpeg(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    ("jpg-iptc", "photo.jpg", jpeg(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x50\0\x04Alex")),
    ("jpg-comment", "photo.jpg", jpeg(0xFE, b"Alex")),
    ("jpg-thumbnail", "photo.jpg", jpeg(0xE0, b"JFXX\0\x13\x01\x01" + bytes(3))),
    ("jpg-jfif-thumbnail", "photo.jpg", patched(b"JFIF\0", b"\1\1", offset=12)),
    ("jpg-mpf", "photo.jpg", jpeg(0xE2, b"MPF\0" + p.SECRET)),
    ("jpg-maker", "photo.jpg", jpeg(0xE5, p.SECRET)),
    ("jpg-c2pa", "photo.jpg", jpeg(0xEB, b"JP" + p.SECRET)),
    ("png-text", "photo.png", text_png),
    ("png-ztxt", "photo.png", png(b"zTXt", b"Author\0\0x\x9cs\xccI\xad\0\0")),
    ("png-itxt", "photo.png", png(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    ("png-time", "photo.png", png(b"tIME", struct.pack(">HBBBBB", 2026, 5, 17, 9, 41, 22))),
    ("png-density", "photo.png", png(b"pHYs", struct.pack(">IIB", 3000, 3000, 1))),
    ("png-private", "photo.png", png(b"alEx", p.SECRET)),
    ("webp-xmp", "photo.webp", webp(b"XMP ", XMP)),
    ("webp-unknown", "photo.webp", webp(b"ALEX", p.SECRET)),
    ("gif-comment", "photo.gif", gif(b"\x21\xfe\x04Alex\0")),
    ("gif-text", "photo.gif", gif(b"\x21\x01\x0c" + bytes(12) + b"\x04Alex\0")),
    ("gif-xmp", "photo.gif", gif(b"\x21\xff\x0bXMP DataXMP\x04Alex\0")),
    ("gif-application", "photo.gif", gif(b"\x21\xff\x0bALEX    1.0\x04Alex\0")),
    ("tiff-description", "photo.tiff", tiff([(270, b"Alex Example\0")])),
    ("tiff-xmp", "photo.tiff", tiff([(700, XMP)])),
    ("tiff-iptc", "photo.tiff", tiff([(33723, b"\x1c\x02\x50\0\x04Alex")])),
    ("tiff-private", "photo.tiff", tiff([(65000, p.SECRET)])),
    ("bmp-gap", "photo.bmp", bmp_gap),
    ("heic-uuid", "photo.heic", appended(p.box(b"uuid", p.UUID + p.SECRET))),
    ("heic-free", "photo.heic", appended(p.box(b"free", p.SECRET))),
    ("heic-mdat", "photo.heic", appended(p.box(b"mdat", p.SECRET))),
    ("avif-uuid", "photo.avif", appended(p.box(b"uuid", p.UUID + p.SECRET))),
]


@pytest.mark.parametrize("suffix", FORMATS)
def test_good_outputs_pass(good: Path, suffix: str) -> None:
    assert p.complaints(good / f"photo.{suffix}", good / f"in-photo.{suffix}") == ""
    assert p.complaints(good / f"photo.{suffix}", None) == ""


@pytest.mark.parametrize(("name", "plant"), [pytest.param(name, plant, id=case) for case, name, plant in PICTURES])
def test_what_is_planted_is_found(good: Path, tmp_path: Path, name: str, plant: Plant) -> None:
    assert p.complaints(plant(good / name, tmp_path / name), good / f"in-{name}")
