"""The annex's sections: GDPR article 35(7) a to d, with EDPB Guidelines 3/2019 and ISO/IEC 27559 beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from anonymize.pages.words import number, plural
from anonymize.report.data import versions
from anonymize.report.dpia.alarms import Alarm
from anonymize.report.dpia.parts import Blank, Part, Section, Table, Text, counted
from anonymize.report.dpia.risks import risks
from anonymize.report.dpia.sources import Sources, Values
from anonymize.text.words import clock


def outline(evidence: Sources) -> list[Section]:
    """The whole annex."""
    return [
        Section("The assessment", "", list(_head())),
        Section(
            "A. What is processed",
            "GDPR art. 35(7)(a); EDPB 3/2019 ch. 2 and 3; ISO/IEC 27559: context and data assessment",
            list(_processing(evidence)),
        ),
        Section(
            "B. Necessity and proportionality",
            "GDPR art. 35(7)(b), art. 5(1)(c) and (e); EDPB 3/2019 ch. 3 to 8",
            list(_necessity(evidence)),
        ),
        *([] if evidence.alarms is None else [_alarms(evidence.alarms)]),
        Section(
            "C. Risks that remain",
            "GDPR art. 35(7)(c); ISO/IEC 27559: identifiability assessment",
            list(risks(evidence)),
        ),
        Section(
            "D. Measures against them",
            "GDPR art. 35(7)(d), art. 25 and 32; EDPB 3/2019 ch. 9; ISO/IEC 27559: mitigation and governance",
            list(_measures(evidence)),
        ),
    ]


def _head() -> Iterator[Part]:
    today = datetime.now(UTC).date().isoformat()
    yield Text(
        f"Made on {today} by anonymize {versions()['anonymize']} from its own records. Figures were counted or "
        "measured; where there is none, it says so. Marked blanks are for the controller. This is an annex, not the "
        "assessment itself, and no legal advice."
    )
    yield Blank("Controller, processors, data protection officer (and the officer's advice, art. 35(2))")
    yield Blank(
        "Why an assessment is needed: large-scale monitoring of public places (art. 35(3)(c)), or another reason"
    )


def _processing(evidence: Sources) -> Iterator[Part]:
    yield Blank("Purpose of each recording and of its publication or storage, camera by camera")
    yield Blank("Legal basis; for legitimate interests, which ones (art. 6(1)(f)) and the incidents that show the need")
    yield Blank("Who is recorded (staff, passers-by, children), where, from when to when, and who receives the result")
    if evidence.reports:
        yield from _files(evidence.reports)
    if evidence.cameras:
        yield Table(
            ("live camera", "frames in", "frames out", "wholly obscured", "not passed on"),
            [
                (c.name, *(number(n) for n in (c.frames_in, c.frames_out, c.obscured, c.dropped)))
                for c in evidence.cameras
            ],
        )
    yield Text(
        "Pictures are processed on the machine that the software runs on. It contacts only the streams that it was "
        "given, and keeps no raw frame, crop or thumbnail; its plans and reports hold boxes, times and hashes."
    )


def _alarms(alarms: Sequence[Alarm]) -> Section:
    rows = [
        (
            one.camera or "all",
            one.name,
            one.about,
            number(one.times),
            clock(one.seconds),
            _when(one.first),
            _when(one.last),
        )
        for one in alarms
    ]
    parts: list[Part] = [
        Text(
            "Alarms that fired in the period for which Prometheus was asked, as it kept them. A time in which it did "
            "not run has none."
        )
    ]
    if rows:
        parts.append(Table(("camera", "alarm", "about", "times", "in all (h:min:s)", "first", "until"), rows))
    else:
        parts.append(Text("None fired."))
    parts += [Blank("From when to when it was asked"), Blank("What was done about each")]
    return Section("Alarms of the period", "GDPR art. 35(7)(c), art. 32(1)(d)", parts)


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _files(reports: Sequence[Values]) -> Iterator[Part]:
    frames = sum(report["source"].get("frames", 0) for report in reports)
    seconds = sum(report["redacted"].get("timeline", {}).get("seconds", 0.0) for report in reports)
    tracks: Counter[str] = Counter()
    for report in reports:
        tracks.update(report["redacted"].get("tracks", {}))
    found = " and ".join(plural(count, f"{kind} track") for kind, count in sorted(tracks.items()) if count)
    yield Text(
        f"{plural(len(reports), 'report')}: {plural(frames, 'frame')} in {clock(seconds)} of film. Redacted: "
        f"{found or 'nothing'} (one person or vehicle may have several)."
    )
    unseen = Counter(kind for report in reports if report["output"] for kind in report["not_looked_for"])
    for kind, count in unseen.items():
        yield Text(f"{kind.capitalize()}s were not looked for in {number(count)} of them.")
    removed = Counter(line for report in reports for line in report["removed"])
    if removed:
        yield counted("removed beside the picture", removed)


def _necessity(evidence: Sources) -> Iterator[Part]:
    yield Blank(
        "Why the purpose cannot be reached with less: fewer cameras, other times, no recording, lower resolution"
    )
    yield Blank("Balance of interests and reasonable expectations of those recorded (EDPB 3/2019, 3.1.3)")
    yield Text("Data minimisation by redaction, as set:")
    styles = Counter(_how(report["settings"]) for report in evidence.made if report["settings"])
    if styles:
        yield counted("how faces and plates are drawn over", styles)
    else:
        yield Text("Not known from what was given: metrics of cameras do not hold settings.")
    yield Blank(
        "Storage periods of the raw recording (if any) and of the result; who erases, how it is checked (ch. 8)"
    )
    yield Blank(
        "Information of those recorded: signs, second layer (ch. 7); rights of access, erasure, objection (ch. 6)"
    )
    yield Blank("Disclosure to third parties, police included (ch. 4); transfers outside the EEA")


def _how(settings: Values) -> str:
    """How one run redacted its finds, in words."""
    redact, output = settings.get("redact", {}), settings.get("output", {})
    face, plate = redact.get("face", {}), redact.get("plate", {})
    others = [kind for kind in settings.get("targets", ()) if kind not in ("face", "plate")]
    zones = len(settings.get("zones", ()))
    parts = [
        f"faces {face.get('style')}, {face.get('padding', 0):.0%} wider on every side",
        f"plates {plate.get('style')}",
        *(f"{kind}s {redact.get(kind, {}).get('style', 'solid')}" for kind in others),
        f"sound {'left out' if output.get('audio') == 'mute' else 'kept'}",
    ]
    return ", ".join([*parts, plural(zones, "zone always covered", "zones always covered")] if zones else parts)


def _measures(evidence: Sources) -> Iterator[Part]:
    yield Text("Built in, whatever the settings:")
    yield Table(
        ("measure", "against"),
        [
            ("a frame is released only between two scans close in time, else obscured whole", "a face that flashes up"),
            ("an output gets its name after it was read back and checked; reports name exceptions", "unfinished files"),
            (
                "tags, chapters, subtitles, thumbnails, further streams are removed and listed",
                "names beside the picture",
            ),
            ("no raw frames on disk, in logs or reports; no network but named streams", "unknown copies"),
            ("plates always solid; mosaics of at most 8 cells that motion does not change", "undoing the redaction"),
        ],
    )
    presets = Counter(_preset(report["preset"]) for report in evidence.made if report["preset"])
    if presets:
        yield counted("settings", presets)
    signed = sum("signature" in report for report in evidence.reports)
    if evidence.reports:
        reports = plural(len(evidence.reports), "report")
        yield Text(f"Signed: {number(signed)} of {reports}; whether signatures hold was not tried here.")
    given = sum(report["plan"] in ("given", "changed") for report in evidence.made)
    if given:
        yield Text(f"Drawn from a plan that a person could edit: {number(given)}.")
    yield Blank("Who looks at results before they are published, and at the doubts listed in reports")
    yield Blank("Access to raw recordings: who, how it is logged; encryption; who records and who publishes")
    yield Blank("Training, incident response, and the date of the next review (art. 35(11))")
    yield Blank("Views of those recorded (art. 35(9)); prior consultation if the risk stays high (art. 36)")


def _preset(preset: Values) -> str:
    changed = preset.get("changed", {})
    return f"preset {preset['name']}" + (f", but for {', '.join(sorted(changed))}" if changed else "")
