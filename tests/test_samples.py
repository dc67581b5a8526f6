import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonymize.data import Kind
from anonymize.evaluate.truth import read_truth
from anonymize.samples.camera import Shot, Still, film, pictures, poses, project, truth
from anonymize.samples.demo import METADATA, DemoSample, make_demo, make_negative, prepare
from anonymize.samples.plates import DESIGNS, render_plate
from anonymize.samples.scene import Actor, Scene, Sprite, SpritePlace, play
from tests.helpers.media import probe, read_video

SMALL = Shot(size=(160, 90), frames=24, seed=5)


@pytest.fixture(scope="module")
def still():
    picture = np.full((120, 200, 3), 90, np.uint8)
    picture[40:70, 80:110] = (40, 60, 240)
    return Still(picture, [(Kind.FACE, (80.0, 40.0, 110.0, 70.0), False), (Kind.PLATE, (0.0, 0.0, 5.0, 5.0), True)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    return path, list(read_truth(make_demo(path, seconds=1.2)))


# The camera


@pytest.mark.parametrize("seed", range(8))
def test_the_camera_moves_within_its_limits_and_never_leaves_the_still(seed):
    shot = Shot(seed=seed)
    path = poses((400, 260), shot)
    scale = np.hypot(path[:, 0, 0], path[:, 1, 0])
    tilt = np.degrees(np.arctan2(path[:, 1, 0], path[:, 0, 0]))
    assert 1.0 <= scale.max() / scale.min() <= 1.6 + 1e-9
    assert np.abs(tilt).max() <= 3.0
    corners = np.array([(0, 0), (1280, 0), (0, 720), (1280, 720)], float)
    for pose in path:
        on_still = np.linalg.solve(pose[:, :2], (corners - pose[:, 2]).T).T
        assert (on_still >= -1e-6).all()
        assert (on_still <= np.array([400, 260]) + 1e-6).all()


def test_the_camera_moves_smoothly():
    path = poses((400, 260), Shot(seed=1))
    centre = path[:, :, :2] @ np.array([200.0, 130.0]) + path[:, :, 2]
    assert np.abs(np.diff(centre, axis=0)).max() < 80
    assert np.ptp(centre, axis=0).max() > 20


def test_the_truth_is_where_the_pixels_are(still):
    steady = Shot(size=(160, 90), frames=24, seed=5, burst=0, noise=0)
    for picture, frame in zip(pictures(still.picture, steady), truth(still, steady), strict=True):
        red = (picture[..., 2].astype(int) - picture[..., 0]) > 90
        if not red.any():
            continue
        x0, y0, x1, y1 = frame.subjects[0].xyxy
        rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
        seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
        assert np.abs(seen - np.array([x0, y0, x1, y1])).max() <= 2.5
        assert abs((seen[0] + seen[2]) - (x0 + x1)) / 2 < 1.2


def test_a_turned_plate_is_bounded_by_its_corners_and_a_face_by_its_ellipse():
    angle = np.radians(90)
    pose = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    assert project((0, 0, 10, 4), pose, Kind.PLATE) == pytest.approx((-4, 0, 0, 10))
    angle = np.radians(45)
    pose = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]])
    plate, face = (project((0, 0, 10, 10), pose, kind) for kind in (Kind.PLATE, Kind.FACE))
    assert plate[2] - plate[0] == pytest.approx(10 * 2**0.5)
    assert face[2] - face[0] == pytest.approx(10)


def test_a_clip_has_its_dip_blur_and_noise(still):
    brightness = [float(p.mean()) for p in pictures(still.picture, SMALL)]
    dark = [i for i, value in enumerate(brightness) if value < 0.5 * np.median(brightness)]
    assert len(dark) == 5
    assert dark == list(range(dark[0], dark[0] + 5))
    assert brightness[dark[0]] == pytest.approx(0.35 * brightness[dark[0] - 1], rel=0.15)
    flat = Still(np.full((120, 200, 3), 128, np.uint8))
    assert float(next(pictures(flat.picture, SMALL)).std()) == pytest.approx(2.0, abs=0.15)


def test_the_same_seed_films_the_same_and_another_films_otherwise(still):
    first, again = (np.stack(list(pictures(still.picture, SMALL))) for _ in range(2))
    other = np.stack(list(pictures(still.picture, Shot(size=(160, 90), frames=24, seed=6))))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_film_writes_clip_and_truth_of_any_size(still, tmp_path):
    lines = list(read_truth(film(tmp_path / "clip.mp4", still, SMALL)))
    facts = probe(tmp_path / "clip.mp4")
    assert (facts.width, facts.height, facts.codec, facts.pix_fmt) == (160, 90, "h264", "yuv420p")
    assert facts.times == tuple(Fraction(i, 25) for i in range(24))
    assert len(lines) == 24
    assert all(line.size == (160, 90) for line in lines)
    assert {s.ignore for line in lines for s in line.subjects if s.kind is Kind.FACE} == {False}
    assert {s.ignore for line in lines for s in line.subjects if s.kind is Kind.PLATE} <= {True}


# Plates


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.name)
def test_every_design_draws_a_number_of_its_pattern(design):
    plate = render_plate(np.random.default_rng(1), design=design, height=64)
    assert plate.design == design.name
    assert plate.picture.shape[0] == 64
    assert plate.picture.shape[1] / 64 == pytest.approx(design.size[0] / design.size[1], rel=0.02)
    assert len(plate.text) == len(design.lines)
    for text, pattern in zip(plate.text, design.lines, strict=True):
        expected = "".join("[A-Z]" if c == "A" else r"\d" if c == "0" else re.escape(c) for c in pattern)
        assert re.fullmatch(expected, text)
    inside = plate.picture[6:-6, 6:-6]
    assert inside.std() > 20


def test_there_are_several_countries_and_plates_on_two_lines():
    assert len({d.name.split()[0] for d in DESIGNS}) >= 12
    assert sum(len(d.lines) == 2 for d in DESIGNS) >= 5


def test_the_seed_decides_the_plate():
    first, again, other = (render_plate(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first.picture, again.picture)
    assert first.text == again.text != other.text


# Scenes


def test_a_figure_behind_another_is_truth_to_ignore():
    square = np.full((20, 20), 255, np.uint8)
    back = Sprite(np.full((20, 20, 3), 200, np.uint8), square, ((Kind.FACE, (0.0, 0.0, 20.0, 20.0)),))
    front = Sprite(np.full((20, 20, 3), 50, np.uint8), square)
    scene = Scene(
        np.zeros((80, 120, 3), np.uint8),
        (
            Actor(back, lambda _: SpritePlace(40, 12)),
            Actor(front, lambda t: SpritePlace(100 - 600 * t, 12) if t < 0.2 else None),
        ),
    )
    found = [frame.subjects for _, frame in play(scene, 6, 25)]
    assert [len(subjects) for subjects in found] == [1, 1, 1, 1, 1, 1]
    assert not found[0][0].ignore
    assert any(subjects[0].ignore and subjects[0].visible < 0.9 for subjects in found)
    assert found[5][0].visible == 1.0


# The demonstration film


def test_the_demo_shows_faces_and_plates_and_says_where(demo):
    path, frames = demo
    assert len(frames) == len(read_video(path)) == 30
    assert {s.kind for frame in frames for s in frame.subjects} == {Kind.FACE, Kind.PLATE}
    assert all(frame.size == (1280, 720) for frame in frames)


def test_the_demo_has_sound_and_everything_a_phone_would_tell(demo):
    facts = probe(demo[0])
    assert facts.streams == ("video", "audio")
    assert facts.audio_seconds == pytest.approx(1.2, abs=0.1)
    for key in ("title", "comment", "location", "com.apple.quicktime.model"):
        assert facts.metadata[key][:6] == METADATA[key][:6]
    assert facts.metadata["creation_time"].startswith("2026-05-17T09:41:22")


def test_prepare_makes_the_folder_and_compare_the_picture(tmp_path, monkeypatch, demo):
    monkeypatch.setattr("anonymize.samples.demo.make_demo", lambda path: path.write_bytes(demo[0].read_bytes()))
    sample = prepare(tmp_path / "new" / "demo")
    assert isinstance(sample, DemoSample)
    assert sample.item.source == tmp_path / "new" / "demo" / "sample.mp4"
    picture = cv2.imread(str(sample.compare(Path(str(sample.item.source)))))
    assert picture is not None
    assert picture.shape == (720, 2560, 3)
    assert np.array_equal(picture[:, :1280], picture[:, 1280:])


def test_the_negative_has_nothing_to_hide(tmp_path):
    frames = list(read_truth(make_negative(tmp_path / "n.mp4", frames=3, size=(320, 180))))
    assert [frame.subjects for frame in frames] == [(), (), ()]
    assert probe(tmp_path / "n.mp4").frames == 3


def test_in_the_first_picture_of_the_readme_everybody_is_covered_and_nothing_before(tmp_path):
    """It is the ``compare.png`` of ``anonymize demo``, in half of its size."""
    path = tmp_path / "demo.mp4"
    (shown,) = [frame for frame in read_truth(make_demo(path, seconds=3.8)) if frame.time == pytest.approx(3.6)]
    picture = cv2.imread(str(Path(__file__).parents[1] / "docs" / "before-after.jpg"), cv2.IMREAD_GRAYSCALE)
    before, after = np.hsplit(picture, 2)
    assert before.shape == (360, 640)
    kinds = []
    for one in shown.subjects:
        x0, y0, x1, y1 = (round(value / 2) for value in one.xyxy)
        if one.visible >= 0.5:
            assert (after[y0:y1, x0:x1] < 40).mean() > 0.95, one
            assert (before[y0:y1, x0:x1] < 40).mean() < 0.5, one
            kinds.append(one.kind)
    assert (kinds.count(Kind.FACE), kinds.count(Kind.PLATE)) == (3, 1)
    assert (after < 40).mean() < 0.15
