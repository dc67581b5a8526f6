"""Real people, cut out of photographs, who walk through a photographed street: for a camera on a wall and for `live`.

Every person comes from another picture of the development data, and is one subject; the street is a dashboard camera's,
with the plates that are labelled on it. Clips are made where the data is and stay under ``build/``. Real clips of which
a few frames are labelled become clips with truth here, too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from math import sin
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize import media
from anonymize.data import Box, Kind
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.samples.encode import Picture
from anonymize.samples.scene import Actor, Scene, Sprite, SpritePlace
from benchmarks.clips import BUILD, Clip, by_hash, rows

SOURCES = ("coco_ccby", "oid_person")
LEAST_FACE = 36
"""Pixels of the smallest face that is cut out, in its photograph."""
BODY = 3.0
"""Heights of the face that are used, from its top: head and chest."""


def photographed(data: Path, count: int) -> list[Sprite]:
    """Cut so many different people out of photographs, head and chest, each with its face's box.

    Only those are taken who stand apart, upright and whole down to the chest, one from a picture.
    """
    found = []
    for row in by_hash(rows(data / "people")):
        if row["source"] in SOURCES and (boxes := _apart(row)) is not None:
            picture = cv2.imread(str(data / "people" / row["image"]), cv2.IMREAD_COLOR)
            if picture is not None and (sprite := _cut_out(np.asarray(picture, np.uint8), *boxes)) is not None:
                found.append(sprite)
        if len(found) == count:
            return found
    raise FileNotFoundError(f"only {len(found)} people can be cut out, {count} are needed")


def street(data: Path, size: tuple[int, int], seed: int = 0) -> tuple[Picture, list[Sprite]]:
    """A photographed street, (width, height), and its labelled plates as sprites, each with its place as its box."""
    usable = [
        row
        for row in by_hash(rows(data / "plates"))
        if row["source"] == "romania" and row["width"] == 1280 and 1 <= len(row["boxes"]) <= 2
    ]
    row = usable[seed % len(usable)]
    picture = cv2.imread(str(data / "plates" / row["image"]), cv2.IMREAD_COLOR)
    if picture is None:
        raise FileNotFoundError(f"no picture {row['image']} beside its annotations")
    across, down = size[0] / row["width"], size[1] / row["height"]
    large = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    plates = []
    for box in row["boxes"]:
        x0, y0, x1, y1 = (v * (across, down)[i % 2] for i, v in enumerate(box["xyxy"]))
        empty = Sprite(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.uint8), ((Kind.PLATE, (x0, y0, x1, y1)),))
        plates.append(empty)
    return large, plates


def walking(
    people: Sequence[Sprite], size: tuple[int, int], walks: Sequence[tuple[float, float, float]], seed: int = 0
) -> list[Actor]:
    """Everyone walks through a picture of `size` once; near people lower down and drawn last.

    Args:
        people: one for each walk.
        size: (width, height) of the picture in pixels.
        walks: height of the face in pixels, when it begins (seconds), and speed (pixels a second; below 0 to the left).
        seed: decides how high above the lower border each one is.
    """
    rng = np.random.default_rng(seed)
    order = sorted(zip(people, walks, rng.uniform(0, 1, len(walks)), strict=True), key=lambda one: one[1][0])
    return [Actor(sprite, _way(sprite, size, walk, float(depth))) for sprite, walk, depth in order]


def scene(data: Path, size: tuple[int, int], actors: Sequence[Actor], *, margin: int, seed: int = 0) -> Scene:
    """The street, its plates and `actors`, seen by a camera that drifts by `margin` pixels at most; 0 stands still."""
    background, plates = street(data, (size[0] + 2 * margin, size[1] + 2 * margin), seed)
    still = [Actor(plate, partial(_stands, float(-margin))) for plate in plates]
    return Scene(background, [*still, *actors], margin=margin)


def labelled(data: Path, name: str, build: Path = BUILD) -> Clip:
    """A real clip with its few labelled frames as truth; every other frame is one ignored area.

    Nobody says which box is whom on another frame, so every box is a subject of its own.
    """
    video = data / "clips" / name
    truth = build / "real" / f"{name}.jsonl"
    if not truth.exists():
        by_frame = _labels(data, f"clips/{name}")
        with media.open_source(video) as source:
            size = (source.info.width, source.info.height)
            lines = [_labelled_frame(frame.index, by_frame.get(frame.index), size) for frame in source.frames()]
        truth.parent.mkdir(parents=True, exist_ok=True)
        write_truth(truth, lines)
    return Clip(video, truth)


def labelled_clips(data: Path) -> list[str]:
    """The names of the real clips that have labelled frames."""
    file = data / "real" / "labels.jsonl"
    if not file.exists():
        return []
    names = {json.loads(line)["clip"] for line in file.read_text(encoding="utf-8").splitlines()}
    return sorted(Path(name).name for name in names)


def _labels(data: Path, clip: str) -> dict[int, list[dict[str, Any]]]:
    lines = (data / "real" / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["frame"]: row["boxes"] for row in map(json.loads, lines) if row["clip"] == clip}


def _labelled_frame(index: int, boxes: list[dict[str, Any]] | None, size: tuple[int, int]) -> FrameTruth:
    if boxes is None:
        whole: Box = (0.0, 0.0, float(size[0]), float(size[1]))
        return FrameTruth(index, float(index), size, (Subject(0, Kind.FACE, whole, whole[3], 1.0, ignore=True),))
    found = []
    for number, box in enumerate(boxes):
        x0, y0, x1, y1 = (float(v) for v in box["xyxy"])
        kind = Kind.PLATE if box["kind"] == "plate" else Kind.FACE
        ignored = bool(box["ignore"]) or box["kind"] not in ("face", "plate")
        found.append(Subject(1000 * index + number + 1, kind, (x0, y0, x1, y1), y1 - y0, 1.0, ignore=ignored))
    return FrameTruth(index, float(index), size, tuple(found))


def _way(
    sprite: Sprite, size: tuple[int, int], walk: tuple[float, float, float], depth: float
) -> Callable[[float], SpritePlace | None]:
    face = sprite.targets[0][1]
    scale = walk[0] / (face[3] - face[1])
    wide = sprite.alpha.shape[1] * scale
    foot = size[1] * (0.55 + 0.25 * depth) + walk[0]  # chests end in front of something; near people lower down
    return partial(_walks, size[0], wide, foot - sprite.alpha.shape[0] * scale, scale, *walk[1:])


def _walks(
    width: int, wide: float, top: float, scale: float, begin: float, speed: float, time: float
) -> SpritePlace | None:
    gone = speed * (time - begin)
    x = -wide + gone if speed > 0 else width + gone
    if time < begin or not -wide <= x <= width:
        return None
    return SpritePlace(x, top - 14 * scale * abs(sin(5.2 * time)), scale)


def _stands(shift: float, time: float) -> SpritePlace:
    del time
    return SpritePlace(shift, shift)


def _apart(row: dict[str, Any]) -> tuple[Box, Box] | None:
    """(Face, person) of the one in a picture who can be cut out; None if there is no such person."""
    faces = [box["xyxy"] for box in row["boxes"] if box["kind"] == "face" and not box["ignore"]]
    people = [box["xyxy"] for box in row["boxes"] if box["kind"] == "person" and not box["ignore"]]
    heads = [box["xyxy"] for box in row["boxes"] if box["kind"] in ("head", "face") or box["ignore"]]
    for face in faces:
        height = face[3] - face[1]
        around = [p for p in people if p[0] <= face[0] and p[2] >= face[2] and p[1] <= face[1]]
        if height < LEAST_FACE or len(around) != 1:
            continue
        person = around[0]
        chest = (person[0], person[1], person[2], min(person[3], face[1] + BODY * height))
        others = [head for head in heads if _meets(head, chest) and not _inside(_middle(face), head)]
        room = person[3] - face[1] >= BODY * height and person[2] - person[0] >= 1.5 * (face[2] - face[0])
        if room and not others and not any(_meets(p, chest) for p in people if p is not person):
            return (face[0], face[1], face[2], face[3]), chest
    return None


def _cut_out(picture: Picture, face: Box, body: Box) -> Sprite | None:
    """Cut along the outline that a graph cut finds; None if that loses the face or takes the background along."""
    height, width = picture.shape[:2]
    x0, y0 = max(0, int(body[0]) - 12), max(0, int(body[1]) - 12)
    x1, y1 = min(width, int(body[2]) + 12), min(height, int(body[3]))
    part = np.ascontiguousarray(picture[y0:y1, x0:x1])
    mask = np.full(part.shape[:2], cv2.GC_BGD, np.uint8)
    mask[max(0, int(body[1]) - y0) :, int(body[0]) - x0 : int(body[2]) - x0] = cv2.GC_PR_FGD
    fx, fy = (face[0] + face[2]) / 2 - x0, (face[1] + face[3]) / 2 - y0
    across, down = (face[2] - face[0]) / 2, (face[3] - face[1]) / 2
    cv2.ellipse(mask, (round(fx), round(fy)), (round(0.9 * across), round(down)), 0, 0, 360, (cv2.GC_FGD,), -1)
    mask[round(fy + 2 * down) :, max(0, round(fx - across)) : round(fx + across)] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cut, _, _ = cv2.grabCut(part, mask, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)
    alpha = np.where((cut == cv2.GC_FGD) | (cut == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    alpha = _largest(np.asarray(cv2.morphologyEx(alpha, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8))
    if not 0.3 < float((alpha > 0).mean()) < 0.85:
        return None
    soft = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.0), np.uint8)
    return Sprite(part, soft, ((Kind.FACE, (face[0] - x0, face[1] - y0, face[2] - x0, face[3] - y0)),))


def _largest(alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest connected part alone."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(alpha)
    if count < 2:
        return alpha
    return np.where(parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), alpha, 0).astype(np.uint8)


def _middle(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _inside(point: tuple[float, float], box: Sequence[float]) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


def _meets(a: Sequence[float], b: Sequence[float]) -> bool:
    return bool(min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1]))
