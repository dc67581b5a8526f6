"""The plan: what is redacted, frame by frame; making it, storing it in a file, and editing it."""

from anonymize.plan.model import (
    OLDER,
    About,
    Columns,
    Plan,
    Regions,
    VisibleTrack,
    held,
    lines,
    parse,
    read,
    weakly_found,
    write,
)

__all__ = [
    "OLDER",
    "About",
    "Columns",
    "Plan",
    "Regions",
    "VisibleTrack",
    "held",
    "lines",
    "parse",
    "read",
    "weakly_found",
    "write",
]
