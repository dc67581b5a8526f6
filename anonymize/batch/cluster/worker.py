"""A worker: holds its detectors, makes a verified output of one item at a time, and then releases it.

These are separate calls, so that the driver knows of every output before it appears: a worker that dies between them
leaves nothing, and one that dies during the second leaves an output that can be recognised by its hash.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anonymize import media, storage
from anonymize._version import __version__
from anonymize.batch.outcome import Outcome, attempt, failed
from anonymize.errors import AnonymizeError, UnreadableInput
from anonymize.progress import OnProgress, Progress
from anonymize.recorded import job
from anonymize.recorded.finish import Released
from anonymize.recorded.item import Item
from anonymize.recorded.release import Known
from anonymize.settings import Settings

if TYPE_CHECKING:
    from anonymize.detect import Detector
    from anonymize.storage import Place

_WARM_UP = (360, 640, 3)
"""Shape of the first picture that detectors get: (height, width, channels)."""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker's report that it can work: its version of this package and the name of its machine."""

    version: str
    node: str


class ClusterWorker:
    """A worker. Ray makes it an actor, whose methods are called one at a time.

    Args:
        settings: the same for all items.
        threads: processor threads of each detector.
    """

    def __init__(self, settings: Settings, threads: int) -> None:
        self._settings = settings
        self._threads = threads
        self._detectors: list[Detector] = []
        self._open = ExitStack()
        self._folder: Path | None = None
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._latest: Progress | None = None
        self._stage = ""
        self._outcome: Outcome | None = None
        self._force = self._stopped = False

    def warm(self) -> WorkerReady | AnonymizeError:
        """Load the models and run each once, so that the first item is as fast as the others. Return any error."""
        try:
            self._detectors = job.detectors_for(self._settings, self._threads)
            for detector in self._detectors:
                detector.detect(np.full(_WARM_UP, 128, np.uint8))
        except AnonymizeError as error:
            return error
        return WorkerReady(__version__, socket.gethostname())

    def start(self, item: Item, *, force: bool) -> None:
        """Begin to work on `item`; `news` gives its progress. `force`: an output may exist already."""
        if not self._folder:
            self._folder = self._open.enter_context(storage.private_folder())
        self._clean()
        storage.sweep()  # what killed workers left here
        self._force = force
        self._latest, self._stage, self._outcome = None, "", None
        self._thread = threading.Thread(target=self._work, args=(item,), name="work", daemon=True)
        self._thread.start()

    def news(self, pace: float) -> Progress | Outcome | None:
        """The latest progress or the outcome: at once when the item is done or a stage begins, else after `pace` s.

        An outcome's output is a verified file on this machine that only this worker can open; `release` comes next.
        """
        with self._changed:
            self._changed.wait_for(self._has_news, pace)
            if self._outcome:
                return self._outcome
            latest, self._latest = self._latest, None
            if latest:
                self._stage = latest.stage
            return latest

    def release(self, item: Item, target: Place, *, force: bool, token: str) -> AnonymizeError | None:
        """Publish the item's output as `target`, complete or not at all. Return any error.

        Args:
            item: what it was made from.
            target: the complete path of the output.
            force: replace an existing file.
            token: part of its temporary name there.
        """
        done = self._outcome
        assert done is not None
        assert isinstance(done.output, Path)
        try:
            if isinstance(target, Path):
                target.parent.mkdir(parents=True, exist_ok=True)
                if item.claim:
                    item.claim.leave_proof(item, target, done.report)
            force = force or item.may_replace(target)
            media.publish(done.output, target, done.report.output["sha256"], force=force, token=token)
        except AnonymizeError as error:
            return error
        finally:
            self._clean()
        return None

    def stop(self) -> None:
        """Abandon the item and remove all of its files from this machine."""
        self._stopped = True
        if self._thread:
            self._thread.join()
        self._open.close()

    def _has_news(self) -> bool:
        return self._outcome is not None or (self._latest is not None and self._latest.stage != self._stage)

    def _work(self, item: Item) -> None:
        outcome = failed(item, "internal error: the work ended without a result", 1)
        try:
            outcome = attempt(item, self._make, self._tell)
        finally:
            with self._changed:
                self._outcome = outcome
                self._changed.notify_all()

    def _make(self, item: Item, *, on_progress: OnProgress, known: Known) -> Released:
        """The whole of `job.run`, with the output in a folder of this machine."""
        if isinstance(item.source, Path) and not item.source.exists():
            raise UnreadableInput(
                f"no such file on the worker {socket.gethostname()}: a cluster needs storage that all its nodes "
                "share under the same path",
                item.source,
            )
        if not self._force and not item.may_replace(item.target) and storage.exists(item.target):
            raise storage.already(item.target)
        assert self._folder is not None
        here = replace(item, target=self._folder / item.target.name, claim=None, keep_in=item.target.parent)
        return job.run(
            here,
            self._settings,
            force=self._force,
            detectors=self._detectors,
            on_progress=on_progress,
            known=known,
        )

    def _tell(self, progress: Progress) -> None:
        if self._stopped:
            sys.exit()  # ends the thread of `_work` and removes its temporary files
        with self._changed:
            self._latest = progress
            if progress.stage != self._stage:
                self._changed.notify_all()

    def _clean(self) -> None:
        for left in self._folder.iterdir() if self._folder else ():
            left.unlink()
