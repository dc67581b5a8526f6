"""Where scenes begin: cuts between photographs, under what stays in the picture; and what is no cut."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
from numpy.typing import NDArray

from anonymize.detect.scan import Follower, scan
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.settings import Follow, Settings
from anonymize.track.motion import WorkingPicture, step_between
from tests.detect.test_detect import Bright
from tests.track.test_track import at as box_at
from tests.track.test_track import follow, holds, scene, standing, texture

Picture = NDArray[np.uint8]
Change = Callable[[Picture, int], Picture]
WIDTH, HEIGHT = 640, 360
NAMES = ("astronaut.png", "camera.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "coins.png")
CUTS = [(a, b) for i, a in enumerate(NAMES) for b in NAMES[i + 1 :]]


@cache
def photograph(name: str, zoom: float = 1.0) -> Picture:
    """The middle of a photograph from scikit-image's wheel, grey, (360, 640) times `zoom`."""
    whole = cv2.imread(str(Path(skimage.__file__).with_name("data") / name), cv2.IMREAD_GRAYSCALE)
    width, height = round(WIDTH * zoom), round(HEIGHT * zoom)
    scale = max(width / whole.shape[1], height / whole.shape[0])
    big = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (big.shape[0] - height) // 2, (big.shape[1] - width) // 2
    return np.ascontiguousarray(big[y : y + height, x : x + width])


def is_cut(before: Picture, after: Picture) -> bool:
    return step_between(WorkingPicture(before), WorkingPicture(after)).cut


def cuts_in(pictures: list[Picture]) -> list[int]:
    shots = [WorkingPicture(picture) for picture in pictures]
    return [i for i in range(1, len(shots)) if step_between(shots[i - 1], shots[i]).cut]


# What stays in the picture while the scenes change under it; `t` is the frame


def as_it_is(picture: Picture, t: int) -> Picture:
    return picture


def banner(picture: Picture, t: int, top: int = 288) -> Picture:
    """A white caption over all below `top`."""
    drawn = picture.copy()
    drawn[top:] = 235
    for y in range(top + 28, HEIGHT, 34):
        words(drawn, "Ferry late again, mayor wants more boats", (12, y))
    return drawn


def words(picture: Picture, text: str, at: tuple[int, int], shade: int = 16) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, (shade,), 2, cv2.LINE_AA)


def mixed(one: Picture, other: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(other, share, one, 1 - share, 0), np.uint8)


def lower_third(picture: Picture, t: int) -> Picture:
    drawn = picture.copy()
    drawn[270:330, 40:420] = drawn[270:330, 40:420] // 4 + 20
    words(drawn, "Dr Jane Example", (55, 308), 240)
    return drawn


def subtitles(picture: Picture, t: int) -> Picture:
    drawn = picture.copy()
    words(drawn, "I told you so, did I not? He never", (60, 320), 250)
    words(drawn, "came home that night.", (160, 346), 250)
    return drawn


def ticker(picture: Picture, t: int) -> Picture:
    drawn = picture.copy()
    drawn[310:] = 30
    words(drawn, "Ferry late again  +++  " * 4, (10 - 4 * t, 345), 230)
    return drawn


def logo(picture: Picture, t: int) -> Picture:
    drawn = np.asarray(cv2.circle(picture.copy(), (585, 45), 32, (255,), -1), np.uint8)
    words(drawn, "TV1", (562, 53))
    return drawn


def clock(picture: Picture, t: int) -> Picture:
    drawn = picture.copy()
    drawn[8:40, 8:330] = 0
    words(drawn, f"2026-11-28 14:03:{t:02d}", (12, 33), 255)
    return drawn


def bars(picture: Picture, t: int, y: int = 0, x: int = 0) -> Picture:
    drawn = np.full_like(picture, 16)
    drawn[y : HEIGHT - y, x : WIDTH - x] = picture[y : HEIGHT - y, x : WIDTH - x]
    return drawn


def inset(picture: Picture, t: int, width: int = 340) -> Picture:
    """Another picture, which stays, in a corner."""
    drawn, height = picture.copy(), width * 9 // 16
    drawn[HEIGHT - height :, WIDTH - width :] = cv2.resize(staying(), (width, height), interpolation=cv2.INTER_AREA)
    return drawn


def studio(picture: Picture, t: int, width: int = 400) -> Picture:
    """The scenes in a window, before a studio that stays."""
    drawn, height = staying().copy(), width * 9 // 16
    drawn[30 : 30 + height, 60 : 60 + width] = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    return drawn


def halves(picture: Picture, t: int) -> Picture:
    """A split screen of which one half stays."""
    drawn = picture.copy()
    drawn[:, : WIDTH // 2] = staying()[:, 160 : 160 + WIDTH // 2]
    return drawn


@cache
def staying() -> Picture:
    return np.ascontiguousarray(photograph("ihc.png"))


def grainy(picture: Picture, t: int, strength: float = 8) -> Picture:
    grain = np.random.default_rng(t).normal(0, strength, picture.shape)
    return np.asarray(np.clip(picture + grain, 0, 255), np.uint8)


def dark(picture: Picture, t: int, light: float = 0.08) -> Picture:
    return grainy(np.asarray(picture * light + 4, np.uint8), t, 1)


def foggy(picture: Picture, t: int) -> Picture:
    return grainy(np.asarray(picture * 0.12 + 170, np.uint8), t, 1.5)


def blurred(picture: Picture, t: int) -> Picture:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 5), np.uint8)


def all_at_once(picture: Picture, t: int) -> Picture:
    return ticker(logo(lower_third(picture, t), t), t)


def banner_in_the_dark(picture: Picture, t: int) -> Picture:
    return banner(dark(picture, t), t)


STAYING: dict[str, Change] = {
    "nothing": as_it_is,
    "caption": banner,
    "caption over a third": partial(banner, top=240),
    "lower third": lower_third,
    "subtitles": subtitles,
    "ticker": ticker,
    "logo": logo,
    "clock": clock,
    "letterbox": partial(bars, y=48),
    "pillarbox": partial(bars, x=120),
    "inset": inset,
    "studio": studio,
    "halves": halves,
    "grain": grainy,
    "heavy grain": partial(grainy, strength=20),
    "dark": dark,
    "darker": partial(dark, light=0.05),
    "fog": foggy,
    "out of focus": blurred,
    "several": all_at_once,
    "caption in the dark": banner_in_the_dark,
}


@pytest.mark.parametrize("change", STAYING.values(), ids=STAYING.keys())
def test_no_cut_is_missed_whatever_stays_in_the_picture(change: Change) -> None:
    missed = [(a, b) for a, b in CUTS if not is_cut(change(photograph(a), 3), change(photograph(b), 4))]
    assert missed == []


@pytest.mark.parametrize("seed", range(40))
def test_a_cut_is_seen_where_all_corners_are_on_what_is_in_both_scenes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    grounds = [cv2.GaussianBlur(rng.integers(60, 110, (96, 160), np.uint8), (0, 0), 1.5 + seed % 4) for _ in "ab"]
    pictures = [np.asarray(ground, np.uint8) for ground in grounds]
    for picture in pictures:
        picture[40:64, 60:84] = np.where(np.indices((24, 24)).sum(axis=0) // 4 % 2, 255, 150)
    assert is_cut(*pictures)


@pytest.mark.parametrize("closer", [1.4, 1.8])
def test_the_same_scene_from_closer_is_another(closer: float) -> None:
    for name in NAMES:
        near = photograph(name, closer)
        y, x = (near.shape[0] - HEIGHT) // 3, (near.shape[1] - WIDTH) // 2
        assert is_cut(photograph(name), near[y : y + HEIGHT, x : x + WIDTH]), name


def test_a_negative_is_another_scene() -> None:
    for name in NAMES:
        assert is_cut(photograph(name), 255 - photograph(name)), name


def test_a_cut_through_a_blended_frame_is_seen() -> None:
    """As a change of frame rate leaves it."""
    for a, b in CUTS:
        one, other = photograph(a), photograph(b)
        assert cuts_in([one, mixed(one, other, 0.5), other]), (a, b)


# What is no cut


def filmed(
    zoom: Callable[[int], float], x: Callable[[int], float], turn: Callable[[int], float]
) -> list[list[Picture]]:
    """Twelve frames of a camera over each of three photographs, all 1280 x 720."""
    films: list[list[Picture]] = []
    for name in NAMES[:3]:
        still = photograph(name, 2)
        films.append([])
        for t in range(12):
            matrix = cv2.getRotationMatrix2D((x(t), 360), turn(t), zoom(t))
            matrix[:, 2] += np.array([WIDTH / 2 - x(t), HEIGHT / 2 - 360])
            size = (WIDTH, HEIGHT)
            films[-1].append(np.asarray(cv2.warpAffine(still, matrix, size, borderMode=cv2.BORDER_REFLECT), np.uint8))
    return films


CAMERAS = {
    "still": filmed(lambda _: 0.75, lambda _: 640, lambda _: 0),
    "pan": filmed(lambda _: 1, lambda t: 340 + 12 * t, lambda _: 0),
    "fast pan": filmed(lambda _: 1, lambda t: 340 + 50 * t, lambda _: 0),
    "whip": filmed(lambda _: 1, lambda t: 340 + 150 * min(t % 8, 8 - t % 8), lambda _: 0),
    "zoom": filmed(lambda t: 0.6 * 1.05**t, lambda _: 640, lambda _: 0),
    "crash zoom": filmed(lambda t: 0.6 * 1.08**t, lambda _: 640, lambda _: 0),
    "by hand": filmed(lambda t: 0.8 + 0.01 * (t % 3), lambda t: 640 + 14 * (t * 7 % 3), lambda t: t * 5 % 3 - 1),
}


@pytest.mark.parametrize("films", CAMERAS.values(), ids=CAMERAS.keys())
@pytest.mark.parametrize("name", ["nothing", "caption", "logo", "letterbox", "grain", "dark", "out of focus"])
def test_a_camera_that_moves_makes_no_cuts(films: list[list[Picture]], name: str) -> None:
    for film in films:
        assert cuts_in([STAYING[name](picture, t) for t, picture in enumerate(film)]) == []


@pytest.mark.parametrize("frames", [12, 25])
def test_dissolves_and_wipes_are_no_cuts_for_they_show_both_scenes(frames: int) -> None:
    for a, b in CUTS[::4]:
        one, other = photograph(a), photograph(b)
        shares = [min(max((t - 2) / frames, 0), 1) for t in range(frames + 5)]
        assert cuts_in([mixed(one, other, share) for share in shares]) == []
        assert cuts_in([np.hstack([other[:, : round(WIDTH * s)], one[:, round(WIDTH * s) :]]) for s in shares]) == []


def test_a_fade_through_black_is_a_cut_where_it_is_black_and_nowhere_else() -> None:
    for a, b in CUTS[::4]:
        light = [1, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1]
        pictures = [
            np.asarray(photograph(a if t < 6 else b) * part + 16 * (1 - part), np.uint8) for t, part in enumerate(light)
        ]
        assert cuts_in(pictures) == [5, 7]


@pytest.mark.parametrize("light", [0.35, 0.6, 1.3])
def test_a_change_of_light_is_no_cut(light: float) -> None:
    for name in NAMES:
        assert not is_cut(photograph(name), np.asarray(np.clip(photograph(name) * light, 0, 255), np.uint8)), name


def test_what_shows_nothing_begins_no_scene() -> None:
    black, white = np.full((HEIGHT, WIDTH), 16, np.uint8), np.full((HEIGHT, WIDTH), 235, np.uint8)
    noise = [grainy(np.full((HEIGHT, WIDTH), 60, np.uint8), t) for t in range(4)]
    assert cuts_in([black, black, white, *noise]) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2), (8, 8), (16, 2000), (24, 13)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 255, size, np.uint8) for _ in "ab")
    assert not is_cut(one, one)
    is_cut(one, other)


# What follows from it


@pytest.mark.parametrize("at", [1, 6, 11])
def test_a_cut_at_the_second_and_at_the_last_frame(at: int) -> None:
    pictures = scene(at, standing) + scene(12 - at, ground=texture(960, 540, 9))
    assert follow(pictures, {at - 1: [(standing(0), 0.9)]})[1] == [at]


def test_those_in_both_scenes_of_a_dissolve_are_covered_throughout() -> None:
    def other(_: int) -> tuple[float, float, float, float]:
        return (220.0, 40.0, 260.0, 90.0)

    one, two = scene(30, standing), scene(30, other, ground=texture(960, 540, 9))
    shares = [min(max((t - 8) / 12, 0), 1) for t in range(30)]
    mixed = [np.asarray(cv2.addWeighted(b, s, a, 1 - s, 0), np.uint8) for a, b, s in zip(one, two, shares, strict=True)]
    finds = {t: [(standing(t), 0.9)] if shares[t] < 0.4 else [] for t in range(0, 30, 3)}
    finds |= {t: [(other(t), 0.9)] for t in finds if shares[t] > 0.6}
    tracks, cuts = follow(mixed, finds, Follow())
    assert cuts == []
    for t in range(9, 20):
        for subject in (standing(t), other(t)):
            assert any(k.first <= t < k.end and holds(box_at(k, t), subject, slack=3) for k in tracks), t


def test_files_and_live_see_the_same_cuts_and_another_process_sees_them_too() -> None:
    canvas, settings = Canvas(WIDTH, HEIGHT), Settings()
    frames = []
    for i in range(12):
        made = canvas.black(i, i * 3600)
        np.copyto(made.planes[0].pixels, banner(photograph(NAMES[i // 4]), i))
        frames.append(made)
    line = DelayLine(settings)
    for made in frames:
        line.take(made, 0.0)
    follower = Follower(settings)
    for scanned in scan(frames, [Bright()], settings):
        follower.take(scanned)
    recorded = follower.finish()
    assert recorded.cuts == [Fraction(4, 25), Fraction(8, 25)]
    assert line._cuts == [Fraction(0), *recorded.cuts], "in live the first frame begins a scene, too"
    here, there = WorkingPicture(photograph(NAMES[0])), WorkingPicture(photograph(NAMES[1]))
    sent = [pickle.loads(pickle.dumps(shot)) for shot in (here, there)]
    assert step_between(*sent).affine.tolist() == step_between(here, there).affine.tolist()
