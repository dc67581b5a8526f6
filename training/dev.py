"""Every kind on the pictures kept for measuring: the progress of a run, in one pass over them."""

from __future__ import annotations

from pathlib import Path

from training.evaluate import Counts, compare, detector, false_rate, figures, pictures, table, threshold_for
from training.known import ignore_unknown
from training.repair import apply_repairs
from training.sources import KINDS, kept_for_dev, may_train, read_annotations

VIEWS = ("front", "profile", "back", "covered")
Tables = dict[str, dict[str, object]]


def measure(
    weights: Path, data: Path, repairs: Path, size: int = 640, at: float = 0.4, false: float = 1.0, every: int = 1
) -> Tables:
    """For each kind: figures at the threshold of `false` false boxes a picture, over the pictures where the kind is
    labelled throughout and those where a box of it is labelled; by set, by size and by view."""
    examples = [
        ignore_unknown(e) for e in apply_repairs(read_annotations(data), repairs) if may_train(e) and kept_for_dev(e)
    ]
    detect = detector(weights, size)
    outcomes: list[list[Counts]] = [[] for _ in KINDS]
    for example, picture in pictures(data, examples[::every]):
        found = detect(picture)
        for kind in range(len(KINDS)):
            if kind in example.whole or kind in example.kinds:
                outcomes[kind].append(compare(example, found, kind, size, at))
    return {name: _of_kind(kind, outcomes[kind], false) for kind, name in enumerate(KINDS) if outcomes[kind]}


def _of_kind(kind: int, outcomes: list[Counts], false: float) -> dict[str, object]:
    whole = [o for o in outcomes if kind in o.example.whole]
    cut, strict = threshold_for(whole, false), threshold_for(whole, false / 10)
    sets = sorted({o.example.source for o in outcomes})
    own = {name: [o for o in outcomes if o.example.source == name] for name in sets}
    return {
        **table(outcomes, cut),
        "by view": {view: figures(outcomes, cut, 16, view=view) for view in VIEWS},
        "at a tenth of the false boxes": {"threshold": round(strict, 3), **figures(outcomes, strict, 16)},
        "sets": {
            name: {**figures(some, cut, 16), "false_per_picture": round(false_rate(some, cut), 3)}
            for name, some in own.items()
        },
    }


def short(tables: Tables) -> dict[str, object]:
    """One line's worth for a learning curve: recall of boxes of 16 px on, at the rate and at a tenth of it."""
    return {
        name: {
            "threshold": rows["threshold"],
            "16 and larger": rows["16 and larger"],
            "at a tenth": rows["at a tenth of the false boxes"],
        }
        for name, rows in tables.items()
    }
