"""What a report's page says of the people who reviewed the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anonymize.pages.words import number, percent, plural

Values = Mapping[str, Any]
CHANGES = {
    "draw": "drawn by hand",
    "place": "moved by hand",
    "remove": "taken off frames",
    "split": "cut in two",
    "join": "joined",
    "change": "changed in kind or shape",
    "show": "left visible",
    "hide": "answered: hide it, or hidden again",
    "nothing": "answered: nothing to hide",
}


def review(redacted: Values) -> dict[str, Any] | None:
    """The section's lines; None where nobody reviewed it."""
    about = redacted.get("review")
    if not about:
        return None
    return {
        "changes": [f"{number(count)} {CHANGES.get(word, word)}" for word, count in about["changes"].items()],
        "sample": _sample(about["sample"]),
        "signed": list(_signed(about["signed"])),
    }


def _sample(sample: Values | None) -> str:
    if not sample:
        return ""
    found = f"somebody on {number(sample['showing'])}" if sample["showing"] else "nobody"
    who = f" by {sample['by']}" if sample["by"] else ""
    return (
        f"{plural(sample['drawn'], 'frame')}, drawn at random, were looked at{who} as they are published, and {found} "
        f"could be recognised: with 95% confidence, no more than {percent(sample['at_most'])} of the frames show "
        "somebody to this person."
    )


def _signed(signed: list[Values]) -> Iterator[dict[str, str]]:
    for one in signed:
        yield {
            "name": one["name"] or "without a name",
            "when": one["at"].replace("T", " ").replace("Z", " UTC"),
            "seen": percent(one["seen"]),
            "queue": f"{number(one['answered'])} answered, {number(one['open'])} open",
            "note": one["note"],
        }
