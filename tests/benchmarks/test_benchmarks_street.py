"""Clips of real people are made of pictures that only developers have: here of one portrait, in pictures of its own."""

import json

import av
import cv2
import numpy as np
import pytest

from anonymize.data import Kind
from anonymize.evaluate.truth import read_truth
from anonymize.samples.figures import FACE, photograph
from anonymize.samples.scene import play
from benchmarks import clock, fixed, live_ends
from benchmarks.fixed import fixed_clips
from benchmarks.live_ends import DRIFT, WALKS, hall_clip, walkers_clip
from benchmarks.street import labelled, labelled_clips, photographed, scene, walking
from tests.helpers.media import make_video

PEOPLE = 12


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder laid out like the development data: thirteen pictures of somebody, one of two people, one street."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("people", "plates"):
        (folder / name / "images").mkdir(parents=True)
    portrait = cv2.resize(photograph("astronaut.png")[:460], None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    face = {"kind": "face", "ignore": False, "xyxy": [0.3 * v for v in FACE]}
    person = {"kind": "person", "ignore": False, "xyxy": [6, 1, 120, 138]}
    crowd = [face, person, {"kind": "head", "ignore": False, "xyxy": [90, 18, 108, 40]}]
    rows = []
    for number in range(PEOPLE + 2):
        image = f"images/oid_person_{number}.png"
        cv2.imwrite(str(folder / "people" / image), cv2.convertScaleAbs(portrait, alpha=1 - 0.03 * number))
        boxes = crowd if number == 0 else [face, person]
        rows.append({"image": image, "width": 154, "height": 138, "source": "oid_person", "boxes": boxes})
    _write(folder / "people", rows)
    noise = np.random.default_rng(0).integers(0, 255, (72, 128, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "plates/images/romania_0.png"), cv2.resize(noise, (1280, 720)))
    plate = {"kind": "plate", "ignore": False, "xyxy": [600, 400, 700, 430]}
    row = {"image": "images/romania_0.png", "width": 1280, "height": 720, "source": "romania", "boxes": [plate]}
    _write(folder / "plates", [row])
    return folder


def _write(folder, rows):
    (folder / "annotations.jsonl").write_text("\n".join(map(json.dumps, rows)))


@pytest.fixture(scope="module")
def people(data):
    return photographed(data, PEOPLE)


def test_everybody_is_cut_out_of_another_picture_with_their_face(data, people):
    assert len({sprite.picture.tobytes() for sprite in people}) == PEOPLE
    for sprite in people:
        ((kind, (x0, y0, x1, y1)),) = sprite.targets
        assert kind is Kind.FACE
        assert (sprite.alpha[round(y0) : round(y1), round(x0) : round(x1)] > 127).mean() > 0.8
        assert (sprite.alpha[:, -1] < 128).mean() > 0.5  # the room behind her is left out
    with pytest.raises(FileNotFoundError, match="only 13 people can be cut out, 14 are needed"):
        photographed(data, 14)  # who stands beside another head is not taken


@pytest.mark.parametrize(("margin", "moves"), [(0, False), (DRIFT, True)])
def test_a_camera_stands_still_or_drifts_as_it_is_told(data, people, margin, moves):
    actors = walking(people[:2], (1280, 720), [(40.0, -1.0, 600.0), (60.0, -0.6, -600.0)])
    frames = list(play(scene(data, (1280, 720), actors, margin=margin), 12, 25))
    upper = [picture[:100].copy() for picture, _ in frames]
    assert any(not np.array_equal(part, upper[0]) for part in upper) is moves
    plates = [s.xyxy for _, truth in frames for s in truth.subjects if s.kind is Kind.PLATE and s.visible > 0.99]
    assert (len(set(plates)) > 1) is moves
    assert abs(plates[0][0] - 600) <= margin + 20
    heights = {round(s.height) for _, truth in frames for s in truth.subjects if s.kind is Kind.FACE}
    assert heights == {40, 60}


def test_the_wall_camera_sees_twelve_people_and_the_clip_begins_and_ends_empty(data, people, monkeypatch):
    monkeypatch.setattr(fixed, "photographed", lambda _, count: people[:count])
    made = fixed._filmed(data)
    assert len({id(actor.sprite) for actor in made.actors if actor.sprite.targets[0][0] is Kind.FACE}) == PEOPLE
    assert made.margin == 0
    faces = [actor for actor in made.actors if actor.sprite.targets[0][0] is Kind.FACE]
    assert not any(actor.way(time) for actor in faces for time in (0.0, fixed.SECONDS))
    assert sum(actor.way(2.5) is not None for actor in faces) == 4


def test_a_live_camera_sees_twelve_people_and_can_be_looped(data, people):
    actors = walking(people, live_ends.SIZE, WALKS)
    assert len(actors) == PEOPLE
    for time in (0.0, live_ends.SECONDS - 1 / live_ends.RATE):
        places = [(actor.way(time), actor.sprite) for actor in actors]
        assert not any(place and -place.scale * sprite.alpha.shape[1] < place.x < 1280 for place, sprite in places)


def test_without_the_data_there_is_one_portrait_and_the_file_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(fixed, "SECONDS", 0.08)
    monkeypatch.setattr(live_ends, "SECONDS", 0.08)
    (clip,) = fixed_clips(tmp_path / "none", tmp_path)
    assert clip.video.parent.name == "fixed-drawn"
    assert walkers_clip(tmp_path, data=tmp_path / "none").video.name == "portraits-still.mp4"
    assert walkers_clip(tmp_path, drifts=True, data=tmp_path / "none").video.name == "portraits-drifting.mp4"


def test_only_labelled_frames_of_a_real_clip_count(tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "real").mkdir()
    make_video(tmp_path / "clips/hall.mp4", frames=5, size=(160, 120))
    boxes = [
        {"kind": "face", "xyxy": [10, 10, 40, 50], "ignore": False},
        {"kind": "plate", "xyxy": [60, 10, 90, 20], "ignore": False},
        {"kind": "head", "xyxy": [8, 4, 44, 56], "ignore": False},
        {"kind": "face", "xyxy": [100, 10, 120, 30], "ignore": True},
    ]
    rows = [{"clip": "clips/hall.mp4", "frame": 0, "boxes": []}, {"clip": "clips/hall.mp4", "frame": 4, "boxes": boxes}]
    (tmp_path / "real/labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert labelled_clips(tmp_path) == ["hall.mp4"]
    assert labelled_clips(tmp_path / "none") == []
    first, *between, last = read_truth(labelled(tmp_path, "hall.mp4", tmp_path / "build").truth)
    assert first.subjects == ()
    assert [[(s.xyxy, s.ignore) for s in frame.subjects] for frame in between] == [[((0, 0, 160, 120), True)]] * 3
    assert [(s.kind, s.ignore) for s in last.subjects] == [
        (Kind.FACE, False),
        (Kind.PLATE, False),
        (Kind.FACE, True),
        (Kind.FACE, True),
    ]


def test_a_real_recording_is_enlarged_with_its_labels_and_a_clock(tmp_path, monkeypatch):
    (tmp_path / "clips").mkdir()
    (tmp_path / "real").mkdir()
    make_video(tmp_path / "clips" / fixed.REAL, frames=6, size=(640, 360))
    box = {"kind": "face", "xyxy": [100, 100, 140, 150], "ignore": False}
    row = {"clip": f"clips/{fixed.REAL}", "frame": 3, "boxes": [box]}
    (tmp_path / "real/labels.jsonl").write_text(json.dumps(row))
    monkeypatch.setattr(live_ends, "SECONDS", 0.12)
    monkeypatch.setattr(live_ends, "HALL_FIRST", 2)
    clip = hall_clip(tmp_path / "build", data=tmp_path)
    before, labelled_one, after = read_truth(clip.truth)
    assert [(s.xyxy, s.height, s.ignore) for s in labelled_one.subjects] == [((200, 200, 280, 300), 100, False)]
    assert all(s.ignore and s.xyxy == (0, 0, 1280, 720) for frame in (before, after) for s in frame.subjects)
    with av.open(str(clip.video)) as source:
        lumas = [np.asarray(frame.to_ndarray(format="gray"), np.uint8) for frame in source.decode(video=0)]
    assert [clock.read(luma) for luma in lumas] == [0, 1, 2]


def test_a_clock_that_is_misread_under_a_cover_is_not_read():
    seen = [None, 5, 6, 300, 8, 8, None, 11, 499, 13, 700, 60]
    assert clock.in_order(seen, 500) == [None, 5, 6, None, 8, 8, None, 11, None, 13, None, None]
    looped = [497, 498, 250, 0, 1]
    assert clock.in_order(looped, 500) == [497, 498, None, 0, 1]
    assert clock.in_order([None, 600], 500) == [None, None]
    assert clock.in_order([400, 3, 4, 5], 500) == [None, 3, 4, 5], "a misread first one"


def test_a_clock_whose_blocks_are_covered_is_seldom_read_as_another():
    """The check left the upper bits out: under a cover on one of them a picture seemed eleven seconds late."""
    misread = 0
    for number in range(500):
        picture = np.zeros((40, 640, 3), np.uint8)
        clock.draw(picture, number)
        assert clock.read(picture[..., 0]) == number
        for place in range(2, 2 + clock.BITS):
            x = clock.LEFT + place * clock.BLOCK
            if picture[clock.TOP, x, 0] > 128:
                covered = picture[..., 0].copy()
                covered[:, x : x + clock.BLOCK] = 16
                misread += clock.read(covered) is not None
    assert misread == 0, "one bit that is lost is noticed"
