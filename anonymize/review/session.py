"""A person's work on one plan: every edit is a line of its file before the method that makes it returns.

    with EditSession(Path("safe.mp4.plan.jsonl"), by="desk 2") as session:
        number = session.do(Remove(track=3, frames=(0, 20)))
        session.undo()

A process that is killed loses no edit that was made. One session at a time may write; others read.
"""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from anonymize import plan
from anonymize.errors import PlanError, UsageError
from anonymize.kinds import Answer
from anonymize.plan.doubts import check_name
from anonymize.plan.edit_lines import EditLine, entry
from anonymize.plan.edited import Edited
from anonymize.plan.edits import Edit, EditError, Judge
from anonymize.plan.model import Plan
from anonymize.plan.regions import Regions
from anonymize.plan.reviewed import Note
from anonymize.report.data import now
from anonymize.text import untrusted
from anonymize.text.words import printable, system


class EditSession:
    """The plan file `path`, open for edits.

    Args:
        path: the plan.
        by: who edits, as they wish to be called; written with every edit.
        drop_torn: take out a last line that was cut off while it was written, as a person who saw it said.

    Raises:
        Torn: its last line was cut off while it was written, and may have covered somebody.
        PlanError: it cannot be read or written, is malformed, or another session has it open.
        UsageError: `by` is not one line.
    """

    def __init__(self, path: Path, by: str = "", *, drop_torn: bool = False) -> None:
        try:
            self._by = check_name(by)
        except ValueError as error:
            raise UsageError(f"by: {error}") from error
        self.path = path
        self._unended = b""
        """What the last line of the file lacks."""
        self.dropped = ""
        """What was taken out of the file, in words, as it had been cut off while it was written."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise PlanError(f"cannot edit this plan: {system(error)}", path) from error
        try:
            self._lock()
            self._mend(drop_torn=drop_torn)
            self._history = plan.edited(untrusted.lines(path, "plan", PlanError), str(path))
            self._size = os.fstat(self._file).st_size
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others edit the plan."""
        os.close(self._file)

    @property
    def edited(self) -> Edited:
        """The plan with the edits so far. To be changed by the methods of this class alone."""
        return self._history.edited

    def do(self, edit: Edit) -> int:
        """Make `edit`; its number, once it is on the disk.

        Raises:
            EditError: it does not fit the plan; nothing is changed.
            PlanError: it cannot be written; nothing is changed.
        """
        number = self._history.last + 1
        self._follow(EditLine(number, edit, by=self._by, at=now()))
        return number

    def judge(self, track: int, answer: Answer | None) -> int:
        """Answer whether `track` is to be hidden; None takes an answer back. The number of the edit, as `do` has it."""
        return self.do(Judge(track, answer, self._by, now()))

    def note(self, note: Note) -> None:
        """Add what was looked at, or a sign-off; in force until the next edit. Raises `PlanError` as `do` does."""
        self._append(json.dumps(note.as_dict()).encode() + b"\n")
        self._history.notes.append(note)

    def plan(self, version: str = "") -> Plan:
        """The plan of a version with the edits so far, and what is known of the review."""
        return self._history.plan(version)

    def undo(self) -> int | None:
        """Take the last edit back; its number, or None if there is none. Raises `PlanError` as `do` does."""
        return self._turn(self._history.numbers, back=True)

    def redo(self) -> int | None:
        """Bring back the edit that was taken back last; its number, or None. Raises `PlanError` as `do` does."""
        return self._turn(self._history.undone, back=False)

    def ask(self, asking: Plan) -> int:
        """Add the doubts of `asking` that the plan lacks, with their regions; their number. Raises `PlanError`.

        Args:
            asking: the plan with the edits in force, and with what a check found.
        """
        known = {one.track for one in self.edited.plan().doubts}
        new = [one for one in asking.doubts if one.track not in known]
        # A number that an edit made free is used in this file all the same.
        numbers = {one.track: number for number, one in enumerate(new, self.edited.unused())}
        rows = Regions(
            (first, end, replace(region, track=numbers[region.track]))
            for first, end, region in asking.regions.rows()
            if region.track in numbers
        )
        doubts = (json.dumps(replace(one, track=numbers[one.track]).as_dict()) for one in new)
        if new:
            # Regions first: of a write that was cut off they are drawn, where a doubt without any is a mistake.
            self._append("".join(f"{line}\n" for line in (*rows.lines(), *doubts)).encode())
            self._history = plan.edited(untrusted.lines(self.path, "plan", PlanError), str(self.path))
        return len(new)

    def _turn(self, had: list[int], *, back: bool) -> int | None:
        if not had:
            return None
        number = had[-1]
        self._follow(EditLine(number, None, back, self._by, now()))
        return number

    def _follow(self, step: EditLine) -> None:
        line = json.dumps(entry(step)).encode() + b"\n"
        if len(line) > untrusted.LINE:
            raise EditError(f"it is larger than {untrusted.LINE >> 20} MiB: edit fewer frames at a time")
        self._history.follow(step, lambda: self._append(line))

    def check(self) -> None:
        """Raise `PlanError` if the file is out of reach, or another program changed or replaced it."""
        try:
            there, opened = self.path.stat(), os.fstat(self._file)
        except OSError as error:
            raise PlanError(f"the plan cannot be reached: {system(error)}; nothing was saved", self.path) from error
        if (there.st_dev, there.st_ino, opened.st_size) != (opened.st_dev, opened.st_ino, self._size):
            raise PlanError(
                "another program changed or replaced this plan meanwhile; nothing was saved. Open it again", self.path
            )

    def _append(self, line: bytes) -> None:
        """Write `line` at the end of the file, wholly or not at all."""
        self.check()
        try:
            line = self._unended + line
            if os.write(self._file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise PlanError(f"the edit cannot be saved: {system(error)}; nothing was changed", self.path) from error
        self._size, self._unended = self._size + len(line), b""

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows has no such locks
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy("somebody else is editing this plan: close it there first", self.path) from error

    def _mend(self, *, drop_torn: bool) -> None:
        """See how the last line ends. A part of an edit is dropped, as a machine that lost its power left it: whoever
        made it was never told that it is saved. Any other part may have covered somebody: a person decides."""
        last = _unended(self.path)
        if not last:
            return
        if _is_whole(last):
            self._unended = b"\n"
            return
        whole = self.path.read_bytes()
        number = whole.count(b"\n") + 1
        said, left = f"line {number} was cut off while it was written", f"It began: {_readable(last)}"
        if not last.startswith(_OWN) and not drop_torn:
            raise Torn(f"{said}. {self._what_is_there()}. {left}", self.path)
        os.ftruncate(self._file, whole.rfind(b"\n") + 1)
        self.dropped = f"{said}: it is not in force, and was taken out of the plan. {left}"

    def _what_is_there(self) -> str:
        """Whether all that was found is in the whole lines, in words."""
        some = untrusted.lines(self.path, "plan", PlanError)
        history = plan.edited((line for line in some if line.endswith("\n")), str(self.path))
        if history.last or history.notes or not history.edited.base.by_hand:
            return "All that had been found is there; this came later, and was never confirmed as saved"
        return "What stood after it, if anything, is missing: if you have another copy of this plan, compare them first"


def _unended(path: Path) -> bytes:
    """What stands after the last end of a line; its last bytes where it is longer than any line may be."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - untrusted.LINE, 0))
        return file.read().rpartition(b"\n")[2]


def _is_whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _readable(part: bytes) -> str:
    """The beginning of a part of a line, for people."""
    text = printable(part[:_SHOWN].decode("utf-8", "replace"))
    return text + (" ..." if len(part) > _SHOWN else "")


_SHOWN = 160
"""The most bytes of a line that are shown."""
_OWN = tuple(f'{{"{key}"'.encode() for key in ("edit", "undo", "redo", "sampled", "signed"))
"""How lines begin that a session alone writes, and that cover nobody until they are whole."""


def is_torn(path: Path) -> bool:
    """Whether the last line of a plan was cut off, so that a person must decide what becomes of it."""
    try:
        last = _unended(path)
    except OSError:
        return False  # said by whoever opens it
    return bool(last) and not _is_whole(last) and not last.startswith(_OWN)


class Torn(PlanError):
    """The last line of a plan was cut off while it was written."""


class Busy(PlanError):
    """Another session has the plan open for edits."""
