"""From a picture received to one that may be shown: delay line, tracking, gate, release."""
