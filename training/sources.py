"""Which picture sets exist, under which label, and what each may be used for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np

from training.geometry import Boxes, as_boxes

KINDS = ("face", "head", "person", "plate")
DEV_SHARE = 8
"""One of so many pictures (or recordings, where names tell them) of each set is kept for measuring."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """One picture set. `ships`: `SOURCES.md` of the data lets weights trained on it be given away."""

    folder: str
    name: str
    licence: str
    ships: bool
    whole: tuple[str, ...] = ()
    """Kinds of which every instance is labelled in every picture, or which are absent; a picture's own `labels` may
    name more (`training.known`)."""
    plates: bool = False
    """Pictures of vehicles: faces are few, and the face teachers look briefly."""
    weight: float = 1.0
    """How often a picture of this set is drawn, beside one of weight 1."""
    stretch: float = 1.0
    """Typical width/height of the pictures before the set's maker squashed them to their present shape."""
    left_out: str = ""
    """Pictures whose name matches this (case aside) have other rights than the set: never trained on."""


PLATES = ("plate",)
NO_PLATES = ("plate",)
"""Plates are absent, or what may be one was seen by eye among the finds of the first edition (`repairs.jsonl`)."""
SOURCES = (
    DataSource("plates", "spain_uc3m", "ODbL, commercial use on request", False, PLATES, plates=True),
    DataSource("plates", "egypt_moto", "contradictory", False, plates=True),
    DataSource(
        "plates",
        "mix300",
        "MIT (uploader)",
        True,
        PLATES,
        plates=True,
        weight=0.7,
        stretch=1.33,
        left_out=r"dall|cars\d+.*predicted|shutterstock|gettyimages",
    ),
    DataSource("plates", "cars433", "CC0 (uploader)", True, PLATES, plates=True),
    DataSource("plates", "romania", "MIT", True, PLATES, plates=True, weight=1.5),
    DataSource("plates", "openimages350", "CC BY", True, PLATES, plates=True, weight=2.0, stretch=1.33),
    DataSource("plates", "thai_plates", "CC BY 4.0 (uploader)", True, PLATES, plates=True, weight=2.0),
    DataSource("plates", "indo_plates", "CC BY 4.0 (uploader)", True, PLATES, plates=True, weight=2.0),
    DataSource("plates", "ludhiana_plates", "CC BY 4.0 (uploader)", True, PLATES, plates=True, weight=2.0),
    DataSource("plates", "gatecam49", "MIT (uploader), kept for tests", False, PLATES, plates=True),
    DataSource("plates", "n225", "none stated", False, plates=True),
    DataSource("plates", "alpr_unconstrained", "GPL-3.0", False, plates=True),
    DataSource("faces", "mik1i_gray", "CC BY 4.0", True, ("face", *NO_PLATES), left_out="youtube"),
    DataSource("faces", "mask853", "CC0 (uploader)", True, ("face", *NO_PLATES), weight=3.0),
    DataSource("people", "capstone", "CC BY 4.0 (uploader), recordings alone", True, NO_PLATES, weight=1.5),
    DataSource("people", "hardhat7035", "public domain (uploader)", True, NO_PLATES, weight=1.2),
    DataSource("people", "heads_vest", "CC BY 4.0 (uploader)", True, ("head", *NO_PLATES), weight=2.0),
    DataSource("people", "heads_bikes", "public domain (uploader)", True, weight=0.7),
    DataSource("people", "oid_person", "CC BY", True, NO_PLATES, weight=4.0),
    DataSource("people", "oid_mixed", "CC BY", True, NO_PLATES, weight=4.0),
    DataSource("people", "oid_neg", "CC BY", True, NO_PLATES, weight=2.0),
    DataSource("people", "coco_ccby", "CC BY", True, NO_PLATES, weight=3.0),
    DataSource("people", "wheelchair", "none stated", False),
    DataSource("people", "portraits", "none stated", False),
    DataSource("people", "shanghaitech", "none stated (research)", False),
    DataSource("people", "mmpose", "none stated", False),
)
BY_NAME = {source.name: source for source in SOURCES}
RECORDINGS = Path(__file__).with_name("capstone_recordings.txt")
"""The pictures of capstone that are somebody's own recordings, by number; the others are never trained on."""


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
    whole: tuple[int, ...] = ()
    """Kinds of which the picture shows nothing beyond `boxes` and `ignored`. Of the others more may be there."""
    views: tuple[str, ...] = ()
    """How each box is seen (`front`, `profile`, `back`, `covered`), "" where unknown; empty if no view is known."""
    nobody: Boxes = field(default_factory=lambda: as_boxes([]))
    """What a net took for heads and a person saw to be none: background worth a look."""

    def of_kind(self, kind: int) -> tuple[Boxes, Boxes]:
        """The boxes and the ignored areas of one kind."""
        own = np.asarray(self.kinds, dtype=np.int64) == kind
        other = np.asarray(self.ignored_kinds, dtype=np.int64) == kind
        return self.boxes[own], self.ignored[other]

    def to_json(self) -> dict[str, object]:
        """The example as one line of a label file."""
        views = self.views or ("",) * len(self.kinds)
        rows = [(k, False, b, view) for k, b, view in zip(self.kinds, self.boxes.tolist(), views, strict=True)]
        rows += [(k, True, b, "") for k, b in zip(self.ignored_kinds, self.ignored.tolist(), strict=True)]
        boxes: list[dict[str, object]] = [
            {"kind": KINDS[k], "ignore": i, "xyxy": [round(v, 1) for v in b]} | ({"view": view} if view else {})
            for k, i, b, view in rows
        ]
        whole = [KINDS[k] for k in self.whole]
        row = {"image": self.image, "source": self.source, "width": self.width, "height": self.height}
        nobody = {"nobody": self.nobody.tolist()} if len(self.nobody) else {}
        return {**row, "boxes": boxes, "whole": whole, **nobody}


def kept_for_tests(example: Example) -> bool:
    """Whether no weights ever see this picture: the street crowds that the leak benchmark films."""
    faces, _ = example.of_kind(KINDS.index("face"))
    return example.source == "mask853" and example.width >= 1.3 * example.height and len(faces) >= 5


def may_train(example: Example) -> bool:
    """Whether the picture may serve for weights that ship; sets and pictures with other rights may not."""
    source = BY_NAME.get(example.source)
    if source is None or not source.ships or kept_for_tests(example):
        return False
    if source.name == "capstone":
        return Path(example.image).stem in _recordings()
    return not (source.left_out and re.search(source.left_out, example.image, re.IGNORECASE))


@cache
def _recordings() -> frozenset[str]:
    rows = (line.split(": ") for line in RECORDINGS.read_text(encoding="utf-8").splitlines())
    return frozenset(f"{start}{number}" for start, numbers in rows for number in numbers.split())


def recording(example: Example) -> str:
    """What a picture was taken from, so that a split does not part frames of one recording: its name, or a stretch
    of 300 seconds or five frames where a set holds one long recording; the picture itself if its name shows none."""
    name = Path(example.image).stem
    if match := re.match(r"romania_[a-z]+_(\w+ride_\w+)_t(\d+)", name):
        return f"{match[1]} {int(match[2]) // 300}"
    if match := re.match(r"mik1i_gray_[a-z]+_(.*?)(?:_mov|_mp4|-\d+_jpg|_jpg)", name):
        return match[1]
    if example.source == "thai_plates":
        return f"thai_plates {int(name.rsplit('_', 1)[1]) // 5}"
    return name


def kept_for_dev(example: Example) -> bool:
    """Whether the picture is in the split by which runs are compared: the same pictures for every run and machine."""
    digest = hashlib.sha256(f"{example.source}/{recording(example)}".encode()).digest()
    return int.from_bytes(digest[:4], "big") % DEV_SHARE == 0


def light(example: Example) -> str | None:
    """Day or night, if the picture's name shows it."""
    return next((word for word in ("day", "night") if f"{word}ride" in example.image), None)


def ignore_more(example: Example, boxes: Boxes, kind: int) -> Example:
    """`example` with areas in which nothing of one kind counts."""
    return replace(
        example,
        ignored=np.concatenate([example.ignored, boxes]),
        ignored_kinds=example.ignored_kinds + (kind,) * len(boxes),
    )


def add_boxes(example: Example, boxes: Boxes, kind: int) -> Example:
    """`example` with more boxes of one kind."""
    views = example.views and example.views + ("",) * len(boxes)
    kinds = example.kinds + (kind,) * len(boxes)
    return replace(example, boxes=np.concatenate([example.boxes, boxes]), kinds=kinds, views=views)


def example_from_json(row: dict[str, object], folder: str = "") -> Example:
    """One line of an annotation or label file; boxes of kinds that are not in `KINDS` are left out."""
    boxes, whole = row["boxes"], row.get("whole", [])
    assert isinstance(boxes, list)
    assert isinstance(whole, list)
    known = [box for box in boxes if box["kind"] in KINDS]
    wanted = [box for box in known if not box["ignore"]]
    ignored = [box for box in known if box["ignore"]]
    image = f"{folder}/{row['image']}" if folder else str(row["image"])
    views = tuple(str(box.get("view", "")) for box in wanted)
    return Example(
        image=image,
        source=str(row["source"]),
        width=int(str(row["width"])),
        height=int(str(row["height"])),
        boxes=as_boxes([box["xyxy"] for box in wanted]),
        kinds=tuple(KINDS.index(box["kind"]) for box in wanted),
        ignored=as_boxes([box["xyxy"] for box in ignored]),
        ignored_kinds=tuple(KINDS.index(box["kind"]) for box in ignored),
        whole=tuple(KINDS.index(kind) for kind in whole),
        views=views if any(views) else (),
        nobody=as_boxes(row.get("nobody", [])),
    )


def read_annotations(data: Path, names: set[str] | None = None) -> Iterator[Example]:
    """The truth as it came, of the named sets (all by default); image paths are relative to `data`."""
    for folder in sorted({source.folder for source in SOURCES}):
        with (data / folder / "annotations.jsonl").open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if names is None or row["source"] in names:
                    yield replace(example_from_json(row, folder), whole=whole_kinds(row))


def whole_kinds(row: dict[str, object]) -> tuple[int, ...]:
    """The kinds of which a picture's truth is whole: by its set, and by what its own `labels` say."""
    source = BY_NAME.get(str(row["source"]))
    said = str(row.get("labels") or "")
    whole = set(source.whole if source else ())
    if "heads: all" in said:
        whole |= {"head", "face"}
    if "persons: all" in said or "persons: as capstone" in said or said == "person":
        whole.add("person")
    if "nobody" in said:
        whole |= {"face", "head", "person"}
    if "nobody: by eye" in said:
        whole.add("plate")
    return tuple(KINDS.index(kind) for kind in KINDS if kind in whole)


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
                "pictures": len(own),
                "train": sum(may_train(e) and not kept_for_dev(e) for e in own),
                "dev": sum(may_train(e) and kept_for_dev(e) for e in own),
                "boxes": sum(len(e.boxes) for e in own),
                "sha256": digest.hexdigest(),
            }
        )
    return rows
