"""Several cameras: one process each, and a supervisor."""
