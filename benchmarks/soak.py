"""Two cameras for an hour, and all that goes wrong meanwhile: `make soak MINUTES=60`.

Every three minutes a process is killed that was drawn by lot (the supervisor is started again, as systemd does), every
minute HUP comes with a file that is good or bad in turn, and once a disk is full for a minute. What was recorded is
then judged by a judge of its own: every picture against the one that the camera sent, and its time against when.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np
import psutil
from av.video.stream import VideoStream

from anonymize.live.recordings import index
from benchmarks import clock
from tests.helpers.live import Luma, exposed, street_scene
from tests.helpers.servers import free_port

RATE, SIZE, LOOP, GROUP = 25, (640, 360), 400, 25
"""Frames a second, their size, frames until the scene begins anew, and from one key picture to the next."""
KILL_EVERY, HUP_EVERY, SAMPLE_EVERY = 180.0, 60.0, 10.0
ROOM = 96
"""MB of the disk that will be full."""
RIGHT = 0.1
"""Seconds by which the time of a recorded picture may be wrong."""
GROWTH = 1.1
_CALM = 30.0
"""Seconds at the end in which nothing is killed, so that what starts can stop in order."""
BLANK = 8
"""Levels of 8 bits between which most of a picture lies that shows nothing, after coding."""
GOOD = "zones = [{{ polygon = [[{0}, 300], [600, 300], [600, 350], [{0}, 350]] }}]"
BAD = ("zones = [", "zones = [{ polygon = [[1, 1]] }]", "nonsense = 3", 'targets = ["screens"]')


@cache
def packets() -> tuple[list[bytes], bytes]:
    """The loop of the scene as H.264, each picture with its number."""
    coded = av.CodecContext.create("libx264", "w")
    assert isinstance(coded, av.VideoCodecContext)
    coded.width, coded.height, coded.pix_fmt = *SIZE, "yuv420p"
    coded.time_base, coded.framerate = Fraction(1, RATE), Fraction(RATE)
    coded.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(GROUP), "x264-params": "scenecut=0"}
    found: list[bytes] = []
    for number in range(LOOP):
        picture = street_scene()[number % len(street_scene())][0][: SIZE[1], : SIZE[0]].copy()
        clock.draw(picture, number)
        frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv420p")
        frame.pts = number
        found += [bytes(packet) for packet in coded.encode(frame)]
    found += [bytes(packet) for packet in coded.encode(None)]
    return found, bytes(coded.extradata or b"")


class Camera:
    """A camera that goes on whoever watches: MPEG-TS over TCP, the current picture at any time."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._epoch = time.time()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.sent: dict[int, list[float]] = defaultdict(list)
        """Number of a picture -> when it was sent, in seconds since the epoch."""
        threading.Thread(target=self._serve, daemon=True).start()

    def wrong_by(self, number: int, at: float) -> float:
        """Seconds by which `at` is before that picture was due, or (positive) after it was sent, which may be later."""
        sent = min(self.sent[number], key=lambda one: abs(one - at))
        loop = LOOP / RATE
        due = self._epoch + number / RATE
        due += round((sent - due) / loop) * loop
        return min(at - due, 0.0) or max(at - max(sent, due), 0.0)

    def _serve(self) -> None:
        while True:
            peer, _ = self._server.accept()
            threading.Thread(target=self._play, args=(peer,), daemon=True).start()

    def _play(self, peer: socket.socket) -> None:
        coded, _ = packets()
        with ExitStack() as stack:
            stack.enter_context(suppress(OSError, av.error.FFmpegError))
            file = stack.enter_context(stack.enter_context(peer).makefile("wb", buffering=0))
            options = {"flush_packets": "1"}
            out = stack.enter_context(av.open(file, "w", format="mpegts", container_options=options))
            stream = out.add_stream("libx264", rate=RATE)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
            number = (int((time.monotonic() - self._begun) * RATE) // GROUP + 1) * GROUP
            while True:
                time.sleep(max(0.0, self._begun + number / RATE - time.monotonic()))
                packet = av.Packet(coded[number % LOOP])
                packet.stream, packet.time_base = stream, Fraction(1, RATE)
                packet.pts = packet.dts = number
                packet.is_keyframe = number % GROUP == 0
                self.sent[number % LOOP].append(time.time())
                out.mux(packet)
                number += 1


class Soak:
    """The cameras, the program that is tried, and what is done to it."""

    def __init__(self, folder: Path, seed: int, *, faces: bool) -> None:
        self.faces = faces
        self.folder, self.random = folder, random.Random(seed)
        self.cameras = {"one": Camera(), "two": Camera()}
        self.port = free_port()
        self.log = folder / "log.jsonl"
        self.done: Counter[str] = Counter()
        self.memory: list[tuple[float, float]] = []
        self.samples: dict[str, dict[str, float]] = {}
        self.hups = 0
        self._turns: list[str] = []
        """Kinds of processes of which none was killed in this round."""
        self.config = folder / "cameras.toml"
        self._write(GOOD.format(500))
        self._begin()

    def _write(self, settings: str) -> None:
        text = f"metrics = {self.port}\n"
        for name, camera in self.cameras.items():
            text += f'[cameras.{name}]\nsource = "{camera.address}"\nto = ["record:{self.folder}/{name}"]\n'
            text += f"segment = 20\n[cameras.{name}.settings]\n{settings}\ndetect.min_face = 24\n"
            text += "" if self.faces or "targets" in settings else "targets = []\n"
        self.config.write_text(text)

    def _begin(self) -> None:
        command = [sys.executable, "-m", "anonymize", "live", "--config", str(self.config), "--json"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill a process of the kind that comes next, in turns that are drawn by lot: one of each, then anew."""
        main = psutil.Process(self.process.pid)
        family = main.children(recursive=True)
        kinds: dict[str, list[psutil.Process]] = defaultdict(list)
        for one in (main, *family):
            with suppress(psutil.NoSuchProcess):
                kinds[_kind_of(one, main)].append(one)
        self._turns = [kind for kind in self._turns if kind in kinds] or self.random.sample(sorted(kinds), len(kinds))
        what = self._turns.pop()
        drawn = self.random.choice(kinds[what])
        self.done[f"kill {what}"] += 1
        drawn.kill()
        if drawn == main:  # the unit kills what is left, and starts it again
            for one in family:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            self.process.wait()
            time.sleep(2)
            self._write(GOOD.format(500))
            self._begin()

    def hup(self) -> None:
        """Read the file again: a good one and a bad one in turn."""
        self.hups += 1
        good = self.hups % 2 == 1
        self._write(GOOD.format(400 + self.hups % 100) if good else BAD[self.hups // 2 % len(BAD)])
        self.done["HUP with a good file" if good else "HUP with a bad file"] += 1
        self.process.send_signal(signal.SIGHUP)

    def fill(self) -> None:
        """Leave no room on the disk of the second camera."""
        self.done["disk full"] += 1
        folder = self.folder / "two"
        free = os.statvfs(folder)
        with suppress(OSError), (folder / "fill").open("wb") as file:
            for _ in range(free.f_bavail * free.f_frsize >> 20):
                file.write(bytes(1 << 20))

    def sample(self) -> None:
        """Note memory, and what was counted."""
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            used = sum(one.memory_info().rss for one in [main, *main.children(recursive=True)])
            self.memory.append((time.monotonic(), used / (1 << 20)))
        address = f"http://127.0.0.1:{self.port}/metrics"
        with suppress(OSError), urllib.request.urlopen(address, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("anonymize_frames_") and "_total{" in line:
                    name, value = line.rsplit(" ", 1)
                    self.samples.setdefault(str(self.process.pid), {})[name] = float(value)

    def end(self) -> int:
        """Stop it in order."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def _kind_of(process: psutil.Process, main: psutil.Process) -> str:
    if process == main:
        return "supervisor"
    if "resource_tracker" in " ".join(process.cmdline()):  # every process of `multiprocessing` names its `tracker_fd`
        return "resource tracker"
    return "camera" if process.ppid() == main.pid else "detector"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A disk of `ROOM` MB at `folder`, if this user may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


def main() -> None:
    """Run, judge, print; exit code 1 where something is not as it must be."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--zones", action="store_true", help="hide a zone alone: for a machine that has no time to detect"
    )
    parser.add_argument(
        "--keep",
        type=Path,
        help="a folder for what was recorded, and pictures that show neither the scene nor a notice",
    )
    asked = parser.parse_args()
    packets()
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(TemporaryDirectory(prefix="soak-")))
        folder.mkdir(exist_ok=True)
        small = stack.enter_context(small_disk(folder / "two"))
        soak = Soak(folder, asked.seed, faces=not asked.zones)
        try:
            play(soak, asked.minutes, small)
        finally:
            code = soak.end()
        wrong = [*judge(soak), *([] if code in (0, 17) else [f"exit code {code}"])]
        if not small:
            print("no disk was full: it takes the right to mount one")
        print(dict(soak.done))
        print("load:", " ".join(f"{one:.1f}" for one in os.getloadavg()))
    for line in wrong:
        print(f"WRONG: {line}")
    sys.exit(bool(wrong))


def play(soak: Soak, minutes: float, small: bool) -> None:
    """Do to it what is due, for so long."""
    begun = time.monotonic()
    full = begun + 60 * minutes * 0.4
    due: list[tuple[float, str]] = [(begun + HUP_EVERY, "hup"), (begun + KILL_EVERY, "kill"), (begun, "sample")]
    due += [(full, "full"), (full + 60, "free")] if small else []
    every = {"hup": HUP_EVERY, "kill": KILL_EVERY, "sample": SAMPLE_EVERY}
    acts: dict[str, Callable[[], None]] = {
        "hup": soak.hup,
        "kill": soak.kill,
        "sample": soak.sample,
        "full": soak.fill,
        "free": lambda: (soak.folder / "two" / "fill").unlink(missing_ok=True),
    }
    while due:
        due.sort()
        at, what = due.pop(0)
        if at > begun + 60 * minutes:
            return
        if what == "kill" and at > begun + 60 * minutes - _CALM:
            continue
        time.sleep(max(0.0, at - time.monotonic()))
        acts[what]()
        if what in every:
            due.append((at + every[what], what))


def judge(soak: Soak) -> Iterator[str]:
    """What is wrong; figures are printed."""
    late: list[float] = []
    pictures, numbered, bare, unknown, segments = 0, 0, 0, 0, 0
    for name, camera in soak.cameras.items():
        folder = soak.folder / name
        rows = index.read(folder)
        last = None
        for path in sorted(
            folder.glob("*.mp4")
        ):  # a segment may begin with the last picture of the one before, covered
            segments += 1
            try:
                shown = list(_shown(path))
            except av.error.FFmpegError as error:
                yield f"{path.name} of {name} cannot be opened: {error}"
                continue
            row = rows.get(path.name)
            if row is None:
                yield f"{path.name} of {name} is not in the index"
            for at, luma in shown:
                pictures += 1
                number = clock.read(luma)
                if number is None or number >= LOOP:
                    if not (_blank(luma) or _repeats(luma, last)):
                        unknown += 1
                        cv2.imwrite(str(soak.folder / f"unknown-{unknown}-{name}-{path.stem}-{at:.2f}s.png"), luma)
                    continue
                numbered += 1
                last = luma
                if soak.faces:
                    bare += bool(exposed(luma, number % len(street_scene())))
                else:
                    bare += bool(np.median(luma[305:345, 505:595]) > 16 + BLANK)
                if row is not None:
                    late.append(camera.wrong_by(number, row.began + at))
    wrong_times = sum(abs(off) > RIGHT for off in late)
    ordered = sorted(late)
    print(f"{segments} segments, {pictures} pictures, {numbered} of them show the scene")
    if ordered:
        p1, p50, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.01, 0.5, 0.99))
        print(
            f"times: {1000 * ordered[0]:.0f} to {1000 * ordered[-1]:.0f} ms; p1 {1000 * p1:.0f}, "
            f"p50 {1000 * p50:.0f}, p99 {1000 * p99:.0f}"
        )
    per_minute = _by_minute(soak.memory)
    print("memory by minute, MiB:", [round(one) for one in per_minute])
    frames = Counter[str]()
    for counted in soak.samples.values():
        for name, value in counted.items():
            frames[name.split("{")[0].removeprefix("anonymize_frames_")] += round(value)
    print("frames:", dict(frames))
    if not numbered:
        yield "no picture shows the scene"
    if bare:
        yield f"{bare} pictures show what must be hidden"
    if unknown:
        yield f"{unknown} pictures show neither the scene with its number nor a notice"
    if wrong_times:
        yield f"{wrong_times} of {len(late)} pictures have a time that is wrong by more than {RIGHT} s"
    half = len(per_minute) // 2
    if half >= 2 and max(per_minute[half:]) > GROWTH * max(per_minute[1:half] or per_minute[:1]):
        yield f"memory grew to {max(per_minute[half:]):.0f} MiB"


def _shown(path: Path) -> Iterator[tuple[float, Luma]]:
    """Seconds from its first picture, and luma, of every picture of a recording."""
    with av.open(str(path)) as container:
        first = None
        for frame in container.decode(video=0):
            time_of = float((frame.pts or 0) * (frame.time_base or 0))
            first = time_of if first is None else first
            yield time_of - first, np.asarray(frame.to_ndarray()[: frame.height], np.uint8)


def _blank(luma: Luma) -> bool:
    low, high = np.percentile(luma, (5, 85))
    return bool(high - low <= BLANK)


def _repeats(luma: Luma, last: Luma | None) -> bool:
    """Whether it is the last picture with a number once more, but for black and covers of one level."""
    if last is None:
        return False
    different = np.abs(luma.astype(int) - last) > 3 * BLANK
    different[-24:, :48] = False  # the mark
    different &= luma > 16 + BLANK
    low, high = np.percentile(luma[different], (10, 90)) if different.any() else (0.0, 0.0)
    return bool(high - low <= 3 * BLANK)


def _by_minute(samples: list[tuple[float, float]]) -> list[float]:
    minutes: dict[int, list[float]] = defaultdict(list)
    for at, used in samples:
        minutes[int((at - samples[0][0]) // 60)].append(used)
    return [statistics.median(used) for _, used in sorted(minutes.items())]


if __name__ == "__main__":
    main()
