"""The whole chain, source to sink, without faults; and requests while it runs."""

import os
import threading
import time
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from anonymize.data import SQUARE, Detections, Region, Shape, Why
from anonymize.errors import ModelError, ProcessError, UnreadableInput, UsageError
from anonymize.kinds import MOTION, Kind
from anonymize.live.chain import delay, gate, loop
from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.control import Control
from anonymize.live.chain.loop import Chain, run
from anonymize.live.chain.release import Release
from anonymize.live.chain.timeline import TICKS
from anonymize.live.health import Obstacle
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import Picture
from anonymize.live.source.reader import Arrived, Reader
from anonymize.media.frames.orient import Orientation
from anonymize.redact import Memory, redact
from anonymize.settings import Audio, Detect, Redact, Settings, Style, TextRules, Zone
from anonymize.track import Tracker, outline
from tests.helpers.live import (
    FAST,
    RATE,
    SIZE,
    Faulty,
    MemorySink,
    _watch,
    blind,
    clear,
    exposed,
    live,
    stream_of,
    street_camera,
    street_scene,
)
from tests.helpers.media import make_video, time_of
from tests.helpers.pace import Bound, slowdown

CANVAS = Canvas(*SIZE)
CORNER = Zone(((600.0, 320.0), (640.0, 320.0), (640.0, 360.0), (600.0, 360.0)))
ZONES_ONLY = Settings(targets=frozenset(), zones=(CORNER,))


def street_file(path, frames=60, **options):
    """The scene as a file."""
    if path.suffix == ".ts":
        path.write_bytes(b"".join(stream_of(range(400))[:frames]))
        return path
    pictures = [cv2.cvtColor(street_scene()[i][0], cv2.COLOR_BGR2RGB) for i in range(frames)]
    return make_video(path, frames=pictures, codec="libx264", **options)


@pytest.mark.parametrize("style", [None, *Style])
@pytest.mark.parametrize("side", ["left", "right", "top", "bottom", "whole"])
def test_who_judges_these_tests_sees_a_face_of_which_half_is_covered(style, side):
    """And none that is covered as any style covers it."""
    number = 25
    picture, truth = street_scene()[number]
    frame = CANVAS.frame(av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format="yuv444p"), Orientation(), 0, 0)
    bare = frame.planes[0].pixels.copy()
    looks = Redact(face=replace(Redact().face, style=style or Style.SOLID))
    for subject in truth.subjects if style else ():
        box = outline(subject.xyxy, looks.face, *SIZE)
        redact(frame.planes, [Region(box, Kind.FACE, Why.DETECTED, subject.id, Shape.ELLIPSE)], looks, Memory())
    drawn = frame.planes[0].pixels
    for x0, y0, x1, y1 in (map(round, subject.xyxy) for subject in truth.subjects):
        half = {"left": np.s_[y0:y1, x0 : (x0 + x1) // 2], "right": np.s_[y0:y1, (x0 + x1) // 2 : x1]}
        half |= {"top": np.s_[y0 : (y0 + y1) // 2, x0:x1], "bottom": np.s_[(y0 + y1) // 2 : y1, x0:x1]}
        if side in half:
            drawn[half[side]] = bare[half[side]]
    everybody = [subject.id for subject in truth.subjects]
    assert len(everybody) == 2
    assert exposed(drawn, number) == (everybody if style is None or side != "whole" else [])


def test_walking_people_are_covered():
    with street_camera() as camera:
        outcome = live(camera.address, until=clear(60))
    shown = [n for n in outcome.numbers if n is not None]
    first = outcome.numbers.index(shown[0])
    counts = outcome.counts
    assert counts["detections"]["face"] > 10
    assert counts["frames"]["out"] == len(outcome.numbers)
    assert counts["frames"]["obscured"] + counts["frames"]["late"] == outcome.numbers.count(None)
    patience = slowdown()
    assert outcome.numbers[first:].count(None) < 40 * patience
    assert counts["latency"]["median"] < FAST.live.lookahead + 0.2 * patience
    assert {name: s["state"] for name, s in counts["stages"].items()} == {"source": "stopped", "detector": "stopped"}


def test_a_file_is_played_to_its_end(tmp_path):
    outcome = live(street_file(tmp_path / "a.ts", 75).as_posix(), ZONES_ONLY, until=lambda *_: False)
    assert outcome.numbers == list(range(75))
    assert all((luma[325:, 605:] == 16).all() for luma in outcome.sink.lumas)


class Nobody(Faulty):
    """A detector that finds nobody, at once."""

    def detect(self, picture):  # noqa: ARG002
        return Detections.empty()


def loading(seconds, _):
    """Detectors that take a while to load."""
    time.sleep(seconds)
    return [Nobody({}, Path())]


def played(film, make, enough=lambda *_: False, **options):
    """What a film in which nothing is found leaves in memory, and the counts."""
    sink, metrics, control = MemorySink(), Metrics(), Control()
    watch = threading.Thread(target=_watch, args=(partial(enough, sink, metrics), control, Bound(90)), daemon=True)

    def opened(_):
        watch.start()
        return [sink]

    run(film.as_posix(), opened, FAST, metrics, control, make=make, **options)
    control.stop()
    for thread in (watch, *(one for one in threading.enumerate() if one.name == "source")):
        thread.join(5)
        assert not thread.is_alive()
    return sink, metrics.snapshot()


@pytest.mark.parametrize("looped", [False, True])
def test_a_film_shorter_than_the_start_of_the_detectors_is_played_whole(tmp_path, looped):
    """It was over before they were there: nothing of it was shown, without a word."""
    film = street_file(tmp_path / "a.ts", 25)
    enough = (lambda _, metrics: metrics.snapshot()["frames"]["in"] > 60) if looped else lambda *_: False
    sink, counts = played(film, partial(loading, 3.0), enough, loop=looped)
    assert "starting" not in counts["dropped"]
    assert looped or counts["frames"]["in"] == 25
    came = [at for at, number in zip(sink.came, sink.numbers, strict=True) if number is not None]
    assert len(came) > 12
    assert sink.came[0] + 1 < came[0], "notices came first"


def test_a_film_that_waits_for_the_detectors_is_stopped_at_once(tmp_path):
    bound = Bound(20)
    film = street_file(tmp_path / "a.ts", 25)
    sink, counts = played(film, partial(loading, 90.0), lambda sink, _: len(sink.lumas) > 3)
    assert not bound.over()
    assert counts["frames"]["in"] == 0
    assert not any(number is not None for number in sink.numbers)


def dying(settings):
    os._exit(9)


def test_a_film_is_given_up_where_its_detectors_die_again_and_again(tmp_path):
    """A camera waits for them; a film would have waited for ever."""
    film = street_file(tmp_path / "a.ts", 25)
    with pytest.raises(ProcessError, match="process was lost 3 times as it began: nothing was shown"):
        played(film, dying, lambda *_: False)


def test_a_camera_goes_on_where_settings_without_targets_come_before_its_detectors_are_there():
    """Its frames were dropped for ever as "starting"."""
    chain, *_ = chain_of()
    chain._change(ZONES_ONLY)
    chain._collect()
    arrivals = Arrivals([1])
    chain._receive(arrivals)
    assert len(chain._line) == 1
    chain.close()


def test_stop_releases_waiting_frames(tmp_path):
    control = Control()
    with street_camera() as camera:
        outcome = live(camera.address, ZONES_ONLY, until=clear(15), control=control)
    assert outcome.sink.closed
    waited = outcome.counts["frames"]["in"] - outcome.counts["frames"]["out"] - sum(outcome.counts["dropped"].values())
    assert waited <= ZONES_ONLY.live.buffer, "only what was still in the buffer"
    shown = [n for n in outcome.numbers if n is not None]
    assert all((b - a) % 100 == 1 for a, b in pairwise(shown))


def test_zones_change_without_a_gap_and_no_frame_leaves_without_one_once_it_is_in_force():
    """Frames that waited left without it, for as long as the lookahead."""
    control = Control()
    sinks: list[MemorySink] = []
    applied: list[int] = []
    control.on_applied = lambda _: applied.append(len(sinks[0].lumas))
    other = replace(CORNER, polygon=((0.0, 320.0), (40.0, 320.0), (40.0, 360.0), (0.0, 360.0)))

    def until(sink, _):
        sinks[:] = [sink]
        if len(sink.numbers) == 20:
            control.reload(replace(ZONES_ONLY, zones=(other,)))
        return len(sink.numbers) > 60

    with street_camera() as camera:
        outcome = live(camera.address, ZONES_ONLY, until=until, control=control)
    left = [(luma[325:, :35] == 16).all() for luma in outcome.sink.lumas]
    right = [(luma[325:, 605:] == 16).all() for luma in outcome.sink.lumas]
    assert 15 < applied[0] < 40
    assert left == [False] * applied[0] + [True] * (len(left) - applied[0])
    gone = right.index(False)
    assert applied[0] < gone < 60, "frames that waited have both"
    assert right == [True] * gone + [False] * (len(right) - gone)
    assert outcome.gap() < 0.5 * slowdown()
    shown = [n for n in outcome.numbers if n is not None]
    assert all((b - a) % 100 == 1 for a, b in pairwise(shown))


def test_another_detector_takes_over_when_it_is_ready():
    control = Control()
    asked: list[int] = []
    other = replace(FAST, detect=replace(FAST.detect, every=0.1))

    def until(sink, metrics):
        shown = sum(n is not None for n in sink.numbers)
        if shown > 20 and not asked:
            asked.append(len(sink.numbers))
            control.reload(other)
        return "settings" in metrics.snapshot()["stages"] and shown > 20 + 90

    with street_camera() as camera:
        outcome = live(camera.address, FAST, until=until, control=control)
    after = outcome.numbers[asked[0] :]
    assert after.count(None) < len(after) / 2


def test_settings_that_need_a_missing_model_change_nothing():
    control = Control()

    looks: list[int] = []

    def until(sink, metrics):
        now = metrics.snapshot()
        if now["looks"]["all"] > 1 and not looks:
            looks.append(now["looks"]["all"])
            control.reload(replace(FAST, detect=Detect(min_face=24.0, detectors=("yunet",)), zones=(CORNER,)))
        if now["stages"].get("settings", {}).get("state") == "failed" and len(looks) == 1:
            looks.append(now["looks"]["all"])
        return len(looks) == 2 and now["looks"]["all"] > looks[1] + 2

    with street_camera() as camera:
        outcome = live(camera.address, FAST, until=until, control=control)
    assert outcome.counts["stages"]["settings"]["state"] == "failed", "and it says so"
    assert outcome.counts["looks"]["all"] > looks[1] + 2, "the detectors before go on"
    pictures = zip(outcome.sink.lumas, outcome.numbers, strict=True)
    assert all((luma[325:, 605:] > 16).any() for luma, number in pictures if number is not None), "its zone is drawn"


class Arrivals(Reader):
    """A source whose pictures have come already; each is of the connection that it was given."""

    def __init__(self, connections):
        self._waiting = []  # and no thread that reads
        for number, connection in enumerate(connections):
            picture = av.VideoFrame.from_ndarray(street_scene()[number][0], "bgr24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, RATE)
            self._waiting.append(
                Arrived(picture, Orientation(), number / RATE, time.monotonic(), connection, (SQUARE,))
            )

    def take(self):
        return self._waiting.pop(0)


@pytest.mark.parametrize(("connections", "cuts"), [([1, 1, 1, 1], 1), ([1, 1, 2, 2], 2), ([2, 3, 3, 5], 3)])
def test_a_scene_ends_where_the_connection_does(connections, cuts):
    """However alike the pictures are: what happened in between, nobody saw. The first picture begins one, too."""
    picture = Picture(*SIZE, Fraction(RATE))
    sink, metrics = MemorySink(), Metrics()
    chain = Chain(picture, FAST, Release([sink], picture, metrics), metrics, blind)
    chain._started = True
    arrivals = Arrivals(connections)
    for _ in connections:
        chain._receive(arrivals)
    assert len(chain._line) == len(connections)
    assert len(chain._line._cuts) == cuts
    chain.close()


def test_a_picture_is_dropped_if_a_notice_went_out_for_its_time():
    """It would be shown at a later one, and so would those after it, until they have caught up."""
    chain, sink, metrics = chain_of(ZONES_ONLY)
    chain._release.fill(gate.notice(CANVAS.black(-1, 2 * TICKS), "No signal"), missing=True)
    arrivals = Arrivals([1, 1, 1])
    for number, captured in enumerate((1.5, 1.9, 2.1)):
        arrivals._waiting[number] = replace(arrivals._waiting[number], captured=chain._begun + captured)
    for _ in range(3):
        chain._receive(arrivals)
    assert metrics.snapshot()["dropped"] == {"stale": 2}
    for held, cleared in chain._line.due(time.monotonic() + 60):
        chain._release.show(cleared, held.arrived, held.due)
    assert sink.times == [2.0, pytest.approx(2.1)]
    frames = metrics.snapshot()["frames"]
    assert (frames["out"], frames["notice"]) == (2, 1)


def test_a_notice_does_not_overtake_pictures_that_wait():
    chain, sink, _ = chain_of(ZONES_ONLY)
    arrivals = Arrivals([1])
    chain._begun = time.monotonic() - 100
    arrivals._waiting[0] = replace(arrivals._waiting[0], captured=chain._begun + 90)
    chain._receive(arrivals)
    chain._release._fresh = 0.0
    chain._fill()
    for held, cleared in chain._line.due(time.monotonic() + 60):
        chain._release.show(cleared, held.arrived, held.due)
    assert sink.times == [pytest.approx(90, abs=0.02), pytest.approx(90)]


@pytest.mark.parametrize(
    ("change", "cuts"),
    [
        (lambda arrived: arrived, 1),
        (lambda arrived: replace(arrived, picture=resized(arrived.picture, (480, 360))), 3),
        (lambda arrived: replace(arrived, picture=resized(arrived.picture, (320, 180))), 3),
        (lambda arrived: replace(arrived, orientation=Orientation(transposed=True)), 3),
        (lambda arrived: replace(arrived, aspects=(Fraction(4, 3),)), 3),
    ],
    ids=["alike", "another shape", "smaller", "turned", "other pixels"],
)
def test_a_scene_ends_where_the_picture_is_fitted_in_another_way(monkeypatch, change, cuts):
    """All faces are elsewhere from there on, and trackers may take dull pictures for the same scene."""
    monkeypatch.setattr(Tracker, "see", lambda *_: False)
    chain, *_ = chain_of()
    chain._started = True
    arrivals = Arrivals([1] * 5)
    arrivals._waiting[2] = change(arrivals._waiting[2])
    for _ in range(5):
        chain._receive(arrivals)
    assert len(chain._line._cuts) == cuts
    chain.close()


def resized(picture, size):
    """`picture` in another size."""
    made = picture.reformat(*size)
    made.pts, made.time_base = picture.pts, picture.time_base
    return made


def chain_of(settings=FAST, make=blind):
    """A chain that nothing drives, its sink, and its metrics."""
    picture = Picture(*SIZE, Fraction(RATE))
    sink, metrics = MemorySink(), Metrics()
    return Chain(picture, settings, Release([sink], picture, metrics), metrics, make), sink, metrics


def test_a_picture_that_cannot_be_converted_is_counted_and_the_next_one_is_taken():
    chain, _, metrics = chain_of(ZONES_ONLY)
    arrivals = Arrivals([1, 1, 1])
    odd = av.VideoFrame(64, 48, "rgb4")
    odd.pts, odd.time_base = 1, Fraction(1, RATE)
    arrivals._waiting[1] = replace(arrivals._waiting[1], picture=odd)
    for _ in range(3):
        chain._receive(arrivals)
    assert len(chain._line) == 2
    assert metrics.snapshot()["dropped"] == {"unusable": 1}


@pytest.mark.parametrize(
    ("started", "came_due", "silent", "words"),
    [
        (False, False, 0.0, loop.STARTING),
        (True, False, 0.0, loop.STARTING),
        (True, True, 0.0, gate.NOT_CHECKED),
        (True, True, 9.0, loop.NO_SIGNAL),
        (True, False, 9.0, loop.NO_SIGNAL),
    ],
)
def test_a_notice_says_why_nothing_is_shown(monkeypatch, started, came_due, silent, words):
    chain, sink, metrics = chain_of(ZONES_ONLY)
    said = []

    def noticed(blank, words, level):
        said.append(words)
        return gate.notice(blank, words, level)

    monkeypatch.setattr(delay, "notice", noticed)
    chain._started = started
    if came_due:
        chain._receive(Arrivals([1]))
        chain._line._held[0].arrived -= 60
        chain._release_due()
        sink.lumas.clear()
    now = time.monotonic()
    chain._arrived, chain._release._fresh = now - silent, now - ZONES_ONLY.live.stall - 1
    chain._fill()
    assert said == [words]
    assert len(sink.lumas) == 1
    chain._fill()
    assert said == [words], "not again at once"
    assert metrics.snapshot()["frames"]["notice"] == (words != gate.NOT_CHECKED), "frames had come"


def test_the_detectors_go_on_while_settings_change_that_are_not_theirs():
    chain, _, metrics = chain_of()
    client, process = chain._client, chain._client._process
    chain._change(replace(FAST, zones=(CORNER,)))
    assert chain._client is client
    assert client._process is process
    assert process.is_alive()
    assert metrics.snapshot()["stages"]["settings"]["state"] == "ok"
    chain._change(ZONES_ONLY)
    assert chain._client is None
    assert client._process is None, "nobody needs it any more"
    chain._change(replace(FAST, zones=(CORNER,)))
    assert chain._client is None
    assert chain._next_client is not None
    chain.close()
    assert chain._next_client._process is None


def test_why_a_background_cannot_be_shown_is_said_while_there_is_one():
    moving = Settings(targets=frozenset({MOTION}), live=FAST.live)
    chain, _, metrics = chain_of(moving)
    place = chain._line.place
    assert place is not None
    place.obstacle = Obstacle.UNLEARNT
    chain._release_due()
    assert metrics.health().causes[0].what == "unlearnt"
    assert metrics.snapshot()["stages"]["background"]["state"] == "lost"
    chain._change(ZONES_ONLY)
    assert metrics.health().causes == ()
    assert metrics.snapshot()["stages"]["background"]["state"] == "stopped"


def test_a_pattern_of_text_that_changes_is_looked_for_by_a_detector_that_knows_it(monkeypatch):
    chain, *_ = chain_of()
    opened = []
    monkeypatch.setattr(chain, "_opened", lambda settings: opened.append(settings.text.match))
    chain._change(replace(FAST, zones=(CORNER,)))
    assert opened == []
    lines = replace(FAST, targets=FAST.targets | {Kind.TEXT})
    chain._change(lines)
    chain._change(replace(lines, text=TextRules("kowalski")))
    assert opened == ["", "kowalski"]
    chain.close()


def test_sound_is_dropped_unless_asked_for(tmp_path):
    video = street_file(tmp_path / "a.mp4", 40, audio=True)
    mute = live(video.as_posix(), ZONES_ONLY, until=lambda *_: False)
    assert mute.sink.sounds == []
    assert mute.picture.sound is None


def test_sound_is_kept_in_step_with_the_picture(tmp_path):
    video = street_file(tmp_path / "a.mp4", 40, audio=True)
    outcome = live(video.as_posix(), ZONES_ONLY, until=lambda *_: False, audio=Audio.KEEP)
    assert outcome.picture.sound is not None
    assert outcome.picture.sound.codec == "aac"
    sounds = outcome.sink.sounds
    starts = [time_of(packet) for packet in sounds]
    assert all(a < b for a, b in pairwise(starts))
    assert len(sounds) > 0.8 * 40 / RATE * 48_000 / 1024
    assert abs(float(starts[-1]) - outcome.sink.times[-1]) < 0.2


def test_permanent_errors_are_raised(tmp_path):
    def refuse(_):
        raise AssertionError("no sink is opened")

    for address, error in (("gopher://x/y", UsageError), (str(tmp_path / "none.mp4"), UnreadableInput)):
        with pytest.raises(error):
            run(address, refuse, FAST, Metrics(), Control())
    video = street_file(tmp_path / "a.ts", 50)
    wanted = Settings(targets=frozenset({Kind.FACE}), detect=Detect(detectors=("yunet",)))
    with pytest.raises(ModelError):
        run(str(video), lambda _: [], wanted, Metrics(), Control(), loop=True)
