"""A demonstration film anyone can make: faces, licence plates, sound and metadata, with exact ground truth.

`make_demo` plays a street scene; `make_negative` the same street with nothing in it to hide; `prepare` and
`DemoSample` are what ``anonymize demo`` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sin
from pathlib import Path

import av
import cv2
import ffmpeg
import imageio_ffmpeg
import numpy as np

from anonymize.errors import OutputError
from anonymize.evaluate.truth import FrameTruth, write_truth
from anonymize.recorded.item import Item
from anonymize.samples.camera import Shot, Still, film
from anonymize.samples.encode import Picture, encode
from anonymize.samples.figures import BUST, car, hedge, person, street, van
from anonymize.samples.plates import DESIGNS, Design, render_plate
from anonymize.samples.scene import Actor, Scene, SpritePlace, play

SIZE = (1280, 720)
RATE = 25
SECONDS = 7.0
METADATA = {
    "title": "Corner of Bakery Street, seen from my balcony",
    "comment": "filmed by Alex Example",
    "creation_time": "2026-05-17T09:41:22Z",
    "location": "+59.9139+010.7522+023.000/",
    "com.apple.quicktime.location.ISO6709": "+59.9139+010.7522+023.000/",
    "com.apple.quicktime.make": "Example Phones",
    "com.apple.quicktime.model": "Pocket 12",
}
"""What a phone would write into the file, and nobody should publish."""


@dataclass(frozen=True, slots=True)
class DemoSample:
    """The demonstration film where ``anonymize demo`` works on it."""

    item: Item
    truth: Path

    def compare(self, output: Path, *, time: float = 3.6) -> Path:
        """Put the frame at `time` seconds of film and `output` side by side, as ``compare.png`` beside the film."""
        film = self.item.source
        assert isinstance(film, Path)
        target = film.with_name("compare.png")
        pair = np.hstack([_frame_at(path, time) for path in (film, output)])
        if not cv2.imwrite(str(target), pair):
            raise OutputError(f"cannot write {target}")
        return target


def prepare(folder: Path) -> DemoSample:
    """Make the film in `folder` (which need not exist) as ``sample.mp4``, to be anonymised to ``anonymized.mp4``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
    source, target = folder / "sample.mp4", folder / "anonymized.mp4"
    truth = make_demo(source)
    return DemoSample(Item(source, target, Path(target.name), named=True, sought=True), truth)


def make_demo(path: Path, *, seconds: float = SECONDS, seed: int = 0) -> Path:
    """Film a street with four people and two vehicles at 1280x720, 25 frames a second, with sound and metadata.

    Args:
        path: the MP4 to write; an existing file is replaced.
        seconds: length; everyone has walked through after 7.
        seed: chooses the numbers on the plates.

    Returns:
        The ground truth's path: `path` with the suffix ``.jsonl``.

    Raises:
        OutputError: the file cannot be written.
    """
    frames = round(seconds * RATE)
    silent = path.with_name(f".{path.stem}.silent.mp4")
    truth: list[FrameTruth] = []
    try:
        encode(silent, _recorded(play(_scene(seed), frames, RATE), truth), SIZE, rate=RATE, preset="veryfast")
        _add_sound(silent, path, frames / RATE)
    except (av.FFmpegError, OSError) as error:
        raise OutputError(f"cannot write {path}: {error}") from error
    finally:
        silent.unlink(missing_ok=True)
    return write_truth(path.with_suffix(".jsonl"), truth)


def make_negative(path: Path, *, frames: int = 50, size: tuple[int, int] = SIZE, seed: int = 0) -> Path:
    """Film the empty street, without faces or plates, and return the path of its (empty) ground truth."""
    return film(path, Still(street((1344, 784))), Shot(size=size, frames=frames, rate=RATE, seed=seed))


def _scene(seed: int) -> Scene:
    """Place everyone, the furthest first. Far people walk behind a hedge, near ones along the lower border."""
    rng = np.random.default_rng(seed)
    front = render_plate(rng, design=_design("germany"), height=80, wear=0.15)
    back = render_plate(rng, design=_design("britain two lines"), height=148, wear=0.15)
    ground = 470.0
    actors = (
        Actor(person(hue=60), _walk(start=(-60, ground), speed=95, scale=0.24)),
        Actor(person(hue=105, mirrored=True), _walk(start=(1300, ground + 8), speed=-120, scale=0.36)),
        Actor(hedge((1312, 74)), lambda _: SpritePlace(-16, 428)),
        Actor(van(back, (226, 230, 232)), _drive(start=(760, 660), end=(700, 520), scales=(0.62, 0.24))),
        Actor(car(front, (150, 62, 40)), _drive(start=(330, 520), end=(230, 716), scales=(0.26, 0.95))),
        Actor(person(hue=140, mirrored=True), _walk(start=(1330, 748), speed=-150, scale=0.66, leave=6.4)),
        Actor(person(), _walk(start=(-190, 752), speed=210, scale=0.95, enter=1.2)),
    )
    return Scene(street((SIZE[0] + 32, SIZE[1] + 32)), actors)


def _design(name: str) -> Design:
    return next(design for design in DESIGNS if design.name == name)


def _walk(
    *, start: tuple[float, float], speed: float, scale: float, enter: float = 0.0, leave: float = 60.0
) -> Callable[[float], SpritePlace | None]:
    """Walk level at `speed` pixels a second from `start` (the middle of the cut's lower edge), with a walker's bob."""

    def place(time: float) -> SpritePlace | None:
        if not enter <= time < leave:
            return None
        bob = 14 * scale * abs(sin(5.2 * time))
        x = start[0] + speed * (time - enter)
        return SpritePlace(x - 192 * scale, start[1] - BUST * scale - bob, scale)

    return place


def _drive(
    *, start: tuple[float, float], end: tuple[float, float], scales: tuple[float, float]
) -> Callable[[float], SpritePlace | None]:
    """Drive from `start` to `end` (where the vehicle stands on the road) in `SECONDS`, growing or shrinking."""

    def place(time: float) -> SpritePlace | None:
        share = min(1.0, time / SECONDS)
        scale = 1 / ((1 - share) / scales[0] + share / scales[1])
        near = (scale - scales[0]) / (scales[1] - scales[0])
        x, y = (a + (b - a) * near for a, b in zip(start, end, strict=True))
        return SpritePlace(x - 260 * scale, y - 400 * scale, scale)

    return place


def _recorded(frames: Iterator[tuple[Picture, FrameTruth]], truth: list[FrameTruth]) -> Iterator[Picture]:
    """Pass the pictures on, with sensor noise, and keep their truth."""
    rng = np.random.default_rng(11)
    grain = np.rint(rng.normal(0, 2, (SIZE[1] + 64, SIZE[0] + 64, 3))).astype(np.int16)
    for picture, frame in frames:
        truth.append(frame)
        y, x = rng.integers(0, 65, 2)
        yield np.clip(picture + grain[y : y + SIZE[1], x : x + SIZE[0]], 0, 255).astype(np.uint8)


def _add_sound(silent: Path, path: Path, seconds: float) -> None:
    """Put street noise, a motor and a bell under the film, and a phone's metadata into it."""
    street_noise = ffmpeg.input(f"anoisesrc=color=brown:amplitude=0.10:seed=1:duration={seconds}", f="lavfi")
    motor = ffmpeg.input(f"aevalsrc=0.05*sin(2*PI*(60+12*t)*t)*(0.4+t/{seconds}):d={seconds}", f="lavfi")
    bell = ffmpeg.input(f"aevalsrc=0.2*sin(2*PI*880*t)*exp(-3*mod(t\\,2)):d={seconds}", f="lavfi")
    sound = ffmpeg.filter([street_noise, motor, bell], "amix", inputs=3, normalize=0)
    tags = {f"metadata:g:{i}": f"{key}={value}" for i, (key, value) in enumerate(METADATA.items())}
    job = ffmpeg.output(
        ffmpeg.input(str(silent)).video,
        sound,
        str(path),
        vcodec="copy",
        acodec="aac",
        audio_bitrate="128k",
        movflags="+faststart+use_metadata_tags",
        **tags,
    )
    try:
        job.global_args("-loglevel", "error", "-nostdin").overwrite_output().run(
            cmd=imageio_ffmpeg.get_ffmpeg_exe(), capture_stdout=True, capture_stderr=True
        )
    except ffmpeg.Error as error:
        raise OSError(error.stderr.decode(errors="replace").strip()) from error


def _frame_at(path: Path, time: float) -> Picture:
    """Decode the first frame at or after `time`, the last one if there is none; BGR."""
    with av.open(str(path)) as source:
        frame = None
        for frame in source.decode(video=0):
            if frame.time is not None and frame.time >= time:
                break
        if frame is None:
            raise OutputError(f"{path}: no picture in it")
        return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
