"""Every kind of metadata that EXIF and picture formats can hold, put into otherwise good pictures of ours, is found."""

import struct
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from anonymize.settings import Output
from anonymize.verify.containers import stills
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


CHUNKS = {
    "PLTE": (0, 768),
    "tRNS": (0, 256),
    "IEND": (0, 0),
    "acTL": (8, 8),
    "fcTL": (26, 26),
    "sBIT": (1, 4),
    "gAMA": (4, 4),
    "cHRM": (32, 32),
    "sRGB": (1, 1),
    "cICP": (4, 4),
    "mDCV": (24, 24),
    "cLLI": (8, 8),
}
"""The least and the most bytes that PNG's chunks hold (PNG 3.0, 11)."""


@pytest.mark.parametrize("name", CHUNKS)
def test_a_chunk_of_png_is_as_long_as_what_it_means(good: Path, tmp_path: Path, name: str) -> None:
    for length, right in {CHUNKS[name][0]: True, CHUNKS[name][1]: True, CHUNKS[name][1] + 1: False}.items():
        chunk = p.png_chunk(name.encode(), b"\1" * length)
        found = list(stills.foreign(p.inserted(good / "photo.png", tmp_path / "made.png", 33, chunk), "png"))
        assert found == ([] if right else [f"bytes in a chunk {name} that mean nothing"]), length
    if least := CHUNKS[name][0]:
        chunk = p.png_chunk(name.encode(), b"\1" * (least - 1))
        assert list(stills.foreign(p.inserted(good / "photo.png", tmp_path / "made.png", 33, chunk), "png"))


@pytest.mark.parametrize("strips", [1, 2, 7])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_pieces_of_a_tiff_may_be_two_bytes_apart_and_no_more(tmp_path: Path, strips: int, order: str) -> None:
    """As writers place them at even offsets, or at multiples of four."""
    data, places = bytearray((b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 0)), []
    for _ in range(strips):
        places.append(len(data))
        data += b"\x33" * 12 + bytes(2)
    arrays = []
    for values in (places, [12] * strips):
        arrays.append(len(data) if strips > 1 else values[0])
        data += (struct.pack(f"{order}{strips}I", *values) + bytes(2)) if strips > 1 else b""
    data += bytes(2)
    data[4:8] = struct.pack(f"{order}I", len(data))
    tags = [(256, 3, 1, 4), (257, 3, 1, strips), (258, 3, 1, 8), (273, 4, strips, arrays[0]), (277, 3, 1, 3)]
    data += struct.pack(f"{order}H", len(tags) + 1)
    for tag, kind, count, value in [*tags, (279, 4, strips, arrays[1])]:
        inline = struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value)
        data += struct.pack(f"{order}HHI", tag, kind, count) + inline
    data += bytes(4) + bytes(2)
    path = tmp_path / "made.tiff"
    path.write_bytes(data)
    assert list(stills.foreign(path, "tiff")) == []
    path.write_bytes(data + b"A")
    assert list(stills.foreign(path, "tiff")) == ["bytes that belong to no picture"]


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize(("sizes", "base", "index"), [((4, 4), 0, 0), ((0, 4), 8, 4), ((8, 8), 4, 0)])
def test_the_bytes_of_a_heifs_items_are_counted(version: int, sizes: tuple[int, int], base: int, index: int) -> None:
    """ISO/IEC 14496-12: from version 1 on an item may lie beside the media data, which does not count."""
    wide, method = (4 if version == 2 else 2), version > 0

    def item(number: int, beside: bool, *lengths: int) -> bytes:
        head = number.to_bytes(wide, "big") + (bytes([0, beside]) if method else b"") + bytes(2) + b"\7" * base
        places = [b"\7" * (index * method + sizes[0]) + length.to_bytes(sizes[1], "big") for length in lengths]
        return head + len(lengths).to_bytes(2, "big") + b"".join(places)

    items = [item(1, False, 1000), item(2, False, 300, 20), *([item(3, True, 50)] if method else [])]
    head = bytes([version, 0, 0, 0, sizes[0] << 4 | sizes[1], base << 4 | index]) + len(items).to_bytes(wide, "big")
    assert stills._extents(head + b"".join(items)) == 1320
