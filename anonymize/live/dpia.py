"""The page "DPIA for a pilot": what a running system of cameras does, in figures of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from anonymize.kinds import MOTION
from anonymize.live.evidence import Running, RunningCamera
from anonymize.live.webrtc.place import SCHEME
from anonymize.pages.words import number, percent, plural
from anonymize.report.dpia.parts import Blank, Part, Section, Table, Text
from anonymize.settings import Settings
from anonymize.text.words import clock

MOST = 50
"""Acts that are listed, the newest."""


def pilot(running: Running) -> list[Section]:
    """The sections of a system of live cameras, which come before the others."""
    article = "GDPR art. 35(7)(a); EDPB 3/2019 ch. 2, 3, 8 and 9"
    return [
        Section("The pilot: what is processed", article, list(_processed(running))),
        Section("The pilot: how long it is kept, and who sees it", "GDPR art. 5(1)(e), art. 32", list(_kept(running))),
        Section("The pilot: how well it worked", "GDPR art. 35(7)(c)", list(_worked(running))),
        Section("The pilot: who changed what", "GDPR art. 5(2), art. 32", list(_changed(running))),
    ]


def _processed(running: Running) -> Iterator[Part]:
    yield Text(
        f"Read on {_when(running.at)} from the running system of the {plural(len(running.cameras), 'camera')} in "
        f"{running.file}: its settings, its metrics since its processes began, its health, its recordings and its logs."
    )
    yield Table(
        ("camera", "source", "hidden", "zones always hidden", "sound", "frames in", "frames out"),
        [
            (
                one.name,
                one.source,
                _targets(one.settings),
                number(len(one.settings.zones)),
                "passed on" if one.sound else "dropped",
                _count(one.counts, "anonymize_frames_in_total"),
                _count(one.counts, "anonymize_frames_out_total"),
            )
            for one in running.cameras
        ],
    )
    yield Text(
        "Until a frame is anonymised it is in the memory of this machine alone, for as long as it waits (lookahead: "
        + ", ".join(sorted({f"{one.settings.live.lookahead:g} s" for one in running.cameras}))
        + "), and on the way from the camera. What the camera itself stores, and who may reach it, is not known here."
    )
    yield Blank("Purpose of each camera, its field of view, the signs, and why fewer or none would not do")


def _kept(running: Running) -> Iterator[Part]:
    rows = []
    for one in running.cameras:
        found = one.recorded
        seconds = sum(folder.seconds for folder in found)
        first = min((folder.first for folder in found if folder.first is not None), default=None)
        last = max((folder.last for folder in found if folder.last is not None), default=None)
        span = "nothing yet" if first is None or last is None else f"{_when(first)} to {_when(last)}"
        size = f"{sum(folder.size for folder in found) / 1e6:,.0f} MB"
        kept = (one.keep or "until somebody deletes them") if found else "not recorded"
        held = number(sum(folder.held for folder in found))
        rows.append((one.name, kept, f"{clock(seconds)}, {size}" if found else "–", span if found else "–", held))
    yield Table(("camera", "anonymised recordings are kept", "there are", "from and to", "held segments"), rows)
    for one in running.cameras:
        yield Text(f"{one.name} sends to: {', '.join(one.to) or 'its preview page alone'}.")
    yield from _watched(running)
    yield Text("Recordings hold what was sent: there is no raw copy to hand out.")
    yield Blank("Who may watch each of these, by what account, and how that is logged; who may export recordings")


def _watched(running: Running) -> Iterator[Part]:
    """Who watched in browsers."""
    rows = [
        (at.month, one.name, at.viewer, number(at.times), clock(at.seconds), number(at.open), at.first, at.last)
        for one in running.cameras
        for at in one.watched
    ]
    if rows:
        yield Text("Who watched in a browser (webrtc:), by month, from the log of viewers, with the names in its file.")
        head = ("month", "camera", "viewer", "times", "for", "of these without an end", "first begun", "last begun")
        yield Table(head, sorted(rows)[-MOST:])
        if len(rows) > MOST:
            yield Text(f"The newest {MOST} of {number(len(rows))}.")
    elif any(to.startswith(SCHEME) for camera in running.cameras for to in camera.to):
        yield Text("Nobody has watched in a browser (webrtc:), by the log of viewers.")
    for camera in running.cameras:
        yield from (Text(f"Log of viewers of {camera.name}: {line}.") for line in camera.complaints)
    yield Text(
        "Who looks at a preview page or the control room has its token and is on this machine; who watches by a server "
        "that is sent to, or files that a web server hands out, is known there: none of these is logged here."
    )


def _worked(running: Running) -> Iterator[Part]:
    rows = [(one.name, *_figures(one)) for one in running.cameras]
    yield Table(
        ("camera", "state now", "frames hidden", "repeated, changes covered", "mean delay", "smallest looked for"),
        rows,
    )
    alarms = [
        (
            one.name,
            _count(one.counts, "anonymize_camera_restarts_total"),
            _count(one.counts, "anonymize_reconnects_total"),
            _count(one.counts, "anonymize_frames_dropped_total"),
            _count(one.counts, "anonymize_sink_dropped_total"),
        )
        for one in running.cameras
    ]
    yield Table(("camera", "restarts", "reconnections", "frames that did not go out", "lost at sinks"), alarms)
    yield Text(
        "Counted since the processes began. A frame that was not checked in time is hidden, or is the last picture "
        "with what changed covered. How many faces detectors miss cannot be counted by the system itself: live output "
        "gets no second look."
    )
    yield Blank("Alarms of the period, unless they are listed below, and what was done about each")
    yield Blank("Result of the check on the spot (docs/live.md, step 4): who stood where, and what was missed")


def _figures(one: RunningCamera) -> tuple[str, ...]:
    counts = one.counts
    out = counts.get("anonymize_frames_out_total", 0.0)
    if not out:
        return (one.health or "does not run", *["–"] * 4)
    delays = counts.get("anonymize_latency_seconds_count", 0.0)
    delay = f"{counts['anonymize_latency_seconds_sum'] / delays:.2f} s" if delays else "–"
    coarser = counts.get("anonymize_look_coarser", 1.0)
    effort = "as asked" if coarser <= 1 else f"{coarser:.1f} times as large as asked"
    return (
        one.health or "unknown",
        percent(counts.get("anonymize_frames_obscured_total", 0.0) / out),
        percent(counts.get("anonymize_frames_late_total", 0.0) / out),
        delay,
        effort,
    )


def _changed(running: Running) -> Iterator[Part]:
    acts = [(*act, "cameras and zones") for act in running.changes]
    for one in running.cameras:
        for folder in one.recorded:
            acts += [(*act, f"recordings of {one.name}") for act in folder.acts]
            yield from (Text(f"Custody log of {one.name}: {line}.") for line in folder.complaints)
    if not acts:
        yield Text("No change of zones or cameras on the page, and nothing exported, held, released or checked.")
    else:
        newest = sorted(acts)[-MOST:]
        yield Table(("when", "who", "what", "of"), newest)
        if len(acts) > MOST:
            yield Text(f"The newest {MOST} of {number(len(acts))}.")
    yield Text("The names are as people gave them; they were not checked. Changes by hand in the file are not logged.")
    yield Blank("Who may change the file of cameras and its zones, and who looks at this log")


def _targets(settings: Settings) -> str:
    if MOTION in settings.targets:
        return "all that moves"
    return ", ".join(sorted(kind.plural for kind in settings.targets)) or "zones alone"


def _count(counts: Mapping[str, float], name: str) -> str:
    return number(round(counts[name])) if name in counts else "–"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
