"""The plan: what is redacted, frame by frame; making it, storing it in a file, and editing it."""

from anonymize.plan.model import (
    OLDER,
    About,
    Plan,
    VisibleTrack,
    held,
    lines,
    weakly_found,
    write,
)
from anonymize.plan.reading import edited, parse, read
from anonymize.plan.regions import Columns, Regions

__all__ = [
    "OLDER",
    "About",
    "Columns",
    "Plan",
    "Regions",
    "VisibleTrack",
    "edited",
    "held",
    "lines",
    "parse",
    "read",
    "weakly_found",
    "write",
]
