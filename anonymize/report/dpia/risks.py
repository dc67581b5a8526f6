"""Part C of the annex: the remaining risks, as far as they were measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from anonymize.evaluate.interval import share_interval
from anonymize.kinds import Verdict
from anonymize.pages.words import number, percent, plural
from anonymize.report.dpia.parts import Blank, Part, Table, Text, counted, rated, span
from anonymize.report.dpia.sources import Measured, Sources, Values


def risks(evidence: Sources) -> Iterator[Part]:
    """Every figure on leaks that there is, each with its limits."""
    yield Text(
        "The main risk to those recorded is that someone stays recognisable. It cannot be measured on footage whose "
        "faces were not counted; these are the figures that exist, each with its limits."
    )
    yield from _evaluated(evidence.evaluations)
    yield from _checked(evidence.reports)
    yield from _recognisable(evidence.made)
    yield from _models(evidence.reports)
    yield from _live(evidence)
    yield Text(
        "Not covered by any figure: recognition by gait, body, clothes, voice, place and context, and a face that no "
        "detector finds on any frame."
    )
    yield Blank(
        "Severity and likelihood of each risk for those recorded (stalking, reprisal, wrongful suspicion, chilling "
        "effect), before and after the measures"
    )


def _evaluated(evaluations: Sequence[Measured]) -> Iterator[Part]:
    if not evaluations:
        yield Text(
            "Leak on your own footage: not measured. Mark the faces of some typical clips and run "
            "`anonymize evaluate`; give its --json output to this command."
        )
        return
    rows = [
        (
            plural(found.clips, "clip"),
            number(found.boxes),
            rated(*found.leak),
            number(found.subjects),
            rated(*found.exposed),
            percent(found.collateral),
        )
        for found in evaluations
    ]
    head = ("measured on", "box-frames", "still visible (95%)", "subjects", "visible at least once (95%)")
    yield Table((*head, "other detail lost"), rows)
    yield Text("Measured from pixels on marked clips: surviving detail, which is not the same as being recognised.")


def _checked(reports: Sequence[Values]) -> Iterator[Part]:
    checked = [report for report in reports if report["verified"].get("looked_frames")]
    if not reports:
        return
    verdicts = Counter(_verdict(report) for report in reports)
    yield counted("verdict of the check after redaction", verdicts)
    if unchecked := len(reports) - len(checked):
        yield Text(f"{plural(unchecked, 'file')} that no detector scanned again: nothing is claimed about them.")
    if not checked:
        return
    repaired = sum(report["verified"].get("repaired", 0) > 0 for report in checked)
    doubts = sum(len(report["verified"].get("doubts", ())) for report in checked)
    scanned = sum(report["verified"].get("looked_frames", 0) for report in checked)
    frames = sum(report["verified"].get("of_frames", 0) for report in checked)
    yield Text(
        f"A second look covered {number(scanned)} of {plural(frames, 'frame')}. In {number(repaired)} of "
        f"{plural(len(checked), 'checked file')} it found what the first had missed, and that was redacted too (95%: "
        f"{span(share_interval(repaired, len(checked)))} of such files). Left for a person to review: "
        f"{plural(doubts, 'place')}. What neither look can find is not bounded by this."
    )
    bounds = Counter(report["verified"]["bound"]["text"] for report in checked if report["verified"].get("bound"))
    if bounds:
        yield counted("bound that a sample of frames supports", bounds)


def _verdict(report: Values) -> str:
    """The verdict of the check; an output that no detector scanned did not pass, whatever else was compared."""
    scanned = report["verified"].get("looked_frames")
    return (
        str(report["verdict"]) if scanned or report["verdict"] in (Verdict.FAIL, Verdict.UNVERIFIED) else "not checked"
    )


def _recognisable(reports: Sequence[Values]) -> Iterator[Part]:
    """What styles other than solid leave of faces."""
    styles = [report["settings"].get("redact", {}).get("face", {}).get("style") for report in reports]
    if soft := [style for style in styles if style not in ("solid", None)]:
        yield Text(
            f"In {plural(len(soft), 'file')} faces were drawn as {' or '.join(sorted(set(soft)))}. Someone with "
            "pictures of a limited number of candidates can still tell them apart: a small network did so far above "
            "chance (the software's threat model has the figures); for solid it was at chance."
        )


def _models(reports: Sequence[Values]) -> Iterator[Part]:
    models: dict[str, Any] = {}
    for report in reports:
        models |= report["models"]
    if models:
        rows = [(name, facts["recall"], facts["trained_on"]) for name, facts in models.items()]
        yield Table(("detector", "measured recall (on the pictures named)", "trained on"), rows)
        yield Text(
            "Recall on your cameras, light and people may differ; differences between groups of people were not "
            "measured."
        )


def _live(evidence: Sources) -> Iterator[Part]:
    rows = []
    for camera in evidence.cameras:
        hidden = camera.obscured / camera.frames_out if camera.frames_out else None
        late = camera.late / camera.looks if camera.looks and camera.late is not None else None
        delay = ", ".join(f"{name} {value:.2f} s" for name, value in camera.latency.items()) or "not given"
        rows.append((camera.name, percent(hidden), percent(late), delay))
    if rows:
        yield Table(("live camera", "frames wholly obscured", "detector runs too late to be used", "delay"), rows)
        yield Text(
            "A frame that could not be scanned in time goes out wholly obscured or not at all. Live output gets no "
            "second look: its leak is not measured by these counts."
        )
