"""Detectors: what they are, making them by name, and running them on the frames of a video."""

from anonymize.detect.bring import import_own
from anonymize.detect.concurrency import (
    IN_THIS_THREAD,
    InOrder,
    Pending,
    combined,
    done,
    executor_for,
    in_order,
    room_for,
)
from anonymize.detect.context import ASKED_ABOUT, Context, Witness, alone
from anonymize.detect.detector import FLOOR, Detector
from anonymize.detect.incremental import DetectionResult, IncrementalDetector, ScaleScheduler
from anonymize.detect.multiscale import GROUPS, ORDINARY, TURNS, detect, sees_parts
from anonymize.detect.registry import (
    DETECTORS,
    PROCESSOR_ONLY,
    asked,
    build,
    context_of,
    first_detectors,
    least_of_plates,
    refuse_unfit,
    refuse_unusable,
    rule_of,
    second_detectors,
    sought,
    with_usual,
    witness_of,
)
from anonymize.detect.text import Matcher, reading_weights

__all__ = [
    "ASKED_ABOUT",
    "DETECTORS",
    "FLOOR",
    "GROUPS",
    "IN_THIS_THREAD",
    "ORDINARY",
    "PROCESSOR_ONLY",
    "TURNS",
    "Context",
    "DetectionResult",
    "Detector",
    "InOrder",
    "IncrementalDetector",
    "Matcher",
    "Pending",
    "ScaleScheduler",
    "Witness",
    "alone",
    "asked",
    "build",
    "combined",
    "context_of",
    "detect",
    "done",
    "executor_for",
    "first_detectors",
    "import_own",
    "in_order",
    "least_of_plates",
    "reading_weights",
    "refuse_unfit",
    "refuse_unusable",
    "room_for",
    "rule_of",
    "second_detectors",
    "sees_parts",
    "sought",
    "with_usual",
    "witness_of",
]
