"""The two ends of the live benchmark: a camera that plays a clip in real time, and a recorder that reads its clock."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from anonymize.data import Frame
from anonymize.evaluate.truth import FrameTruth, Subject, read_truth, write_truth
from anonymize.live.protocols import Picture
from anonymize.media.frames.frame import VideoPicture
from anonymize.samples.encode import encode
from anonymize.samples.figures import person
from anonymize.samples.figures import street as drawn
from anonymize.samples.scene import Scene, play
from benchmarks import clock
from benchmarks.clips import DATA, Clip
from benchmarks.fixed import REAL, STREET
from benchmarks.street import labelled, photographed, walking
from benchmarks.street import scene as photographed_scene

SIZE, RATE, SECONDS = (1280, 720), 25, 20
HALL_FIRST = 250
"""Picture of the real recording with which its clip begins."""
DRIFT = 16
"""Margin of the picture in pixels; the hand moves it by up to nine tenths of that."""
WALKS = (
    *((24.0, 0.5, 150.0), (28.0, 1.5, -170.0), (32.0, 0.2, 190.0), (38.0, 3.0, -210.0)),
    *((44.0, 2.0, 230.0), (50.0, 5.0, -250.0), (26.0, 6.0, -180.0), (34.0, 7.0, 200.0)),
    *((60.0, 6.5, 270.0), (70.0, 8.5, -290.0), (84.0, 10.0, 320.0), (100.0, 12.0, -350.0)),
)
"""Of each one: height of the face in pixels, when, and how fast (pixels a second)."""
CUTS, SHOT = 40, 30
"""Cuts of the clip that has many, and frames between two of them."""
_SHOTS = (
    (0.3, (44.0, 64.0, 38.0, 84.0)),
    (1.0, (24.0, 28.0, 34.0, 40.0, 48.0, 26.0, 32.0, 44.0, 30.0, 56.0)),
    (1.0, (170.0, 260.0)),
)
"""In the dark, a crowd, close-ups: brightness, and the heights of faces in pixels. They take turns."""
_CAMERA = {"tune": "zerolatency", "g": "50"}
"""How cameras encode: no picture waits for another, and every two seconds one stands by itself."""
_RECORDING = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20", "g": "50"}


def walkers_clip(folder: Path, *, drifts: bool = False, data: Path = DATA) -> Clip:
    """Twelve people who walk through a street within 20 seconds, a clock in the corner; made once.

    They are real ones in a photographed street where the development data is, else one portrait in a drawn street. The
    camera stands still, or `drifts` by up to 14 pixels as in a hand. The picture is empty at start and end, so that
    the clip can be looped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = (data / "people" / "annotations.jsonl").exists()
    video = folder / f"{'people' if there else 'portraits'}-{'drifting' if drifts else 'still'}.mp4"
    if not video.with_suffix(".jsonl").exists():
        margin = DRIFT if drifts else 0
        people = photographed(data, len(WALKS)) if there else [person(hue=15 * number) for number in range(len(WALKS))]
        actors = walking(people, SIZE, WALKS)
        scene = Scene(drawn((SIZE[0] + 2 * margin, SIZE[1] + 2 * margin)), actors, margin)
        if there:
            scene = photographed_scene(data, SIZE, actors, margin=margin, seed=STREET)
        truth: list[FrameTruth] = []
        encode(video, _pictures(scene, truth), SIZE, rate=RATE, crf=18, preset="veryfast", options=_CAMERA)
        write_truth(video.with_suffix(".jsonl"), truth)
    return Clip(video, video.with_suffix(".jsonl"))


def cuts_clip(folder: Path, *, data: Path = DATA) -> Clip:
    """Shots of 1.2 seconds in the dark, of a crowd, of close-ups, in turn: each another street with others in it.

    They walk, and are in the picture from its first frame on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "people-cuts.mp4"
    if not video.with_suffix(".jsonl").exists():
        truth: list[FrameTruth] = []
        encode(video, _shots(data, truth), SIZE, rate=RATE, crf=18, preset="veryfast", options=_CAMERA)
        write_truth(video.with_suffix(".jsonl"), truth)
    return Clip(video, video.with_suffix(".jsonl"))


def _shots(data: Path, truth: list[FrameTruth]) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    people, rng = photographed(data, 24), np.random.default_rng(STREET)
    for number in range(CUTS + 1):
        brightness, heights = _SHOTS[number % len(_SHOTS)]
        chosen = [people[one] for one in rng.permutation(len(people))[: len(heights)]]
        # Somewhere in the picture when it begins, at half a face a second and more.
        begins = -rng.uniform(0.15, 0.85, len(heights)) * SIZE[0]
        speeds = rng.choice((-1, 1), len(heights)) * np.array(heights) * rng.uniform(0.5, 2, len(heights))
        walks = [(h, float(x / abs(v)), float(v)) for h, x, v in zip(heights, begins, speeds, strict=True)]
        scene = photographed_scene(data, SIZE, walking(chosen, SIZE, walks, number), margin=0, seed=number)
        for picture, frame in play(scene, SHOT, RATE):
            index = len(truth)
            truth.append(replace(frame, frame=index, time=index / RATE))
            shown = np.asarray(picture * brightness, np.uint8)
            clock.draw(shown, index)
            yield shown


def hall_clip(folder: Path, *, data: Path = DATA) -> Clip:
    """A real recording of people who enter a hall one by one, from its 251st picture on, enlarged, at 25 a second.

    A clock is in the corner. The few labelled frames count alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "hall-real.mp4"
    if not video.with_suffix(".jsonl").exists():
        truth: list[FrameTruth] = []
        pictures = _enlarged(labelled(data, REAL, folder), truth)
        encode(video, pictures, SIZE, rate=RATE, crf=18, preset="veryfast", options=_CAMERA)
        write_truth(video.with_suffix(".jsonl"), truth)
    return Clip(video, video.with_suffix(".jsonl"))


def _enlarged(clip: Clip, truth: list[FrameTruth]) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    with av.open(str(clip.video)) as source:
        both = zip(source.decode(video=0), read_truth(clip.truth), strict=True)
        for number, (frame, lines) in enumerate(islice(both, HALL_FIRST, HALL_FIRST + round(SECONDS * RATE))):
            across, down = SIZE[0] / frame.width, SIZE[1] / frame.height
            subjects = tuple(_scaled(subject, across, down) for subject in lines.subjects)
            truth.append(FrameTruth(number, number / RATE, SIZE, subjects))
            picture = np.asarray(frame.reformat(*SIZE, "bgr24").to_ndarray(), np.uint8)
            clock.draw(picture, number)
            yield picture


def _scaled(subject: Subject, across: float, down: float) -> Subject:
    x0, y0, x1, y1 = subject.xyxy
    box = (across * x0, down * y0, across * x1, down * y1)
    return Subject(subject.id, subject.kind, box, down * subject.height, subject.visible, ignore=subject.ignore)


def _pictures(scene: Scene, truth: list[FrameTruth]) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    for picture, frame in play(scene, round(SECONDS * RATE), RATE):
        truth.append(frame)
        clock.draw(picture, frame.frame)
        yield picture


class CameraRun:
    """Plays a clip in a loop over TCP, in real time, from a process of its own. A context manager.

    Frame `i` since the start leaves at ``begun + i / RATE`` on the monotonic clock.
    """

    def __init__(self, clip: Clip) -> None:
        context = get_context("spawn")
        self._port = _free_port()
        self._says, theirs = context.Pipe()
        self._process = context.Process(target=_play, args=(clip.video, self._port, theirs))

    @property
    def address(self) -> str:
        """What to give to `anonymize live`."""
        return f"tcp://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The number of its process."""
        return self._process.pid

    @property
    def begun(self) -> float:
        """When the first frame left; waits for it."""
        if not hasattr(self, "_begun"):
            self._begun: float = self._says.recv()
        return self._begun

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _play(video: Path, port: int, says: Connection) -> None:
    address, at_once = f"tcp://127.0.0.1:{port}?listen=1&tcp_nodelay=1", {"flush_packets": "1"}
    with av.open(address, "w", format="flv", container_options=at_once) as out:
        with av.open(str(video)) as source:
            stream = out.add_stream_from_template(source.streams.video[0])
        begun, sent = time.monotonic(), 0
        says.send(begun)
        while True:
            with av.open(str(video)) as source:
                for packet in source.demux(source.streams.video[0]):
                    if packet.size:
                        time.sleep(max(0.0, begun + sent / RATE - time.monotonic()))
                        packet.stream, packet.time_base = stream, Fraction(1, RATE)
                        packet.pts = packet.dts = sent
                        out.mux(packet)
                        sent += 1


class Recorder:
    """A live sink that encodes to a file with x264 and notes when each frame was coded, and what its clock said.

    Args:
        path: a Matroska file.
        picture: size and rate of the frames.
    """

    name = "recorder"

    def __init__(self, path: Path, picture: Picture) -> None:
        self.clocks: list[int | None] = []
        """What the clock in each frame said; None for none."""
        self.coded: list[float] = []
        """When each frame left the encoder, on the monotonic clock."""
        self._out = av.open(str(path), "w")
        stream = self._out.add_stream("libx264", rate=picture.rate, options=_RECORDING)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        stream.codec_context.thread_count = 1
        self._stream = stream
        self._queue: queue.Queue[VideoPicture | None] = queue.Queue(maxsize=50)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def write(self, frame: Frame) -> None:
        """See `LiveSink.write`. A recorder that is too slow would spoil the measurement: it says so."""
        assert isinstance(frame, VideoPicture)
        self._queue.put_nowait(frame)

    def sound(self, packet: Packet[Any]) -> None:
        """There is none."""

    def close(self, within: float) -> None:
        """See `LiveSink.close`."""
        self._queue.put(None)
        self._thread.join(within)
        self._out.mux(self._stream.encode(None))
        self._out.close()

    def _run(self) -> None:
        while (frame := self._queue.get()) is not None:
            self.clocks.append(clock.read(frame.planes[0].pixels))
            self._out.mux(self._stream.encode(frame.picture))
            self.coded.append(time.monotonic())
