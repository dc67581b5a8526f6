"""Notes which functions of the package each test enters, in the test's own process and in those that it starts.

It loads nothing that a small child would not load itself. Each process appends lines `test TAB file TAB function` to a
file of its own as it first enters a function in a test, so that a process which is killed loses nothing.
"""

from __future__ import annotations

import os
import sys
import threading
from types import CodeType, FrameType

TREE, NOTES, TEST = "MUTANTS_TREE", "MUTANTS_NOTES", "MUTANTS_TEST"
"""Variables: the root of the tree, the folder of notes, and the test that runs now."""

_FUNCTION = 1
"""The flag of code that has local variables of its own (`inspect.CO_OPTIMIZED`)."""
_names: dict[CodeType, str | None] = {}
_seen: set[CodeType] = set()


def start() -> None:
    """Note from here on, in every thread of this process."""
    if TREE in os.environ:
        threading.settrace(_entered)
        sys.settrace(_entered)


def _entered(frame: FrameType, *_: object) -> None:
    """A function is entered; what happens in it is of no interest."""
    code = frame.f_code
    if code in _seen or not code.co_flags & _FUNCTION:
        return  # bodies of modules and classes run once, in whichever test comes first
    _seen.add(code)
    try:
        name = _names[code]
    except KeyError:
        name = _names[code] = _name(code)
    test = os.environ.get(TEST)
    if name is None or test is None:
        return
    with open(f"{os.environ[NOTES]}/{os.getpid()}.txt", "a") as notes:  # noqa: PTH123 - a child may load no pathlib
        notes.write(f"{test}\t{name}\n")


def _name(code: CodeType) -> str | None:
    """File and function, where it is one of the tree's packages."""
    root = os.environ[TREE] + os.sep
    file = os.path.realpath(code.co_filename)
    if not file.startswith(root + "anonymize" + os.sep):
        return None
    return f"{file[len(root) :]}\t{code.co_qualname.replace('.<locals>', '')}"


def begin(test: str) -> None:
    """A test begins: what was entered in the one before counts anew."""
    os.environ[TEST] = test
    _seen.clear()
    start()
