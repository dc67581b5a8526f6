"""Presentation times: edit lists, missing timestamps, clocks that restart."""
