"""Examining an output: its structure, its pictures against the plan, and a second look by detectors.

    verified = examine(path, Evidence(wanted, source, plan), settings, second_detectors(settings, detectors))

Nothing here trusts what wrote the output. Anything not examined is listed in `Verified.not_checked`.
"""

from anonymize.verify.examine import Evidence, examine
from anonymize.verify.structure import Wanted
from anonymize.verify.verdict import Bound, By, Check, Find, Verified

__all__ = ["Bound", "By", "Check", "Evidence", "Find", "Verified", "Wanted", "examine"]
