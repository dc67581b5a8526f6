"""What people and machines see: the only file that prints. Results go to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any, Self, TextIO

from anonymize.cli import render_bars, render_ledger
from anonymize.kinds import Verdict
from anonymize.text.words import clock, printable

if TYPE_CHECKING:  # so that --help costs next to nothing
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from anonymize.batch.ledger import Start, Status
    from anonymize.batch.outcome import Outcome
    from anonymize.evaluate import Evaluation
    from anonymize.models import Model, ModelState
    from anonymize.plan import Plan
    from anonymize.progress import Course, Progress
    from anonymize.recorded.forecast import Forecast
    from anonymize.recorded.item import Item
    from anonymize.report import Report
    from anonymize.report.doctor import Finding
    from anonymize.report.sign import CheckedSignature

_VERDICTS = {Verdict.PASS: "PASS", Verdict.PASS_WITH_DOUBTS: "PASS, WITH DOUBTS", Verdict.FAIL: "FAIL"}
_GROUNDS = {"consent": "with consent", "zone": "a thing in a zone left alone", "span": "at a time that is left alone"}
_LISTED = 20
"""Finds that are printed one by one, at most."""
_TRACKS = 40
"""Tracks that are printed one by one, at most."""
_LESS = ("where", "size", "score")
"""What is left out of each where it is narrow."""
_TO_COPY, _NARROWEST = 4, 20
"""Blanks before a line that is there to be copied; and columns of a terminal for which lines are broken."""
_LINE_EVERY = 10.0
"""Seconds between two lines of progress where there is no terminal."""


def say(*lines: str) -> None:
    """A result, in lines."""
    for line in lines:
        print(_fitted(line, sys.stdout))


def note(text: str) -> None:
    """A line that is no result, on standard error."""
    print(_fitted(text, sys.stderr), file=sys.stderr)


def _fitted(line: str, stream: TextIO) -> str:
    """`line`, in several where a terminal is narrower, which cuts words; but for what is there to be copied, far in."""
    line = printable(line)
    indent = len(line) - len(line.lstrip(" "))
    if not stream.isatty() or indent >= _TO_COPY:
        return line
    room = os.get_terminal_size(stream.fileno()).columns
    if room < _NARROWEST:
        return line
    after = " " * (indent + 2)
    return textwrap.fill(line, room, subsequent_indent=after, break_long_words=False, break_on_hyphens=False)


def fail(text: str) -> None:
    """A line of complaint: one line, whatever the message holds."""
    note("anonymize: " + " ".join(text.split()))


def asked(text: str, question: str) -> bool:
    """Whether a person who reads `text` says yes to `question`; no where nobody sits at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    note(text)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def preview(address: str) -> None:
    """Where the preview page is. On standard error: standard output may be the picture's."""
    note(f"preview: {address}")


_told: Counter[str] = Counter()
"""Lines for machines so far, by event."""


def as_json(event: str, facts: Mapping[str, Any], to: IO[str] | None = None) -> None:
    """What happened, as one line of JSON (docs/json.md), to standard output or `to`."""
    _told[event] += 1
    print(json.dumps({"event": event, **facts}, default=str), file=to)


def ended(code: int, why: str, to: IO[str]) -> None:
    """The last line for machines: how the command ended; before it, `why` where it ended early."""
    if why:
        as_json("error", {"exit_code": code, "message": " ".join(why.split())}, to)
    counts = {event: count for event, count in _told.items() if event != "progress"}
    _told.clear()
    as_json("summary", {"exit_code": code, "counts": counts}, to)
    _told.clear()


def table(rows: Sequence[Sequence[str]]) -> None:
    """Rows of cells, columns aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def pages(sections: Iterable[tuple[str, Sequence[str]]], *, close: bool = False) -> None:
    """Titles with the lines below them, a blank line between two; where they are `close`, after the first alone."""
    bold = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
    for number, (title, lines) in enumerate(sections):
        if number == 1 or (number and not close):
            print()
        if title:
            print(f"\x1b[1m{title}\x1b[0m" if bold else title)
        say(*lines)


def ask(prompt: str) -> str:
    """What a person types in reply. Raises `EOFError` where they end the input."""
    return input(prompt)


def choices(usable: Mapping[str, str | None], *, machine: bool) -> None:
    """What can be chosen, each with the reason why not on this machine, None where it can be used."""
    if machine:
        for name, why in usable.items():
            as_json("choice", {"name": name, "usable": why is None, "why": why})
        return
    table(
        [(name, "can be used here" if why is None else f"cannot be used here: {why}") for name, why in usable.items()]
    )


class Display:
    """Shows how files get on: bars on a terminal, a line now and then in a log, JSON lines for machines.

    A context manager: no bar is left behind, however the block ends.

    Args:
        items: all inputs.
        machine: JSON lines instead of text.
        quiet: errors alone; for machines, no progress.
    """

    def __init__(self, items: Sequence[Item], *, machine: bool, quiet: bool = False) -> None:
        self._machine = machine
        self._quiet = quiet
        self._bars = render_bars.Bars(items) if render_bars.possible() and not machine and not quiet else None
        self._courses: dict[Item, Course] = {}
        self._spoke = 0.0

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._make_room()

    def __call__(self, item: Item, news: Progress | Outcome | Forecast) -> None:
        """Take news of `item`."""
        from anonymize.batch.outcome import Outcome
        from anonymize.progress import Course
        from anonymize.recorded.forecast import Forecast

        if isinstance(news, Forecast):
            self._courses.pop(item, None)
            if self._bars is not None:
                self._bars.foreseen(item, news.frames)
            self._make_room()
            self._foreseen(news)
            return
        if isinstance(news, Outcome):
            self._courses.pop(item, None)
            if self._bars is not None:
                self._bars.outcome(item, news)
            self._make_room()
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
        """All is done of `item`; lines that stay may follow."""
        if self._bars is not None:
            self._bars.finished(item)
        self._make_room()

    def _make_room(self) -> None:
        """Take the bars away, for lines that stay."""
        if self._bars is not None:
            self._bars.clear()

    def begun(self, start: Start) -> None:
        """A run knows what earlier ones have done."""
        if self._machine:
            as_json("start", asdict(start))
            return
        if self._quiet:
            return
        self._make_room()
        for line in render_ledger.start(start):
            note(line)
        if self._bars is not None:
            self._bars.begin()

    def planned(self, item: Item, plan: Plan, times: Sequence[Fraction], page: Path | None = None) -> None:
        """A plan was written, of a video whose frames are shown at `times`; and a page of its tracks."""
        from anonymize.report import subjects

        self._finished(item)
        drawn, listed = plan.covered(), subjects(plan, times)
        tracks, by_hand = drawn.tracks(), drawn.by_hand()
        if self._machine:
            told = {"tracks": tracks, "by_hand": by_hand, "visible": [asdict(one) for one in plan.shown]}
            told |= {"subjects": listed, "page": str(page) if page else None, "doubts": len(plan.doubts)}
            as_json("planned", {"input": item.label, "output": str(item.target), **told})
        elif not self._quiet:
            found = _subjects(tracks, by_hand)
            say(f"{item.label} -> {item.target}: {found}, {plan.about.frames} frames")
            render_tracks(plan, listed)
            if page:
                say(f"  page: {page}")
            for one in plan.shown[:_LISTED]:
                note = f"; {one.note}" if one.note else ""
                why = one.reason or _GROUNDS[one.grounds.value]
                start, end = clock(float(times[one.first])), clock(float(times[one.end - 1]))
                say(f"  visible: track {one.track} from {start} to {end}, {why}{note}")
            if len(plan.shown) > _LISTED:
                say(f"  visible: {len(plan.shown) - _LISTED} more; the plan lists all")
            if plan.doubts:
                say(f"  {_counted(len(plan.doubts), 'doubt')}, covered until a person has answered (anonymize doubts)")

    def verified(self, item: Item, report: Report) -> None:
        """A file was examined."""
        self._finished(item)
        if self._machine:
            as_json("verified", {"output": str(item.target), "report": report.as_dict()})
            return
        if self._quiet:
            if report.error:
                fail(f"{item.target}: {report.error}")
            return
        unseen = report.verdict is Verdict.PASS and not report.verified["looked_frames"]
        say(f"{item.target}: {'NOT CHECKED for faces or plates' if unseen else _VERDICTS[report.verdict]}")
        for check in report.verified["checks"]:
            say(f"  {'ok' if check['passed'] else 'FAIL':<4}  {check['name']}: {check['detail']}")
        for line in doubts(report):
            say(line)

    def _foreseen(self, found: Forecast) -> None:
        if self._machine:
            facts = {
                name: getattr(found, name) for name in ("frames", "tracks", "visible", "covered", "seconds", "size")
            }
            as_json("dry run", {"input": found.item.label, "output": str(found.output), **facts})
        elif not self._quiet:
            count = f"{found.frames} frame{'s' * (found.frames != 1)}"
            say(
                f"{found.item.label} -> {found.output}: {_subjects(found.tracks, 0)} in {count}; covers would take "
                f"{found.covered:.1%} of the picture; {_cost(found.seconds, found.size)}"
            )
            if found.visible:
                say(f"  {found.visible} would stay visible: `anonymize detect` says who and when")

    def _line(self, item: Item, news: Progress, course: Course, now: float, *, begins: bool) -> None:
        at_end = news.total and news.done == news.total
        if not begins and not at_end and now - self._spoke < _LINE_EVERY:
            return
        if news.done == 0 and not self._machine:
            return
        self._spoke = now
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
            parts = [f"{item.label}: {render_ledger.VERBS[news.stage]}, frame {news.done}"]
            parts[0] += f" at {speed:.1f} frames/s" if speed else ""
            parts += [] if course.share is None else [f"{int(course.share * 100)}% of all"]
            parts += [] if left is None else [f"{left:.0f} s left"]
            note(", ".join(parts))

    def _outcome(self, outcome: Outcome) -> None:
        if self._machine:
            event, facts = _event(outcome), {"input": outcome.item.label}
            if outcome.left_out:
                as_json(event, facts | {"why": outcome.message})
                return
            more: dict[str, Any] = {"message": outcome.message} if outcome.exit_code else {}
            if kept := outcome.kept:
                commands = {"doubts": kept.asking(outcome.item.source), "command": kept.command(outcome.item.source)}
                more["kept"] = {"plan": str(kept.plan), "open": kept.doubts, **commands}
            output = str(outcome.output) if outcome.output else None
            told = {"output": output, "exit_code": outcome.exit_code, **more, "report": outcome.report.as_dict()}
            as_json(event, facts | told)
        elif outcome.before or (self._quiet and outcome.left_out):
            return
        elif outcome.left_out:
            note(f"{outcome.item.label}: left out, not a picture or video")
        elif outcome.output is None:
            fail(outcome.message)
            for line in refused(outcome):
                note(line)
        else:
            for line in () if self._quiet else account(outcome):
                say(line)
            if outcome.exit_code:
                fail(outcome.message)


def render_tracks(plan: Plan, listed: Sequence[Mapping[str, Any]]) -> None:
    """A line for each track, the most important ones where there are many; less of each where it is narrow."""
    from anonymize.report import tracks

    shown = tracks.first_to_see(listed, _TRACKS)
    if not shown:
        return
    rows = [tracks.HEAD, *(tracks.row(subject, plan) for subject in shown)]
    columns = [number for number in range(len(tracks.HEAD)) if any(row[number] for row in rows[1:])]
    room = shutil.get_terminal_size().columns
    narrow = _table_width(rows, columns) >= room
    left_out = [name for name in _LESS if narrow]
    columns = [number for number in columns if tracks.HEAD[number] not in left_out]
    table([["  " + row[columns[0]].rjust(5), *(row[number] for number in columns[1:])] for row in rows])
    parts = [f"and {len(listed) - len(shown)} more"] if len(listed) > len(shown) else []
    parts += [", ".join(left_out)] if left_out else []
    if parts:
        say(f"  {'; '.join(parts)}: --page, --json")


def _table_width(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> int:
    """Columns of a terminal that `table` takes for these columns of `rows`."""
    return 2 + sum(max(5 * (number == 0), *(len(row[number]) for row in rows)) + 2 for number in columns)


def _event(outcome: Outcome) -> str:
    if outcome.left_out:
        return "left out"
    return ("done before" if outcome.before else "done") if outcome.output else "failed"


def account(outcome: Outcome) -> Iterable[str]:
    """What was done to one file, in a few lines."""
    report = outcome.report
    subjects = _subjects(report.redacted["tracks"], report.redacted.get("by_hand", 0))
    total = sum(report.seconds.values())
    frames = report.source["frames"]
    speed = f"{frames / total:.1f} frames/s" if total and frames > 1 else f"{total:.1f} s"
    count = f"{frames} frame{'s' * (frames != 1)}"
    looked = report.verified.get("looked_frames", 0)
    checked = f"{count}, {_looked_again(looked, frames)}" if looked else f"{count}, not checked for faces or plates"
    yield f"{outcome.item.label} -> {outcome.output}: {subjects}, {checked}, {speed}"
    if len(report.memory) > 1:
        here, *workers = (f"{peak / 1e6:.0f}" for peak in report.memory)
        yield f"  memory, at most: {here} MB, and {', '.join(workers)} MB in its workers"
    for name, values in report.instead_of_plan.items():
        yield f"  not as in the plan: {name} is {_plain(values['used'])} here, {_plain(values['plan'])} there"
    if report.plan == "changed":
        yield "  note: a person changed the plan after it was made: what was taken out of it can be seen"
    yield from visible(report.redacted.get("visible", ()))
    yield from answered(report.redacted.get("doubts", ()))
    for note in report.output["notes"]:
        yield f"  note: {note}"
    if hidden := report.redacted["box_frames"].get("unbracketed"):
        yield f"  note: {hidden} frames were obscured whole, since nothing looked closely enough in time"
    if report.verdict is Verdict.UNVERIFIED:
        yield "  WARNING: UNVERIFIED: published without any check, as --publish-unverified asks; nobody looked at it"
    yield from doubts(report)
    yield from _going_on(outcome)
    for loss in report.lost:
        yield f"  lost: {loss}"
    if report.removed:
        yield f"  removed: {', '.join(report.removed)}"


def _subjects(tracks: Mapping[str, int], by_hand: int) -> str:
    """How many tracks of each kind were found (a person may have several), and how many regions a person named."""
    found = ", ".join(f"{n} {kind} track{'s' * (n != 1)}" for kind, n in tracks.items() if n) or "nothing found"
    return f"{found}, {by_hand} by hand" if by_hand else found


def _looked_again(looked: int, frames: int) -> str:
    """How many of the output's frames the second look went over."""
    if looked < frames:
        return f"{looked} looked at again"
    return "looked at again" if frames == 1 else "all looked at again"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _plain(value: Any) -> str:
    """A setting, as TOML has it."""
    return value if isinstance(value, str) and value else json.dumps(value)


def visible(shown: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """Who and what stays visible, when and why."""
    from anonymize.report.meaning import covering

    for one in shown[:_LISTED]:
        why = one["reason"] or _GROUNDS[one["grounds"]]
        note = f"; {one['note']}" if one["note"] else ""
        if one["covered"]:
            note += f"; on {one['covered']} of {one['frames']} frames {covering(one)}"
        when = f"from {clock(one['start'])} to {clock(one['end'])}" if one["end"] > one["start"] else "in one picture"
        yield f"  visible: {one['kind']} {one['track']} {when}, {why}{note}"
    if len(shown) > _LISTED:
        yield f"  visible: {len(shown) - _LISTED} more; --report lists all"


def refused(outcome: Outcome) -> Iterable[str]:
    """What an output that did not pass shows, the lines that hide it, and how to go on."""
    for line, find in _finds(outcome.report.verified):
        yield line
        yield from (f"    to hide it: {line}" for line in find["lines"])
    yield from _going_on(outcome)


def _going_on(outcome: Outcome) -> Iterator[str]:
    """How to answer the doubts in a plan that was kept, and how to draw it."""
    kept, source = outcome.kept, outcome.item.source
    if kept and kept.doubts:
        yield f"  to answer {_counted(kept.doubts, 'doubt')} in its plan:"
        yield f"    {kept.asking(source)}"
    if kept:
        yield "  to go on then:" if kept.doubts else "  to go on, with such lines added to the plan or without:"
        yield f"    {kept.command(source)}"


def answered(doubts: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What a person was asked, who it was, and what they said; and how many finds nobody is sure of."""
    weak = sum(one["raised"] == "find" and not one["answer"] for one in doubts)
    if weak:
        yield f"  note: {_counted(weak, 'find')} too weak to be sure, covered where they were seen"
    asked = [one for one in doubts if one["answer"]]
    if asked:
        counts = Counter(one["answer"] for one in asked)
        names = ", ".join(dict.fromkeys(one["by"] for one in asked if one["by"]))
        days = sorted({one["at"][:10] for one in asked if one["at"]})
        when = f" on {days[0]}" if len(days) == 1 else f" from {days[0]} to {days[-1]}" if days else ""
        said = f"{counts['hide']} to hide, {counts['nothing']} nothing"
        yield f"  asked: {_counted(len(asked), 'doubt')}, answered{f' by {names}' if names else ''}{when}: {said}"


def doubts(report: Report) -> Iterable[str]:
    """What a person should look at in an output, what a sample of it says, and what nobody examined."""
    verified = report.verified
    if repaired := verified.get("repaired"):
        yield f"  note: {repaired} more pass{'es' * (repaired != 1)} redacted what the second look found"
    yield from (line for line, _ in _finds(verified))
    if bound := verified.get("bound"):
        yield f"  sample: {bound['text']}"
    for line in verified.get("not_checked", ()):
        yield f"  not checked: {line}"


def _finds(verified: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a check found, as lines, each with the find itself."""
    for name, label in (("leaks", "leak"), ("doubts", "doubtful")):
        listed = verified.get(name, ())
        for find in listed[:_LISTED]:
            where = f"at {clock(find['start'])}" if find["end"] <= find["start"] else _stretch(find)
            box = ",".join(f"{value:.0f}" for value in find["box"])
            size = f"{find['size']:.0f} px, box {box}, score {find['score']:.2f}"
            where += f", {find['finds']} times" if find["finds"] > 1 else ""
            yield f"  {label}: {find['kind']} {where}, frame {find['frame']}, {size}", find
        if len(listed) > _LISTED:
            yield f"  {label}: {len(listed) - _LISTED} more; --report lists all", {"lines": ()}


def _stretch(find: Mapping[str, Any]) -> str:
    return f"from {clock(find['start'])} to {clock(find['end'])}"


def summary(outcomes: Sequence[Outcome]) -> None:
    """How many files are done, failed, left out; and which failed."""
    done = sum(outcome.output is not None for outcome in outcomes)
    before = sum(outcome.before and not outcome.left_out for outcome in outcomes)
    left_out = sum(outcome.left_out for outcome in outcomes)
    failed = [o for o in outcomes if o.output is None and not o.left_out]
    unreported = [o for o in outcomes if o.output is not None and o.exit_code]
    earlier = f" ({before} before)" if before else ""
    say(f"{done} done{earlier}, {len(failed)} failed, {left_out} left out (not pictures or videos)")
    for outcome in unreported:
        say(f"  no report: {' '.join(outcome.message.split())}")
    for outcome in failed:
        say(f"  failed: {' '.join(outcome.message.split())}")


def foreseen(found: Sequence[Outcome | Forecast], *, machine: bool, quiet: bool) -> None:
    """What a run would do in all."""
    from anonymize.recorded.forecast import Forecast

    if machine or quiet:
        return
    good = [one for one in found if isinstance(one, Forecast)]
    if len(found) > 1:
        left_out = sum(one.left_out for one in found)
        tracks: Counter[str] = Counter()
        for one in good:
            tracks.update(one.tracks)
        cost = _cost(sum(one.seconds for one in good), sum(one.size for one in good))
        failed = len(found) - len(good) - left_out
        say(f"{len(good)} would be done, {failed} would fail, {left_out} left out: {_subjects(tracks, 0)}; {cost}")
    say("nothing was written")


def _cost(seconds: float, size: int) -> str:
    amount = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
    return f"a run would take about {render_ledger.span(seconds)} and make {amount}"


def status(folder: Path, found: Status, *, machine: bool) -> None:
    """How a run gets on."""
    if machine:
        as_json("status", {"output": str(folder), **asdict(found)})
        return
    for line in render_ledger.status(folder, found):
        say(line)


def mapping(values: Mapping[str, Any]) -> None:
    """Names and values, aligned."""
    table([(key, str(value)) for key, value in values.items()])


def models(listed: Sequence[Model], states: Mapping[str, ModelState], *, machine: bool) -> None:
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
            as_json("model", {"name": model.name, **facts})
        else:
            say(model.name)
            for name, fact in facts.items():
                say(f"  {name:<11} {fact}")


def findings(found: Sequence[Finding]) -> None:
    """What `doctor` found."""
    table([("ok" if finding.ok else "PROBLEM", finding.name, finding.detail) for finding in found])


def demo(item: Item, comparison: Path) -> None:
    """Where to look after `demo`."""
    say("")
    table(
        [
            ("the sample, as a camera would give it:", str(item.source)),
            ("the same, anonymised and checked:", str(item.target)),
            ("one frame of both, side by side:", str(comparison)),
        ]
    )


def signature(report: Path, checked: CheckedSignature, *, machine: bool) -> None:
    """A report's signature holds: whose it is, and what was compared."""
    if machine:
        as_json(
            "signature",
            {"report": str(report), "key": checked.key, "known": checked.known, "compared": checked.files},
        )
        return
    whose = "the key you named" if checked.known else "a key that nobody vouched for: give the signer's with --key"
    say(f"{report}: the signature holds", f"  signed with {checked.key},", f"  {whose}")
    for name in checked.files:
        say(f"  the {name} is the file it tells of")
    if missing := [name for name in ("source", "output") if name not in checked.files]:
        say(f"  not compared: the {' and the '.join(missing)}")


def evaluated(name: str, found: Evaluation, *, machine: bool) -> None:
    """What an evaluation found in one file."""
    if machine:
        as_json("file", {"name": name, **found.as_dict()})
    else:
        note(f"{name}: {found.total.leaked} of {found.total.boxes} boxes leaked")


def evaluated_all(results: Sequence[tuple[str, Evaluation]], *, machine: bool) -> None:
    """The sum over all files, as a table: one line a group."""
    from anonymize.evaluate import combine

    total = combine(found for _, found in results)
    if machine:
        as_json("total", {"files": len(results), **total.as_dict()})
        return
    told = total.as_dict()
    groups = {"all": told["total"], **told["by_kind"]}
    groups |= {f"{name} px": score for name, score in told["by_height"].items() if score["boxes"]}
    rows = [("", "leak", "95%", "boxes", "exposed", "95%", "subjects")]
    for name, score in groups.items():
        leak = (_share(score["leak_rate"]), _span(score["leak_interval"]), str(score["boxes"]))
        exposed = (_share(score["exposed_rate"]), _span(score["exposed_interval"]), str(score["subjects"]))
        rows.append((name, *leak, *exposed))
    table(rows)
    say(f"collateral {_share(total.collateral)}, {total.frames} frames, {total.uncounted} boxes not counted")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _span(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.1%}-{interval[1]:.1%}"
