"""Areas without labels, in which neither a find nor a miss of a kind counts.

A kind that is labelled throughout (`Example.whole`) leaves everything else of the picture as background. Of another
kind only the labelled boxes are known, so the rest is ignored: not the whole picture where something better is known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from training.geometry import Boxes, as_boxes, clip, cut_out, grow
from training.sources import KINDS, Example, add_boxes, ignore_more

FACE, HEAD, PERSON, PLATE = (KINDS.index(kind) for kind in ("face", "head", "person", "plate"))
BODY = (2.5, 9.0)
"""How far a body may reach from its head: to both sides of its middle in head widths, and down in head heights."""


def ignore_unknown(example: Example, faces: bool = True) -> Example:
    """`example` with areas to ignore for each kind that is not whole.

    Where persons are labelled throughout and heads are not, heads may be in persons only; where heads are and persons
    are not, persons may be under heads only. An area ignored for heads (a drawing, a far crowd) is so for faces and
    persons too. `faces`: also for faces; the teachers label these where they ran.
    """
    persons, groups = example.of_kind(PERSON)
    heads, crowds = example.of_kind(HEAD)
    everything = as_boxes([[0, 0, example.width, example.height]])
    people = np.concatenate([persons, groups])
    example = ignore_more(example, crowds, FACE)
    if PERSON in example.whole:
        example = ignore_more(example, crowds, PERSON)
    else:
        under = np.concatenate([bodies(heads), bodies(crowds), grow(crowds, 0.5)])
        example = ignore_more(example, _within(under, example) if HEAD in example.whole else everything, PERSON)
    if HEAD not in example.whole:
        example = ignore_more(
            example, _within(grow(people, 0.1), example) if PERSON in example.whole else everything, HEAD
        )
    if faces and FACE not in example.whole:
        example = ignore_more(example, everything, FACE)
    if PLATE not in example.whole:
        example = ignore_more(example, everything, PLATE)
    return example


def by_eye(example: Example, heads: Boxes, nobody: Boxes) -> Example:
    """`example`, of whose heads nothing is known, with finds that a person looked at: `heads` are heads, `nobody` is
    background for heads although a net took it for one. Of all other heads nothing counts, as before."""
    kinds = np.asarray(example.ignored_kinds, dtype=np.int64)
    unknown = cut_out(example.ignored[kinds == HEAD], nobody)
    kept = replace(
        example,
        ignored=example.ignored[kinds != HEAD],
        ignored_kinds=tuple(kinds[kinds != HEAD].tolist()),
        nobody=nobody,
    )
    return add_boxes(ignore_more(kept, unknown, HEAD), heads, HEAD)


def teaches(example: Example) -> bool:
    """Whether a crop is of use for training: it has a box, or a kind besides plates is not ignored everywhere."""
    whole = (example.ignored == as_boxes([[0, 0, example.width, example.height]])).all(axis=1)
    unknown = {kind for kind, everywhere in zip(example.ignored_kinds, whole, strict=True) if everywhere}
    return len(example.boxes) > 0 or not unknown >= {FACE, HEAD, PERSON}


def bodies(heads: Boxes) -> Boxes:
    """Where the body of each head may be: upright, bent or seated."""
    x0, y0, x1, y1 = heads.T
    middle, width, height = (x0 + x1) / 2, x1 - x0, y1 - y0
    reach = BODY[0] * np.maximum(width, height)
    return as_boxes(np.stack([middle - reach, y0 - height, middle + reach, y0 + BODY[1] * height], axis=1))


def _within(areas: Boxes, example: Example) -> Boxes:
    return clip(areas, example.width, example.height)
