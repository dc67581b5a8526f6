"""Cameras and streams, anonymised before anyone can store them.

    source -> buffer -> delay line (tracker, looks, the bracketing rule) -> sinks

The detector runs in a process of its own; what leaves has passed `anonymize.live.chain.gate`, which asks the rule that
files obey.
"""
