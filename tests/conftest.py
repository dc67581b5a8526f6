from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage
from hypothesis import settings

from anonymize.data import Timestamps
from anonymize.plan import Plan, Regions
from anonymize.recorded import passes
from tests.helpers.limits import nothing_is_left_behind, pytest_runtest_call
from tests.helpers.media import Picture, make_video
from tests.helpers.skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = [
    "nothing_is_left_behind",
    "pytest_make_collect_report",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]

settings.register_profile("any machine", deadline=None)  # a busy one is no fault of the code's
settings.load_profile("any machine")

SIZE = (320, 240)
FRAMES = 20


def astronaut() -> Picture:
    """A face that may be shown: NASA's portrait of Eileen Collins, (512, 512, 3) RGB, from scikit-image's wheel."""
    path = Path(skimage.__file__).with_name("data") / "astronaut.png"
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def face_pictures(frames: int = FRAMES, size: tuple[int, int] = SIZE) -> list[Picture]:
    """A face that drifts over a plain, grainy background; (height, width, 3) RGB each."""
    portrait = cv2.resize(astronaut()[:256, 96:352], (120, 120), interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(7).integers(90, 130, (size[1], size[0], 3), np.uint8)
    pictures = []
    for index in range(frames):
        picture = grain.copy()
        x, y = 40 + 4 * index, 60 + index
        picture[y : y + 120, x : x + 120] = portrait
        pictures.append(picture)
    return pictures


def face_box(index: int) -> tuple[int, int, int, int]:
    """Where the face of `face_pictures` is on frame `index`: eyes, nose and mouth, x0 y0 x1 y1."""
    x, y = 40 + 4 * index, 60 + index
    return x + 42, y + 32, x + 82, y + 84


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of one moving face with sound, a title, a place and a subtitle."""
    return make_video(
        tmp_path_factory.mktemp("clips") / "face.mp4",
        frames=face_pictures(),
        options={"crf": "12"},
        audio=True,
        subtitle=True,
        metadata={"title": "at home", "location": "+59.9139+010.7522/"},
    )


@pytest.fixture(scope="session")
def empty_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with nobody in it."""
    grain = np.random.default_rng(7).integers(90, 130, (SIZE[1], SIZE[0], 3), np.uint8)
    return make_video(tmp_path_factory.mktemp("clips") / "empty.mp4", frames=[grain] * 8)


@pytest.fixture
def blind_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look finds nobody."""
    real = passes.detect

    def nobody(*arguments: Any, **named: Any) -> tuple[Plan, Timestamps]:
        made, times = real(*arguments, **named)
        return Plan(made.about, Regions([])), times

    monkeypatch.setattr(passes, "detect", nobody)
