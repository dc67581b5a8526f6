"""Added latency, frames obscured and lost, leaks and memory of `anonymize live`, on a clip that a camera plays.

A camera process plays a made clip in real time over TCP. Each of its frames carries a number that machines can read;
the recorder notes when the frame with that number left its encoder. Both ends share this machine and its clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import av
import numpy as np
import psutil
import typer
from numpy.typing import NDArray

from anonymize import api
from anonymize.errors import UsageError
from anonymize.evaluate import bucket, survival
from anonymize.evaluate.detail import LEAKING
from anonymize.evaluate.measure import ENOUGH_CELLS, ENOUGH_VISIBLE
from anonymize.evaluate.truth import FrameTruth, read_truth
from anonymize.kinds import Kind
from anonymize.live.chain.control import Control
from anonymize.live.chain.loop import run
from anonymize.live.metrics import Metrics
from anonymize.presets import load
from anonymize.settings import Audio, Live, Settings
from benchmarks import clock, report
from benchmarks.clips import BUILD, Clip
from benchmarks.live_ends import RATE, CameraRun, Recorder, cuts_clip, hall_clip, walkers_clip

MIB = 1 << 20
JSON = "live.json"
WARM = 10.0
"""Seconds after which the processor time that parts use is measured."""
MOST_OBSCURED, MOST_GROWTH = 0.15, 1.05
"""Share of frames; factor of memory between the second minute and the last."""


class Camera(StrEnum):
    """What is filmed."""

    STILL = "still"
    DRIFTING = "drifting"
    REAL = "real"
    CUTS = "cuts"


@dataclass(frozen=True, slots=True)
class Leaks:
    """Faces that could still be seen, of those that were scored, as `anonymize evaluate` counts them.

    Args:
        leaked: each as the number of its frame and its own; a clip that was played twice has some twice.
        boxes: all that were scored.
    """

    leaked: list[tuple[int, int]]
    boxes: int


@dataclass(frozen=True, slots=True)
class Lived:
    """What one camera's run left.

    Args:
        recording: what went out.
        clocks: of each frame of it, what its clock said; None for none.
        coded: when each left the encoder, on the monotonic clock.
        begun: when the camera sent its first frame, on the same.
        counts: of `Metrics`.
        memory: resident MiB after each minute.
        cores: of the processor that each thread, the camera and the detector used.
    """

    recording: Path
    clocks: list[int | None]
    coded: list[float]
    begun: float
    counts: dict[str, Any]
    memory: list[int]
    cores: dict[str, float]


def main(
    minutes: Annotated[float, typer.Option(help="For how long.")] = 2.0,
    preset: Annotated[str, typer.Option(help="A preset's name or file.")] = "default",
    detector: Annotated[str, typer.Option(help="Another detector than the preset's.")] = "",
    lookahead: Annotated[float, typer.Option(help="Seconds that frames wait.")] = Live().lookahead,
    camera: Annotated[Camera, typer.Option(help="How it is held, or a real recording.")] = Camera.STILL,
    targets: Annotated[str, typer.Option(help="`face,head,plate`, say, if not what the preset has.")] = "",
    cameras: Annotated[int, typer.Option(help="So many at once, in processes of their own.")] = 1,
    busy: Annotated[int, typer.Option(help="Other processes that each want a whole core, all the time.")] = 0,
    output: Annotated[Path, typer.Option(help="The folder for live.json.")] = report.HERE,
) -> None:
    """Measure, print a table, add the figures to live.json; exit code 1 where a promise is not kept."""
    settings = _settings(preset, detector, lookahead, targets)
    if camera is Camera.REAL:
        clip = hall_clip(BUILD / "cameras")
    elif camera is Camera.CUTS:
        clip = cuts_clip(BUILD / "cameras")
    else:
        clip = walkers_clip(BUILD / "cameras", drifts=camera is Camera.DRIFTING)
    missed: list[str] = []
    with TemporaryDirectory(prefix="live-", dir=BUILD) as folder:
        with _others(busy):
            lives = lived(clip, settings, minutes, Path(folder), cameras)
        by_files = _leaks(clip, _by_files(clip, settings, Path(folder)))
        for live in lives:
            row = {
                "camera": camera.value,
                "cameras": cameras,
                "subjects": len({one.id for line in read_truth(clip.truth) for one in line.subjects if not one.ignore}),
                "busy": busy,
                **figures(clip, settings, minutes, live, by_files),
            }
            for name, value in row.items():
                print(f"{name:>28}  {value}")
            _append(output / JSON, {**report.taken(), "clip": clip.video.stem, "preset": preset, **row})
            missed += misses(row)
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    raise typer.Exit(bool(missed))


def misses(row: Mapping[str, Any]) -> Iterator[str]:
    """The limits that `row`, made by `measure`, exceeds."""
    lookahead = 1000 * row["lookahead_s"]
    for share, more in (("p95", 100), ("p99", 200)):
        if row[f"latency_{share}_ms"] >= lookahead + more:
            yield f"{share} of the added latency under {lookahead + more:.0f} ms"
    if row["fps"] < 24.9:
        yield "25 frames a second"
    if row["obscured"] >= MOST_OBSCURED:
        yield f"under {MOST_OBSCURED:.0%} of frames obscured"
    if row["leaked"] / max(row["boxes"], 1) > row["leaked_by_files"] / max(row["boxes_by_files"], 1):
        yield "no more leaks than the file pipeline"
    memory = row["memory_mib_by_minute"]
    if len(memory) > 2 and memory[-1] > MOST_GROWTH * memory[1]:
        yield "memory after the last minute within 5% of that after the second"


@contextmanager
def _others(count: int) -> Iterator[None]:
    """Keep the processor busy with this many unrelated processes."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _settings(preset: str, detector: str, lookahead: float, targets: str) -> Settings:
    settings = load(preset).settings
    detect = replace(settings.detect, detectors=(detector,)) if detector else settings.detect
    wanted = frozenset(Kind[word.upper()] for word in targets.split(",")) if targets else settings.targets
    live = replace(settings.live, lookahead=lookahead)
    return replace(settings, targets=wanted, detect=detect, live=live)


def lived(clip: Clip, settings: Settings, minutes: float, folder: Path, cameras: int) -> list[Lived]:
    """Run the chain of each camera for the given time, all at once; what each left."""
    recordings = [folder / f"live-{number}.mkv" for number in range(cameras)]
    if cameras == 1:
        return [live_once(clip, settings, minutes, recordings[0])]
    with ProcessPoolExecutor(cameras, get_context("spawn")) as pool:
        begun = [pool.submit(live_once, clip, settings, minutes, recording) for recording in recordings]
        return [one.result() for one in begun]


def live_once(clip: Clip, settings: Settings, minutes: float, recording: Path) -> Lived:
    """Run the chain for the given time."""
    recorders: list[Recorder] = []
    metrics, control, memory = Metrics("benchmark"), Control(), []
    cores: dict[str, float] = {}

    def open_sinks(picture: Any) -> list[Recorder]:
        recorders.append(Recorder(recording, picture))
        return recorders

    with CameraRun(clip) as camera:

        def watch() -> None:
            warm = min(WARM, 30 * minutes)
            time.sleep(warm)
            before, begun = _used(camera.pid), time.monotonic()
            for minute in range(max(1, round(minutes))):
                time.sleep(60 * min(1.0, minutes) - (0 if minute else warm))
                memory.append(round(_resident()))
            took, after = time.monotonic() - begun, _used(camera.pid)
            cores.update({part: round((seconds - before.get(part, 0)) / took, 2) for part, seconds in after.items()})
            control.stop()

        threading.Thread(target=watch, daemon=True).start()
        run(camera.address, open_sinks, settings, metrics, control, audio=Audio.MUTE)
        begun = camera.begun
    (recorder,) = recorders
    return Lived(recording, recorder.clocks, recorder.coded, begun, metrics.snapshot(), memory, cores)


def figures(clip: Clip, settings: Settings, minutes: float, live: Lived, files: Leaks) -> dict[str, Any]:
    """The figures of one camera's run; `files` are the leaks of the clip as anonymised by `run`."""
    counts = live.counts
    frames = sum(1 for _ in read_truth(clip.truth))
    read = clock.in_order(live.clocks, frames)
    first = next((i for i, number in enumerate(read) if number is not None), None)
    if first is None:
        raise UsageError("no frame was shown: this machine is too slow for these settings, or too busy")
    clocks, coded = read[first:], live.coded[first:]
    late = sorted(_latencies(clocks, coded, live.begun, frames / RATE))
    ours = _leaks(clip, live.recording)
    of_the_camera = max(1, counts["frames"]["out"] - counts["frames"]["notice"])
    return {
        "detector": ", ".join(settings.detect.detectors),
        "targets": ", ".join(sorted(kind.label for kind in settings.targets)),
        "minutes": minutes,
        "lookahead_s": settings.live.lookahead,
        "latency_p50_ms": _share(late, 0.5),
        "latency_p95_ms": _share(late, 0.95),
        "latency_p99_ms": _share(late, 0.99),
        "frames": len(clocks),
        "fps": round((len(coded) - 1) / (coded[-1] - coded[0]), 2),
        # Notices, at the start, stand for no frame.
        "notices": counts["frames"]["notice"],
        "obscured": round((counts["frames"]["obscured"] - counts["frames"]["notice"]) / of_the_camera, 4),
        "late": round(counts["frames"]["late"] / of_the_camera, 4),
        "late_covered": round(counts["late_covered"] * counts["frames"]["out"] / of_the_camera, 4),
        "dropped": {reason: n for reason, n in counts["dropped"].items() if reason != "starting"},
        "looks_per_s": round(counts["looks"]["all"] / (60 * minutes), 1),
        "cores": live.cores,
        "memory_mib_by_minute": live.memory,
        "leaked": len(ours.leaked),
        "leaked_by_subject": dict(sorted(Counter(subject for _, subject in ours.leaked).items())),
        "boxes": ours.boxes,
        "leaked_by_files": len(files.leaked),
        "leaked_that_files_hide": len([one for one in ours.leaked if one not in {*files.leaked}]),
        "boxes_by_files": files.boxes,
    }


def _latencies(clocks: Sequence[int | None], coded: Sequence[float], begun: float, seconds: float) -> Iterator[float]:
    """From when the camera sent each frame of a clip of so many `seconds` until it was coded again, seconds."""
    for number, at in zip(clocks, coded, strict=True):
        if number is not None:
            yield (at - begun - number / RATE) % seconds


def _share(ordered: Sequence[float], share: float) -> int:
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def _resident() -> float:
    """Resident memory of this process and those it started for the chain, MiB; the camera's is among them."""
    own = psutil.Process()
    return float(sum(p.memory_info().rss for p in [own, *own.children(recursive=True)])) / MIB


def _used(camera: int | None) -> dict[str, float]:
    """Seconds of processor time so far: of each thread here, of the process `camera`, and of the detector's."""
    names, own = {thread.native_id: thread.name for thread in threading.enumerate()}, psutil.Process()
    used = Counter[str]()
    for thread in own.threads():
        used[names.get(thread.id, "others")] += thread.user_time + thread.system_time
    for process in own.children(recursive=True):
        used["camera" if process.pid == camera else "detector"] += sum(process.cpu_times()[:2])
    return dict(used)


def _by_files(clip: Clip, settings: Settings, folder: Path) -> Path:
    """The clip as anonymised by `run`, also where its check would not release it: its leaks are counted here."""
    target = folder / "file.mp4"
    api.run(clip.video, target, replace(settings, verify=replace(settings.verify, publish_unverified=True)))
    return target


def _leaks(clip: Clip, recording: Path) -> Leaks:
    """Compare every frame of `recording` whose clock can be read with the clip's frame of that number."""
    leaked: list[tuple[int, int]] = []
    boxes = 0
    originals, frames = _originals(clip), sum(1 for _ in read_truth(clip.truth))
    numbers = clock.in_order(map(clock.read, _lumas(recording)), frames)
    for luma, number in zip(_lumas(recording), numbers, strict=True):
        if number is None:
            continue
        before, truth = next(originals)
        while truth.frame != number:
            before, truth = next(originals)
        for subject in truth.subjects:
            if subject.ignore or subject.visible < ENOUGH_VISIBLE or bucket(subject.height) is None:
                continue
            informative, surviving = survival(before, luma, subject.xyxy)
            if informative >= ENOUGH_CELLS:
                boxes += 1
                if surviving > LEAKING * informative:
                    leaked.append((number, subject.id))
    return Leaks(leaked, boxes)


def _originals(clip: Clip) -> Iterator[tuple[NDArray[np.uint8], FrameTruth]]:
    while True:
        yield from zip(_lumas(clip.video), read_truth(clip.truth), strict=True)


def _lumas(path: Path) -> Iterator[NDArray[np.uint8]]:
    with av.open(str(path)) as source:
        for frame in source.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="gray"), np.uint8)


def _append(file: Path, row: dict[str, Any]) -> None:
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    file.write_text(json.dumps([*rows, row], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
