"""The part of a report's page about the check of the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anonymize.pages.words import number, place, plural
from anonymize.report import drawing
from anonymize.text.words import clock

Values = Mapping[str, Any]
_BY = {"plan": "comparing with the plan", "look": "a second look", "first look": "the first look"}


def marks(checked: Values, seconds: float) -> Iterator[dict[str, Any]]:
    """Rows of the timeline for the finds of the check."""
    for tone, name, about in (("leaks", "Leaks", "what failed the file"), ("doubts", "Doubts", "look at these")):
        if finds := checked.get(tone):
            spans = drawing.marks(finds, seconds)
            label = f"{name} at " + ", ".join(clock(find["start"]) for find in finds[:10])
            note = f"{about}; {plural(len(finds), 'place')}"
            yield {"tone": tone.rstrip("s"), "name": name, "note": note, "spans": spans, "label": label}


def scanned(checked: Values) -> str:
    """How much of the output was scanned, in a sentence."""
    seen, frames = checked.get("looked_frames", 0), checked.get("of_frames", 0)
    if not frames:
        return "The file was opened again and read to its end."
    if not seen:
        return "The output was opened again and read to its end; faces and plates were not checked: no detector ran."
    if seen == frames:
        return f"The output was opened again, and a second look covered all of its {plural(frames, 'frame')}."
    return (
        "The output was opened again and read to its end; a second look covered "
        f"{number(seen)} of its {plural(frames, 'frame')}."
    )


def find(one: Values, source: Values) -> dict[str, str]:
    """One find of the check, as a row of the table; `source` has the picture's size, where it is known."""
    x, y = (one["box"][0] + one["box"][2]) / 2, (one["box"][1] + one["box"][3]) / 2
    return {
        "when": clock(one["start"]) + (f" – {clock(one['end'])}" if one["end"] > one["start"] else ""),
        "what": f"{one['kind']} {one['track']}" if one["by"] == "plan" and one["track"] >= 0 else one["kind"],
        "size": f"{one['size']:.0f} px",
        "score": f"{one['score']:.2f}",
        "frame": number(one["frame"]) if "frame" in one else "–",
        "where": place(x / source["width"], y / source["height"])
        if source.get("width") and source.get("height")
        else "",
        "box": ",".join(f"{value:.0f}" for value in one["box"]),
        "by": _BY.get(one["by"], str(one["by"])),
    }


def about_faint(checked: Values, listed: int) -> str:
    """What the table of faint places says above it; empty where there are none. At most `listed` are shown."""
    count, more = checked.get("faint_places", 0), checked.get("faint_unlikely", 0)
    if not count + more:
        return ""
    shown = min(count, listed, len(checked["faint"]))
    which = f"The likeliest {number(shown)} of {number(count)} places" if shown < count else plural(count, "place")
    seen = f"{which} where somebody may be seen: found too faintly to be covered or doubted. "
    hardly = f"{plural(more, 'place' if not count else 'other')} hardly show{'s' * (more == 1)} a plate. "
    return f"{seen if count else ''}{hardly if more else ''}A review asks about each."
