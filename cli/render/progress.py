"""The progress of a run: bars on a terminal, a line now and then in a log, JSON lines for machines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from anonymize.cli.render import bars, ledger, lists, results
from anonymize.cli.render.output import as_json, fail, note, say

if TYPE_CHECKING:  # keeps --help fast
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from anonymize.batch.ledger import Start
    from anonymize.batch.outcome import Outcome
    from anonymize.plan import Plan
    from anonymize.progress import Course, Progress
    from anonymize.recorded.forecast import Forecast
    from anonymize.recorded.item import Item
    from anonymize.report import Report

_LINE_EVERY = 10.0
"""Seconds between two lines of progress without a terminal."""


class RunDisplay:
    """Shows the progress and results of files.

    A context manager: leaving it removes the bars.

    Args:
        items: all inputs.
        machine: print JSON lines instead of text.
        quiet: print errors only; for machines, all but progress.
    """

    def __init__(self, items: Sequence[Item], *, machine: bool, quiet: bool = False) -> None:
        self._machine = machine
        self._quiet = quiet
        self._bars = bars.Bars(items) if bars.possible() and not machine and not quiet else None
        self._courses: dict[Item, Course] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_bars()

    def __call__(self, item: Item, news: Progress | Outcome | Forecast) -> None:
        """Show news of `item`."""
        from anonymize.batch.outcome import Outcome
        from anonymize.progress import Course
        from anonymize.recorded.forecast import Forecast

        if isinstance(news, Forecast):
            self._courses.pop(item, None)
            if self._bars is not None:
                self._bars.foreseen(item, news.frames)
            self._clear_bars()
            self._forecast(news)
            return
        if isinstance(news, Outcome):
            self._courses.pop(item, None)
            if self._bars is not None:
                self._bars.outcome(item, news)
            self._clear_bars()
            self._outcome(news)
            return
        now = time.monotonic()
        course = self._courses.setdefault(item, Course())
        begins = course.take(news, now)
        if self._bars is not None:
            self._bars.progress(item, course, now, begins=begins)
        elif not self._quiet:
            self._line(item, news, course, now, begins=begins)

    def _finished(self, item: Item) -> None:
        """Fill the bar of `item` and remove all bars, so that lines can follow."""
        if self._bars is not None:
            self._bars.finished(item)
        self._clear_bars()

    def _clear_bars(self) -> None:
        if self._bars is not None:
            self._bars.clear()

    def begun(self, start: Start) -> None:
        """Show what the run found of earlier ones when it began."""
        if self._machine:
            as_json("start", asdict(start))
            return
        if self._quiet:
            return
        self._clear_bars()
        for line in ledger.start(start):
            note(line)
        if self._bars is not None:
            self._bars.begin()

    def planned(self, item: Item, plan: Plan, times: Sequence[Fraction], page: Path | None = None) -> None:
        """Show a plan that was written.

        Args:
            item: the video.
            plan: its plan.
            times: presentation time of every frame, in seconds.
            page: file of the page of tracks, if one was written.
        """
        from anonymize.report import subjects

        self._finished(item)
        drawn, listed = plan.covered(), subjects(plan, times)
        tracks, by_hand = drawn.tracks(), drawn.by_hand()
        if self._machine:
            facts = {"tracks": tracks, "by_hand": by_hand, "visible": [asdict(one) for one in plan.shown]}
            facts |= {"subjects": listed, "page": str(page) if page else None, "doubts": len(plan.doubts)}
            as_json("planned", {"input": item.label, "output": str(item.target), **facts})
        elif not self._quiet:
            found = results.tracks_found(tracks, by_hand, sum(not one["covered"] for one in listed))
            say(f"{item.label} -> {item.target}: {found}, {plan.about.frames} frames")
            lists.track_table(plan, listed)
            if page:
                say(f"  page: {page}")
            say(*results.planned(plan, times))

    def verified(self, item: Item, report: Report) -> None:
        """Show the result of a verification."""
        self._finished(item)
        if self._machine:
            as_json("verified", {"output": str(item.target), "report": report.as_dict()})
        elif not self._quiet:
            say(*results.verified(str(item.target), report))
        elif report.error:
            fail(f"{item.target}: {report.error}")

    def done(self, outcomes: Sequence[Outcome]) -> None:
        """Show the sum over several files."""
        if not self._machine and not self._quiet:
            say(*results.summary(outcomes))

    def foreseen(self, found: Sequence[Outcome | Forecast]) -> None:
        """Show what a run would do to all files together."""
        if not self._machine and not self._quiet:
            self._clear_bars()
            say(*results.forecasts(found))

    def _forecast(self, found: Forecast) -> None:
        if self._machine:
            names = ("frames", "tracks", "visible", "covered", "seconds", "size")
            facts = {name: getattr(found, name) for name in names}
            as_json("dry run", {"input": found.item.label, "output": str(found.output), **facts})
        elif not self._quiet:
            say(*results.forecast(found))

    def _line(self, item: Item, news: Progress, course: Course, now: float, *, begins: bool) -> None:
        """Print a line of progress, if one is due."""
        at_end = news.total and news.done == news.total
        if not begins and not at_end and now - self._last_line < _LINE_EVERY:
            return
        if news.done == 0 and not self._machine:
            return
        self._last_line = now
        speed, left = course.rate(now), course.left(now)
        if self._machine:
            as_json(
                "progress",
                {"input": item.label, "stage": news.stage, "done": news.done, "total": news.total}
                | {"frames_per_second": round(speed, 1)}
                | {"share": None if course.share is None else round(course.share, 3)}
                | {"seconds_left": None if left is None else round(left, 1)},
            )
        else:
            parts = [f"{item.label}: {ledger.VERBS[news.stage]}, frame {news.done}"]
            parts[0] += f" at {speed:.1f} frames/s" if speed else ""
            parts += [] if course.share is None else [f"{int(course.share * 100)}% of all"]
            parts += [] if left is None else [f"{left:.0f} s left"]
            note(", ".join(parts))

    def _outcome(self, outcome: Outcome) -> None:
        if self._machine:
            as_json(*_event(outcome))
        elif outcome.before or (self._quiet and outcome.left_out):
            return
        elif outcome.left_out:
            note(f"{outcome.item.label}: left out, not a picture or video")
        elif outcome.output is None:
            fail(outcome.message)
            for line in results.refused(outcome):
                note(line)
        else:
            if not self._quiet:
                say(*results.account(outcome))
            if outcome.exit_code:
                fail(outcome.message)


def _event(outcome: Outcome) -> tuple[str, dict[str, Any]]:
    """The JSON event for the end of a file, and its facts (docs/json.md)."""
    facts: dict[str, Any] = {"input": outcome.item.label}
    if outcome.left_out:
        return "left out", facts | {"why": outcome.message}
    facts |= {"output": str(outcome.output) if outcome.output else None, "exit_code": outcome.exit_code}
    if outcome.exit_code:
        facts["message"] = outcome.message
    if kept := outcome.kept:
        commands = {"doubts": kept.asking(outcome.item.source), "command": kept.command(outcome.item.source)}
        facts["kept"] = {"plan": str(kept.plan), "open": kept.doubts, **commands}
    event = ("done before" if outcome.before else "done") if outcome.output else "failed"
    return event, facts | {"report": outcome.report.as_dict()}
