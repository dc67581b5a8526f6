"""Examining an output: its structure, its pictures against the plan, and a second look.

    verified = examine(path, Evidence(wanted, source, plan), settings, second_detectors(settings, detectors))

Nothing of it trusts whoever wrote the output. What was not examined is said (`Verified.not_checked`).
"""

from anonymize.verify.examine import Evidence, examine
from anonymize.verify.structure import Wanted, check_structure
from anonymize.verify.verdict import Bound, By, Check, Find, Verified

__all__ = [
    "Bound",
    "By",
    "Check",
    "Evidence",
    "Find",
    "Verified",
    "Wanted",
    "check_structure",
    "examine",
]
