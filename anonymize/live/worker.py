"""A camera's own process under the supervisor: ``python -m anonymize.live.worker``, fed by `anonymize.live.supervise`.

Standard input brings a line of JSON (which file, which camera), and its end means that the supervisor is gone: then
the camera stops in order. Standard output takes a line of JSON a second: the metrics and the state of health.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from anonymize.errors import AnonymizeError
from anonymize.live import config
from anonymize.live.log import logger, to_stderr
from anonymize.live.metrics import Metrics

REPORT_EVERY = 1.0
"""Seconds between two reports."""


def main() -> int:
    """Run the camera that standard input names; the exit code is that of the error, if there was one."""
    with open(0, "rb", buffering=0, closefd=False) as incoming:
        order = json.loads(incoming.readline())
    to_stderr(machine=order["machine"], camera=order["camera"])
    try:
        _run(Path(order["config"]), order["camera"])
    except AnonymizeError as error:
        logger.error("camera failed", error=str(error))
        return error.exit_code
    return 0


def _run(path: Path, name: str) -> None:
    from anonymize.live.camera import run_camera
    from anonymize.live.control import Control

    def camera() -> config.Camera:
        return config.read(path).cameras[name]

    control, metrics = Control(), Metrics(name)
    # What stands on our standard input and output is for us alone, not for a detector or a pushing process.
    leash, reports = os.dup(0), os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    threading.Thread(target=_watch, args=(leash, control), name="leash", daemon=True).start()
    over = threading.Event()
    reporter = threading.Thread(target=_report, args=(reports, metrics, over), name="report", daemon=True)
    reporter.start()
    try:
        run_camera(camera().resolved(), lambda: camera().load_settings(), metrics, control=control, announce=_announce)
    finally:
        over.set()


def _watch(leash: int, control: Any) -> None:
    """Stop the camera when the supervisor is gone."""
    while os.read(leash, 4096):
        continue
    if not control.stopped:
        logger.warning("the supervisor is gone: stopping")
        control.stop()


def _report(reports: int, metrics: Metrics, over: threading.Event) -> None:
    with os.fdopen(reports, "w", encoding="utf-8") as out:
        while not over.wait(REPORT_EVERY):
            health = metrics.health()
            line = {"metrics": metrics.text().decode(), "ok": health.ok, "why": health.why}
            try:
                out.write(json.dumps(line) + "\n")
                out.flush()
            except OSError:  # the supervisor is gone: `_watch` sees it too
                return


def _announce(address: str) -> None:
    """Say where the page is; its token only if someone set it, and then they know it."""
    logger.info("preview page", address=address.rpartition("/")[0].rpartition("/")[0] + "/***/")


if __name__ == "__main__":
    sys.exit(main())
