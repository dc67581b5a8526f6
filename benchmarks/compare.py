"""Every tool on every clip: speed and memory of the process, leaks and collateral of its output."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import av
import cv2
import numpy as np

from anonymize.errors import AnonymizeError
from anonymize.evaluate import Evaluation, combine, evaluate
from anonymize.samples.encode import Picture, encode
from benchmarks.clips import Clip
from benchmarks.process import ToolFailed, Usage, measure
from benchmarks.tools import Tool


class BenchmarkBroken(Exception):
    """The benchmark's own check failed: no figure of this run may be used."""


@dataclass(slots=True)
class Results:
    """One tool's runs over the clips."""

    tool: Tool
    runs: list[tuple[str, Usage, Evaluation]] = field(default_factory=list)
    """(clip, what the process used, what its output shows), in the order of the clips."""
    failures: list[str] = field(default_factory=list)
    """``clip: reason``. A clip that failed has no figures, and is never a pass."""


def compare(
    tools: Sequence[Tool], floor: Tool, clips: Sequence[Clip], scratch: Path, *, say: Callable[[str], None]
) -> list[Results]:
    """Run `floor` (the plain transcode) and all `tools` on each clip in turn; return the results in that order.

    `say` gets a line for each finished run.

    Clip by clip, not tool by tool, so that a busy spell of the machine hits all of them.

    Raises:
        BenchmarkBroken: the plain transcode does not leak everything, or a whole-frame blur leaks anything.
    """
    check_blur(clips[0], scratch)
    table = [Results(floor), *(Results(tool) for tool in tools)]
    for clip in clips:
        for results in table:
            say(_one(results, clip, scratch))
        check_transcode(table[0])
    return table


def check_transcode(floor: Results) -> None:
    """Raise `BenchmarkBroken` unless every box so far leaked through the plain transcode."""
    if floor.failures:
        raise BenchmarkBroken(f"the plain transcode failed: {floor.failures[0]}")
    name, _, evaluation = floor.runs[-1]
    if evaluation.total.leak_rate not in (1.0, None):
        raise BenchmarkBroken(f"{name}: a plain transcode must leak 100%, not {evaluation.total.leak_rate:.1%}")


def check_blur(clip: Clip, scratch: Path) -> None:
    """Raise `BenchmarkBroken` unless a whole-frame blur of `clip` leaks nothing and costs everything."""
    scratch.mkdir(parents=True, exist_ok=True)
    target = scratch / "blurred.mp4"
    with av.open(str(clip.video)) as source:
        stream = source.streams.video[0]
        size = (stream.codec_context.width, stream.codec_context.height)
        rate = round(stream.average_rate or 25)  # a real recording has its own
    encode(target, _blurred(clip.video, size[1] / 18), size, rate=rate)
    evaluation = evaluate(clip.video, target, clip.truth)
    target.unlink()
    if evaluation.total.leak_rate not in (0.0, None) or evaluation.collateral not in (1.0, None):
        raise BenchmarkBroken(
            "a whole-frame blur must leak nothing and cost everything, "
            f"not leak {evaluation.total.leaked} boxes and cost {evaluation.collateral:.1%}"
        )


def summary(results: Results, floor: Results) -> dict[str, Any]:
    """One tool's figures over all its clips, for JSON; speed as medians over the clips, and against `floor`."""
    base = {name: usage.seconds for name, usage, _ in floor.runs}
    about = {"tool": results.tool.name, "command": results.tool.line, "version": results.tool.version}
    if not results.runs:
        return {**about, "failures": results.failures}
    together = combine(evaluation for _, _, evaluation in results.runs).as_dict()
    del together["leaks"], together["subjects"]
    return {
        **about,
        "failures": results.failures,
        "fps": median(evaluation.frames / usage.seconds for _, usage, evaluation in results.runs),
        "times_transcode": median(usage.seconds / base[name] for name, usage, _ in results.runs),
        "largest_mib": max(usage.largest for _, usage, _ in results.runs),
        "together_mib": max(usage.together for _, usage, _ in results.runs),
        **together,
        "clips": [
            {
                "clip": name,
                "seconds": round(usage.seconds, 2),
                "largest_mib": round(usage.largest),
                "leaked": evaluation.total.leaked,
                "boxes": evaluation.total.boxes,
                "exposed": evaluation.total.exposed,
                "subjects": evaluation.total.subjects,
                "blocks": evaluation.blocks,
                "lost": evaluation.lost,
            }
            for name, usage, evaluation in results.runs
        ],
    }


def run_tool(tool: Tool, source: Path, scratch: Path) -> tuple[Usage, Path]:
    """Run `tool` on `source` in an emptied `scratch`. Raises `ToolFailed` when it fails or makes no output."""
    shutil.rmtree(scratch, ignore_errors=True)
    folder = scratch / "out"
    folder.mkdir(parents=True)
    target = scratch / "out.mp4"
    usage = measure(tool.command(source, target, folder), log=scratch / "log.txt")
    return usage, tool.output(target, folder)


def _one(results: Results, clip: Clip, scratch: Path) -> str:
    """Run one tool on one clip, keep its results, and report them in a line."""
    start = f"{clip.video.stem} {results.tool.name}: "
    try:
        usage, output = run_tool(results.tool, clip.video, scratch)
        evaluation = evaluate(clip.video, output, clip.truth)
    except (ToolFailed, AnonymizeError) as error:
        results.failures.append(f"{clip.video.stem}: {error}")
        return f"{start}failed, {error}"
    results.runs.append((clip.video.stem, usage, evaluation))
    total = evaluation.total
    return f"{start}{usage.seconds:.1f} s, {total.leaked} of {total.boxes} leaked, {total.exposed} exposed"


def _blurred(video: Path, sigma: float) -> Iterator[Picture]:
    """The pictures of a clip without detail finer than `sigma` pixels; blurred at a reduced size, for speed."""
    with av.open(str(video)) as source:
        for frame in source.decode(video=0):
            picture = frame.to_ndarray(format="bgr24")
            small = cv2.resize(picture, None, fx=2 / sigma, fy=2 / sigma, interpolation=cv2.INTER_AREA)
            blurred = cv2.GaussianBlur(small, (0, 0), 2)
            yield np.asarray(cv2.resize(blurred, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.uint8)
