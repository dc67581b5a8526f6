"""Run a process as another user of the system: it becomes that user before it loads anything that reads a stream.

Nothing of the program but errors is imported here.
"""

from __future__ import annotations

import ctypes
import multiprocessing.process
import os
import pickle
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from anonymize.errors import UsageError

_NEEDED = {"CAP_SETUID": 7, "CAP_SETGID": 6, "CAP_KILL": 5}
"""Capabilities without which no process can be started as another user and be stopped, with their numbers."""
_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_SELF = Path("/proc/self")
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, _PR_SET_NO_NEW_PRIVS = 47, 4, 38
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user of the system.

    Args:
        name: as it was asked for.
        uid, gid: of the user, and of their first group.
        groups: further ones.
        home: their folder.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/"


def find(name: str) -> SystemUser | None:
    """The user of that name, or number; None if this process is that user's already.

    Raises:
        UsageError: there is no such user, it is root, or this process may not start others as another user.
    """
    try:
        import pwd
    except ImportError as error:  # Windows
        raise UsageError(f"user {name}: this system has no such users") from error
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, OverflowError) as error:
        if not name.isdecimal() or int(name) >= 1 << 31:
            raise UsageError(f"there is no user {name} on this system: add one (useradd --system {name})") from error
        user = SystemUser(name, int(name), int(name))
    else:
        groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
        user = SystemUser(name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)
    if user.uid == os.geteuid():
        return None
    if user.uid == 0:
        raise UsageError("user root: name one that may do less")
    _refuse_unable(name)
    return user


def _refuse_unable(name: str) -> None:
    """Raise `UsageError` unless this process may start and stop processes of other users."""
    held = _held("CapEff")
    if held is None:
        lacking = [] if os.geteuid() == 0 else list(_NEEDED)
    else:
        lacking = [one for one, number in _NEEDED.items() if not held >> number & 1]
    if lacking:
        raise UsageError(
            f"user {name}: only root may start processes as another user, or who has {', '.join(_NEEDED)}; this "
            f"process lacks {', '.join(lacking)}"
        )


def _held(which: str, task: Path = _SELF) -> int | None:
    """Capabilities of this process, or of one of its threads, as a number; None where the system does not tell them."""
    try:
        lines = (task / "status").read_text("utf-8", "replace")
    except OSError:
        return None
    return next((int(line.split()[1], 16) for line in lines.splitlines() if line.startswith(f"{which}:")), None)


def become(user: SystemUser) -> None:
    """Make this process one of `user`, for good: no capability is left, and none can be had again.

    Raises:
        OSError, RuntimeError: it did not work; the process must end.
    """
    os.setgroups(user.groups)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    if sys.platform.startswith("linux"):
        system = ctypes.CDLL(None, use_errno=True)
        system.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
        system.capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())  # none of any kind
        system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        left = [_held(which, task) for task in (_SELF / "task").iterdir() for which in _CAPABILITIES]
        if any(left):
            raise RuntimeError("capabilities are left: this process must not go on")
    os.environ.update(HOME=user.home, USER=user.name, LOGNAME=user.name)


def begin(line: Connection, user: SystemUser, packed: bytes) -> None:
    """In a spawned process: become `user`, then call what `packed` names, with `line` and the arguments in it."""
    become(user)
    if not os.access(".", os.X_OK):  # processes that this one starts would fail to enter it
        os.chdir("/")
        multiprocessing.process.ORIGINAL_DIR = "/"  # type: ignore[attr-defined]
    target, arguments = pickle.loads(packed)  # of the process that started this one
    target(line, *arguments)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a user must be able to do.

    Args:
        folders: to write into; made if missing.
        files: to read.
        written: to write, where they are there already.
    """

    folders: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    written: tuple[Path, ...] = ()


def try_needs(line: Connection, user: str, needs: Needs) -> None:
    """In a process of `user`: send the first thing that is lacking, in words; nothing if all is there."""
    line.send(next(_lacking(user, needs), ""))


def _lacking(user: str, needs: Needs) -> Any:
    package = find_spec("anonymize")
    program = [Path(sys.executable), *([Path(package.origin)] if package and package.origin else [])]
    for path in (*program, *needs.files):
        if not os.access(path, os.R_OK):
            yield f"user {user} cannot read {path}"
    for folder in needs.folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            words = os.strerror(error.errno) if error.errno else str(error)
            yield f"user {user} cannot write into {folder} ({words}): chown -R {user} {folder}"
    for path in needs.written:
        if os.path.lexists(path) and not os.access(path, os.W_OK):
            yield f"user {user} cannot write {path}: chown -R {user} {path.parent}"
