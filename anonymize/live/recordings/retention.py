"""Segments that are deleted: those too old, and the oldest of too many. Held ones stay."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from anonymize.errors import OutputError, UnreadableInput
from anonymize.live.log import logger
from anonymize.live.recordings import custody, files, hold
from anonymize.live.recordings.files import SegmentFile
from anonymize.live.recordings.lock import InUse, locked


def expire(folder: Path, age: float | None, size: int | None, now: float) -> None:
    """Delete the segments in `folder` that are not to be kept, and note it in the custody log; nothing else is touched.

    If somebody is placing or releasing holds at the moment, nothing is deleted until the next call.

    Args:
        folder: of the recordings.
        age: seconds since a segment's last picture; None: any.
        size: bytes of all segments that are not held; None: any. The newest one stays, however large.
        now: seconds since the epoch.
    """
    if age is None and size is None:
        return
    try:
        with locked(folder, patience=0.0):
            deleted = []
            for why, found in _due(folder, age, size, now):
                with suppress(FileNotFoundError):
                    (folder / found.name).unlink()
                    deleted.append(found.name)
                    logger.info("segment expired", file=found.name, reason=why)
    except (InUse, UnreadableInput) as error:
        logger.warning("nothing was deleted", error=error.message)
        return
    if deleted:
        try:
            custody.note(folder, "delete", "anonymize live", segments=deleted, reason="--keep")
        except OutputError as error:  # a full disk needs what was deleted
            logger.warning("the custody log lacks what was deleted", segments=", ".join(deleted), error=error.message)


def _due(folder: Path, age: float | None, size: int | None, now: float) -> Sequence[tuple[str, SegmentFile]]:
    """The segments to delete, oldest first, each with the reason."""
    free = [found for found in files.find(folder) if not hold.is_held(folder, found.name)]
    old = [found for found in free if age is not None and now - found.changed_ns / 1e9 > age]
    too_old = {found.name for found in old}
    young = [found for found in free if found.name not in too_old]
    total, many = sum(found.size for found in young), []
    for found in young[:-1]:
        if size is not None and total > size:
            many.append(found)
            total -= found.size
    return [*(("age", found) for found in old), *(("size", found) for found in many)]
