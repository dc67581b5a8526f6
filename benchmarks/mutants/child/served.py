"""Runs tests in one fork after another of a process that has loaded the libraries that they load, but nothing of ours.

It reads lines of JSON from standard input, `{"tree": ..., "tests": [...], "seconds": ...}`, and answers each with a
line: pytest's exit code, or `slow` where the tests took longer than that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from importlib import import_module
from typing import TextIO

LOADED = ("numpy", "cv2", "av", "PIL.Image", "skimage", "hypothesis.strategies", "pytest", "attrs", "typer", "psutil")


def serve(asked: TextIO, answers: TextIO) -> None:
    """Answer requests until there are no more."""
    for name in LOADED:
        import_module(name)
    for line in asked:
        request = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_tested(request["tree"], request["tests"]))
        print(_ended(child, request["seconds"]), file=answers, flush=True)


def _tested(tree: str, tests: list[str]) -> int:
    """Run `tests` in `tree`, in this process; pytest's exit code."""
    os.setsid()
    os.chdir(tree)
    os.environ["PYTHONPATH"] = tree
    sys.path[0] = tree  # in the place of this file's folder
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    import pytest

    try:
        # Hypothesis is loaded already, so that asserts in it, of which there are none of ours, are not rewritten.
        loaded = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
        return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *loaded, *tests]))
    except BaseException:  # noqa: BLE001 - whatever it is, it was noticed
        return 1


def _ended(child: int, seconds: float) -> int | str:
    """Wait for `child`, which is killed if it takes longer; its exit code, or `slow`."""
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "slow"
        time.sleep(0.02)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    serve(sys.stdin, answers)
