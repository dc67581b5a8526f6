"""Finds → tracks → regions, and the bracketing rule.

tracker = Tracker(settings.follow, settings.detect.high)
...                                             # see tracker.py
tracks = tracker.finish()
"""

from anonymize.track.bracket import bracketed
from anonymize.track.reel import Sight
from anonymize.track.regions import outline
from anonymize.track.tracker import Tracker

__all__ = ["Sight", "Tracker", "bracketed", "outline"]
