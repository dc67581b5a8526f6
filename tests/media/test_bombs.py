"""Small files that would take hours or all memory are refused, with a reason."""

import os
import signal
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from anonymize import plan as plans
from anonymize import redact as drawing
from anonymize import storage
from anonymize.batch.inputs import plan_items, the_file
from anonymize.batch.ledger.store import _explained
from anonymize.batch.run import run
from anonymize.data import Detections, Kind, Plane, Region, Shape, Why
from anonymize.detect import merge
from anonymize.detect.tiles import ALONG, joined
from anonymize.errors import AnonymizeError, InputError
from anonymize.evaluate.truth import Truth
from anonymize.evaluate.walk import aligned
from anonymize.kinds import shaped
from anonymize.media.still.source import StillSource
from anonymize.models.store import import_model
from anonymize.plan import About, Plan, Regions
from anonymize.recorded import job, release
from anonymize.redact import draw, outlines
from anonymize.report import sign
from anonymize.settings import Appearance, Redact, Settings, Style, Zone
from anonymize.track import pairs
from anonymize.verify import against_plan
from tests.test_redact import copies, make_planes


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
    monkeypatch.setattr("anonymize.track.pairs.PAIRS", 400)
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
    monkeypatch.setattr(
        "anonymize.media.still.decode._plain"
        if stage == "detect"
        else "anonymize.recorded.finish.render_until_verified",
        exhausted,
    )
    settings = Settings(targets=frozenset(), zones=(Zone(((1.0, 1.0), (9.0, 1.0), (9.0, 9.0))),))
    outcome = run(plan_items([str(picture)], str(tmp_path / "out") + "/"), settings)[0]
    assert "memory" in outcome.report.error
    assert "damaged" not in outcome.report.error
    assert outcome.exit_code == 1
    assert not list((tmp_path / "out").glob("*.png"))


def test_a_ledger_whose_folder_is_gone_says_so(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    assert "is gone" in str(_explained(tmp_path / "out" / ".anonymize.sqlite", error))
    assert "no permission" in str(_explained(tmp_path / ".anonymize.sqlite", error))


def _plain_fused(found: Detections) -> list[list[float]]:
    """`merge.fuse` as it is meant: every find held against every other."""
    found = found.select(np.argsort(-found.score, kind="stable"))
    union, inside = pairs.shares(found.xyxy[:, None], found.xyxy[None, :])
    area = (found.xyxy[:, 2:] - found.xyxy[:, :2]).prod(axis=1)
    alike = np.minimum(area, area[:, None]) >= merge.NESTED * np.maximum(area, area[:, None])
    kin = found.kind == found.kind[:, None]
    same = kin & ((union >= merge.SAME) | ((inside >= merge.INSIDE) & alike))
    left, boxes = list(range(len(found))), []
    while left:
        best = left[0]
        heard = [
            i
            for i in left
            if kin[best, i] and union[best, i] >= merge.SAME and found.score[i] >= merge.TRUSTED * found.score[best]
        ]
        boxes.append([*found.xyxy[heard, :2].min(axis=0), *found.xyxy[heard, 2:].max(axis=0)])
        left = [i for i in left[1:] if not same[best, i]]
    return boxes


def _plain_joined(found: Detections, cut: np.ndarray) -> set[tuple[float, ...]]:
    """`joined` as it is meant: groups grow by one pair after another."""
    low, high, kind = found.xyxy[:, :2], found.xyxy[:, 2:], found.kind
    inside = pairs.shares(found.xyxy[:, None], found.xyxy[None, :])[1] >= merge.INSIDE
    group = list(range(len(found)))
    for i in range(len(found)):
        for j in range(len(found)):
            shared = np.minimum(high[i], high[j]) - np.maximum(low[i], low[j])
            shorter = np.minimum(high[i] - low[i], high[j] - low[j])
            seams = [
                cut[i, 2 + a] and cut[j, a] and shared[a] > 0 and shared[1 - a] >= np.float32(ALONG) * shorter[1 - a]
                for a in (0, 1)
            ]
            if kind[i] == kind[j] and (any(seams) or (cut[i].any() and inside[i, j])):
                group = [group[i] if g == group[j] else g for g in group]
    members = [[i for i in range(len(found)) if group[i] == g] for g in set(group)]
    return {(*low[rows].min(axis=0).tolist(), *high[rows].max(axis=0).tolist()) for rows in members}


@pytest.mark.parametrize("at_once", [1, 50, 1 << 20])
@pytest.mark.parametrize("seed", range(4))
def test_finds_are_merged_as_if_all_were_compared(monkeypatch: pytest.MonkeyPatch, at_once: int, seed: int) -> None:
    monkeypatch.setattr("anonymize.track.pairs.PAIRS", at_once)
    rng = np.random.default_rng(seed)
    found = _finds(rng, 60, (150, 110))
    found = Detections.concatenate([found, found.select(np.arange(5))])
    assert merge.fuse(found).xyxy.tolist() == _plain_fused(found)
    inside = pairs.shares(found.xyxy[:, None], found.xyxy[None, :])[1] >= merge.INSIDE
    area = (found.xyxy[:, 2:] - found.xyxy[:, :2]).prod(axis=1)
    held = inside & (area < merge.NESTED * area[:, None]) & (found.score >= merge.HELD * found.score[:, None])
    plate = found.kind == Kind.PLATE
    kept = ~(held & plate & plate[:, None]).any(axis=1)
    assert merge.without_holders(found).xyxy.tolist() == found.xyxy[kept].tolist()
    cut = rng.uniform(size=(len(found), 4)) < 0.2
    assert set(map(tuple, joined(found, cut).xyxy.tolist())) == _plain_joined(found, cut)


def _finds(rng: np.random.Generator, count: int, size: tuple[int, int]) -> Detections:
    corner = rng.uniform(0, 1, (count, 2)) * size
    return Detections(
        np.hstack([corner, corner + rng.uniform(3, 60, (count, 2))]).astype(np.float32),
        rng.uniform(0.05, 1, count).round(2).astype(np.float32),
        rng.integers(0, 2, count).astype(np.int8),
    )


@pytest.mark.parametrize("upright", [False, True])
def test_finds_far_apart_are_not_compared(monkeypatch: pytest.MonkeyPatch, upright: bool) -> None:
    """Twice as many finds in twice the picture, side by side or one above the other: twice the work, not four times."""
    compared: list[int] = []
    in_line = pairs._in_line

    def counted(*given: Any) -> Any:
        found = in_line(*given)
        compared.append(len(found[0]))
        return found

    monkeypatch.setattr(pairs, "_in_line", counted)
    rng = np.random.default_rng(5)
    met = []
    for count in (2000, 4000):
        compared.clear()
        found = _finds(rng, count, (40, 40 * count) if upright else (40 * count, 40))
        met.append(sum(len(one) for _, one, _ in pairs.meetings(found.xyxy, found.xyxy)))
        assert met[-1] <= sum(compared) < 10 * count
    assert met[1] < 3 * met[0]


def _region(rng: np.random.Generator, shape: Shape | None = None) -> Region:
    corner, side = rng.uniform(-15, 60, 2), rng.uniform(0.3, rng.choice([3, 20, 90]), 2)
    x0, y0, x1, y1 = (round(float(value), 2) for value in (*corner, *(corner + side + 0.02)))
    shape = shape or list(Shape)[rng.integers(len(Shape))]
    corners = ((x0, y0), (x1, y0), (x1, y1)) if shape is Shape.POLYGON else ()
    kind, track = Kind(int(rng.integers(3))), int(rng.integers(-1, 9))
    return Region((x0, y0, x1, y1), kind, Why.DETECTED, track, shape, corners)


@pytest.mark.parametrize(("runs", "many"), [(7, 2), (1 << 19, 256)])
def test_layers_are_the_outlines_in_sum(monkeypatch: pytest.MonkeyPatch, runs: int, many: int) -> None:
    monkeypatch.setattr(outlines, "RUNS", runs)
    monkeypatch.setattr(outlines, "MANY", many)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        width, height = (int(side) for side in rng.integers(1, 70, 2))
        regions = [_region(rng) for _ in range(40)]
        count = np.zeros((height, width), int)
        for region in regions:
            if found := outlines.outline(region, width, height):
                window = found.window
                count[window.y0 : window.y1, window.x0 : window.x1] += found.covered
        np.testing.assert_array_equal(outlines.layers(regions, width, height), count)
        np.testing.assert_array_equal(outlines.union(regions, width, height).covered, count > 0)


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:0"])
def test_many_regions_are_drawn_as_few_are(monkeypatch: pytest.MonkeyPatch, style: Style, chroma: str) -> None:
    rng = np.random.default_rng(6)
    regions, before = [_region(rng) for _ in range(60)], make_planes(61, 47, chroma)
    pictures = []
    for many in (1000, 3):
        monkeypatch.setattr(outlines, "MANY", many)
        memory = drawing.Memory()
        for _ in range(2):
            planes = copies(before)
            drawing.redact(planes, regions, Redact(face=Appearance(style=style)), memory)
        pictures.append(planes)
    for one, other in zip(*pictures, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_a_bad_region_among_many_is_an_error_and_nothing_is_drawn() -> None:
    rng = np.random.default_rng(7)
    regions = [*(_region(rng, Shape.BOX) for _ in range(300)), Region((5, 0, 5, 9), Kind.PLATE, Why.MANUAL)]
    before = make_planes(20, 20)
    planes = copies(before)
    with pytest.raises(ValueError, match="expected finite x0 < x1"):
        drawing.redact(planes, regions, Redact(), drawing.Memory())
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(before, planes, strict=True))


def test_what_stays_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten thousand rows that span all frames, a frame makes no region anew, and draws no other picture."""
    rng = np.random.default_rng(8)
    regions = Regions((0, 50, _region(rng, Shape.ELLIPSE)) for _ in range(10_000))
    made: list[int] = []
    count = outlines._count

    def counted(*given: Any) -> Any:
        made.append(1)
        return count(*given)

    monkeypatch.setattr(outlines, "_count", counted)
    memory, first = drawing.Memory(), regions.at(0)
    for index in range(50):
        found = regions.at(index)
        assert all(one is other for one, other in zip(found, first, strict=True))
        drawing.redact(make_planes(30, 20), found, Redact(), memory)
        assert len(made) < 20


def test_rows_of_a_plan_come_as_they_are_in_any_order_of_frames() -> None:
    rng = np.random.default_rng(9)
    starts = rng.integers(0, 30, 200).tolist()
    drawn = ((first, first + int(rng.choice([1, 1, 2, 9])), _region(rng)) for first in starts)
    rows = [(first, end, replace(one, shape=shaped(one.kind, one.shape))) for first, end, one in drawn]
    regions = Regions(rows)
    ordered = sorted(rows, key=lambda row: row[0])
    assert list(regions.rows()) == ordered
    for part in (regions, regions.within([(3, 9), (20, 22)])):
        own = list(part.rows())
        for index in [*range(40), 39, 7, 8, 30, 0, 0, 12]:
            spanning = [region for first, end, region in own if first <= index < end and end - first > 1]
            single = [region for first, end, region in own if first == index and end == index + 1]
            assert part.at(index) == [*spanning, *single]
    assert list(regions.within([(3, 9), (20, 22)]).rows()) == [
        row for row in ordered if (row[0] < 9 and row[1] > 3) or (row[0] < 22 and row[1] > 20)
    ]


@pytest.mark.parametrize("limit", ["MOST", "LAYERS"])
def test_more_mosaics_than_anybody_could_see_become_solid(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(draw, limit, 5)
    rng = np.random.default_rng(10)
    regions = [Region((2, 3, 28, 17), Kind.FACE, Why.MANUAL, int(rng.integers(9)), Shape.BOX) for _ in range(9)]
    looks, planes = Redact(face=Appearance(style=Style.MOSAIC)), make_planes(30, 20)
    drawing.redact(planes, regions[:5], looks, drawing.Memory())
    assert len(np.unique(planes[0].pixels[3:17, 2:28])) > 1
    drawing.redact(planes, regions, looks, drawing.Memory())
    assert (planes[0].pixels[3:17, 2:28] == planes[0].black).all()


@pytest.mark.parametrize("style", [Style.SOLID, Style.MOSAIC])
@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:0"])
def test_a_leak_among_many_regions_is_found(monkeypatch: pytest.MonkeyPatch, style: Style, chroma: str) -> None:
    rng = np.random.default_rng(11)
    plan = Plan(
        About("0" * 64, 1, 61, 47, Settings(redact=Redact(face=Appearance(style=style)))),
        Regions((0, 1, _region(rng)) for _ in range(80)),
    )
    shown = make_planes(61, 47, chroma)
    drawing.redact(shown, plan.at(0), plan.about.redact, drawing.Memory())
    shown[0].pixels[10:30, 10:30] = 200
    frame: Any = Picture(shown, 61, 47)
    other: Any = Picture(make_planes(61, 47, chroma), 61, 47)
    seen = []
    for many in (1000, 3):
        monkeypatch.setattr(against_plan, "MANY", many)
        seen.append(against_plan.Comparer(plan, 20).see(frame, other))
    assert seen[0].leaks
    assert seen[0].count == seen[1].count
    assert {leak.region for leak in seen[0].leaks} == {leak.region for leak in seen[1].leaks}


@dataclass
class Picture:
    """A frame with planes of its own."""

    planes: tuple[Plane, ...]
    width: int
    height: int
    depth: int = 8
    index: int = 0
    pts: int = 0
    time_base: Fraction = Fraction(1, 25)

    def writable(self) -> "Picture":
        return replace(self, planes=copies(self.planes))


def _odd_files(folder: Path) -> list[Path]:
    """What is no file, and would be waited for or read without end."""
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    return [folder / "pipe", folder / "zero", folder / "folder"]


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """Every place that reads a file: none waits for a pipe, nor reads a device that never ends."""
    picture = tmp_path / "a.png"
    picture.write_bytes(_saved("PNG"))
    about = About("0" * 64, 1, 64, 48)
    plan = Plan(about, Regions(()))
    ways: list[Callable[[Path], object]] = [
        plans.read,
        storage.sha256,
        lambda path: import_model("yunet", path),
        lambda path: sign.sign({}, path),
        lambda path: job.render(replace(the_file(picture), source=path), plan, Settings()),
        lambda path: release.check_file(picture, Settings(), [], source=path),
        lambda path: list(aligned(path, picture, Truth("t", lambda _: iter(())))),
        lambda path: list(aligned(picture, path, Truth("t", lambda _: iter(())))),
        the_file,
    ]
    for path in _odd_files(tmp_path):
        for way in ways:
            with pytest.raises((AnonymizeError, OSError), match="not a file"):
                way(path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_that_a_library_made_an_error_of_is_a_stop(number: int, code: int) -> None:
    """Modules in C turn whatever is raised while they are imported into an error of their own."""
    script = f"""
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from anonymize import cli
from anonymize.cli import app

def library(**_):
    try:
        os.kill(os.getpid(), {number})
    except BaseException as error:
        raise ImportError("initialization failed") from error

app.app = library
cli.main()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == code, ended.stderr
    assert "interrupted" in ended.stderr
    assert "internal error" not in ended.stderr
