"""Which picture sets exist, under which label, and what each may be used for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from training.geometry import Boxes, as_boxes

KINDS = ("face", "plate")


@dataclass(frozen=True, slots=True)
class Source:
    """One picture set. `ships`: its licence label lets weights trained on it be given away."""

    folder: str
    name: str
    licence: str
    ships: bool
    plates: bool = False
    """Plate truth exists. Elsewhere plates are taken to be absent unless a net finds one."""
    faces: bool = False
    """Face truth exists. Elsewhere teachers make the labels."""
    held_out: bool = False
    """Left out of the first weights so that they can be tested on it."""
    complete: bool = False
    """Every plate (or face, in `faces` sets) is labelled well enough to count false boxes."""
    weight: float = 1.0
    """How often a picture of this set is drawn, beside one of weight 1."""
    stretch: float = 1.0
    """Typical width/height of the pictures before the set's maker squashed them to their present shape."""


SOURCES = (
    Source("plates", "spain_uc3m", "ODbL 1.0", True, plates=True, weight=0.7),
    Source("plates", "egypt_moto", "CC BY 4.0", True, plates=True, weight=1.2),
    Source("plates", "mix300", "MIT (uploader)", True, plates=True, weight=1.0, stretch=1.33),
    Source("plates", "cars433", "CC0 (uploader)", True, plates=True, weight=1.5),
    Source("plates", "romania", "MIT", True, plates=True, held_out=True, complete=True, weight=1.0),
    Source(
        "plates", "openimages350", "CC BY", True, plates=True, held_out=True, complete=True, weight=2.0, stretch=1.33
    ),
    Source("plates", "gatecam49", "none stated", False, plates=True, held_out=True, complete=True),
    Source("plates", "n225", "none stated", False, plates=True, held_out=True),
    Source("plates", "alpr_unconstrained", "none stated", False, plates=True, held_out=True),
    Source("faces", "mik1i_gray", "CC BY 4.0", True, faces=True, weight=0.7),
    Source("faces", "mask853", "CC0 (uploader)", True, faces=True, held_out=True, complete=True, weight=3.0),
    Source("people", "capstone", "CC BY 4.0", True, weight=2.0),
    Source("people", "hardhat7035", "public domain (uploader)", True, weight=1.3),
    Source("people", "wheelchair", "none stated", False),
    Source("people", "portraits", "none stated", False),
    Source("people", "shanghaitech", "none stated (research)", False),
    Source("people", "mmpose", "none stated", False),
)
BY_NAME = {source.name: source for source in SOURCES}


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its labels, in the picture's own pixels.

    `kinds` holds an index into `KINDS` for each box. In an `ignored` area neither a find nor a miss of the kind given
    in `ignored_kinds` counts.
    """

    image: str
    source: str
    width: int
    height: int
    boxes: Boxes
    kinds: tuple[int, ...]
    ignored: Boxes = field(default_factory=lambda: as_boxes([]))
    ignored_kinds: tuple[int, ...] = ()

    def of_kind(self, kind: int) -> tuple[Boxes, Boxes]:
        """The boxes and the ignored areas of one kind."""
        own = np.asarray(self.kinds, dtype=np.int64) == kind
        other = np.asarray(self.ignored_kinds, dtype=np.int64) == kind
        return self.boxes[own], self.ignored[other]

    def to_json(self) -> dict[str, object]:
        """The example as one line of a label file."""
        rows = [(k, False, b) for k, b in zip(self.kinds, self.boxes.tolist(), strict=True)]
        rows += [(k, True, b) for k, b in zip(self.ignored_kinds, self.ignored.tolist(), strict=True)]
        boxes = [{"kind": KINDS[k], "ignore": i, "xyxy": [round(v, 1) for v in b]} for k, i, b in rows]
        return {"image": self.image, "source": self.source, "width": self.width, "height": self.height, "boxes": boxes}


def kept_for_tests(example: Example) -> bool:
    """Whether no weights ever see this picture: the street crowds that the leak benchmark films."""
    return example.source == "mask853" and example.width >= 1.3 * example.height and len(example.boxes) >= 5


def light(example: Example) -> str | None:
    """Day or night, where the picture's name tells."""
    return next((word for word in ("day", "night") if f"{word}ride" in example.image), None)


def ignore_more(example: Example, boxes: Boxes, kind: int) -> Example:
    """`example` with areas in which nothing of one kind counts."""
    return replace(
        example,
        ignored=np.concatenate([example.ignored, boxes]),
        ignored_kinds=example.ignored_kinds + (kind,) * len(boxes),
    )


def example_from_json(row: dict[str, object], folder: str = "") -> Example:
    """One line of an annotation or label file; boxes of other kinds (persons) are left out."""
    boxes = row["boxes"]
    assert isinstance(boxes, list)
    known = [box for box in boxes if box["kind"] in KINDS]
    wanted = [box for box in known if not box["ignore"]]
    ignored = [box for box in known if box["ignore"]]
    image = f"{folder}/{row['image']}" if folder else str(row["image"])
    return Example(
        image=image,
        source=str(row["source"]),
        width=int(str(row["width"])),
        height=int(str(row["height"])),
        boxes=as_boxes([box["xyxy"] for box in wanted]),
        kinds=tuple(KINDS.index(box["kind"]) for box in wanted),
        ignored=as_boxes([box["xyxy"] for box in ignored]),
        ignored_kinds=tuple(KINDS.index(box["kind"]) for box in ignored),
    )


def read_annotations(data: Path, names: set[str] | None = None) -> Iterator[Example]:
    """The truth as it came, of the named sets (all by default); image paths are relative to `data`."""
    for folder in sorted({source.folder for source in SOURCES}):
        with (data / folder / "annotations.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if names is None or row["source"] in names:
                    yield example_from_json(row, folder)


def read_labels(path: Path) -> list[Example]:
    """The examples of a label file that `python -m training labels` wrote."""
    with path.open(encoding="utf-8") as lines:
        return [example_from_json(json.loads(line)) for line in lines]


def manifest(data: Path) -> list[dict[str, object]]:
    """For each set: licence, use, number of pictures and boxes, and a sha256 over its sorted picture files."""
    rows: list[dict[str, object]] = []
    examples = list(read_annotations(data))
    for source in SOURCES:
        own = sorted((e for e in examples if e.source == source.name), key=lambda e: e.image)
        digest = hashlib.sha256()
        for example in own:
            digest.update(example.image.encode())
            digest.update(hashlib.sha256((data / example.image).read_bytes()).digest())
        rows.append(
            {
                "source": source.name,
                "licence": source.licence,
                "ships": source.ships,
                "held_out": source.held_out,
                "pictures": len(own),
                "boxes": sum(len(e.boxes) for e in own),
                "sha256": digest.hexdigest(),
            }
        )
    return rows
