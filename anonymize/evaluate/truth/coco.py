"""Ground truth in COCO's format: one JSON file with ``images``, ``categories`` and ``annotations``.

For a folder of pictures, an image's ``file_name`` identifies its picture. For a video, the images are its frames, all
of them, in the order of ``frame_index`` if they have one, else of the numbers in their names. The format's limits:
identity across frames is known only through ``track_id``, otherwise every box is a subject of its own; truncation at
the border and occlusion are unknown; ``iscrowd`` and ``ignore`` mean ignored. Categories count if a word of their name
is "face", if it is "plate" or has "license plate" or the like, or is that of the kind that was asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymize.data import Kind
from anonymize.errors import UnreadableInput
from anonymize.evaluate.truth.lines import NUMBER, SIDE, WHAT
from anonymize.evaluate.truth.subjects import FrameTruth, Subject, clipped
from anonymize.text import untrusted
from anonymize.text.ranges import PIXELS, brief, shown

LARGEST = 1 << 30
"""Maximum size of a file in characters: COCO keeps a whole data set in one."""
_FACE = re.compile(r"\bfaces?\b")
_PLATE = re.compile(
    r"^plates?$|\b(?:licen[cs]e|number|registration|vehicle|car|truck|bus|motorcycle|motorbike|front|rear) ?plates?\b"
)


@dataclass(frozen=True, slots=True)
class Coco:
    """The images of a COCO file, in order, by file name."""

    images: dict[str, FrameTruth]

    def picture(self, name: str) -> FrameTruth | None:
        """The truth of the picture `name`, by its path in the file, else by its last part."""
        if found := self.images.get(name):
            return found
        last = name.rpartition("/")[2]
        matches = [truth for path, truth in self.images.items() if path.rpartition("/")[2] == last]
        return matches[0] if len(matches) == 1 else None


def read_coco(path: Path, kind: Kind | None = None) -> Coco:
    """Read a COCO file.

    Args:
        path: the file.
        kind: the category of this name counts, beside faces and plates; if None, no other does.

    Raises:
        UnreadableInput: it cannot be read, is not COCO, has no category that counts, or has an annotation of a category
            or image that is not in it.
    """
    try:
        content = untrusted.json_value(untrusted.text(path, WHAT, UnreadableInput, LARGEST), path.name, UnreadableInput)
        kinds = _kinds(content["categories"], kind)
        images = sorted(content["images"], key=_order)
        known = {"category": _ids(content["categories"], "categories"), "image": _ids(images, "images")}
        boxes: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for annotation in content["annotations"]:
            for what, ids in known.items():
                if (number := annotation[f"{what}_id"]) not in ids:
                    raise UnreadableInput(
                        f"annotation {shown(annotation.get('id'))} is of {what} {shown(number)}, which is not in the "
                        "file, so that it would not be measured: add it, or take the annotation out",
                        path.name,
                    )
            if annotation["category_id"] in kinds:
                boxes[annotation["image_id"]].append(annotation)
        named = {
            str(image["file_name"]): FrameTruth(
                index, 0.0, _size(image), _subjects(boxes[image["id"]], kinds, _size(image))
            )
            for index, image in enumerate(images)
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UnreadableInput(f"not ground truth in COCO's format ({brief(repr(error))})", path.name) from error
    if not kinds:
        names = ", ".join(str(category.get("name")) for category in content["categories"])
        sought = "a face or a plate" if kind in (None, Kind.FACE, Kind.PLATE) else f"a face, a plate or a {kind.label}"
        raise UnreadableInput(f"no category is {sought}: {brief(names) or 'there are none'}", path.name)
    if len(named) != len(images):
        raise UnreadableInput("two images have the same file_name", path.name)
    return Coco(named)


def _kinds(categories: list[dict[str, Any]], asked: Kind | None) -> dict[Any, Kind]:
    """Category -> kind, for those that have one."""
    words = {Kind.FACE: _FACE, Kind.PLATE: _PLATE}
    names = {category["id"]: _words(str(category["name"])) for category in categories}
    found = {number: kind for number, name in names.items() for kind, word in words.items() if word.search(name)}
    if asked is None:
        return found
    return found | {number: asked for number, name in names.items() if name in (asked.label, asked.plural)}


def _words(name: str) -> str:
    """The words of a category's name, in lower case: "license plate" for "License_Plate" and "LicensePlate"."""
    return " ".join(re.findall(r"[^\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))).lower()


def _ids(entries: list[dict[str, Any]], what: str) -> set[Any]:
    """The ids of `entries`. Raises `ValueError` if two are the same."""
    ids = {entry["id"] for entry in entries}
    if len(ids) < len(entries):
        raise ValueError(f"two {what} have the same id")
    return ids


def _order(image: dict[str, Any]) -> tuple[Any, ...]:
    """The sort key of an image in a video."""
    if "frame_index" in image:
        return (0, NUMBER.whole(image["frame_index"]))
    parts = re.split(r"(\d+)", str(image["file_name"]))
    return (1, *[(int(part), "") if part.isdigit() else (-1, part) for part in parts])


def _size(image: dict[str, Any]) -> tuple[int, int]:
    return SIDE.whole(image["width"]), SIDE.whole(image["height"])


def _subjects(annotations: list[dict[str, Any]], kinds: dict[Any, Kind], size: tuple[int, int]) -> tuple[Subject, ...]:
    found = []
    for annotation in annotations:
        left, top, width, height = (PIXELS.number(value) for value in annotation["bbox"])
        if not (width > 0 and height > 0):
            raise ValueError(f"annotation {annotation.get('id')}: a box without a width or height")
        # Ids of single boxes are made negative, so that they never equal a track's.
        number = annotation.get("track_id")
        one = clipped(
            -1 - NUMBER.whole(annotation["id"]) if number is None else NUMBER.whole(number),
            kinds[annotation["category_id"]],
            (left, top, left + width, top + height),
            size,
            ignore=bool(annotation.get("iscrowd") or annotation.get("ignore")),
        )
        if one is not None:
            found.append(one)
    return tuple(found)
