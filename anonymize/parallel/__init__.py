"""Processes that work side by side: in order, in any order, and on the segments of one video."""
