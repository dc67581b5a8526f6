"""What every detector promises, run against each of them that is installed here."""

from __future__ import annotations

import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.data import Detections, Kind
from anonymize.detect import DETECTORS, FLOOR, PROCESSOR_ONLY, Detector, build
from anonymize.errors import ModelError
from anonymize.kinds import FOUND
from anonymize.settings import Device

ASTRONAUT_FACE = (180.0, 65.0, 272.0, 176.0)
DEVICE = Device(os.environ.get("DEVICE", "cpu"))
"""On what all of them run; `tests/contracts/test_device.py` sees to it that they do."""
IMPORTED = Path(__file__).parents[3] / "shared" / "models"
"""Where a developer's machine keeps the models that a user would import."""


@pytest.fixture(params=sorted(set(DETECTORS) - (set() if DEVICE is Device.CPU else PROCESSOR_ONLY)), scope="module")
def detector(request: pytest.FixtureRequest) -> Detector:
    return made(request.param)


def made(name: str) -> Detector:
    with pytest.MonkeyPatch.context() as patch:
        if IMPORTED.is_dir():
            patch.setenv("ANONYMIZE_MODELS", str(IMPORTED))
        try:
            return build([name], set(), threads=1, device=DEVICE)[0]
        except ModelError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def astronaut() -> NDArray[np.uint8]:
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-image, whose astronaut is looked for, is not installed")
    stored = np.frombuffer((Path(spec.origin).parent / "data" / "astronaut.png").read_bytes(), np.uint8)
    return cv2.imdecode(stored, cv2.IMREAD_COLOR).astype(np.uint8)


def sound(found: Detections, detector: Detector) -> None:
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy[:, :2] < found.xyxy[:, 2:]).all()
    assert (found.score >= FLOOR - 1e-6).all()
    assert (found.score <= 1).all()
    assert {Kind(int(k)) for k in found.kind} <= set(detector.kinds)


def same(a: Detections, b: Detections) -> bool:
    return all(np.array_equal(x, y) for x, y in ((a.xyxy, b.xyxy), (a.score, b.score), (a.kind, b.kind)))


def overlap(a: Any, b: Any) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0) * max(height, 0))
    return shared / float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def test_says_what_it_is(detector: Detector) -> None:
    assert detector.name in DETECTORS
    assert len(detector.sha256) == 64
    assert detector.kinds
    assert detector.kinds <= set(FOUND)
    assert set(detector.min_size) == detector.kinds
    assert all(0 < length < detector.max_input_side for length in detector.min_size.values())


@pytest.mark.parametrize("value", [0, 127, 255])
def test_finds_nothing_in_an_even_picture(detector: Detector, value: int) -> None:
    found = detector.detect(np.full((240, 320, 3), value, np.uint8))
    sound(found, detector)
    assert (found.score < 0.3).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 500), (500, 3), (31, 33), (97, 203)])
def test_takes_pictures_of_any_size(detector: Detector, height: int, width: int) -> None:
    sound(detector.detect(noise(height, width)), detector)


def test_grey_noise_gives_sound_boxes(detector: Detector) -> None:
    grey = np.repeat(noise(180, 320)[..., :1], 3, axis=2)
    sound(detector.detect(grey), detector)


def test_memory_layout_does_not_matter(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    picture = astronaut[:256, 100:356]
    wide = np.zeros((256, 600, 4), np.uint8)
    wide[:, 100:356, :3] = picture
    views = [picture, np.ascontiguousarray(picture), np.asfortranarray(picture), wide[:, 100:356, :3]]
    finds = [detector.detect(view) for view in views]
    assert len(finds[0])
    assert all(same(finds[0], other) for other in finds[1:])


def test_a_picture_is_read_only(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    picture = astronaut[:256, 100:356].copy()
    before = picture.copy()
    picture.flags.writeable = False
    detector.detect(picture)
    assert np.array_equal(picture, before)


def test_the_same_picture_gives_the_same_finds(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    picture = astronaut[:256, 100:356]
    first = detector.detect(picture)
    detector.detect(noise(64, 96))
    assert same(first, detector.detect(picture))


def test_finds_the_same_after_a_rest(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    before = detector.detect(astronaut)
    detector.release_memory()
    after = detector.detect(astronaut)
    assert np.array_equal(before.xyxy, after.xyxy)
    assert np.array_equal(before.score, after.score)


@pytest.mark.parametrize("scale", [0.3, 0.5, 1.0, 1.7])
def test_finds_a_face_whatever_its_size(detector: Detector, astronaut: NDArray[np.uint8], scale: float) -> None:
    if Kind.FACE not in detector.kinds:
        return  # lines of text: tests/detect/test_text.py
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=how).astype(np.uint8)
    best = the_best(detector, picture)
    assert overlap(best / scale, ASTRONAUT_FACE) > 0.55


def the_best(detector: Detector, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The box of the best face, which must be a good one."""
    found = detector.detect(picture)
    sound(found, detector)
    found = found.select(found.kind == Kind.FACE)
    least = 0.4 if detector.name == "argus2" else 0.5  # asked for heads and persons; its faces are a second opinion
    assert found.score.max(initial=0) > least
    best: NDArray[np.float32] = found.xyxy[found.score.argmax()]
    return best


@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_finds_a_face_at_the_border(detector: Detector, astronaut: NDArray[np.uint8], corner: tuple[int, int]) -> None:
    """The picture is cut a few pixels from the face, on two sides at once."""
    if Kind.FACE not in detector.kinds:
        return
    x0, y0, x1, y1 = (int(v) for v in ASTRONAUT_FACE)
    across = slice(x0 - 4, x0 + 250) if corner[0] else slice(x1 - 246, x1 + 8)
    down = slice(y0 - 4, y0 + 300) if corner[1] else slice(0, y1 + 8)
    best = the_best(detector, astronaut[down, max(across.start, 0) : across.stop])
    truth = np.array(ASTRONAUT_FACE) - [max(across.start, 0), down.start] * 2
    assert overlap(best, truth) > 0.55


def test_two_instances_work_in_two_threads(detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    pictures = [astronaut[:200, :300], astronaut[:256, 100:356], astronaut[20:220, 120:420]] * 2
    expected = [detector.detect(picture) for picture in pictures]
    other = made(detector.name)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(lambda d: [d.detect(p) for p in pictures], d) for d in (detector, other)]
        for job in jobs:
            assert all(same(a, b) for a, b in zip(job.result(timeout=60), expected, strict=True))
