"""What is covered of photos on which every head was boxed by eye, and what is covered for nothing.

    python -m benchmarks.photos --preset default --preset municipal

The photos are those that no network was trained on (`training.sources.kept_for_dev`); each is planned as `detect` does
it. A face counts as covered from 80% of its box on, a head of 16 px and more from 60% on. A cover is false if its
centre lies in no labelled head or face grown by 60% a side and in no ignored area; covers of plates are left out, as
nobody labelled plates.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from anonymize import media, presets, report
from anonymize.data import Box, Kind, Region
from anonymize.detect import build
from anonymize.recorded import passes
from anonymize.settings import Redact, Settings
from benchmarks.real import GROWN, drawn
from training.sources import KINDS, Example, kept_for_dev, read_annotations

SETS = ("oid_person", "oid_mixed", "oid_neg", "coco_ccby")
COVERED = {"face": 0.8, "head": 0.6}
LEAST = {"face": 0.0, "head": 16.0}
"""Height in pixels from which a box of each kind counts."""


@dataclass(slots=True)
class Counts:
    """Of some photos: [covered, labelled] by kind and, for heads, by view; and how many covers were false."""

    photos: int = 0
    boxes: dict[str, list[int]] = field(default_factory=dict)
    false: int = 0

    def add(self, example: Example, regions: Sequence[Region], how: Redact) -> None:
        """Count one photo, whose plan has `regions`, drawn as `how` says; all in its pixels."""
        self.photos += 1
        covers = drawn(regions, (example.width, example.height), how)
        excused: list[Box] = [tuple(box) for box in example.ignored.tolist()]
        views = example.views or ("",) * len(example.kinds)
        for kind, box, view in zip(example.kinds, example.boxes.tolist(), views, strict=True):
            name, (x0, y0, x1, y1) = KINDS[kind], box
            if name not in COVERED:
                continue
            across, down = GROWN * (x1 - x0), GROWN * (y1 - y0)
            excused.append((x0 - across, y0 - down, x1 + across, y1 + down))
            if y1 - y0 >= LEAST[name]:
                part = covers[max(round(y0), 0) : round(y1), max(round(x0), 0) : round(x1)]
                for key in {name, f"{name} {view}".strip()}:
                    counts = self.boxes.setdefault(key, [0, 0])
                    counts[0] += bool(part.mean() >= COVERED[name])
                    counts[1] += 1
        self.false += sum(one.kind is not Kind.PLATE and not _lies_in(one.xyxy, excused) for one in regions)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "photos": self.photos,
            "covered": dict(sorted(self.boxes.items())),
            "false covers a photo": round(self.false / max(self.photos, 1), 3),
        }


def photos(data: Path) -> Iterator[Example]:
    """Those that nothing was trained on, and on which every head is labelled."""
    for example in read_annotations(data, {*SETS}):
        if kept_for_dev(example) and KINDS.index("head") in example.whole:
            yield example


def measure(data: Path, settings: Settings) -> Counts:
    """Plan each photo and count."""
    counts, detectors = Counts(), build(settings.detect.detectors, settings.targets)
    for example in photos(data):
        with media.open_source(data / example.image) as source:
            plan, _ = passes.detect(source, settings, detectors, report.sha256(data / example.image))
        counts.add(example, plan.at(0), settings.redact)
    return counts


def _lies_in(box: Box, areas: Sequence[Box]) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    places = np.array(areas, np.float64).reshape(-1, 4)
    return bool(((places[:, :2] <= [x, y]) & (places[:, 2:] >= [x, y])).all(axis=1).any())


def main(
    data: Annotated[Path, typer.Option(help="The folder with `people/`.")] = Path("../shared/data"),
    preset: Annotated[list[str] | None, typer.Option(help="A preset's name or file; again for another.")] = None,
) -> None:
    """Print the counts for each preset."""
    for name in preset or ["default", "municipal"]:
        typer.echo(json.dumps({"preset": name, **measure(data, presets.load(name).settings).as_dict()}))


if __name__ == "__main__":
    typer.run(main)
