"""A pytest plugin that tells `child/entered.py` which test runs."""

import entered  # type: ignore[import-not-found]  # found by PYTHONPATH


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    entered.begin(nodeid)
