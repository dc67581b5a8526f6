"""TIFFs of every layout come out as what they show, or are refused; camera raws and previews are refused."""

import itertools
import logging
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonymize.errors import UnreadableInput, UnsupportedInput
from anonymize.media import open_source
from anonymize.media.still.frame import StillFrame
from anonymize.media.still.source import StillSource
from anonymize.settings import Output
from tests.helpers import planting as p
from tests.helpers.formats import documented
from tests.helpers.tiffs import DEFLATE, Page, tiff

SIZE = (37, 53)
KINDS = {0: ("white is zero", 1), 1: ("black is zero", 1), 2: ("RGB", 3), 3: ("palette", 1), 5: ("CMYK", 4)}
READ = {0: (1, 2, 4, 8, 16), 1: (1, 2, 4, 8, 16), 2: (8,), 3: (1, 2, 4, 8), 5: (8,)}


def ramp(samples: int, bits: int) -> NDArray[Any]:
    """A picture that differs along both axes, another way in each sample."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    shape = np.stack([(x * (i + 1) * 3 + y * 2) % 256 for i in range(samples)], -1) / 255
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    drawn: NDArray[Any] = np.rint(shape * (2**bits - 1)).astype(kind)
    return drawn


def palette(bits: int) -> NDArray[Any]:
    """(colours, 3) 16 bits."""
    index = np.arange(2**bits)
    return np.stack([index * 257 * (255 // (2**bits - 1)), (index * 7919) % 65536, 65535 - index * 200], -1)


def wanted(page: Page) -> NDArray[Any]:
    """The pixels that a page shows."""
    full = 2**page.bits - 1
    if page.photometric == 3:
        return np.asarray(palette(page.bits)[page.pixels[..., 0]] // 256, np.uint8)
    shown = full - page.pixels if page.photometric == 0 else page.pixels
    return np.asarray(shown * (255 // full) if page.bits < 8 else shown)


def read(data: bytes) -> NDArray[Any]:
    frame = next(StillSource(data).frames())
    assert isinstance(frame, StillFrame)
    return frame.pixels


def layouts(photometric: int, bits: int) -> list[tuple[Page, str, bool]]:
    """Every combination that a writer may choose: the page, the byte order, and whether it is a BigTIFF."""
    samples = KINDS[photometric][1]
    tags = {320: palette(bits).T.ravel().tolist()} if photometric == 3 else {}
    made = []
    for planar, tile, rows, packing, predictor, fill in itertools.product(
        (1, 2), (0, 16), (0, 7), (1, DEFLATE), (1, 2), (1, 2)
    ):
        if (planar == 2 and samples == 1) or (tile and rows) or (fill == 2 and (bits > 1 or photometric > 1 or tile)):
            continue
        if predictor == 2 and (packing == 1 or bits < 8):
            continue
        page = Page(ramp(samples, bits), bits, photometric, planar, tile, rows, packing, predictor, fill, tags)
        made += [(page, order, False) for order in "<>"] + ([(page, "<", True)] if not (tile or rows) else [])
    return made


@pytest.mark.parametrize(
    ("photometric", "bits"),
    [
        pytest.param(
            photometric,
            bits,
            marks=documented(
                "pictures",
                f"TIFF, {KINDS[photometric][0]}, {bits} bits",
                "read as shown: strips, tiles, planes, either byte order",
            ),
        )
        for photometric, depths in READ.items()
        for bits in depths
    ],
)
def test_every_layout_is_read_as_it_is_shown(photometric: int, bits: int) -> None:
    refused = 0
    for page, order, big in layouts(photometric, bits):
        try:
            assert np.array_equal(read(tiff(page, order=order, big=big)), wanted(page)), (page, order, big)
        except UnsupportedInput:
            assert order == ">", (page, order, big)
            refused += 1
    assert refused == 0 or photometric == 0 or bits == 16


@pytest.mark.parametrize("fill", [1, 2])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_reversed_bits_and_needless_planes_are_read_or_refused(photometric: int, fill: int) -> None:
    samples = KINDS[photometric][1]
    for bits, planar in itertools.product((1, 2, 4, 8, 16), (1, 2)):
        page = Page(ramp(samples, bits), bits, photometric, planar=planar, fill=fill)
        try:
            assert np.array_equal(read(tiff(page)), wanted(page))
        except UnsupportedInput:
            assert fill == 2 or photometric == 2 or planar == 2


REFUSED: dict[str, Page] = {
    "12 bits": Page(ramp(1, 16), 16, tags={258: [12]}),
    "24 bits": Page(ramp(1, 16), 16, tags={258: [24]}),
    "32 bits": Page(ramp(1, 32), 32),
    "32 bits, white is zero": Page(ramp(1, 32), 32, 0),
    "floating point": Page(ramp(1, 8).astype(np.float32), 32, tags={339: [3]}),
    "half floating point": Page(ramp(1, 8).astype(np.float16), 16, tags={339: [3]}),
    "signed": Page(ramp(1, 8), 8, tags={339: [2]}),
    "signed 16 bits": Page(ramp(1, 16), 16, tags={339: [2]}),
    "RGB, 16 bits": Page(ramp(3, 16), 16, 2),
    "CMYK, 16 bits": Page(ramp(4, 16), 16, 5),
    "RGB with 5, 6 and 5 bits": Page(ramp(3, 8), 8, 2, tags={258: [5, 6, 5]}),
    "RGB, 4 bits": Page(ramp(3, 4), 4, 2),
    "Lab": Page(ramp(3, 8), 8, 8),
    "ICC Lab": Page(ramp(3, 8), 8, 9),
    "ITU Lab": Page(ramp(3, 8), 8, 10),
    "LogL": Page(ramp(1, 16), 16, 32844),
    "LogLuv": Page(ramp(3, 16), 16, 32845),
    "mask": Page(ramp(1, 1), 1, 4),
    "palette of 8 bits": Page(ramp(1, 8), 8, 3, tags={320: [*range(256)] * 3}),
    "palette, 16 bits": Page(ramp(1, 16), 16, 3, tags={320: [65535] * 9}),
    "other inks": Page(ramp(4, 8), 8, 5, tags={332: [2]}),
    "five inks": Page(ramp(5, 8), 8, 5),
    "CMYK and transparency": Page(ramp(5, 8), 8, 5, tags={338: [2]}),
    "white is zero, and transparency": Page(ramp(2, 8), 8, 0, tags={338: [2]}),
    "two further samples": Page(ramp(5, 8), 8, 2, tags={338: [2, 0]}),
    "a further sample of unknown meaning": Page(ramp(4, 8), 8, 2, tags={338: [0]}),
    "a further sample without a word": Page(ramp(4, 8), 8, 2),
    "grey with a further sample of unknown meaning": Page(ramp(2, 8), 8, 1, tags={338: [0]}),
    "grey, 16 bits, and transparency": Page(ramp(2, 16), 16, 1, tags={338: [2]}),
    "RGB with one sample": Page(ramp(1, 8), 8, 2),
    "no photometric interpretation": Page(ramp(1, 8), 8, tags={262: None}),
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=documented("pictures", f"TIFF, {case}", "refused")) for case in REFUSED]
)
def test_what_is_not_read_for_certain_is_refused(case: str) -> None:
    for order in "<>":
        with pytest.raises(UnsupportedInput, match=r"TIFF .* is not supported; convert it to PNG"):
            StillSource(tiff(REFUSED[case], order=order))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("photometric", "bits"), [(0, 16), (1, 16), (0, 1), (2, 8), (3, 4), (5, 8)])
def test_turned_by_its_tag(photometric: int, bits: int, orientation: int) -> None:
    tags: dict[int, Any] = {320: palette(bits).T.ravel().tolist()} if photometric == 3 else {}
    page = Page(ramp(KINDS[photometric][1], bits), bits, photometric, tags={**tags, 274: [orientation]})
    turned = wanted(page)
    if orientation >= 5:
        turned = turned.transpose(1, 0, 2)
    turned = turned[:: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]
    assert np.array_equal(read(tiff(page)), turned)


@pytest.mark.parametrize("subsampling", [0, 2])
def test_jpeg_within(tmp_path: Path, subsampling: int) -> None:
    smooth = Image.fromarray(np.repeat(np.linspace(20, 230, 64).astype(np.uint8)[None], 48, axis=0)).convert("RGB")
    smooth.save(tmp_path / "in.tif", compression="jpeg", quality=95, subsampling=subsampling)
    assert np.abs(read((tmp_path / "in.tif").read_bytes()).astype(int) - np.asarray(smooth)).max() < 8


def test_white_is_zero_comes_out_as_it_is_shown(tmp_path: Path) -> None:
    page = Page(ramp(1, 16), 16, 0, compression=DEFLATE)
    (tmp_path / "in.tif").write_bytes(tiff(page))
    target = p.carried(tmp_path / "in.tif", tmp_path / "out.tif", Output())
    with Image.open(target) as made:
        assert np.array_equal(np.asarray(made)[..., None], 65535 - page.pixels)


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize(("samples", "meaning"), [(2, 2), (4, 1), (4, 2), (2, 1)])
def test_transparency(samples: int, meaning: int, planar: int) -> None:
    """Colours that were multiplied with their opacity (1) are divided by it again."""
    opacity = np.broadcast_to(np.linspace(0, 255, SIZE[1])[None, :, None], (*SIZE, 1))
    colours = ramp(samples - 1, 8)
    stored = colours if meaning == 2 else np.rint(colours * (opacity / 255))
    pixels = np.concatenate((stored, np.rint(opacity)), axis=2).astype(np.uint8)
    page = Page(pixels, 8, 1 if samples == 2 else 2, planar, tags={338: [meaning]})
    try:
        shown = read(tiff(page)).astype(int)
    except UnsupportedInput:
        assert (samples, meaning) == (2, 1) or planar == 2
        return
    assert np.array_equal(shown[..., -1:], np.rint(opacity))
    assert not shown[:, 0].any()
    slack = 1 + 255 / opacity[:, 1:] if meaning == 1 else 0
    assert (np.abs(shown[:, 1:, :-1] - colours[:, 1:]) <= slack).all()


SMALL, LARGE = Page(np.zeros((6, 8, 3), np.uint8), 8, 2), Page(ramp(3, 8), 8, 2)


def raw(**extra: Any) -> tuple[Page, ...]:
    """A preview, and the sensor's values in a picture that it points to."""
    sensor = Page(ramp(1, 16), 16, 32803, tags={254: [0]})
    return (Page(SMALL.pixels, 8, 2, tags={254: [1]} | extra.get("tags", {}), sub=(extra.get("sensor", sensor),)),)


RAWS: dict[str, bytes] = {
    "DNG": tiff(*raw(tags={50706: [1, 4, 0, 0]})),
    "DNG whose first page is the picture": tiff(Page(LARGE.pixels, 8, 2, tags={50706: [1, 4, 0, 0]})),
    "NEF": tiff(*raw(), order=">"),
    "sensor values in the first picture": tiff(Page(ramp(1, 16), 16, 32803)),
    "linear raw": tiff(Page(ramp(3, 16), 16, 34892)),
    "full preview and sensor values behind it": tiff(Page(LARGE.pixels, 8, 2, sub=(Page(ramp(1, 16), 16, 32803),))),
    "ARW": tiff(*raw(sensor=Page(ramp(1, 16), 16, 1, tags={259: [32767]}))),
    "SRW": tiff(*raw(sensor=Page(ramp(1, 16), 16, 1, tags={259: [32770]}))),
    "PEF": tiff(Page(ramp(1, 16), 16, 1, tags={259: [65535]}), order=">"),
    "TIFF/EP": tiff(Page(LARGE.pixels, 8, 2, tags={37398: [1, 0, 0, 0]})),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff(LARGE)[8:],
    "IIQ": b"II*\0\x10\0\0\0IIII" + bytes(4) + tiff(LARGE)[8:],
    "ORF": b"IIRO" + tiff(LARGE)[4:],
    "ORF, later": b"IIRS" + tiff(LARGE)[4:],
    "ORF, big-endian": b"MMOR" + tiff(LARGE, order=">")[4:],
    "RW2": b"IIU\0" + tiff(LARGE)[4:],
    "RAF": b"FUJIFILMCCD-RAW 0201" + bytes(200),
    "CR3": p.box(b"ftyp", b"crx \0\0\0\1crx isom") + p.box(b"moov", bytes(40)),
    "X3F": b"FOVb" + bytes(200),
    "MRW": b"\0MRM" + bytes(200),
    "CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(200),
}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=documented("pictures", f"camera raw, {case}", "refused")) for case in RAWS]
)
@pytest.mark.parametrize("name", ["photo.tif", "photo.dng"])
def test_camera_raws_are_refused_by_what_they_hold(tmp_path: Path, case: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(RAWS[case])
    with pytest.raises(UnsupportedInput, match=r"a camera raw.*develop it"):
        open_source(path)


PREVIEWS: dict[str, tuple[Page, ...]] = {
    "a preview before the picture": (Page(SMALL.pixels, 8, 2, tags={254: [1]}), LARGE),
    "a preview alone": (Page(SMALL.pixels, 8, 2, tags={254: [1]}),),
    "an old preview before the picture": (Page(SMALL.pixels, 8, 2, tags={255: [2]}), LARGE),
    "a preview that points to the picture": (Page(SMALL.pixels, 8, 2, tags={254: [1]}, sub=(LARGE,)),),
}
SEVERAL: dict[str, tuple[Page, ...]] = {
    "two pages": (LARGE, LARGE),
    "two pages of a document": (Page(LARGE.pixels, 8, 2, tags={254: [2]}), Page(LARGE.pixels, 8, 2, tags={254: [2]})),
    "a small page before the large one, without a word": (SMALL, LARGE),
    "a small page after it, without a word": (LARGE, SMALL),
    "a larger picture below the first": (Page(SMALL.pixels, 8, 2, sub=(LARGE,)),),
    "one as large below the first": (Page(LARGE.pixels, 8, 2, sub=(LARGE,)),),
    "a larger copy after the first": (SMALL, Page(LARGE.pixels, 8, 2, tags={254: [1]})),
    "a mask": (LARGE, Page(ramp(1, 1), 1, 4, tags={254: [4]})),
    "a small mask": (LARGE, Page(np.zeros((6, 8, 1), np.uint8), 1, 4, tags={254: [5]})),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=documented("pictures", f"TIFF with {case}", "refused"))
        for case in (*PREVIEWS, *SEVERAL)
    ],
)
def test_previews_and_several_pictures_are_refused(case: str) -> None:
    pages = PREVIEWS.get(case) or SEVERAL[case]
    words = "small preview of another" if case in PREVIEWS else "several pages"
    for order, big in (("<", False), (">", False), ("<", True)):
        with pytest.raises(UnsupportedInput, match=words):
            StillSource(tiff(*pages, order=order, big=big))


COPY = Page(SMALL.pixels, 8, 2, tags={254: [1]})
HALF = Page(ramp(3, 8)[::2, ::2], 8, 2, tags={254: [1]})
COPIES: dict[str, tuple[tuple[Page, ...], str]] = {
    "a thumbnail after the picture": ((LARGE, COPY), "thumbnail"),
    "overviews of a map (COG)": ((LARGE, HALF, COPY), "smaller copies (2)"),
    "a pyramid below the picture": ((Page(LARGE.pixels, 8, 2, sub=(HALF, COPY)),), "smaller copies (2)"),
    "a thumbnail below the picture": ((Page(LARGE.pixels, 8, 2, sub=(SMALL,)),), "thumbnail"),
    "an old thumbnail after the picture": ((LARGE, Page(SMALL.pixels, 8, 2, tags={255: [2]})), "thumbnail"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, marks=documented("pictures", f"TIFF with {case}", "the first picture; copies go, and are listed")
        )
        for case in COPIES
    ],
)
def test_smaller_copies_go_and_are_named(tmp_path: Path, case: str) -> None:
    pages, word = COPIES[case]
    (tmp_path / "in.tif").write_bytes(tiff(*pages))
    source = StillSource(tmp_path / "in.tif")
    assert word in source.info.removed
    assert source.decoded.size == SIZE[::-1]
    target = p.carried(tmp_path / "in.tif", tmp_path / "out.tif", Output())
    assert p.complaints(target, tmp_path / "in.tif") == ""


def test_directories_that_point_to_themselves_end() -> None:
    data = bytearray(tiff(LARGE))
    start = int.from_bytes(data[4:8], "little")
    data[-4:] = start.to_bytes(4, "little")
    assert StillSource(bytes(data)).decoded.size == SIZE[::-1]
    with pytest.raises(UnreadableInput):
        StillSource(b"II*\0\xff\xff\xff\x7f")


def test_pillow_writes_nothing_to_standard_error_about_a_tiff_that_it_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python prints what a library logs where nobody listens to it, as in a run; under pytest somebody does."""
    whole, samples = tiff(Page(ramp(1, 8))), struct.pack("<HHI", 277, 3, 1)
    assert whole.count(samples) == 1
    signed = struct.pack("<HHIHH", 277, 8, 1, 7, 0)  # seven samples a pixel, in a type that only Pillow reads
    monkeypatch.setattr(logging.root, "handlers", [])
    with pytest.raises(UnsupportedInput, match="stored in this way"):
        open_source(whole.replace(samples + b"\1\0\0\0", signed))
    assert capsys.readouterr().err == ""
