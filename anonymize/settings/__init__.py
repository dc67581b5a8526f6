"""All settings, as frozen dataclasses. A preset is a TOML file of them; an unknown key is an error.

Durations are in seconds, sizes in pixels of the upright picture, shares are fractions of a box's side.
"""

from anonymize.settings.places import CORNERS, Person, Span, Zone, check_reason, flat
from anonymize.settings.tables import (
    OWN,
    OWN_DRAWN,
    SIZES,
    SMALLEST_OWN,
    Appearance,
    Detect,
    Follow,
    Live,
    Output,
    Redact,
    ReviewRules,
    Settings,
    Smallest,
    TextRules,
    Verify,
)
from anonymize.settings.words import Audio, Codec, Device, Doubts, Style, Transport, Unbracketed

__all__ = [
    "CORNERS",
    "OWN",
    "OWN_DRAWN",
    "SIZES",
    "SMALLEST_OWN",
    "Appearance",
    "Audio",
    "Codec",
    "Detect",
    "Device",
    "Doubts",
    "Follow",
    "Live",
    "Output",
    "Person",
    "Redact",
    "ReviewRules",
    "Settings",
    "Smallest",
    "Span",
    "Style",
    "TextRules",
    "Transport",
    "Unbracketed",
    "Verify",
    "Zone",
    "check_reason",
    "flat",
]
