"""Faults in live, each checked on pixels: no face in what the sink got (`tests.helpers.live.checked_numbers`)."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from threading import Event, Timer

import pytest

from anonymize.live.chain import gate
from anonymize.live.chain.control import Control
from anonymize.live.chain.loop import run
from anonymize.live.metrics import Metrics
from anonymize.redact import redact
from anonymize.settings import Live, Unbracketed
from anonymize.track import Tracker
from tests.helpers.live import (
    FAST,
    Camera,
    blind,
    clear,
    dying,
    faulty,
    hanging,
    live,
    nonsense,
    outside,
    paced,
    raising,
    shapeless,
    slow,
    stream_of,
    street_camera,
    until,
)
from tests.helpers.pace import Bound, slowdown

QUICK = replace(FAST, live=Live(coarsest=1.0, deadline=2.0, stall=0.3, timeout=1.5, backoff=0.1, longest_backoff=0.5))


def report_gap(outcome, what):
    """Print how long the scene was not visible."""
    print(f"{what}: nothing of the scene for {outcome.gap():.2f} s")  # noqa: T201 - `pytest -rP` shows it


def clear_after(*notes):
    """Enough once frames after all events in `notes` show the scene again."""

    def enough(sink, _):
        texts = [note.read_text() if note.exists() else "" for note in notes]
        if not all(texts):
            return False
        after = max(map(float, texts)) + QUICK.live.lookahead
        return sum(at > after and n is not None for at, n in zip(sink.came, sink.numbers, strict=False)) >= 3

    return enough


@pytest.mark.parametrize(
    ("terrible", "replaced"),
    [
        ({12: raising, 20: nonsense, 28: outside, 36: shapeless}, False),
        ({12: hanging}, True),
        ({12: dying}, True),
    ],
    ids=["answers with rubbish", "hangs", "dies"],
)
def test_a_detector_that(terrible, replaced, tmp_path):
    notes = [tmp_path / f.__name__ for f in terrible.values()]
    with street_camera() as camera:
        outcome = live(camera.address, QUICK, until=clear_after(*notes), make=partial(faulty, terrible, tmp_path))
    report_gap(outcome, ", ".join(note.name for note in notes))
    assert (outcome.counts["reconnects"].get("detector", 0) > 0) is replaced


def test_a_detector_that_never_answers_is_replaced_and_nothing_is_shown():
    with street_camera() as camera:
        outcome = live(
            camera.address, QUICK, until=lambda _, m: m.snapshot()["reconnects"].get("detector", 0) > 1, make=blind
        )
    assert set(outcome.numbers) <= {None}


@pytest.mark.parametrize("unbracketed", Unbracketed)
def test_a_detector_too_slow_for_its_time(unbracketed):
    settings = replace(QUICK, live=replace(QUICK.live, deadline=2.0, stall=2.0, unbracketed=unbracketed))
    with street_camera() as camera:
        outcome = live(
            camera.address, settings, until=lambda _, m: m.snapshot()["looks"]["all"] >= 2, make=partial(slow, 0.3)
        )
    assert set(outcome.numbers) <= {None}
    counts = outcome.counts
    if unbracketed is Unbracketed.OBSCURE:
        assert counts["frames"]["obscured"] == len(outcome.numbers) > 10
    else:
        assert counts["dropped"]["unbracketed"] > 10


def test_a_source_that_is_cut_and_comes_back():
    cue = Event()
    with Camera(lambda: until(cue, lambda _: [None]), lambda: [0.6, *paced(stream_of(range(400)))]) as camera:
        outcome = live(camera.address, QUICK, until=clear(10, cue))
    report_gap(outcome, "cut")
    assert outcome.counts["reconnects"]["source"] >= 1
    assert max(b - a for a, b in pairwise(outcome.sink.times)) < 1.0 * slowdown()


def test_a_source_that_stalls():
    cue = Event()
    with Camera(lambda: until(cue, lambda _: [5.0]), lambda: paced(stream_of(range(400)))) as camera:
        outcome = live(camera.address, QUICK, until=clear(10, cue))
    report_gap(outcome, "stall")
    assert outcome.numbers[outcome.sink.marks[0] :].count(None) > 5, "a notice goes out while the source is silent"
    assert max(b - a for a, b in pairwise(outcome.sink.times)) < 1.0 * slowdown()


def test_a_source_that_changes_its_resolution():
    cue, at = Event(), []

    def smaller(n):
        at.append(n)
        return paced(stream_of(range(n, n + 60), size=(480, 270), shift=n))

    def shown(sink, later):
        return bool(at) and (at[0] + later) % 100 in sink.numbers[sink.marks[0] :]

    with Camera(lambda: until(cue, smaller)) as camera:
        outcome = live(camera.address, QUICK, until=lambda sink, m: clear(5, cue)(sink, m) or shown(sink, 20))
    assert (outcome.picture.width, outcome.picture.height) == (640, 360)


def test_a_source_with_corrupt_packets():
    cue, at = Event(), []

    def corrupt(n):
        at.append(n)
        for i in range(n, n + 60):
            piece = bytearray(stream_of(range(400))[i])
            if i < n + 15 and i % 3 == 0:
                middle = slice(400, len(piece) - 300, 7)
                piece[middle] = b"\x5a" * len(piece[middle])
            yield from paced([bytes(piece)])

    def shown(sink, later):
        return (at[0] + later) % 100 in sink.numbers[sink.marks[0] :]

    with Camera(lambda: until(cue, corrupt)) as camera:
        outcome = live(camera.address, QUICK, until=lambda sink, m: clear(5, cue)(sink, m) and shown(sink, 40))
    report_gap(outcome, "corrupt packets")
    assert outcome.counts["dropped"]["damaged"] >= 5


@pytest.mark.parametrize("jump", [-1000, 2500])
def test_a_source_whose_timestamps_jump(jump):
    pieces = [*stream_of(range(65), shift=1100), *stream_of(range(65, 165), shift=1165 + jump)]
    with Camera(lambda: paced(pieces)) as camera:
        outcome = live(camera.address, QUICK, until=lambda sink, _: any((n or 0) >= 70 for n in sink.numbers))
    assert max(b - a for a, b in pairwise(outcome.sink.times)) < 0.6 * slowdown()


def test_an_exception_in_tracking_hides_what_it_concerns(monkeypatch):
    see, cue = Tracker.see, Event()
    failed: list[object] = []

    def failing(self, frame):
        if cue.is_set() and not failed:
            failed.append(frame.index)
            raise ValueError("the corners of this picture are round")
        return see(self, frame)

    monkeypatch.setattr(Tracker, "see", failing)
    with street_camera() as camera:
        outcome = live(camera.address, QUICK, until=clear(8, cue))
    report_gap(outcome, "exception in tracking")
    assert outcome.counts["stages"]["tracking"]["detail"].startswith("ValueError")


def test_an_exception_in_drawing_hides_the_frame(monkeypatch):
    cue = Event()
    failed: list[object] = []

    def failing(planes, regions, appearance, memory):
        if cue.is_set() and not failed:
            failed.append(len(regions))
            redact(planes[:1], regions[:1], appearance, memory)  # half done
            raise MemoryError("no room to draw")
        redact(planes, regions, appearance, memory)

    monkeypatch.setattr(gate, "redact", failing)
    with street_camera() as camera:
        outcome = live(camera.address, QUICK, until=clear(8, cue))
    report_gap(outcome, "exception in drawing")
    assert failed


def test_stop_while_the_source_never_connected():
    control = Control()
    Timer(0.3, control.stop).start()
    bound = Bound(10)
    run("tcp://127.0.0.1:9", lambda _: [], QUICK, Metrics(), control)
    assert not bound.over()
