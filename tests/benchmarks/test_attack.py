import json

import cv2
import numpy as np
import pytest

from anonymize.data import Kind, Shape
from anonymize.errors import OutputError
from anonymize.evaluate.truth import FrameTruth, Subject, write_truth
from anonymize.settings import Style
from benchmarks.attack import faces, plates
from benchmarks.attack.averaging import CELL, SIDE, attack, likeness, portrait, solve, strip, walk
from benchmarks.attack.draw import STYLES, box_blur, fixed_mosaic, ours
from benchmarks.attack.page import BEGIN, END, Guessed, insert, section
from benchmarks.clips import Clip
from tests.helpers.media import make_video

BOX = (24.0, 24.0, 120.0, 120.0)


@pytest.fixture(scope="module")
def rebuilt():
    return list(attack(portrait(), counts=(1, 8, 40)))


# Many frames of a mosaic


def test_a_grid_that_stands_still_gives_the_face_away_and_ours_does_not(rebuilt):
    fixed, locked = ([r.likeness for r in rebuilt if (r.tool == "ours") is own] for own in (False, True))
    assert fixed[0] < 0.35
    assert fixed[2] > 0.7 > fixed[1] > 0.4
    assert max(locked) - min(locked) < 0.01
    assert locked[2] < 0.35


def test_enough_pixels_are_enough_equations():
    """The attack is strong: told every pixel (cells of one pixel would), it is exact; likeness tells the two apart."""
    truth = portrait().mean(axis=-1)
    assert likeness(truth, truth) == pytest.approx(1.0)
    assert likeness(np.full((SIDE, SIDE), 9.0), truth) == 0.0
    flat = np.full((192, 192), 77.0)
    assert np.allclose(solve([flat], [(48, 48)], locked=False), 77.0)


def test_the_way_stays_in_the_scene_and_moves():
    way = walk(60)
    assert len(set(way)) > 40
    assert all(0 <= x <= 96 and 0 <= y <= 96 for x, y in way)
    assert len({(x % CELL, y % CELL) for x, y in way}) > 30


def test_the_picture_for_the_docs_holds_four_faces(rebuilt):
    assert strip(rebuilt, portrait()).shape == (SIDE, 4 * SIDE)


# Redacted pictures


def texture(seed=0, side=144):
    return np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)


def test_ours_is_drawn_by_the_code_that_ships():
    picture = texture()
    solid = ours(picture, BOX, Shape.BOX, Style.SOLID)
    assert not solid[24:120, 24:120].any()
    assert np.array_equal(solid[:24], picture[:24])
    mosaic = ours(picture, BOX, Shape.BOX, Style.MOSAIC, 8)
    assert len(np.unique(mosaic[24:120, 24:120].reshape(-1, 3), axis=0)) <= 64


@pytest.mark.parametrize("style", STYLES)
def test_every_style_changes_only_the_inside(style):
    picture = texture()
    drawn = STYLES[style](picture, BOX, Shape.ELLIPSE)
    assert np.array_equal(drawn[:24], picture[:24])
    assert np.array_equal(drawn[:, 120:], picture[:, 120:])
    assert np.array_equal(drawn, picture) == ("control" in style)


def test_other_tools_change_only_the_inside():
    for drawn in (fixed_mosaic(texture(), BOX, CELL), box_blur(texture(), BOX, Shape.BOX)):
        assert np.array_equal(drawn[:24], texture()[:24])
        assert drawn[24:120, 24:120].std() < 0.5 * texture().std()


# Faces


def test_nothing_of_the_surroundings_reaches_the_network():
    picture = np.full((144, 144, 3), 40, np.uint8)
    picture[24:120, 24:120] = 200
    crops = [faces.FaceCrop(0, i, picture, BOX) for i in range(4)]
    pictures, who = faces.inputs(crops, STYLES["solid"], seed=0)
    assert pictures.shape == (4, 3, faces.INPUT, faces.INPUT)
    assert (pictures.max(), who.tolist()) == (0.0, [0] * 4)


def test_everyone_gets_as_many_crops_to_learn_from():
    crops = [faces.FaceCrop(who, i, texture(i), BOX) for who, n in ((0, 3), (1, 9)) for i in range(n)]
    _, who = faces.inputs(crops, STYLES["solid"], seed=0, each=6)
    assert np.bincount(who).tolist() == [6, 6]


def test_recordings_are_split_by_time(tmp_path):
    (tmp_path / "images").mkdir()
    rows = []
    for name, count in (("hall", 10), ("desk", 12), ("door", 3)):
        for number in range(count):
            image = f"images/mik1i_gray_train_{name}_mov-{number}_jpg.rf.0_1.png"
            cv2.imwrite(str(tmp_path / image), texture(number, 200))
            box = {"kind": "face", "ignore": False, "xyxy": [60, 60, 130, 140]}
            rows.append({"image": image, "source": "mik1i_gray", "boxes": [box]})
    (tmp_path / "annotations.jsonl").write_text("\n".join(map(json.dumps, reversed(rows))))
    split = faces.from_recordings(tmp_path)
    assert (split.people, len(split.learn), len(split.guess)) == (2, 6 + 7, 4 + 5)
    for who in range(2):
        latest = max(crop.when for crop in split.learn if crop.who == who)
        assert latest < min(crop.when for crop in split.guess if crop.who == who)


def test_clips_give_the_people_of_their_truth(tmp_path):
    video = make_video(tmp_path / "a.mp4", frames=10, size=(160, 120))
    who = [(1, Kind.FACE, 60.0, 1.0), (2, Kind.PLATE, 60.0, 1.0), (3, Kind.FACE, 20.0, 1.0), (4, Kind.FACE, 60.0, 0.5)]
    subjects = tuple(Subject(i, kind, (20.0, 20.0, 70.0, 20.0 + h), h, visible) for i, kind, h, visible in who)
    truth = write_truth(tmp_path / "a.jsonl", [FrameTruth(i, i / 25, (160, 120), subjects) for i in range(10)])
    split = faces.from_clips([Clip(video, truth)], every=1)
    assert split.people == 1
    assert {crop.picture.shape for crop in split.learn} == {(faces.CROP, faces.CROP, 3)}


# Plates


def test_plates_come_with_what_stands_on_them():
    pictures, texts = plates.inputs(5, STYLES["clear (control)"], seed=3)
    assert pictures.shape[:3] == (5, 3, plates.HEIGHT)
    assert texts.shape == (5, 7)
    assert (texts[:, 2:4] < 10).all()
    assert (texts[:, [0, 1, 4, 5, 6]] >= 10).all()
    blind, same = plates.inputs(5, STYLES["solid"], seed=3)
    assert not blind.any()
    assert np.array_equal(texts, same)


def test_chance_is_that_of_someone_who_sees_nothing():
    assert plates.chance() == pytest.approx((5 / 24 + 2 / 10) / 7, abs=0.01)


# The network and the page


def test_a_network_learns_what_is_there_and_nothing_from_nothing():
    net = pytest.importorskip("benchmarks.attack.net", reason="needs torch: pip install --group training")
    rng = np.random.default_rng(0)
    who = rng.integers(0, 4, 400)
    pictures = rng.random((400, 3, 16, 16), dtype=np.float32) * 0.2
    pictures[np.arange(400), 0, who * 4, :] = 1.0
    assert (net.guesses((pictures[:300], who[:300]), pictures[300:], 4, epochs=25)[:, 0] == who[300:]).mean() > 0.9
    blank = np.zeros_like(pictures)
    assert (net.guesses((blank[:300], who[:300]), blank[300:], 4, epochs=2)[:, 0] == who[300:]).mean() < 0.5


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [([0.1] * 50 + [0.0] * 50, "chance"), ([0.6, 0.4] * 50, "above chance"), ([0.0] * 200, "below chance")],
)
def test_verdicts_follow_the_interval(rates, verdict):
    chance = 0.05
    assert Guessed("a", "b", chance, rates).verdict == verdict


def test_the_section_goes_between_its_marks(rebuilt, tmp_path):
    guessed = [Guessed("Telling 3 people apart", "solid", 1 / 3, [0.0, 1.0, 0.0])]
    page = tmp_path / "threat-model.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(page, section(rebuilt, guessed, ["a note"]))
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| solid | 33.3% |" in text
    assert "| ours | 0.2" in text
    assert "- a note" in text
    insert(page, section(rebuilt, guessed, []))
    page.write_text("no marks")
    with pytest.raises(OutputError, match="lacks the marks"):
        insert(page, "x")


def test_an_attacker_may_see_the_whole_picture_with_the_cover_in_it():
    picture = np.full((120, 200, 3), 90, np.uint8)
    picture[:, :40] = 200  # clothes, a wall
    crop = faces._crop(0, 0, picture, (100, 40, 130, 80))
    (seen,), _ = faces.inputs([crop], STYLES["solid"], seed=0, jitter=0, whole=True)
    assert seen.shape == (3, faces.WHOLE, faces.WHOLE)
    assert seen[:, :, 4].min() > 1.5 * seen[:, 0, 60].max()  # what is beside the cover is there
    middle = seen[:, faces.WHOLE // 2, round(faces.WHOLE * 115 / 200)]
    assert middle.max() == 0.0  # and the cover is where the face was
    (inside,), _ = faces.inputs([crop], STYLES["solid"], seed=0, jitter=0)
    assert inside.max() == 0.0  # by the inside alone there is nothing to see: chance, by construction
