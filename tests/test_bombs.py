"""Small files that would take hours or all memory are refused, with a reason."""

import sqlite3
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonymize.batch import run
from anonymize.data import Detections
from anonymize.detect import merge
from anonymize.detect.tiles import joined
from anonymize.errors import InputError
from anonymize.inputs import plan_items
from anonymize.ledger.store import _told
from anonymize.media.still import StillSource
from anonymize.report.files import nameless
from anonymize.settings import Settings, Zone


def _saved(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    made = BytesIO()
    Image.new("RGB", size, (90, 20, 30)).save(made, kind)
    return made.getvalue()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _long(width: int, height: int) -> bytes:
    """A grey PNG, whatever size its encoder would take."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _gif(count: int, side: int) -> bytes:
    one = b"\x21\xf9\x04\0\1\0\0\0," + struct.pack("<HHHH", 0, 0, 1, 1) + b"\0\2\2\x44\1\0"
    return b"GIF89a" + struct.pack("<HH", side, side) + b"\xf0\0\0" + bytes(6) + one * count + b";"


def _apng(count: int) -> bytes:
    plain = _saved("PNG", (4000, 4000))
    control = _chunk(b"acTL", struct.pack(">II", count, 0))
    turns = b"".join(_chunk(b"fcTL", struct.pack(">IIIIIHHBB", i, 4000, 4000, 0, 0, 1, 10, 0, 0)) for i in range(count))
    return plain[:33] + control + turns + plain[33:]


def _tags(entries: int, length: int) -> bytes:
    """A TIFF of entries that all hold the same bytes."""
    values = 8 + 2 + 12 * entries + 4
    made = b"".join(struct.pack("<HHII", 1000 + i, 7, length, values) for i in range(entries))
    return b"II*\0" + struct.pack("<IH", 8, entries) + made + bytes(4 + length)


def _pages(count: int, reduced: bool) -> bytes:
    """A TIFF whose further pages may say that they are smaller copies of the first."""
    size = 2 + 12 * 10 + 4
    made = bytearray(b"II*\0" + struct.pack("<I", 8))
    for i in range(count):
        side = 4 if i and reduced else 8
        tags = {254: int(bool(i and reduced)), 256: side, 257: side, 258: 8, 259: 1, 262: 1, 273: 8 + count * size}
        made += struct.pack("<H", 10)
        for tag, value in (tags | {277: 1, 278: side, 279: side * side}).items():
            made += struct.pack("<HHII", tag, 4, 1, value)
        made += struct.pack("<I", 8 + (i + 1) * size if i < count - 1 else 0)
    return bytes(made) + bytes(64)


def _with_exif(block: bytes) -> bytes:
    plain = _saved("PNG")
    return plain[:33] + _chunk(b"eXIf", block) + plain[33:]


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "high.png": (lambda: _long(1, 1_000_000), "sides of at most 65535"),
    "wide.png": (lambda: _long(1_000_000, 1), "sides of at most 65535"),
    "long.gif": (lambda: _gif(10_000, 4000), "10000 pictures of 4000 x 4000 is too long"),
    "many.gif": (lambda: _gif(10_001, 1), "10001 pictures of 1 x 1 is too long"),
    "long.apng": (lambda: _apng(1000), "1000 pictures of 4000 x 4000 is too long"),
    "pages.tiff": (lambda: _pages(100_000, reduced=False), "more than 1000 pages"),
    "copies.tiff": (lambda: _pages(2000, reduced=True), "more than 1000 pages"),
    "tags.tiff": (lambda: _tags(30_000, 1 << 20), "its entries hold more than the file has"),
    "tags.png": (lambda: _with_exif(_tags(30_000, 1 << 20)), "its entries hold more than the file has"),
    "blocks.png": (
        lambda: _with_exif(_tags(1, 8)).replace(
            _chunk(b"eXIf", _tags(1, 8)), b"".join(_chunk(b"eXIf", _tags(1, i)) for i in range(1001))
        ),
        "more than 1000 blocks of EXIF",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_in_words(tmp_path: Path, name: str) -> None:
    make, words = BOMBS[name]
    path = tmp_path / name
    path.write_bytes(make())
    with pytest.raises(InputError, match=words):
        StillSource(path, allow_damaged=True)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("high.png", lambda: _long(1, 65_535)),
        ("wide.png", lambda: _long(65_535, 1)),
        ("a.gif", lambda: _gif(1000, 64)),
        ("copies.tiff", lambda: _pages(3, reduced=True)),
        ("exif.png", lambda: _with_exif(_tags(5, 100))),
    ],
)
def test_what_only_looks_like_one_is_read(tmp_path: Path, name: str, make: Callable[[], bytes]) -> None:
    path = tmp_path / name
    path.write_bytes(make())
    assert sum(1 for _ in StillSource(path).frames()) >= 1


def test_many_finds_are_merged_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 300, (150, 2))
    xyxy = np.hstack([corner, corner + rng.uniform(4, 80, (150, 2))])
    found = Detections(
        xyxy.astype(np.float32), rng.uniform(0.1, 1, 150).astype(np.float32), rng.integers(0, 2, 150).astype(np.int8)
    )
    cut = rng.uniform(size=(150, 4)) < 0.3
    ways = (merge.fuse, merge.without_holders, lambda finds: joined(finds, cut))
    at_once = [way(found) for way in ways]
    monkeypatch.setattr(merge, "PAIRS", 400)
    for whole, way in zip(at_once, ways, strict=True):
        parts = way(found)
        np.testing.assert_array_equal(parts.xyxy, whole.xyxy)
        np.testing.assert_array_equal(parts.score, whole.score)
        assert 0 < len(parts) < len(found)


def test_a_thing_that_runs_through_many_tiles_is_one() -> None:
    ends = np.arange(500, dtype=np.float32) * 100
    xyxy = np.stack([ends, np.zeros(500), ends + 110, np.full(500, 50)], axis=1).astype(np.float32)
    cut = np.zeros((500, 4), bool)
    cut[1:, 0] = cut[:-1, 2] = True
    order = np.random.default_rng(4).permutation(500)
    found = Detections(xyxy[order], np.linspace(0.1, 0.9, 500, dtype=np.float32), np.zeros(500, np.int8))
    whole = joined(found, cut[order])
    np.testing.assert_array_equal(whole.xyxy, [[0, 0, 50_010, 50]])
    assert whole.score == pytest.approx(0.9)


@pytest.mark.parametrize("stage", ["detect", "verify"])
def test_too_little_memory_is_said_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    picture = tmp_path / "a.png"
    picture.write_bytes(_saved("PNG"))
    monkeypatch.setattr("anonymize.media.still_read._plain" if stage == "detect" else "anonymize.job.prove", exhausted)
    settings = Settings(targets=frozenset(), zones=(Zone(((1.0, 1.0), (9.0, 1.0), (9.0, 9.0))),))
    outcome = run(plan_items([str(picture)], str(tmp_path / "out") + "/"), settings)[0]
    assert "memory" in outcome.report.error
    assert "damaged" not in outcome.report.error
    assert outcome.exit_code == 1
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.parametrize(
    ("folder", "said", "kept"),
    [
        ("in", "in/a.ts: no video in it", "the file: no video in it"),
        ("in", "cannot open 'in' for the video in it", "cannot open 'the file' for the video in it"),
        ("video", "there is no video in video", "there is no video in the file"),
        ("Anna Meier", "no room in Anna Meier for it", "no room in the file for it"),
        ("anna", "anna: cannot be listed", "the file: cannot be listed"),
    ],
)
def test_a_folder_called_like_a_word_leaves_the_words(folder: str, said: str, kept: str) -> None:
    assert nameless(said, [Path(folder) / "a.ts"]) == kept


def test_a_ledger_whose_folder_is_gone_says_so(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert "is gone" in str(_told(tmp_path / "out" / ".anonymize.sqlite", error))
    assert "no permission" in str(_told(tmp_path / ".anonymize.sqlite", error))
