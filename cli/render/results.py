"""The lines that describe results: what was found, redacted, left visible and checked. `output` prints them."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anonymize.cli.render.ledger import span
from anonymize.kinds import Raised, Verdict
from anonymize.text.words import clock

if TYPE_CHECKING:  # keeps --help fast
    from fractions import Fraction

    from anonymize.batch.outcome import Outcome
    from anonymize.plan import Plan
    from anonymize.recorded.forecast import Forecast
    from anonymize.report import Report

_VERDICTS = {Verdict.PASS: "PASS", Verdict.PASS_WITH_DOUBTS: "PASS, WITH DOUBTS", Verdict.FAIL: "FAIL"}
_GROUNDS = {"consent": "with consent", "zone": "a thing in a zone left alone", "span": "at a time that is left alone"}
_LISTED = 20
"""Maximum number of finds listed one by one."""
_LIKELIEST = 5
"""Maximum number of faint places that are named."""


def account(outcome: Outcome) -> Iterator[str]:
    """What was done to one file that was released."""
    report = outcome.report
    subjects = tracks_found(report.redacted["tracks"], report.redacted.get("by_hand", 0))
    total = sum(report.seconds.values())
    frames = report.source["frames"]
    speed = f"{frames / total:.1f} frames/s" if total and frames > 1 else f"{total:.1f} s"
    count = counted(frames, "frame")
    again = report.verified.get("looked_frames", 0)
    if not again:
        checked = "not checked for faces or plates"
    elif again < frames:
        checked = f"{again} looked at again"
    else:
        checked = "looked at again" if frames == 1 else "all looked at again"
    yield f"{outcome.item.label} -> {outcome.output}: {subjects}, {count}, {checked}, {speed}"
    if len(report.memory) > 1:
        here, *workers = (f"{peak / 1e6:.0f}" for peak in report.memory)
        yield f"  memory, at most: {here} MB, and {', '.join(workers)} MB in its workers"
    for name, values in report.instead_of_plan.items():
        yield f"  not as in the plan: {name} is {_plain(values['used'])} here, {_plain(values['plan'])} there"
    if report.plan == "changed":
        yield "  note: a person changed the plan after it was made: what was taken out of it can be seen"
    yield from _visible(report.redacted.get("visible", ()))
    yield from _answered(report.redacted.get("doubts", ()))
    for note in report.output["notes"]:
        yield f"  note: {note}"
    if hidden := report.redacted["box_frames"].get("unbracketed"):
        yield f"  note: {hidden} frames were obscured whole, since nothing looked closely enough in time"
    if report.verdict is Verdict.UNVERIFIED:
        yield "  WARNING: UNVERIFIED: published without any check, as --publish-unverified asks; nobody looked at it"
    yield from doubts(report)
    yield from _next_steps(outcome)
    yield from _faint(report.verified, _review(outcome))
    for loss in report.lost:
        yield f"  lost: {loss}"
    if report.removed:
        yield f"  removed: {', '.join(report.removed)}"


def tracks_found(tracks: Mapping[str, int], by_hand: int, bare: int = 0) -> str:
    """The number of tracks of each kind (a person may have several), of those not covered, and of regions by hand."""
    found = [counted(n, f"{kind} track") for kind, n in tracks.items() if n]
    found += [f"{counted(bare, 'track')} not covered"] if bare else []
    text = ", ".join(found) or "nothing found"
    return f"{text}, {by_hand} by hand" if by_hand else text


def counted(count: int, what: str) -> str:
    """`count` and the noun, in the plural where it is due."""
    return f"{count} {what}{'s' * (count != 1)}"


def _plain(value: Any) -> str:
    """A setting as TOML writes it, strings without quotes."""
    return value if isinstance(value, str) and value else json.dumps(value)


def refused(outcome: Outcome) -> Iterator[str]:
    """What was found in an output that failed verification, the plan lines that hide it, and what to do next."""
    for line, find in _finds(outcome.report.verified):
        yield line
        yield from (f"    to hide it: {line}" for line in find["lines"])
    yield from _next_steps(outcome)


def _next_steps(outcome: Outcome) -> Iterator[str]:
    """The commands that answer the doubts of a kept plan and render it."""
    kept, source = outcome.kept, outcome.item.source
    if kept and kept.doubts:
        yield f"  to answer {counted(kept.doubts, 'doubt')} in its plan:"
        yield f"    {kept.asking(source)}"
    if kept:
        yield "  to go on then:" if kept.doubts else "  to go on, with such lines added to the plan or without:"
        yield f"    {kept.command(source)}"


def _review(outcome: Outcome) -> str:
    """The command that asks a person about the places of one file; empty if only the user knows where its plan is."""
    source, kept = outcome.item.source, outcome.kept
    if not source or (outcome.report.plan != "made" and not kept):
        return ""
    return shlex.join(("anonymize", "review", str(source), *(("--plan", str(kept.plan)) if kept else ())))


def _faint(verified: Mapping[str, Any], review: str = "") -> Iterator[str]:
    """How many places may show somebody faintly, the likeliest of them, and the command that asks about all."""
    likely, more = verified.get("faint_places", 0), verified.get("faint_unlikely", 0)
    if not (count := likely + more):
        return
    shown = verified["faint"][: min(_LIKELIEST, likely or more)]
    named = ", ".join(_place(find, verified["of_frames"]) for find in shown)
    hardly = f"hardly show{'s' * (more == 1)} a plate"
    if likely:
        where = f"{counted(likely, 'place')} where somebody may be seen, too faintly to be covered"
        yield f"  to look at: {where}; likeliest: {named}" + (f"; {more} more {hardly}" if more else "")
    else:
        yield f"  to look at: {counted(more, 'place')} that {hardly}; likeliest: {named}"
    if review:
        yield f"  a review asks about {'them' if count > 1 else 'it'}:"
        yield f"    {review}"
    else:
        yield f"  `anonymize review` asks about {'them' if count > 1 else 'it'}"


def _place(find: Mapping[str, Any], frames: int) -> str:
    """Kind and time of a find; in a picture, which has no times, its middle in pixels."""
    x0, y0, x1, y1 = find["box"]
    return f"{find['kind']} at {clock(find['start']) if frames > 1 else f'{(x0 + x1) / 2:.0f},{(y0 + y1) / 2:.0f}'}"


def planned(plan: Plan, times: Sequence[Fraction]) -> Iterator[str]:
    """What a plan leaves visible, and its doubts.

    Args:
        plan: the plan.
        times: presentation time of every frame, in seconds.
    """
    for one in plan.shown[:_LISTED]:
        note = f"; {one.note}" if one.note else ""
        why = one.reason or _GROUNDS[one.grounds.value]
        start, end = clock(float(times[one.first])), clock(float(times[one.end - 1]))
        yield f"  visible: track {one.track} from {start} to {end}, {why}{note}"
    if len(plan.shown) > _LISTED:
        yield f"  visible: {len(plan.shown) - _LISTED} more; the plan lists all"
    if covered := sum(doubt.drawn for doubt in plan.doubts):
        yield f"  {counted(covered, 'doubt')}, covered until a person has answered (anonymize doubts)"
    behind = sum(doubt.raised is Raised.BEHIND and not doubt.drawn for doubt in plan.doubts)
    if bare := len(plan.doubts) - covered - behind:
        yield f"  {_unseen(bare)}"
    if behind:
        yield f"  {_backs(behind)}"


def _visible(shown: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Who and what stays visible, when and why."""
    from anonymize.report.meaning import covering, crossing

    for one in shown[:_LISTED]:
        why = one["reason"] or _GROUNDS[one["grounds"]]
        note = f"; {one['note']}" if one["note"] else ""
        if one["covered"]:
            note += f"; on {one['covered']} of {one['frames']} frames {covering(one)}"
        if one["partly"]:
            note += f"; on {one['partly']} of {one['frames']} frames {crossing(one)}"
        when = f"from {clock(one['start'])} to {clock(one['end'])}" if one["end"] > one["start"] else "in one picture"
        yield f"  visible: {one['kind']} {one['track']} {when}, {why}{note}"
    if len(shown) > _LISTED:
        yield f"  visible: {len(shown) - _LISTED} more; --report lists all"


def _unseen(count: int) -> str:
    return f"{counted(count, 'find')} unseen by another network, not covered: anonymize review asks about each"


def _backs(count: int) -> str:
    return f"{counted(count, 'head')} seen from behind, not covered: anonymize review asks about each"


def _answered(raised: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The number of weak finds, and of doubts answered by a person, with names and days."""
    weak = sum(one["raised"] == "find" and not one["answer"] for one in raised)
    if weak:
        yield f"  note: {counted(weak, 'find')} too weak to be sure, covered where seen"
    alone = sum(one["raised"] == "alone" and not one["answer"] for one in raised)
    if alone:
        yield f"  note: {_unseen(alone)}"
    behind = sum(one["raised"] == "behind" and not one["answer"] for one in raised)
    if behind:
        yield f"  note: {_backs(behind)}"
    answered = [one for one in raised if one["answer"]]
    if answered:
        counts = Counter(one["answer"] for one in answered)
        names = ", ".join(dict.fromkeys(one["by"] for one in answered if one["by"]))
        days = sorted({one["at"][:10] for one in answered if one["at"]})
        when = f" on {days[0]}" if len(days) == 1 else f" from {days[0]} to {days[-1]}" if days else ""
        result = f"{counts['hide']} to hide, {counts['nothing']} nothing"
        yield f"  asked: {counted(len(answered), 'doubt')}, answered{f' by {names}' if names else ''}{when}: {result}"


def verified(name: str, report: Report) -> Iterator[str]:
    """The verdict on a file, its checks, and what needs a person.

    Args:
        name: of the file.
        report: of its verification.
    """
    unseen = report.verdict is Verdict.PASS and not report.verified["looked_frames"]
    yield f"{name}: {'NOT CHECKED for faces or plates' if unseen else _VERDICTS[report.verdict]}"
    for check in report.verified["checks"]:
        yield f"  {'ok' if check['passed'] else 'FAIL':<4}  {check['name']}: {check['detail']}"
    yield from doubts(report)
    yield from _faint(report.verified)


def doubts(report: Report) -> Iterator[str]:
    """Finds in an output that a person should look at, the bound from a sample of it, and what was not checked."""
    verified = report.verified
    if repaired := verified.get("repaired"):
        yield f"  note: {repaired} more pass{'es' * (repaired != 1)} redacted what the second look found"
    yield from (line for line, _ in _finds(verified))
    if bound := verified.get("bound"):
        yield f"  sample: {bound['text']}"
    for line in verified.get("not_checked", ()):
        yield f"  not checked: {line}"


def _finds(verified: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The leaks and doubts of a verification, each as a line and the find itself."""
    for name, label in (("leaks", "leak"), ("doubts", "doubtful")):
        listed = verified.get(name, ())
        for find in listed[:_LISTED]:
            start, end = clock(find["start"]), clock(find["end"])
            where = f"at {start}" if find["end"] <= find["start"] else f"from {start} to {end}"
            box = ",".join(f"{value:.0f}" for value in find["box"])
            where += f", {find['finds']} times" if find["finds"] > 1 else ""
            when = f" {where}, frame {find['frame']}" if verified["of_frames"] > 1 else ""  # a picture has no times
            size = f"{find['size']:.0f} px, box {box}, score {find['score']:.2f}"
            yield f"  {label}: {find['kind']}{when}, {size}", find
        if len(listed) > _LISTED:
            yield f"  {label}: {len(listed) - _LISTED} more; --report lists all", {"lines": ()}


def summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """How many files were done, failed or were left out, and which failed."""
    done = sum(outcome.output is not None for outcome in outcomes)
    before = sum(outcome.before and not outcome.left_out for outcome in outcomes)
    left_out = sum(outcome.left_out for outcome in outcomes)
    failed = [o for o in outcomes if o.output is None and not o.left_out]
    unreported = [o for o in outcomes if o.output is not None and o.exit_code]
    earlier = f" ({before} before)" if before else ""
    yield f"{done} done{earlier}, {len(failed)} failed, {left_out} left out (not pictures or videos)"
    for outcome in unreported:
        yield f"  no report: {' '.join(outcome.message.split())}"
    for outcome in failed:
        yield f"  failed: {' '.join(outcome.message.split())}"


def forecast(found: Forecast) -> Iterator[str]:
    """What a run would do to one file."""
    yield (
        f"{found.item.label} -> {found.output}: {tracks_found(found.tracks, 0)} in {counted(found.frames, 'frame')}; "
        f"covers would take {found.covered:.1%} of the picture; {_cost(found.seconds, found.size)}"
    )
    if found.visible:
        yield f"  {found.visible} would stay visible: `anonymize detect` says who and when"


def forecasts(found: Sequence[Outcome | Forecast]) -> Iterator[str]:
    """What a run would do to all files together."""
    from anonymize.recorded.forecast import Forecast

    good = [one for one in found if isinstance(one, Forecast)]
    if len(found) > 1:
        left_out = sum(one.left_out for one in found)
        tracks: Counter[str] = Counter()
        for one in good:
            tracks.update(one.tracks)
        cost = _cost(sum(one.seconds for one in good), sum(one.size for one in good))
        failed = len(found) - len(good) - left_out
        found_in_all = tracks_found(tracks, 0)
        yield f"{len(good)} would be done, {failed} would fail, {left_out} left out: {found_in_all}; {cost}"
    yield "nothing was written"


def _cost(seconds: float, size: int) -> str:
    amount = f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
    return f"a run would take about {span(seconds)} and make {amount}"
