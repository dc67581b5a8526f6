"""Finds become tracks, tracks become regions; and the bracketing rule.

tracker = Tracker(settings.follow, settings.detect.high)
...                                             # see tracker.py
tracks = tracker.finish()
"""

from anonymize.track.bracket import bracketed
from anonymize.track.history import MotionSample
from anonymize.track.padding import outline
from anonymize.track.tracker import Tracker
from anonymize.track.whispers import Whispers

__all__ = ["MotionSample", "Tracker", "Whispers", "bracketed", "outline"]
