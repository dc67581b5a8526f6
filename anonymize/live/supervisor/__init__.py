"""Several cameras: one process for each, and one that watches them."""
