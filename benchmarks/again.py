"""Do the figures of a comparison still stand, though its code was changed since?

Many commits touch a shared file and change nothing of what comes out. So some clips of a section are run again, by the
command of each of our rows, and judged as they were then: leaked, counted and exposed box-frames, subjects, and every
block elsewhere that lost its detail. If all of these numbers are the same, the section notes the commit on which they
are, and `check` counts from there. What took time or memory is not looked at: those figures stay of their own commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anonymize.evaluate import evaluate
from benchmarks.clips import Clip
from benchmarks.compare import run_tool
from benchmarks.report import OURS
from benchmarks.tools import Tool

COUNTS = ("boxes", "leaked", "exposed", "subjects", "blocks", "lost")
"""What must be the same of each clip."""


def differences(
    section: Mapping[str, Any], tools: Mapping[str, Tool], clips: Sequence[Clip], scratch: Path
) -> Iterator[str]:
    """Run `clips` again; what is not as `section` has it, in words.

    Args:
        section: of the results.
        tools: our runs, by the command of their rows.
        clips: of the section.
        scratch: a folder for outputs.
    """
    for row in section["rows"]:
        if row["tool"] != OURS:
            continue
        if row["failures"]:
            yield f"`{row['command']}`: it failed on some clips then; run the whole section"
            continue
        known = {clip["clip"]: clip for clip in row["clips"]}
        for clip in clips:
            name = f"{clip.video.stem}, `{row['command']}`"
            if (before := known.get(clip.video.stem)) is None:
                yield f"{name}: the section has no such clip"
                continue
            _, output = run_tool(tools[row["command"]], clip.video, scratch)
            now = counts(clip, output)
            told = [f"{key} {now[key]:,}, was {before[key]:,}" for key in COUNTS if now[key] != before.get(key)]
            if told:
                yield f"{name}: {', '.join(told)}"


def counts(clip: Clip, output: Path) -> dict[str, int]:
    """The numbers of one output that must be the same."""
    found = evaluate(clip.video, output, clip.truth)
    total = found.total
    values = total.boxes, total.leaked, total.exposed, total.subjects, found.blocks, found.lost
    return dict(zip(COUNTS, values, strict=True))
