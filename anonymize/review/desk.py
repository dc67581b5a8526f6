"""The list of what there is to review below a folder, and the one review that is open; finds first, where needed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from anonymize import media, report
from anonymize.batch.inputs import only_item, plan_items
from anonymize.errors import AnonymizeError, UsageError
from anonymize.presets import Preset
from anonymize.progress import Course, Progress
from anonymize.recorded import job
from anonymize.review.review import Review, plan_for
from anonymize.review.session import Torn
from anonymize.text.suffixes import is_picture_name

MOST = 2000
"""The most files of a folder that are listed."""
_TAIL = 1 << 20
"""Bytes at the end of a plan in which its last edits are looked for."""


class Progressed(StrEnum):
    """How far the review of a file is."""

    WAITING = "waiting"
    """Nobody has changed or signed anything."""
    BEGUN = "begun"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Reviewable:
    """A video or picture that can be reviewed.

    Args:
        source: the file.
        plan: where its plan is, or will be.
    """

    source: Path
    plan: Path


@dataclass(slots=True)
class Opening:
    """A file on its way to its review, or the last one.

    Args:
        number: of the file in the list; -1 while none was asked for.
        state: "idle", "finding", "open", "torn" (the last line of its plan was cut off), "failed" or "cancelled".
        share: of finding done, 0 to 1.
        message: why it failed, or what is torn.
    """

    number: int = -1
    state: str = "idle"
    share: float = 0.0
    message: str = ""


class Desk:
    """What can be reviewed, and the review that is open; until `close`.

    Args:
        files: to list, in order.
        chosen: how to find where there is no plan.
        by: who reviews, as they wish to be called.
        folder: that paths are shown from.
    """

    def __init__(self, files: Sequence[Reviewable], chosen: Preset, by: str = "", folder: Path | None = None) -> None:
        self._files, self._chosen, self._by = list(files), chosen, by
        self._folder = folder
        self._lock = threading.Lock()
        self._opening = Opening()
        self._stop = threading.Event()
        self._work: threading.Thread | None = None
        self._open: Review | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what is being found, and close the review."""
        self.cancel()
        if self._open:
            self._open.close()

    def listing(self) -> dict[str, Any]:
        """The files with how far each is, and which one is on its way."""
        names = [
            {
                "number": number,
                "name": str(one.source.resolve().relative_to(self._folder)) if self._folder else one.source.name,
                "picture": is_picture_name(one.source) is True,
                "plan": one.plan.exists(),
                "state": progressed(one.plan).value,
            }
            for number, one in enumerate(self._files)
        ]
        return {"folder": self._folder.name if self._folder else "", "files": names, **self.opening()}

    def opening(self) -> dict[str, Any]:
        """How far the file is that was asked for."""
        now = self._opening
        return {"number": now.number, "opening": now.state, "share": now.share, "message": now.message}

    def open(self, number: int, *, drop_torn: bool = False) -> None:
        """Open a file's review, in a thread; finds first if there is no plan. `opening` says how it goes on.

        Args:
            number: of the file in the list.
            drop_torn: see `EditSession`.

        Raises:
            UsageError: there is no such file, or another is being found or published.
        """
        with self._lock:
            if not 0 <= number < len(self._files):
                raise UsageError("there is no such file in the list")
            if self._opening.state == "open" and self._opening.number == number:
                return
            if self._opening.state == "finding":
                raise UsageError("another file is being looked at: wait, or cancel it")
            if self._open and self._open.publishing.state == "running":
                raise UsageError("an output is being made: wait until it is done")
            self._stop.clear()
            self._opening = Opening(number, "finding")
            self._work = threading.Thread(target=self._made, args=(number, drop_torn), name="find", daemon=True)
            self._work.start()

    def cancel(self) -> None:
        """Give up what is being found; leaves nothing behind."""
        self._stop.set()
        if self._work:
            self._work.join()

    def review(self, number: int) -> Review | None:
        """The review of a file, if it is the one that is open."""
        now = self._opening
        return self._open if now.state == "open" and now.number == number else None

    def _made(self, number: int, drop_torn: bool) -> None:
        one, now = self._files[number], self._opening
        try:
            if not one.plan.exists():
                self._find(one, now)
            before, self._open = self._open, None
            if before:
                before.close()
            self._open = Review(one.source, one.plan, self._by, drop_torn=drop_torn)
        except Torn as error:
            now.state, now.message = "torn", str(error)
        except AnonymizeError as error:
            now.state, now.message = ("cancelled", "") if self._stop.is_set() else ("failed", str(error))
        except BaseException as error:
            now.state, now.message = "failed", f"internal error: {type(error).__name__}: {error}"
            raise
        else:
            now.state = "open"

    def _find(self, one: Reviewable, now: Opening) -> None:
        """Write the plan, as `detect` does."""
        course = Course()

        def on_progress(news: Progress) -> None:
            if self._stop.is_set():
                raise UsageError("it was cancelled")
            course.take(news, time.monotonic())
            now.share = course.share or 0.0

        item = only_item(str(one.source), str(one.plan))
        job.detect(item, self._chosen.settings, preset=self._chosen.as_dict(), on_progress=on_progress)


def desk(source: Path, plan: Path | None, chosen: Preset, by: str = "") -> Desk:
    """The list of what is in the folder `source`; or of that one file, which is opened at once.

    Args:
        source: a folder, a video or a picture.
        plan: of that file; beside it if not given.
        chosen, by: as in `Desk`.

    Raises:
        UnreadableInput: it does not exist, or cannot be listed.
        UsageError: there is nothing to review, or a folder was given with one plan.
    """
    if not source.is_dir():
        media.check_readable(source)
        made = Desk([Reviewable(source, plan or plan_for(source))], chosen, by)
        made.open(0)
        return made
    if plan:
        raise UsageError("a plan is for one file: name the file, too", plan)
    return Desk(reviewable(source), chosen, by, source.resolve())


def reviewable(folder: Path) -> list[Reviewable]:
    """The videos and pictures below `folder` that are no outputs of this program, `MOST` of them at most.

    Raises:
        UnreadableInput: it cannot be listed.
        UsageError: there is none.
    """
    found = (item.source for item in plan_items([str(folder)], str(folder / "safe") + "/"))
    some = [one for one in found if isinstance(one, Path) and is_picture_name(one) is not None and one.is_file()]
    outputs = {one.with_name(f"{one.stem}-safe{one.suffix}") for one in some}
    fresh = [one for one in some if one not in outputs and not report.path_for(one.parent, Path(one.name)).exists()]
    if not fresh:
        raise UsageError("there is no video and no picture in this folder or below it", folder)
    return [Reviewable(one, plan_for(one)) for one in fresh[:MOST]]


def progressed(plan: Path) -> Progressed:
    """How far the review of a plan file is, by the last of its lines."""
    try:
        with plan.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(file.tell() - _TAIL, 0))
            lines = file.read().splitlines()
    except OSError:
        return Progressed.WAITING
    signed, edited = False, False
    for line in lines:
        if line.startswith((b'{"edit"', b'{"undo"', b'{"redo"')):
            signed, edited = False, True
        elif line.startswith(b'{"signed"'):
            signed = _is_whole(line)
    return Progressed.SIGNED if signed else Progressed.BEGUN if edited else Progressed.WAITING


def _is_whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
