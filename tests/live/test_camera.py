"""A webcam and a virtual camera, by what FFmpeg asks of their drivers: no machine that tests this has either.

`tests/helpers/v4l2.c` answers in the drivers' place, and says what it answers.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import FRAMES, SIZE, face_box, face_pictures
from tests.helpers.servers import running, until

Luma = NDArray[np.int16]
SOURCE = Path(__file__).parents[1] / "helpers" / "v4l2.c"
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler: .ci/run installs gcc")
WIDTH, HEIGHT = SIZE
CODED = WIDTH * HEIGHT * 3 // 2
"""Bytes of a picture of the virtual camera."""
ALIKE, UNLIKE = 2, 30
"""Mean difference of luma below which two pictures are the same, and above which they are not.
A notice is as bright as the scene."""


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in, compiled."""
    made = tmp_path_factory.mktemp("standin") / "v4l2.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(made), str(SOURCE), "-ldl"], check=True)
    return made


@pytest.fixture
def environment(standin: Path, tmp_path: Path) -> dict[str, str]:
    """Of a process for which /dev/video_in shows the moving face, and /dev/video_out is a file."""
    source = tmp_path / "seen.yuyv"
    with source.open("wb") as file:
        for picture in face_pictures():
            made = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuyv422")
            file.write(made.to_ndarray().tobytes())
    size = {"STANDIN_WIDTH": str(WIDTH), "STANDIN_HEIGHT": str(HEIGHT)}
    places = {"STANDIN_SOURCE": str(source), "STANDIN_TARGET": str(tmp_path / "shown.yuv")}
    return {"LD_PRELOAD": str(standin), **size, **places}


def seen(environment: dict[str, str]) -> list[Luma]:
    """The luma of what the camera shows."""
    data = np.fromfile(environment["STANDIN_SOURCE"], np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 2)
    return list(data[..., 0].astype(np.int16))


class Screen:
    """Whoever watches the virtual camera."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._path, self._known = Path(environment["STANDIN_TARGET"]), seen(environment)
        self.pictures: list[Luma] = []
        """The luma of every picture so far."""
        self.scenes: list[bool] = []
        """Whether each shows the scene: what is right of the face is neither hidden nor a notice."""

    def look(self) -> int:
        """Take what has come since the last look; the number of pictures so far."""
        if self._path.exists():
            data = np.fromfile(self._path, np.uint8, offset=CODED * len(self.pictures))
            for picture in data[: len(data) // CODED * CODED].reshape(-1, CODED):
                luma = picture[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH).astype(np.int16)
                beside = np.s_[:, WIDTH - 60 :]
                self.pictures.append(luma)
                self.scenes.append(bool(np.abs(luma[beside] - self._known[0][beside]).mean() < ALIKE))
        return len(self.pictures)

    def waits_for(self, count: int) -> None:
        """Wait until `count` more pictures show the scene."""
        before = self.look()
        until(lambda: self.look() and sum(self.scenes[before:]) >= count, 60, "the scene is shown")


@needs_compiler
def test_a_webcam_that_is_pulled_out_and_put_back_shows_in_a_virtual_camera(environment: dict[str, str]) -> None:
    source, screen = Path(environment["STANDIN_SOURCE"]), Screen(environment)
    data, known = source.read_bytes(), seen(environment)
    with running("/dev/video_in", "--to", "/dev/video_out", environment=environment) as (_, said):
        screen.waits_for(10)
        source.write_bytes(b"")
        until(lambda: '"lost"' in said() or "state=lost" in said(), 60, "the camera is lost")
        gone = screen.look()
        until(lambda: screen.look() > gone + 40, 60, "a notice is shown")
        assert not screen.scenes[-1]
        source.write_bytes(data)
        screen.waits_for(10)
    screen.look()
    form = Path(environment["STANDIN_TARGET"] + ".format").read_text().split()
    assert form == [str(WIDTH), str(HEIGHT), "YU12", str(CODED)]
    for picture in screen.pictures:
        for index, one in enumerate(known):
            x0, y0, x1, y1 = face_box(index)
            assert np.abs(picture[y0:y1, x0:x1] - one[y0:y1, x0:x1]).mean() > UNLIKE, "a face is shown"


PULLED = """
from itertools import islice
from anonymize.live.source.connection import Stream, way_to

with Stream(way_to("/dev/video_in"), 5.0, "a") as stream:
    pictures = list(islice(stream.pictures(), 2))
for picture in pictures:
    print(picture.to_ndarray(format="yuyv422")[..., 0].tobytes().hex())
    print(picture.reformat(format="yuv420p").format.name)
"""


@needs_compiler
def test_pictures_of_a_webcam_outlive_it(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PULLED], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, form, second, _ = done.stdout.split()
    assert form == "yuv420p"
    for text, known in zip((first, second), seen(environment), strict=False):
        assert (np.frombuffer(bytes.fromhex(text), np.uint8).reshape(HEIGHT, WIDTH) == known).all()


@needs_compiler
def test_a_virtual_camera_shows_a_file(environment: dict[str, str], face_clip: Path) -> None:
    with running(str(face_clip), "--loop", "--to", "/dev/video_out", environment=environment):
        Screen(environment).waits_for(10)
