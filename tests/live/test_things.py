"""Things in a zone of --show-zone, in live: a poster becomes visible in time, people never do."""

import threading
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from anonymize.data import Detections, Kind, Track, Why
from anonymize.live.chain import things as rule
from anonymize.live.chain.control import Control
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.loop import run
from anonymize.live.chain.things import AFTER, FROM_THE_FIRST, UNSEEN, Things
from anonymize.live.detector.pace import THOROUGH
from anonymize.live.metrics import Metrics
from anonymize.settings import Detect, Follow, Settings, Span, Zone
from tests.helpers.live import FAST, MemorySink, _watch, exposed, street_scene
from tests.helpers.media import make_video
from tests.helpers.pace import Bound
from tests.live import test_delay as delay

ZONE = Zone(((800.0, 100.0), (1280.0, 100.0), (1280.0, 500.0), (800.0, 500.0)))
SETTINGS = Settings(spared=(ZONE,))
POSTER = (1220.0, 200.0, 1280.0, 270.0)
"""At the picture's border, 1280 wide."""
RATE = 5
LONG = (AFTER + 4) * RATE


def track(number, box, why=Why.INTERPOLATED, kind=Kind.FACE):
    return Track(number, kind, 0, np.array([box], np.float32), np.array([0.6], np.float32), (why,))


def moved(box, x, y=0.0):
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def seen(i):
    """Found at every second frame."""
    return Why.DETECTED if i % 2 == 0 else Why.INTERPOLATED


def play(frames, settings=SETTINGS, things=None):
    """Which tracks were visible on each of `frames`, lists of tracks; the first frame is not at 0."""
    things = things or Things()
    visible = []
    for i, tracks in enumerate(frames):
        covered = things.others(tracks, 7 + Fraction(i, RATE), settings)
        visible.append({one.id for one in tracks} - {one.id for one in covered})
        assert things.visible == len(visible[-1])
    return visible


def when(visible, number):
    """The seconds at which a track is visible."""
    return [i / RATE for i, numbers in enumerate(visible) if number in numbers]


@pytest.mark.parametrize("kind", [Kind.FACE, Kind.PLATE])
def test_a_poster_is_left_visible_once_it_has_stood_still_for_long(kind):
    shown = when(play([[track(3, moved(POSTER, 2 * (i % 2)), seen(i), kind)] for i in range(LONG)]), 3)
    assert shown == [i / RATE for i in range(AFTER * RATE, LONG)]


def test_nothing_is_left_visible_without_such_a_zone():
    assert not when(play([[track(3, POSTER, seen(i))] for i in range(LONG)], Settings()), 3)


def test_later_tracks_are_covered_however_still():
    late = FROM_THE_FIRST * RATE + 1
    frames = [[track(3, POSTER, seen(i))] if i >= late else [] for i in range(2 * LONG)]
    assert not when(play(frames), 3)


@pytest.mark.parametrize("box", [moved(POSTER, -460), moved(POSTER, 0, 300), moved(POSTER, 0, -140)])
def test_what_stands_outside_the_zone_is_covered(box):
    assert not when(play([[track(3, box, seen(i))] for i in range(LONG)]), 3)


@pytest.mark.parametrize(
    "path",
    [
        lambda i: moved(POSTER, -0.1 * i),
        lambda i: moved(POSTER, 0, 0.1 * i),
        lambda i: (POSTER[0] - 0.1 * i, *POSTER[1:]),
        lambda i: moved(POSTER, -8 * (i % 50 == 49)),
    ],
)
def test_moving_or_approaching_tracks_are_covered(path):
    assert not when(play([[track(3, path(i), seen(i))] for i in range(LONG)]), 3)


def test_what_moves_after_all_is_covered_from_that_frame_on():
    frames = [[track(3, moved(POSTER, -9 if LONG <= i < LONG + 5 else 0), seen(i))] for i in range(3 * LONG)]
    shown = when(play(frames), 3)
    assert shown == [i / RATE for i in range(AFTER * RATE, LONG)]


@pytest.mark.parametrize("kind", [Kind.FACE, Kind.PLATE])
def test_who_passes_it_is_covered_and_so_is_it_until_nobody_was_near_for_long(kind):
    def passing(i):
        x = -600 + 20 * (i - LONG)
        return [track(4, moved(POSTER, x), seen(i), kind)] if LONG <= i < LONG + 60 else []

    visible = play([[track(3, POSTER, seen(i)), *passing(i)] for i in range(3 * LONG)])
    assert not when(visible, 4)
    hidden = sorted({*range(AFTER * RATE, 3 * LONG)} - {round(time * RATE) for time in when(visible, 3)})
    if kind is Kind.PLATE:
        assert not hidden  # a plate is not confused with a face
    else:
        assert hidden[0] > LONG
        assert hidden == list(range(hidden[0], hidden[-1] + 1))
        assert AFTER <= len(hidden) / RATE < AFTER + 3


def test_a_track_that_takes_its_place_is_covered():
    frames = [[track(3 if i < LONG else 5, POSTER, seen(i))] for i in range(3 * LONG)]
    assert not when(play(frames), 5)


def test_a_track_no_longer_detected_is_covered():
    gap = LONG + UNSEEN * RATE + 2
    frames = [[track(3, POSTER, seen(i) if not LONG <= i < gap else Why.HELD)] for i in range(3 * LONG)]
    shown = when(play(frames), 3)
    assert max(time for time in shown if time < gap / RATE) == (LONG - 1) / RATE
    assert min(time for time in shown if time >= LONG / RATE) >= gap / RATE + AFTER - 1


def test_a_new_scene_starts_without_things():
    things = Things()
    still = [[track(3, POSTER, seen(i))] for i in range(LONG)]
    assert when(play(still, things=things), 3)
    things.begin_anew()
    assert not when(play(still[: AFTER * RATE - 1], things=things), 3)


def test_a_zone_counts_in_its_span_only():
    spans = replace(SETTINGS, spared=(replace(ZONE, span=Span(Fraction(7 + AFTER + 2), None)),))
    assert not when(play([[track(3, POSTER, seen(i))] for i in range(LONG)], spans), 3)


@pytest.mark.parametrize("cut", [None, 60])
def test_the_delay_line_shows_the_thing_and_hides_the_passer(cut, monkeypatch):
    """A poster in a zone, a square that wanders below it, scans of every third frame; the light jumps at `cut`."""
    monkeypatch.setattr(rule, "AFTER", 1)
    poster, side = (120, 4), delay.SIDE
    zone = Zone(((100.0, 0.0), (160.0, 0.0), (160.0, 32.0), (100.0, 32.0)))
    settings = Settings(detect=Detect(every=0.1), follow=Follow(max_gap=0.3), spared=(zone,))
    line, out = DelayLine(settings), []

    def place(i):  # to and fro: where somebody was last seen who is gone at once, he may be still, beside the poster
        return 40 + abs((2 * i + 48) % 96 - 48), 40

    for i in range(120):
        ground = delay.GROUND if cut is None or i < cut else delay.OTHER
        frame = delay.frame(i, i * delay.STEP, ground=ground, at=place(i))
        frame.planes[0].pixels[poster[1] : poster[1] + side, poster[0] : poster[0] + side] = delay.SECRET
        line.take(frame, i * 0.04)
        if i % 3 == 0 or i in ((cut or 0) - 1, cut):
            line.asked(line._held[-1], THOROUGH)
            boxes = [(*at, at[0] + side, at[1] + side) for at in (place(i), poster)]
            faces = np.full(2, Kind.FACE, np.int64)
            line.learn(i, Detections(np.array(boxes, np.float32), np.array([0.9, 0.9], np.float32), faces))
        out += [(cleared, line.things) for _, cleared in line.due(i * 0.04)]
    assert not any(cleared.obscured for cleared, _ in out)
    shows = [bool((cleared.frame.planes[0].pixels[4:28, 120:144] > delay.BRIGHT).mean() > 0.5) for cleared, _ in out]
    assert shows == [bool(things) for _, things in out]
    assert not any((cleared.frame.planes[0].pixels[40:64] > delay.BRIGHT).any() for cleared, _ in out)
    hidden = [i for i, bright in enumerate(shows) if not bright]
    assert hidden == ([*range(25)] if cut is None else [*range(25), *range(cut, cut + 25)])


def test_live_shows_a_poster_and_counts_it(tmp_path, monkeypatch):
    monkeypatch.setattr(rule, "AFTER", 1)
    picture = cv2.cvtColor(street_scene()[40][0], cv2.COLOR_BGR2RGB)
    video = make_video(tmp_path / "poster.mp4", frames=[picture] * 250, codec="libx264")
    everywhere = Zone(((0.0, 0.0), (640.0, 0.0), (640.0, 360.0), (0.0, 360.0)))
    sink, metrics, control = MemorySink(), Metrics(), Control()

    def enough():
        samples = [
            line for line in metrics.text().decode().splitlines() if line.startswith("anonymize_things_visible{")
        ]
        return bool(samples) and float(samples[0].split()[-1]) > 0

    watch = threading.Thread(target=_watch, args=(enough, control, Bound(60.0)), daemon=True)
    watch.start()
    run(str(video), lambda _: [sink], replace(FAST, spared=(everywhere,)), metrics, control)
    watch.join()
    assert enough(), "no poster was left visible"
    shown = [
        time - sink.times[0]
        for time, luma, number in zip(sink.times, sink.lumas, sink.numbers, strict=True)
        if number is not None and exposed(luma, 40)
    ]
    assert shown[0] >= 1
    assert shown[-1] == sink.times[-1] - sink.times[0]
