"""A process that runs tests in forks of itself, so that libraries are loaded once and not for every fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

SERVED = Path(__file__).parent / "child" / "served.py"


class Server:
    """See `child/served.py`. One request at a time."""

    def __init__(self) -> None:
        alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [sys.executable, str(SERVED)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=alone,
            text=True,
        )

    def run(self, tree: Path, tests: Sequence[str], seconds: float) -> str:
        """What became of `tests` in `tree`: `killed` where one failed, `survived`, or `slow` after so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"tree": str(tree.resolve()), "tests": list(tests), "seconds": seconds}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        if not answer:
            sys.exit("The process that runs the tests has ended.")
        return {"0": "survived", "slow": "slow"}.get(answer, "killed")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
