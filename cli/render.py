"""What people and machines see: the only file that prints. Results go to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that --help costs next to nothing
    from pathlib import Path

    from anonymize.batch import Outcome
    from anonymize.doctor import Finding
    from anonymize.inputs import Item
    from anonymize.models import Model, State
    from anonymize.pipeline import Progress
    from anonymize.plan import Plan

_VERBS = {"detect": "looking", "render": "redacting", "verify": "checking"}
_LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def say(text: str) -> None:
    """A line of result."""
    print(text)


def fail(text: str) -> None:
    """A line of complaint: one line, whatever the message holds."""
    print("anonymize: " + " ".join(text.split()), file=sys.stderr)


def as_json(value: Any) -> None:
    """A value as one line of JSON."""
    print(json.dumps(value, default=str), flush=True)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of cells, columns aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


class Display:
    """Shows how files get on: bars on a terminal, a line now and then in a log, JSON lines for machines.

    Args:
        machine: JSON lines instead of text.
        several: more than one file is worked on, so lines name theirs.
    """

    def __init__(self, *, machine: bool, several: bool) -> None:
        self._machine = machine
        self._several = several
        self._terminal = sys.stderr.isatty() and not machine
        self._bars: dict[Item, Any] = {}
        self._stages: dict[Item, tuple[str, float]] = {}
        self._spoke = 0.0

    def __call__(self, item: Item, news: Progress | Outcome) -> None:
        """Take news of `item`."""
        from anonymize.batch import Outcome

        if isinstance(news, Outcome):
            self._close(item)
            self._outcome(news)
        elif self._terminal:
            self._bar(item, news)
        else:
            self._line(item, news)

    def planned(self, item: Item, plan: Plan) -> None:
        """A plan was written."""
        self._close(item)
        tracks = plan.regions.tracks()
        if self._machine:
            as_json({"event": "planned", "input": item.label, "output": str(item.target), "tracks": tracks})
        else:
            found = ", ".join(f"{n} {kind} tracks" for kind, n in tracks.items() if n) or "nothing found"
            print(f"{item.label} -> {item.target}: {found}, {plan.about.frames} frames")

    def _bar(self, item: Item, news: Progress) -> None:
        from tqdm import tqdm

        bar = self._bars.get(item)
        verb = _VERBS[news.stage]
        if bar is None or not bar.desc.startswith(verb):
            self._close(item)
            name = f" {item.source.name}" if self._several and item.source else ""
            bar = tqdm(total=news.total, desc=verb + name, unit=" frames", leave=False, dynamic_ncols=True)
            self._bars[item] = bar
        if bar.total is not None and news.done > bar.total:
            bar.total = None  # the container's count was an estimate
        bar.update(news.done - bar.n)

    def _close(self, item: Item) -> None:
        if bar := self._bars.pop(item, None):
            bar.close()
        self._stages.pop(item, None)

    def _line(self, item: Item, news: Progress) -> None:
        now = time.monotonic()
        stage, since = self._stages.get(item, ("", now))
        if stage != news.stage:
            since = now
            self._stages[item] = (news.stage, now)
        elif now - self._spoke < _LINE_EVERY and not (news.total and news.done == news.total):
            return
        self._spoke = now
        speed = news.done / (now - since) if now > since else 0.0
        if self._machine:
            as_json(
                {"event": "progress", "input": item.label, "stage": news.stage, "done": news.done, "total": news.total}
                | {"frames_per_second": round(speed, 1)}
            )
        else:
            left = f", {(news.total - news.done) / speed:.0f} s left" if news.total and speed else ""
            rate = f" at {speed:.1f} frames/s{left}" if speed else ""
            print(f"{item.label}: {_VERBS[news.stage]}, frame {news.done}{rate}", file=sys.stderr)

    def _outcome(self, outcome: Outcome) -> None:
        if self._machine:
            as_json(
                {
                    "event": "left out" if outcome.left_out else "done" if outcome.output else "failed",
                    "input": outcome.item.label,
                    "output": str(outcome.output) if outcome.output else None,
                    "exit_code": 0 if outcome.left_out else outcome.exit_code,
                    "report": outcome.report.as_dict(),
                }
            )
        elif outcome.left_out:
            print(f"{outcome.item.label}: left out, not a picture or video", file=sys.stderr)
        elif outcome.output is None:
            fail(outcome.report.error)
        else:
            for line in account(outcome):
                print(line)


def account(outcome: Outcome) -> Iterable[str]:
    """What was done to one file, in a few lines."""
    report = outcome.report
    tracks = report.redacted["tracks"]
    subjects = ", ".join(f"{n} {kind}{'s' if n != 1 else ''}" for kind, n in tracks.items() if n) or "nothing found"
    total = sum(report.seconds.values())
    frames = report.source["frames"]
    speed = f"{frames / total:.1f} frames/s" if total and frames > 1 else f"{total:.1f} s"
    yield f"{outcome.item.label} -> {outcome.output}: {subjects}, {frames} frames checked, {speed}"
    for note in report.output["notes"]:
        yield f"  note: {note}"
    if hidden := report.redacted["box_frames"].get("unbracketed"):
        yield f"  note: {hidden} frames were obscured whole, since nothing looked closely enough in time"
    for loss in report.lost:
        yield f"  lost: {loss}"
    if report.removed:
        yield f"  removed: {', '.join(report.removed)}"


def summary(outcomes: Sequence[Outcome]) -> None:
    """How many files are done, failed, left out; and which failed."""
    done = sum(outcome.output is not None for outcome in outcomes)
    left_out = sum(outcome.left_out for outcome in outcomes)
    failed = [o for o in outcomes if o.output is None and not o.left_out]
    print(f"{done} done, {len(failed)} failed, {left_out} left out (not pictures or videos)")
    for outcome in failed:
        print(f"  failed: {' '.join(outcome.report.error.split())}")


def mapping(values: Mapping[str, Any]) -> None:
    """Names and values, aligned."""
    table([(key, str(value)) for key, value in values.items()])


def models(listed: Sequence[Model], states: Mapping[str, State], *, machine: bool) -> None:
    """Every registered model with its facts."""
    for model in listed:
        facts = {
            "finds": ", ".join(kind.label for kind in model.kinds),
            "state": states[model.name].value,
            "licence": model.licence,
            "sha256": model.sha256,
            "source": model.source,
            "trained on": model.trained_on,
            "recall": model.recall,
            "install": model.install,
        }
        if machine:
            as_json({"name": model.name, **facts})
        else:
            print(model.name)
            for name, fact in facts.items():
                print(f"  {name:<11} {fact}")


def findings(found: Sequence[Finding]) -> None:
    """What `doctor` found."""
    table([("ok" if finding.ok else "PROBLEM", finding.name, finding.detail) for finding in found])


def demo(item: Item, comparison: Path) -> None:
    """Where to look after `demo`."""
    print()
    table(
        [
            ("the sample, as a camera would give it:", str(item.source)),
            ("the same, anonymised and checked:", str(item.target)),
            ("one frame of both, side by side:", str(comparison)),
        ]
    )
