"""The detectors of a live camera, in a process of their own."""
