"""What a verdict means, in one self-contained sentence that can be quoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anonymize.kinds import Verdict
from anonymize.pages.words import number, plural

Values = Mapping[str, Any]

NAMES = {"plate": "licence plate"}
"""Kinds that a page calls otherwise than a plan."""
COMPARED = "picture against plan"
"""The name of the check that compares covered regions with what was drawn."""


def meaning(report: Values) -> str:
    """What was done before `report` (its JSON values) said "passed", what follows from it, and what does not.

    Empty if that is not its verdict, or if no detector scanned the output.
    """
    checked = report["verified"]
    scanned, frames = checked.get("looked_frames", 0), checked.get("of_frames", 0)
    *others, last = [NAMES.get(kind, kind) for kind in _sought(report)] or [""]
    what = f"{', '.join(others)} or {last}" if others else last
    if not scanned or not what or report["verdict"] not in (Verdict.PASS, Verdict.PASS_WITH_DOUBTS):
        return ""
    look = f"a second look at {_share(scanned, frames)}"
    compared = any(check["name"] == COMPARED for check in checked.get("checks", ()))
    if report["verdict"] == Verdict.PASS:
        done = ["it was read back to its end", "none of its covered regions shows what it hides"][: 1 + compared]
        done.append(f"{look} found no {what} that should be hidden")
        return f"“Passed” means of this file that {_listed(done)}: {_follows(checked)}; {_LIMIT}"
    who = f"neither a comparison with the plan nor {look} found" if compared else f"{look} did not find"
    count = len(checked.get("doubts", ()))
    left = "one place is" if count == 1 else f"{number(count)} places are"
    done = ["it was read back to its end", f"{who} a {what} that should be hidden and surely is not"]
    return (
        f"“Passed, with doubts” means of this file that {_listed(done)}, but {left} left for a person to look at: "
        f"{_follows(checked)}; {_LIMIT}"
    )


def _sought(report: Values) -> list[str]:
    """The kinds that were looked for."""
    usual = [kind for kind in ("face", "plate") if kind not in report["not_looked_for"]]
    return [*usual, *(kind for kind in report["settings"].get("targets", ()) if kind not in ("face", "plate"))]


_LIMIT = "it does not mean that nobody can be recognised."


def _share(scanned: int, frames: int) -> str:
    if scanned < frames:
        return f"{number(scanned)} of its {plural(frames, 'frame')}, drawn at random,"
    return f"all of its {number(frames)} frames" if frames > 1 else "its picture"


def _follows(checked: Values) -> str:
    """What the second look says about all frames."""
    if bound := checked.get("bound"):
        share = f"no more than {bound['share']:.1%} of its frames show one that the detectors used can find"
        return f"with {bound['confidence']:.0%} confidence, {share}"
    return f"the detectors used can find none {'anywhere else' if checked.get('doubts') else 'in it'}"


def _listed(parts: list[str]) -> str:
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) < 3 else f"{', '.join(parts[:-1])}, and {parts[-1]}"


def covering(one: Mapping[str, Any]) -> str:
    """What covers a track that stays visible, on some of its frames: ``tracks 16 and 39 cover it``."""
    return _doing(one["covered_by"], "covers it", "cover it")


def crossing(one: Mapping[str, Any]) -> str:
    """What is drawn over parts of it, on some of its frames: ``tracks 0 and 1 are drawn over parts of it``."""
    return _doing(one["partly_by"], "is drawn over a part of it", "are drawn over parts of it")


def _doing(tracks: Sequence[int], does: str, do: str) -> str:
    """What some tracks do: ``tracks 16 and 39 cover it``."""
    *others, last = [str(track) for track in tracks] or [""]
    if not last:
        return f"what was not found as a track {does}"
    return f"tracks {', '.join(others)} and {last} {do}" if others else f"track {last} {does}"
