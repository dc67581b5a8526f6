"""A report as a page for people, made from the report's JSON values alone, so that it can be made again later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anonymize.kinds import PEOPLE, Verdict
from anonymize.pages import fill
from anonymize.pages.plots import ticks
from anonymize.pages.words import number, plural, sentence
from anonymize.report import drawing
from anonymize.report import page_check as check
from anonymize.report.meaning import covering, crossing, meaning
from anonymize.report.page_review import review
from anonymize.text.mapping import leaves
from anonymize.text.words import clock

Values = Mapping[str, Any]

DRAWN, LISTED = 120, 60
"""Maximum number of subjects drawn, and of finds of the check listed; the rest is counted."""

TONES = {Verdict.PASS: "good", Verdict.PASS_WITH_DOUBTS: "unsure", Verdict.FAIL: "bad", Verdict.UNVERIFIED: "bad"}
VERDICTS = {
    Verdict.PASS: "Passed",
    Verdict.PASS_WITH_DOUBTS: "Passed, with doubts",
    Verdict.FAIL: "Failed",
    Verdict.UNVERIFIED: "Not checked",
}
NOT_LOOKED = "Not checked for faces or plates"
"""The verdict of an output that passed its other checks, and that no detector scanned."""
SEVERAL = dict.fromkeys((kind.label for kind in PEOPLE), "one person may have several")
SEVERAL["plate"] = "one vehicle may have several"
"""Why tracks do not count people."""
GROUNDS = {
    "consent": "with consent",
    "zone": "stood still in a zone that is left alone",
    "span": "at a time at which finds stay visible",
}
RAISED = {
    "find": "a weak find",
    "check": "the check of an output",
    "alone": "a weak or large find of which another network saw nothing",
    "behind": "a head in which another network saw nothing of a face: seen from behind",
}
ANSWERS = {"": "not answered", "hide": "hide it", "nothing": "nothing to hide"}

LIMITS = (
    "A face or plate that no detector found on any frame is not in this report. Look at the output before you "
    "publish it.",
    "Gait, body, clothes, voice, the place and what others say can identify someone too; nothing here covers them.",
    "The figures of the models were measured on other pictures than yours.",
)


def page(report: Values) -> str:
    """The page of `report` (its JSON values): one HTML file that works offline and without scripts."""
    title = report.get("title", "")
    heading = f"{title} – report of a redaction" if title else "Report of a redaction"
    return fill("report.html.jinja", title=heading, what="report", when=when(report), view=_view(report))


def verdict(report: Values) -> tuple[str, str]:
    """The tone and the words of a report's verdict."""
    if report["verdict"] == Verdict.PASS and not report["verified"].get("looked_frames"):
        return "unsure", NOT_LOOKED
    return TONES[report["verdict"]], VERDICTS[report["verdict"]]


def when(report: Values) -> str:
    """When a report was made, in words."""
    return str(report.get("created", "")).replace("T", " ").replace("Z", " UTC")


def _view(report: Values) -> dict[str, Any]:
    """Everything the template shows, in words and numbers."""
    source, redacted, checked = report["source"], report["redacted"], report["verified"]
    seconds = redacted.get("timeline", {}).get("seconds", 0.0)
    high = drawing.height_for(source.get("width", 16), source.get("height", 9))
    finds = [*checked.get("leaks", ()), *checked.get("doubts", ())]
    tone, words = verdict(report)
    return {
        "title": report.get("title", ""),
        "tone": tone,
        "verdict": words,
        "lead": list(_lead(report)),
        "meaning": meaning(report),
        "figures": list(_figures(report)),
        "lanes": drawing.lanes(redacted.get("timeline", {}), redacted.get("box_frames", {})),
        "marks": list(check.marks(checked, seconds)) if redacted else [],
        "ticks": ticks(seconds),
        "scanned": check.scanned(checked),
        "checks": checked.get("checks", []),
        "finds": [check.find(one, source) for one in finds[:LISTED]],
        "more_finds": len(finds) - LISTED if len(finds) > LISTED else 0,
        "faint": [check.find(one, source) for one in checked.get("faint", ())[:LISTED]],
        "about_faint": check.about_faint(checked, LISTED),
        "not_checked": checked.get("not_checked", []),
        "width": drawing.WIDTH,
        "height": high,
        "about_subjects": _about_subjects(redacted),
        "subjects": list(_subjects(redacted, checked, high)),
        "visible": list(_visible(redacted.get("visible", ()))),
        "asked": list(_asked(redacted.get("doubts", ()))),
        "review": review(redacted),
        "recording": _recording(report.get("recording")),
        "removed": report["removed"],
        "lost": report["lost"],
        "notes": report["output"].get("notes", []),
        "prints": list(_prints(report)),
        "signature": _signature(report),
        "models": [
            {"name": name, **facts, "finds": " and ".join(facts["finds"])} for name, facts in report["models"].items()
        ],
        "devices": "; ".join(f"{name} on {device}" for name, device in report.get("devices", {}).items()),
        "preset": _preset(report["preset"]),
        "changed": _named(report["preset"].get("changed", {})),
        "settings": _named(dict(leaves(report["settings"]))),
        "instead": [
            (name, *(value for _, value in _named({"used": both["used"], "plan": both["plan"]})))
            for name, both in report.get("instead_of_plan", {}).items()
        ],
        "limits": list(_limits(report)),
        "speed": _speed(report),
        "software": ", ".join(f"{name} {version}" for name, version in report["software"].items()),
    }


def _lead(report: Values) -> Iterator[str]:
    """What the verdict means, in a sentence or two."""
    checked = report["verified"]
    doubts = len(checked.get("doubts", ()))
    if report["error"]:
        yield sentence(report["error"])
    match report["verdict"]:
        case Verdict.PASS if "recording" in report:
            yield (
                "Copied from a recording of live, packet by packet, then read back and compared. Faces and plates were "
                "not checked: what live did not find can be seen."
            )
        case Verdict.PASS if not checked.get("looked_frames"):
            yield (
                "Faces and plates were not checked: no detector scanned the output. Its structure and its redacted "
                "regions are as they should be, as far as they are listed below."
            )
        case Verdict.PASS if report["redacted"]:
            yield "The output was read back to its end and passed every check before it got its name."
        case Verdict.PASS:
            yield "The file was read to its end and passed every check that is listed below."
        case Verdict.PASS_WITH_DOUBTS:
            yield (
                f"No check failed, but a person should look at {plural(doubts, 'place')}: see below for where and when."
            )
        case Verdict.FAIL if report["output"]:
            yield "This file did not pass its check: do not publish it."
        case Verdict.FAIL:
            yield "No output was released."
        case Verdict.UNVERIFIED:
            yield "Someone chose to release this output without its check. Nothing below was confirmed from the output."
    if report["plan"] == "changed":
        yield "A person changed what was to be hidden after detection: anything removed from the plan can be seen."
    if (bound := checked.get("bound")) and not meaning(report):
        yield sentence(bound["text"])
    if repaired := checked.get("repaired"):
        yield f"What the second look found was redacted in {plural(repaired, 'further pass', 'further passes')}."


def _figures(report: Values) -> Iterator[dict[str, str]]:
    """The few numbers at the top."""
    source, redacted = report["source"], report["redacted"]
    for kind, count in redacted.get("tracks", {}).items():
        if kind in report["not_looked_for"]:
            yield {"name": f"{kind.capitalize()}s", "value": "–", "note": "not looked for"}
        else:
            note = SEVERAL.get(kind, "one thing may have several") if count > 1 else ""
            yield {"name": f"{kind.capitalize()}s redacted", "value": plural(count, "track"), "note": note}
    if by_hand := redacted.get("by_hand"):
        yield {"name": "By hand", "value": number(by_hand), "note": "regions that a person named"}
    if frames := source.get("frames"):
        size = f"{source['width']} × {source['height']}" if "width" in source else ""
        yield {"name": "Frames" if frames > 1 else "Picture", "value": number(frames), "note": size}
    if seconds := redacted.get("timeline", {}).get("seconds"):
        yield {"name": "Length", "value": clock(seconds), "note": ""}
    checked = report["verified"]
    for name in ("leaks", "doubts"):
        if checked.get(name) or (name == "doubts" and checked.get("checks")):
            yield {"name": name.capitalize(), "value": number(len(checked.get(name, ()))), "note": ""}
    if (faint := checked.get("faint_places", 0)) or checked.get("faint_unlikely"):
        yield {"name": "To look at", "value": plural(faint, "place"), "note": "found too faintly to be covered"}


def _about_subjects(redacted: Values) -> str:
    shown = min(len(redacted.get("subjects", ())), DRAWN)
    total = len(redacted.get("subjects", ())) + redacted.get("left_out", 0)
    text = (
        "Generic shapes stand for people and plates: each where its region was largest, with its way through the "
        "picture from the dot on. Numbers are those of the plan's tracks."
    )
    return text if shown == total else f"{text} {number(shown)} of {number(total)} are drawn."


def _subjects(redacted: Values, checked: Values, high: float) -> Iterator[dict[str, Any]]:
    weak = {one["track"] for one in redacted.get("doubts", ()) if one["raised"] == "find" and not one["answer"]}
    doubted = {find["track"] for find in checked.get("doubts", ()) if find["by"] == "plan"}
    for subject in redacted.get("subjects", ())[:DRAWN]:
        name = f"{subject['kind'].capitalize()} {subject['id']}"
        when = f"{clock(subject['start'])} – {clock(subject['end'])}"
        low, tall = subject["height"]
        size = f"{low:.0f}–{tall:.0f} px high" if round(tall) > round(low) else f"{tall:.0f} px high"
        seen = subject["why"].get("detected", 0)
        yield {
            "kind": subject["kind"],
            "name": name,
            "when": when,
            "label": f"{name}, {when}, {size}",
            "about": f"{plural(subject['frames'], 'frame')}, seen on {number(seen)}; {size}",
            "parts": [(why, subject["why"][why]) for why in drawing.REASONS if why in subject["why"]],
            "doubts": list(_doubts(subject, subject["id"] in doubted, subject["id"] in weak)),
            **drawing.silhouette(subject, high),
        }


def _visible(shown: Iterable[Values]) -> Iterator[dict[str, Any]]:
    """Who and what stayed visible."""
    for one in shown:
        covered = f"on {plural(one['covered'], 'frame')} {covering(one)}" if one["covered"] else ""
        partly = f"on {plural(one['partly'], 'frame')} {crossing(one)}" if one.get("partly") else ""
        yield _about_track(one) | {
            "frames": number(one["frames"]),
            "why": sentence(one["reason"] or GROUNDS[one["grounds"]]),
            "note": " ".join(sentence(note) for note in (one["note"], covered, partly) if note),
        }


def _asked(doubts: Iterable[Values]) -> Iterator[dict[str, Any]]:
    """What a person was asked about, and what they said."""
    for one in doubts:
        yield _about_track(one) | {
            "raised": RAISED[one["raised"]],
            "answer": ANSWERS[one["answer"]],
            "by": ", ".join(part for part in (one["by"], one["at"].replace("T", " ").replace("Z", " UTC")) if part),
        }


def _about_track(one: Values) -> dict[str, str]:
    """Which track, when, and where it was largest."""
    x0, y0, x1, y1 = one["largest"]
    return {
        "what": f"{one['kind'].capitalize()} {one['track']}",
        "when": f"{clock(one['start'])} – {clock(one['end'])}",
        "where": f"{(x0 + x1) / 2:.0%} across, {(y0 + y1) / 2:.0%} down",
    }


def _doubts(subject: Values, doubted: bool, weak: bool) -> Iterator[str]:
    if doubted:
        yield "The check is not sure that all of it is gone."
    if weak:
        yield f"Found too weakly or too seldom to be sure (best score {subject['score']:.2f}): may be something else."


def _prints(report: Values) -> Iterator[tuple[str, str, str]]:
    """Name, description and hash of the two files."""
    for name in ("source", "output"):
        facts = report[name]
        if facts.get("sha256"):
            about = [facts[key] for key in ("container", "codec") if facts.get(key)]
            about += [f"quality {facts['quality']}"] if "quality" in facts else []
            yield name.capitalize(), ", ".join(about), facts["sha256"]


def _recording(recording: Values | None) -> dict[str, Any]:
    """What an export was copied from; empty for other reports."""
    if recording is None:
        return {}
    return {
        "of": ", ".join(recording["cameras"]) or "a camera whose name is not known",
        "asked": f"{recording['asked']['from']} – {recording['asked']['to']}",
        "span": f"{recording['from']} – {recording['to']}",
        "gaps": [f"{gap['from']} – {gap['to']}" for gap in recording["gaps"]],
        "segments": [
            {
                "when": f"{one['from']} – {one['to']}" + ("" if one["exact"] else " (to the second)"),
                "pictures": number(one["pictures"]),
                "sha256": one["sha256"],
                "note": "as recorded" if one["as_recorded"] else "the recorder noted no hash",
            }
            for one in recording["segments"]
        ],
        "custody": recording["custody"],
    }


def _signature(report: Values) -> str:
    if "signature" not in report:
        return ""
    return f"Signed with the Ed25519 key {report['signature']['key']}. `anonymize report check` says whether it holds."


def _preset(preset: Values) -> str:
    if not preset:
        return ""
    if not preset["changed"]:
        return f"Those of the preset “{preset['name']}”."
    return f"Nearest to the preset “{preset['name']}”, but for:"


def _named(values: Values) -> list[tuple[str, str]]:
    """Settings by name, as TOML and JSON write values."""
    return [(name, json.dumps(value, ensure_ascii=False)) for name, value in values.items()]


def _limits(report: Values) -> Iterator[str]:
    """What the output may still show; nothing if there is none."""
    if not report["output"]:
        return
    for kind in report["not_looked_for"]:
        yield f"{kind.capitalize()}s were not looked for: those in the film can be seen."
    style = report["settings"].get("redact", {}).get("face", {}).get("style", "solid")
    if style != "solid":
        yield (
            f"Faces were drawn as {style}: anyone with pictures of a limited number of candidates can still tell them "
            "apart (measured, see the threat model). Solid keeps nothing of a face."
        )
    yield from LIMITS


def _speed(report: Values) -> str:
    total, frames = sum(report["seconds"].values()), report["source"].get("frames", 0)
    if not total:
        return ""
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report["seconds"].items())
    rate = f", {frames / total:.1f} frames/s in all" if frames > 1 else ""
    return f"Time taken: {stages}{rate}."
