"""Tell people apart by their redacted faces: crops of the same people, some to learn from and later ones to guess.

Two closed sets, both the attacker's best case. *Stills*: everyone in the benchmark's clips, filmed by a moving camera
over a still, so that the attacker holds the very picture; they learn from the first part of each clip, redacted in many
ways, and guess in the last part.
*Recordings*: real people who move and turn before a camera; identities come from the recordings, so that light and
haircut help too. The attacker sees only what lies inside the redaction's outline, at one size: place and size give
nothing away, and of a solid cover there is nothing to see, so that chance is certain; or, in the other view, the whole
picture with the cover in it, as everybody has it. Every crop is redacted as the first of a track: one track's held
colours must not count as many samples.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Shape
from anonymize.evaluate.truth import Subject, read_truth
from benchmarks.attack.draw import Draw, Picture
from benchmarks.clips import Clip

CROP = 144
"""Pixels of a crop's side, the region and room around it."""
REGION = 96
"""Pixels of the longer side of the padded region within a crop."""
INPUT = 32
"""Pixels of a side of what the network sees of a region."""
WHOLE = 64
"""Pixels of a side of what it sees of a whole picture."""
PADDING = 0.3
LEAST = 40.0
"""Height in pixels of the smallest face that is attacked."""
ENOUGH = 8
"""Crops that someone needs to be in a set."""


@dataclass(frozen=True, slots=True)
class FaceCrop:
    """A face in the middle of some picture: who it is, when it was seen, and the region to redact."""

    who: int
    when: int
    picture: Picture
    region: Box
    around: Picture | None = None
    """The whole picture, `WHOLE` times 4 a side, and where the region is in it."""
    place: Box = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class CropSplit:
    """Crops to learn from and later crops to guess; people are numbered from 0."""

    name: str
    people: int
    learn: Sequence[FaceCrop]
    guess: Sequence[FaceCrop]


def from_clips(clips: Sequence[Clip], every: int = 3) -> CropSplit:
    """Everyone who is large enough in the benchmark's clips, on every third frame."""
    seen: dict[tuple[str, int], list[FaceCrop]] = defaultdict(list)
    for clip in clips:
        with av.open(str(clip.video)) as source:
            for frame, truth in zip(source.decode(video=0), read_truth(clip.truth), strict=True):
                if truth.frame % every:
                    continue
                picture = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                for subject in truth.subjects:
                    if _attackable(subject):
                        key = (clip.video.stem, subject.id)
                        seen[key].append(_crop(len(seen) - 1, truth.frame, picture, subject.xyxy))
    return _split("people filmed over stills", list(seen.values()))


def from_recordings(folder: Path) -> CropSplit:
    """People alone before a camera, from the annotated stills in `folder`; each recording is one person."""
    seen: dict[str, list[FaceCrop]] = defaultdict(list)
    for row in _single_faces(folder):
        name, number = _recording(row["image"])
        box = row["boxes"][0]["xyxy"]
        if number is None or box[3] - box[1] < LEAST:
            continue
        picture = cv2.imread(str(folder / row["image"]))
        if picture is not None:
            seen[name].append(_crop(0, number, np.asarray(picture, np.uint8), tuple(box)))
    return _split("people in recordings", list(seen.values()))


def inputs(
    crops: Sequence[FaceCrop], draw: Draw, seed: int, each: int = 0, jitter: float = 0.08, *, whole: bool = False
) -> tuple[Any, Any]:
    """What the network sees of `crops`: each redacted once, with the region a little off.

    Args:
        crops: of anyone.
        draw: how they are redacted.
        seed: decides by how much regions are off, the light, and the noise.
        each: pictures of every person, their crops again and again; 0 takes every crop once.
        jitter: how far regions are off, as a share of their sides, at most.
        whole: it sees the whole picture with the cover in it, not the inside of the region alone.

    Returns:
        (N, 3, INPUT, INPUT) float32 from 0 to 1, or WHOLE a side, and (N,) int64 who it is.
    """
    rng = np.random.default_rng(seed)
    pictures, who = [], []
    for crop in _evenly(crops, each) if each else crops:
        if whole:
            assert crop.around is not None
            pictures.append(_around(_lit(crop.around, rng), _moved(crop.place, rng, jitter, 4 * WHOLE), draw))
        else:
            pictures.append(_seen(_lit(crop.picture, rng), _moved(crop.region, rng, jitter), draw))
        who.append(crop.who)
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255, np.array(who, np.int64)


def _evenly(crops: Sequence[FaceCrop], each: int) -> Iterator[FaceCrop]:
    """`each` crops of every person, so that nobody is guessed just because they were seen more often."""
    people: dict[int, list[FaceCrop]] = defaultdict(list)
    for crop in crops:
        people[crop.who].append(crop)
    for own in people.values():
        yield from islice(cycle(own), each)


def _attackable(subject: Subject) -> bool:
    """A face, large enough and nearly whole."""
    whole = subject.visible > 0.9 and not subject.ignore
    return subject.kind is Kind.FACE and subject.height >= LEAST and whole


def _seen(picture: Picture, region: Box, draw: Draw) -> Picture:
    """The inside of the redacted region, (INPUT, INPUT, 3), black outside its ellipse."""
    drawn = draw(picture, region, Shape.ELLIPSE)
    x0, y0, x1, y1 = (round(v) for v in region)
    inside = cv2.resize(drawn[y0:y1, x0:x1], (INPUT, INPUT), interpolation=cv2.INTER_AREA)
    return np.asarray(inside * _ELLIPSE, np.uint8)


def _around(picture: Picture, region: Box, draw: Draw) -> Picture:
    """The whole picture with the region redacted, (WHOLE, WHOLE, 3)."""
    drawn = draw(picture, region, Shape.ELLIPSE)
    return np.asarray(cv2.resize(drawn, (WHOLE, WHOLE), interpolation=cv2.INTER_AREA), np.uint8)


def _ellipse() -> NDArray[np.uint8]:
    """(INPUT, INPUT, 1) of 1 well inside the inscribed ellipse and 0 outside: nothing of the surroundings shows."""
    mask = np.zeros((INPUT, INPUT), np.uint8)
    rows, columns = np.mgrid[:INPUT, :INPUT] - (INPUT - 1) / 2
    mask[rows**2 + columns**2 < (INPUT / 2 - 2) ** 2] = 1
    return mask[..., None]


_ELLIPSE = _ellipse()


def _crop(who: int, when: int, picture: Picture, box: Sequence[float]) -> FaceCrop:
    """A face's padded box in the middle of a square, its longer side `REGION` pixels."""
    x0, y0, x1, y1 = box
    width, height = (1 + 2 * PADDING) * (x1 - x0), (1 + 2 * PADDING) * (y1 - y0)
    scale = REGION / max(width, height)
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    matrix = np.array([[scale, 0, CROP / 2 - scale * centre[0]], [0, scale, CROP / 2 - scale * centre[1]]])
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    made = cv2.warpAffine(picture, matrix, (CROP, CROP), flags=flags, borderMode=cv2.BORDER_REFLECT)
    across, down = scale * width / 2, scale * height / 2
    region = (CROP / 2 - across, CROP / 2 - down, CROP / 2 + across, CROP / 2 + down)
    side = 4 * WHOLE
    around = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    to_x, to_y = side / picture.shape[1], side / picture.shape[0]
    place = (
        max(0.0, to_x * (centre[0] - width / 2)),
        max(0.0, to_y * (centre[1] - height / 2)),
        min(float(side), to_x * (centre[0] + width / 2)),
        min(float(side), to_y * (centre[1] + height / 2)),
    )
    return FaceCrop(who, when, np.asarray(made, np.uint8), region, around, place)


def _moved(region: Box, rng: np.random.Generator, jitter: float, side: int = CROP) -> Box:
    """`region` shifted and scaled a little, within a picture of `side`."""
    x0, y0, x1, y1 = region
    width, height = x1 - x0, y1 - y0
    dx, dy = rng.uniform(-jitter, jitter, 2) * (width, height)
    half_x, half_y = width * rng.uniform(1 - jitter, 1 + jitter) / 2, height * rng.uniform(1 - jitter, 1 + jitter) / 2
    middle = ((x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy)
    return (
        max(0.0, middle[0] - half_x),
        max(0.0, middle[1] - half_y),
        min(float(side), middle[0] + half_x),
        min(float(side), middle[1] + half_y),
    )


def _lit(picture: Picture, rng: np.random.Generator) -> Picture:
    """`picture` a little brighter or darker, with noise of its own."""
    noise = rng.normal(0, 2, picture.shape)
    return np.asarray(np.clip(picture * rng.uniform(0.8, 1.2) + noise, 0, 255), np.uint8)


def _split(name: str, people: Sequence[list[FaceCrop]]) -> CropSplit:
    """Learn from the first 60% of the time that each person was seen, guess in the last 40%."""
    learn, guess = [], []
    kept = [crops for crops in people if len(crops) >= ENOUGH]
    for who, crops in enumerate(kept):
        ordered = sorted(crops, key=lambda crop: crop.when)
        numbered = [replace(crop, who=who) for crop in ordered]
        cut = round(0.6 * len(numbered))
        learn += numbered[:cut]
        guess += numbered[cut:]
    return CropSplit(name, len(kept), learn, guess)


def _single_faces(folder: Path) -> Iterator[dict[str, Any]]:
    """The annotated stills of recordings with exactly one face on them."""
    with (folder / "annotations.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["source"] == "mik1i_gray" and len(row["boxes"]) == 1:
                yield row


def _recording(image: str) -> tuple[str, int | None]:
    """The recording that a still was taken from, and its number in it."""
    found = re.search(r"gray_(?:test|train|valid)_(.+?)[-_](\d+)_jpg", image)
    return (found[1], int(found[2])) if found else (image, None)
