"""Cameras and streams, anonymised before anyone can store them.

    source -> buffer -> delay line (detections, tracker, bracketing rule) -> gate -> sinks

The detector runs in a separate process. Every frame that leaves has passed `anonymize.live.chain.gate`, which applies
the same bracketing rule as for files.
"""
