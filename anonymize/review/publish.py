"""Publishing from a page: the same code as `render`, in a thread, with its progress and its result for whoever asks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anonymize import plan, report
from anonymize.batch.inputs import only_item
from anonymize.errors import AnonymizeError, UsageError
from anonymize.plan import Plan
from anonymize.plan.settings import to_render
from anonymize.progress import Course, Progress
from anonymize.recorded import job
from anonymize.recorded.kept import Kept
from anonymize.recorded.release import Refused
from anonymize.storage.private import private_folder


@dataclass(slots=True)
class Publishing:
    """One output on its way, or the last one.

    Args:
        state: "idle", "running", "released", "refused" (its check found something) or "failed".
        stage: of `Progress`.
        share: of the work done, 0 to 1.
        message: why it was refused or failed.
        verdict: of the check.
        output: where it is.
        doubts: raised by the check.
    """

    state: str = "idle"
    stage: str = ""
    share: float = 0.0
    message: str = ""
    verdict: str = ""
    output: str = ""
    doubts: int = 0
    ending: str = ""
    """The state that follows "running"."""
    stopped: bool = False
    """The review ends: what is being made is given up."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        return {
            name: getattr(self, name) for name in ("state", "stage", "share", "message", "verdict", "output", "doubts")
        }

    def begin(self) -> None:
        """Take the place. Raises `UsageError` while another output is on its way."""
        with self._lock:
            if self.state == "running":
                raise UsageError("an output is being made already: wait until it is done")
            self.state, self.stage, self.share, self.message, self.verdict = "running", "", 0.0, "", ""
            self.output, self.doubts, self.ending = "", 0, "failed"

    def end(self, doubts: int) -> None:
        """Say how it ended, now that `doubts` are in the plan."""
        self.doubts, self.state = doubts, self.ending


def publish(source: Path, made: Plan, output: Path, about: Publishing, *, force: bool, title: str = "") -> Plan | None:
    """Draw `made`, verify the result, release it; the plan with the doubts that the check raised, if it raised any.

    Args:
        source: the file that the plan is for.
        made: the plan.
        output: where the result goes. A report is written beside it.
        about: is kept up to date, but for how it ends, which `Publishing.end` says; `Publishing.begin` was called.
        force: replace an existing output.
        title: of its report.
    """
    course = Course()

    def on_progress(news: Progress) -> None:
        if about.stopped:
            raise UsageError("the review was ended: nothing was published")
        course.take(news, time.monotonic())
        about.stage, about.share = news.stage, course.share or 0.0

    with private_folder() as folder:
        try:
            item = replace(only_item(str(source), str(output)), keep_in=folder)
            released = job.render(item, made, to_render(made.about), force=force, on_progress=on_progress)
            report.write(replace(released.report, title=title), report.path_for(output.parent, Path(output.name)))
        except Refused as error:
            about.message, about.verdict = error.message, error.verified.verdict.value
            about.ending = "refused"
            return _asking(error.kept)
        except AnonymizeError as error:
            about.ending, about.message = "failed", str(error)
            return None
        about.ending, about.output = "released", str(released.output)
        about.verdict = released.report.verdict.value
        return _asking(released.kept)


def _asking(kept: Kept | None) -> Plan | None:
    """The plan that was kept, which lies in a folder that will be removed."""
    return plan.read(kept.plan) if kept and isinstance(kept.plan, Path) else None
