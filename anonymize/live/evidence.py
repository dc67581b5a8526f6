"""What a running pilot says of itself: its file of cameras, metrics, health, recordings and logs, for an annex."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anonymize.errors import AnonymizeError, ReportError, UsageError
from anonymize.live.recordings import custody, folder
from anonymize.live.secrets import mask
from anonymize.live.supervisor import config
from anonymize.live.supervisor.config import Camera
from anonymize.live.webrtc.viewers import BEGAN, LOG, STOPPED
from anonymize.report.dpia.sources import metrics_by_camera
from anonymize.settings import Settings
from anonymize.text import untrusted
from anonymize.text.ranges import Range

_TIMEOUT = 10.0
"""Seconds that the running program has for an answer."""
_MOST = 16 << 20
"""Bytes of an answer."""
RECORD = "record:"
_SECONDS = Range(0, 1e9)


@dataclass(frozen=True, slots=True)
class RecordedFolder:
    """What one camera recorded.

    Args:
        segments, size, seconds: files, bytes, and seconds of film.
        first, last: when the first picture was captured, and the last; seconds since the epoch; None without any.
        held: segments that are held.
        acts: what was done with them, from the custody log: (when, who, what).
        complaints: what is wrong with that log.
    """

    segments: int = 0
    size: int = 0
    seconds: float = 0.0
    first: float | None = None
    last: float | None = None
    held: int = 0
    acts: tuple[tuple[str, str, str], ...] = ()
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """How often one viewer watched a camera in one month, by the log of viewers.

    Args:
        viewer: the name in the file of viewers.
        month: as 2026-11, in UTC.
        times: how often it began.
        seconds: for how long it watched, all times together that have ended.
        open: times without an end in the log: it still watches, or the process was killed.
        first, last: when it began for the first and the last time.
    """

    viewer: str
    month: str
    times: int
    seconds: float
    open: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class RunningCamera:
    """One camera of the file, as it runs.

    Args:
        name: from the file.
        source: its address, masked.
        to: where it sends, masked.
        settings: by which it hides.
        keep: how long recordings are kept, as in the file; empty: for ever.
        sound: whether it is passed on.
        counts: metrics without the label of the camera; empty if it does not run.
        health: what ``/healthz`` says of it; empty if it does not run.
        recorded: what lies in its folders.
        watched: who watched it by a `webrtc:` sink, by month and name.
        complaints: what is wrong with the log of that.
    """

    name: str
    source: str
    to: tuple[str, ...]
    settings: Settings
    keep: str
    sound: bool
    counts: Mapping[str, float]
    health: str
    recorded: tuple[RecordedFolder, ...]
    watched: tuple[Watched, ...] = ()
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """All cameras of a file; `changes` as in `RecordedFolder.acts`."""

    file: str
    at: float
    cameras: tuple[RunningCamera, ...]
    changes: tuple[tuple[str, str, str], ...]


def gather(path: Path) -> Running:
    """Ask the program that runs the cameras in the file `path`.

    Raises:
        UsageError: the file is invalid, sets no port for metrics, or nothing answers there.
        ReportError: what answers is no such program, or a log is damaged.
    """
    fleet = config.parse(config.text(path), path)
    if not fleet.metrics:
        raise UsageError("it sets no port for metrics, where the running system says how it is: metrics = 9464", path)
    counts = _counts(_asked(fleet.metrics, "metrics", path), path)
    health = _health(_asked(fleet.metrics, "healthz", path))
    cameras = tuple(_camera(one, counts.get(name, {}), health.get(name, "")) for name, one in fleet.cameras.items())
    return Running(path.name, time.time(), cameras, _logged(path.with_name(f"{path.name}.changes.jsonl")))


def _asked(port: int, what: str, path: Path) -> str:
    """The answer of the running program on `port`."""
    address = f"http://127.0.0.1:{port}/{what}"
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=_TIMEOUT) as answer:
            return _words(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        if error.code == 503:  # failing, which is an answer
            return _words(error.read(_MOST))
        raise UsageError(
            f"port {port} answers {error.code}: is it `anonymize live --config` of this file?", path
        ) from error
    except OSError as error:
        words = f"nothing answers on port {port} of this machine: start `anonymize live --config {path}` first"
        raise UsageError(words, path) from error
    except http.client.HTTPException as error:
        raise UsageError(f"what answers on port {port} is no `anonymize live`: another program has it", path) from error


def _words(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _counts(text: str, path: Path) -> dict[str, dict[str, float]]:
    """See `metrics_by_camera`."""
    try:
        return metrics_by_camera(text)
    except ValueError as error:
        raise ReportError(f"what answers on its port for metrics are no metrics ({error})", path) from error


def _health(text: str) -> dict[str, str]:
    """Camera -> its state and why, as ``ok: frames go out``."""
    lines = (line.partition(": ") for line in text.splitlines())
    return {name: words for name, _, words in lines if words}


def _camera(camera: Camera, counts: Mapping[str, float], health: str) -> RunningCamera:
    folders = [Path(address.removeprefix(RECORD)) for address in camera.to if address.startswith(RECORD)]
    log = Path(camera.viewers + LOG) if camera.watched and camera.viewers else None
    return RunningCamera(
        camera.name,
        mask(camera.source),
        tuple(mask(address) for address in camera.to),
        camera.load_settings(),
        camera.keep,
        camera.audio.value == "keep",
        counts,
        health,
        tuple(_recorded(one) for one in folders if one.is_dir()),
        _watched(log, camera.name) if log is not None else (),
        tuple(custody.faults(log)) if log is not None else (),
    )


def _lines(log: Path) -> Iterator[str]:
    """The lines of a log of viewers, up to one that cannot be read."""
    with suppress(ReportError, OSError):
        if log.is_file():
            yield from untrusted.lines(log, "log of viewers", ReportError)


def _watched(log: Path, camera: str) -> tuple[Watched, ...]:
    """Who watched `camera`, by a log of viewers. Lines that are none are among the faults of the log."""
    found: dict[tuple[str, str], Watched] = {}
    begun: dict[str, tuple[str, str]] = {}
    for line in _lines(log):
        with suppress(AnonymizeError, KeyError, TypeError, ValueError):
            entry: Any = untrusted.json_value(line, "log of viewers", ReportError)
            at, viewer, act, view = (str(entry[name]) for name in ("at", "by", "act", "view"))
            if entry["camera"] != camera:
                continue
            if act == BEGAN:
                key = begun[view] = at[:7], viewer
                one = found.get(key, Watched(viewer, at[:7], 0, 0.0, 0, at, at))
                found[key] = replace(one, times=one.times + 1, open=one.open + 1, last=at)
            elif act == STOPPED and view in begun:
                seconds, one = _SECONDS.number(entry["seconds"]), found[begun.pop(view)]
                found[one.month, viewer] = replace(one, seconds=one.seconds + seconds, open=one.open - 1)
    return tuple(one for _, one in sorted(found.items()))


def _recorded(path: Path) -> RecordedFolder:
    found = folder.look(path)
    whole = [segment for segment in found.segments if not segment.broken]
    return RecordedFolder(
        len(found.segments),
        found.size,
        sum(segment.ended - segment.began for segment in whole),
        min((segment.began for segment in whole), default=None),
        max((segment.ended for segment in whole), default=None),
        sum(segment.held is not None for segment in found.segments),
        _logged(path / custody.NAME),
        tuple(custody.complaints(path)),
    )


def _logged(path: Path) -> tuple[tuple[str, str, str], ...]:
    """When, who and what of each line of a log; nothing if there is none."""
    if not path.is_file():
        return ()
    return tuple(_acts(untrusted.lines(path, "log", ReportError)))


def _acts(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for line in lines:
        try:
            entry: Any = untrusted.json_value(line, "log", ReportError)
            camera = f" ({entry['camera']})" if "camera" in entry else ""
            yield str(entry["at"]), str(entry["by"]), f"{entry['act']}{camera}"
        except (AnonymizeError, KeyError, TypeError):
            yield "", "", "a line that was changed or not written whole"
