"""Loaded by every Python process that a test starts while `python -m benchmarks.mutants record` runs."""

import entered  # type: ignore[import-not-found]  # found by PYTHONPATH

entered.start()
