"""The clips everything is measured on, made once and kept under ``build/bench``.

A set is a folder of ``00.mp4 00.jsonl 01.mp4 ...`` (clip and truth). Sources, in order of preference: the annotated
stills in ``../shared/data`` (development only, never copied here); the demonstration film, which anyone can make.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from anonymize.data import Box, Kind
from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.demo import make_demo

BUILD = Path("build/bench")
DATA = Path("../shared/data")
CLIPS = 16
SHEETS = 8
SHEET = 4
"""Pictures across and down a sheet, which brings the plates of close-ups down to the sizes of street footage."""
TILE = (480, 300)
"""(width, height) of a picture's place on a sheet, in pixels; a picture of another shape leaves a border."""
BORDER = 96
CLOSE = 6
"""Clips over a single picture of either set of cars."""
SIZES = {720: (1280, 720), 1080: (1920, 1080), 2160: (3840, 2160)}

Row = dict[str, Any]
"""A line of an annotation file: image, width, height, source, boxes."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip and its ground truth."""

    video: Path
    truth: Path


def face_clips(lines: int = 720, *, data: Path = DATA, build: Path = BUILD, count: int = CLIPS) -> list[Clip]:
    """Street crowds of 720, 1080 or 2160 lines, from the stills in `data`; without them, the demonstration film."""
    folder = data / "faces"
    if not (folder / "annotations.jsonl").exists():
        return demo_clip(build=build)
    return _filmed(folder, [[row] for row in _crowds(folder)[:count]], build / f"faces{lines}", SIZES[lines])


def plate_clips(lines: int = 720, *, data: Path = DATA, build: Path = BUILD) -> list[Clip]:
    """Cars that no weights of ours have seen, close and far, from the stills in `data`; else the demonstration film."""
    folder = data / "plates"
    if not (folder / "annotations.jsonl").exists():
        return demo_clip(build=build)
    return _filmed(folder, _cars(folder), build / f"cars{lines}", SIZES[lines])


def demo_clip(*, build: Path = BUILD) -> list[Clip]:
    """Only the demonstration film, with faces and plates."""
    folder = build / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "00.mp4"
    if not video.with_suffix(".jsonl").exists():
        make_demo(video)
    return [Clip(video, video.with_suffix(".jsonl"))]


def long_clip(clip: Clip, times: int) -> Path:
    """The clip played `times` over, stream-copied: what shows whether memory grows with length."""
    target = clip.video.with_name(f"{clip.video.stem}x{times}.mp4")
    if target.exists():
        return target
    part = target.with_suffix(".part.mp4")
    with av.open(str(part), "w") as out:
        stream = None
        shift = 0
        for _ in range(times):
            with av.open(str(clip.video)) as source:
                video = source.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                last = 0
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    last = max(last, packet.pts + (packet.duration or 0))
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = stream
                    out.mux(packet)
                shift += last
    part.replace(target)
    return target


def _filmed(folder: Path, stills: list[list[Row]], target: Path, size: tuple[int, int]) -> list[Clip]:
    """Film each still once; what exists is kept. The truth is written last, so its presence means the clip is whole."""
    target.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, rows in enumerate(stills):
        video = target / f"{number:02d}.mp4"
        if not video.with_suffix(".jsonl").exists():
            still = _still(folder, rows[0]) if len(rows) == 1 else _sheet([_still(folder, row) for row in rows])
            film(video, still, Shot(size=size, seed=number))
        clips.append(Clip(video, video.with_suffix(".jsonl")))
    return clips


def _still(folder: Path, row: Row) -> Still:
    picture = cv2.imread(str(folder / row["image"]), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"no picture {row['image']} beside its annotations")
    subjects = [(Kind.of(b["kind"]), tuple(b["xyxy"]), bool(b["ignore"])) for b in row["boxes"]]
    return Still(np.asarray(picture, np.uint8), subjects)


def _sheet(stills: list[Still]) -> Still:
    """Put `SHEET` x `SHEET` stills side by side, each as large as its place allows."""
    width, height = TILE
    sheet = np.full((SHEET * height, SHEET * width, 3), BORDER, np.uint8)
    subjects: list[tuple[Kind, Box, bool]] = []
    for number, still in enumerate(stills):
        tall, wide = still.picture.shape[:2]
        scale = min(width / wide, height / tall)
        size = round(wide * scale), round(tall * scale)
        x = number % SHEET * width + (width - size[0]) // 2
        y = number // SHEET * height + (height - size[1]) // 2
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        sheet[y : y + size[1], x : x + size[0]] = cv2.resize(still.picture, size, interpolation=way)
        across, down = size[0] / wide, size[1] / tall
        for kind, (x0, y0, x1, y1), ignore in still.subjects:
            subjects.append((kind, (x + x0 * across, y + y0 * down, x + x1 * across, y + y1 * down), ignore))
    return Still(sheet, subjects)


def _crowds(folder: Path) -> list[Row]:
    """Colour street pictures, landscape, with 5 to 16 faces, most of them small."""
    return _by_hash(
        row
        for row in _rows(folder)
        if row["source"] == "mask853"
        and row["width"] >= 1.3 * row["height"]
        and 5 <= len(row["boxes"]) <= 16
        and np.median([b["xyxy"][3] - b["xyxy"][1] for b in row["boxes"]]) <= 20
    )


def _cars(folder: Path) -> list[list[Row]]:
    """Stills of two sets that no weights of ours were trained on: first sheets of many pictures, then single ones."""
    web, gate = (
        _by_hash(
            row
            for row in _rows(folder)
            if row["source"] == name and row["width"] >= 1.3 * row["height"] and row["boxes"]
        )
        for name in ("n225", "gatecam49")
    )
    each = SHEET * SHEET
    count = min(SHEETS, len(web) // each)
    sheets = [web[i * each : (i + 1) * each] for i in range(count)]
    return sheets + [[row] for pair in zip(web[count * each :][:CLOSE], gate, strict=False) for row in pair]


def _rows(folder: Path) -> Iterator[Row]:
    with (folder / "annotations.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _by_hash(rows: Iterator[Row]) -> list[Row]:
    """Sort rows by the digest of their picture's name: the same order everywhere, and none that favours anyone."""
    return sorted(rows, key=lambda row: hashlib.sha256(row["image"].encode()).hexdigest())
