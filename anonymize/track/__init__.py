"""Finds → tracks → regions, and the bracketing rule.

tracker = Tracker(settings.follow, settings.detect.high)
...                                             # see tracker.py
tracks = TrackIndex(tracker.finish())
regions = regions_at(tracks, frame.index, settings.redact, frame.width, frame.height)
"""

from anonymize.track.bracket import bracketed
from anonymize.track.regions import TrackIndex, outline, regions_at
from anonymize.track.tracker import Tracker

__all__ = ["TrackIndex", "Tracker", "bracketed", "outline", "regions_at"]
