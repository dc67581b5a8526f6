"""The clips for all benchmarks, made once and kept under ``build/bench``.

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

from anonymize.data import Kind
from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.demo import make_demo

BUILD = Path("build/bench")
DATA = Path("../shared/data")
CLIPS = 16
PLATE_CLIPS = {"n225": 10, "gatecam49": 2}
"""Clips by set: a web mix of cars, and a camera at a gate."""
WIDEST = 0.2
"""Largest share of a picture's width that a plate may take: close-ups of bumpers are no street."""
SIZES = {720: (1280, 720), 1080: (1920, 1080), 2160: (3840, 2160)}


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
    return _filmed(folder, _crowds(folder)[:count], build / f"faces{lines}", SIZES[lines])


def plate_clips(lines: int = 720, *, data: Path = DATA, build: Path = BUILD) -> list[Clip]:
    """Cars that no weights of ours have seen, from the stills in `data`; without them, the demonstration film."""
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


def _filmed(folder: Path, chosen: list[dict[str, Any]], target: Path, size: tuple[int, int]) -> list[Clip]:
    """Film each still once; what exists is kept. The truth is written last, so its presence means the clip is whole."""
    target.mkdir(parents=True, exist_ok=True)
    clips = []
    for number, row in enumerate(chosen):
        video = target / f"{number:02d}.mp4"
        if not video.with_suffix(".jsonl").exists():
            film(video, _still(folder, row), Shot(size=size, seed=number))
        clips.append(Clip(video, video.with_suffix(".jsonl")))
    return clips


def _still(folder: Path, row: dict[str, Any]) -> Still:
    picture = cv2.imread(str(folder / row["image"]), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"no picture {row['image']} beside its annotations")
    subjects = [(Kind.of(b["kind"]), tuple(b["xyxy"]), bool(b["ignore"])) for b in row["boxes"]]
    return Still(np.asarray(picture, np.uint8), subjects)


def _crowds(folder: Path) -> list[dict[str, Any]]:
    """Colour street pictures, landscape, with 5 to 16 faces, most of them small."""
    return by_hash(
        row
        for row in rows(folder)
        if row["source"] == "mask853"
        and row["width"] >= 1.3 * row["height"]
        and 5 <= len(row["boxes"]) <= 16
        and np.median([b["xyxy"][3] - b["xyxy"][1] for b in row["boxes"]]) <= 20
    )


def _cars(folder: Path) -> list[dict[str, Any]]:
    """Landscape pictures of the two sets that no weights of ours were trained on, with plates of no great width."""
    found: list[dict[str, Any]] = []
    for name, count in PLATE_CLIPS.items():
        wide = (row for row in rows(folder) if row["source"] == name and row["width"] >= 1.3 * row["height"])
        found += by_hash(row for row in wide if 0 < _widest(row) <= WIDEST)[:count]
    return found


def _widest(row: dict[str, Any]) -> float:
    """Width of the widest box as a share of the picture's; 0 where there is none."""
    return max((b["xyxy"][2] - b["xyxy"][0] for b in row["boxes"]), default=0) / float(row["width"])


def rows(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a folder's annotations: image, width, height, source and boxes of each picture."""
    with (folder / "annotations.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def by_hash(found: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows by the digest of their picture's name: the same order everywhere, and none that favours anyone."""
    return sorted(found, key=lambda row: hashlib.sha256(row["image"].encode()).hexdigest())
