"""What tests keep to, on Linux: none takes over 2 GiB of memory, and none leaves a process behind.

Memory is the most that this process held at once during the test, beyond what tests before it left in it (loaded
networks, mostly), or that any process held that it waited for, if that is more: a child begins with as much as its
parent has.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import time
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest

MOST = 2 << 20
"""KiB of memory for one test."""
_PROC = Path("/proc")
_MARK = "ANONYMIZE_TESTS"
"""A variable that all processes have that tests start, whoever their parent is by the end."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test that took too much memory."""
    if not (_PROC / "self" / "clear_refs").exists():
        return (yield)
    if _kib("VmRSS") > MOST // 4:
        _return_freed_memory()
    largest_child = getrusage(RUSAGE_CHILDREN).ru_maxrss
    (_PROC / "self" / "clear_refs").write_text("5")  # forget the most memory held so far
    before = _kib("VmRSS")
    yield
    held = _kib("VmHWM")
    taken = held - before
    if (child := getrusage(RUSAGE_CHILDREN).ru_maxrss) > max(largest_child, held):
        taken = max(taken, child)
    if taken > MOST:
        pytest.fail(f"took {taken >> 10} MiB of memory, of at most {MOST >> 10}")
    return None


def _return_freed_memory() -> None:
    """Give what the allocator keeps of freed memory back: a child begins with as much as this process has."""
    gc.collect()
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):  # glibc
        libc.malloc_trim(0)


def _kib(name: str) -> int:
    """What the kernel says of this process's memory, in KiB."""
    status = (_PROC / "self" / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(f"{name}:"))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail where a process that tests started is still there five seconds after the last one; end it."""
    mark = os.environ[_MARK] = uuid.uuid4().hex
    yield
    for _ in range(50):
        if not (left := processes_marked(mark)):
            return
        time.sleep(0.1)
    for number in left:
        os.kill(number, signal.SIGKILL)
    pytest.fail("tests left processes behind: " + "; ".join(left.values()))


def processes_marked(mark: str) -> dict[int, str]:
    """The processes that have `mark` in their environment: their numbers, and how each was called."""
    found = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            ours = mark.encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended, or is somebody else's
        if ours and "resource_tracker" not in command:  # Python's own, which ends with this process
            found[int(folder.name)] = command[:200]
    return found
