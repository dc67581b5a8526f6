"""The plan: what is redacted, frame by frame; how it is made, kept in a file, and changed by people."""

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
