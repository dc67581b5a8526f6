"""The delay line and the gate, without threads and processes: time is only a number."""

from bisect import bisect_left, bisect_right
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from anonymize.data import Detections, Kind, Why
from anonymize.kinds import MOTION
from anonymize.live.chain import curtain, gate, settling
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.chain.delay import DelayLine, Held
from anonymize.live.chain.gate import Cleared, clear, hand_over, notice, withhold
from anonymize.live.chain.loop import NO_SIGNAL
from anonymize.live.detector.pace import THOROUGH
from anonymize.redact import Memory, redact
from anonymize.settings import Detect, Follow, Live, Settings, Zone
from anonymize.track import Tracker, bracketed
from tests.helpers.live import MemorySink

WIDTH, HEIGHT = 160, 96
SIDE = 24
STEP = 3600
"""Ticks from frame to frame at 25 a second."""
CANVAS = Canvas(WIDTH, HEIGHT)
GROUND = cv2.GaussianBlur(np.random.default_rng(0).integers(60, 110, (HEIGHT, WIDTH), np.uint8), (0, 0), 1.5)
OTHER = cv2.GaussianBlur(np.random.default_rng(1).integers(10, 120, (HEIGHT, WIDTH), np.uint8), (0, 0), 4)
SECRET = np.where(np.indices((SIDE, SIDE)).sum(axis=0) // 4 % 2, 255, 150).astype(np.uint8)
"""Brighter than anything else that is ever shown."""
BRIGHT = 140
SETTINGS = Settings(detect=Detect(every=0.1), follow=Follow(max_gap=0.3), live=Live(lookahead=0.4))


def place(index):
    return 20 + 2 * (index % 40), 40


def frame(index, pts, *, secret=True, ground=GROUND, at=None):
    """A frame with a bright square that must never be seen, where it is `at` if not in its usual place."""
    luma = ground.copy()
    if secret:
        x, y = at or place(index)
        luma[y : y + SIDE, x : x + SIDE] = SECRET
    made = CANVAS.black(index, pts)
    np.copyto(made.planes[0].pixels, luma)
    return made


def finds(index):
    """Detections of a perfect detector on frame `index`."""
    x, y = place(index)
    box = np.array([[x, y, x + SIDE, y + SIDE]], np.float32)
    return Detections(box, np.array([0.9], np.float32), np.array([Kind.FACE], np.int8))


def shows_secret(cleared):
    """Whether the square is in the picture, whatever the frame says of itself; or anything as bright on a shown one."""
    luma = cleared.frame.planes[0].pixels
    x, y = place(cleared.frame.index)
    as_it_is = (luma[y : y + SIDE, x : x + SIDE] == SECRET).mean() > 0.1
    return bool(as_it_is or ((luma > BRIGHT).mean() > 0.002 and not cleared.obscured))


def hidden(cleared):
    """Whether nothing of a frame itself is shown: it is blank, or the last one once more."""
    return cleared.obscured or cleared.late is not None


def play(line, frames, scans, late=0, lost=(), cut_every=10_000):
    """Take `frames`, 0.04 s apart; scan the indices `scans`, each result `late` frames later. What was released."""
    out = []
    for i in range(frames + 20):
        now = i * 0.04
        if i < frames:
            line.take(frame(i, i * STEP, ground=(GROUND, OTHER)[i // cut_every % 2]), now)
        for held in [h for h in line._held if h.frame.index == i and i in scans]:
            line.asked(held, THOROUGH)
        if (done := i - late) in scans and done not in lost and done < frames:
            line.learn(done, finds(done))
        out += [cleared for _, cleared in line.due(now)]
    return out


def wanted(line, *when) -> Held:
    """The frame that the line wants scanned."""
    held: Held | None = line.wanted(*when)
    assert held is not None
    return held


@pytest.fixture
def bracketing_alone(monkeypatch):
    """One look at a scene is enough, and nothing stays hidden: `test_settling`, `test_curtain` have these rules."""
    monkeypatch.setattr(settling, "LOOKS", 1)
    monkeypatch.setattr(curtain, "HIDDEN_FOR", 0)


def test_frames_between_scans_are_released_redacted_when_due():
    out = play(DelayLine(SETTINGS), 40, range(0, 40, 3))
    assert [c.frame.index for c in out] == list(range(40))
    assert not any(c.obscured for c in out)
    assert not any(shows_secret(c) for c in out)
    assert {r.why for c in out for r in c.regions} >= {Why.DETECTED, Why.INTERPOLATED}


def test_a_late_first_detection_is_covered_from_the_bracketing_scan_on():
    line, out = DelayLine(SETTINGS), []
    for i in range(30):
        now = i * 0.04
        line.take(frame(i, i * STEP, secret=i >= 10), now)
        if i % 6 == 0:
            (held,) = [h for h in line._held if h.frame.index == i]
            line.asked(held, THOROUGH)
            line.learn(i, finds(i) if i >= 10 else Detections.empty())
        out += [cleared for _, cleared in line.due(now)]
    assert not any(shows_secret(c) for c in out)
    assert out[10].regions, "two frames before the scan that found it"


def test_without_detections_nothing_is_shown():
    out = play(DelayLine(SETTINGS), 15, ())
    assert len(out) == 15
    assert all(c.obscured for c in out)
    assert not any(shows_secret(c) for c in out)


def test_a_result_after_its_frame_left_still_serves_later_frames():
    line = DelayLine(replace(SETTINGS, live=Live(lookahead=0.4)))
    out = play(line, 60, range(0, 60, 4), late=9)
    assert not any(shows_secret(c) for c in out)
    assert any(c.obscured for c in out)
    assert any(not c.obscured for c in out)


@pytest.mark.usefixtures("bracketing_alone")
def test_the_newest_frame_is_scanned_and_none_twice():
    line = DelayLine(SETTINGS)
    assert line.wanted(0.0, 0.1, 0.05) is None
    line.take(frame(0, 0), 0.0)
    first = wanted(line, 0.0, 0.1, 0.05)
    assert first.frame.index == 0
    line.asked(first, THOROUGH)
    assert line.wanted(0.01, 0.1, 0.05) is None
    line.learn(0, finds(0))
    for i in (1, 2):
        line.take(frame(i, i * STEP), i * 0.04)
    assert line.wanted(0.08, 0.1, 0.05) is None, "too soon"
    line.take(frame(3, 3 * STEP), 0.12)
    assert wanted(line, 0.12, 0.1, 0.05).frame.index == 3


@pytest.mark.usefixtures("bracketing_alone")
def test_the_last_frame_is_scanned_when_no_more_come():
    line = DelayLine(SETTINGS)
    for i in (0, 1):
        line.take(frame(i, i * STEP), i * 0.04)
        if i == 0:
            line.asked(wanted(line, 0.0, 0.1, 0.05), THOROUGH)
            line.learn(0, finds(0))
    assert line.wanted(0.05, 0.1, 0.05) is None
    assert wanted(line, 0.2, 0.1, 0.05).frame.index == 1


def test_both_sides_of_a_cut_are_scanned():
    line = DelayLine(SETTINGS)
    for i in range(6):
        line.take(frame(i, i * STEP, ground=GROUND if i < 4 else OTHER, secret=i < 4), i * 0.04)
        if i == 0:
            line.asked(wanted(line, 0.0, 0.1, 0.01), THOROUGH)
            line.learn(0, finds(0))
    before = wanted(line, 0.2, 0.1, 0.01)
    assert before.frame.index == 3
    line.asked(before, THOROUGH)
    line.learn(3, finds(3))
    after = wanted(line, 0.2, 0.1, 0.01)
    assert after.frame.index == 4
    assert wanted(line, 10.0, 0.1, 0.01).frame.index == 5, "too late for the cut: the newest instead"


@pytest.mark.usefixtures("bracketing_alone")
def test_a_source_that_was_lost_brackets_nothing_across():
    line = DelayLine(SETTINGS)
    for i in range(6):
        if i == 3:
            line.break_off()
        line.take(frame(i, i * STEP), i * 0.04)
        if i in (0, 5):
            (held,) = [h for h in line._held if h.frame.index == i]
            line.asked(held, THOROUGH)
            line.learn(i, finds(i))
    out = [cleared for _, cleared in line.due(9.0)]
    assert [hidden(c) for c in out] == [False, True, True, True, True, False]


@pytest.mark.usefixtures("bracketing_alone")
@pytest.mark.parametrize(
    ("changed", "obscured"),
    [
        ({"targets": frozenset({Kind.FACE, Kind.PLATE})}, True),
        ({"detect": Detect(every=0.1, detectors=("yunet",))}, True),
        ({"detect": Detect(every=0.1, min_face=15.9)}, True),
        ({"detect": Detect(every=0.1, min_plate=23)}, True),
        ({"live": Live(coarsest=1.5)}, True),
        ({"detect": Detect(every=0.2)}, False),
        ({"follow": Follow(max_gap=0.31)}, False),
    ],
    ids=["targets", "detectors", "smaller faces", "smaller plates", "how coarse", "how often", "the gap"],
)
def test_scans_for_other_targets_bracket_nothing_after_a_change(changed, obscured):
    settings = replace(SETTINGS, targets=frozenset({Kind.FACE}))
    line = DelayLine(settings)
    for i in range(6):
        if i == 3:
            line.change(replace(settings, **changed))
        line.take(frame(i, i * STEP), i * 0.04)
        if i in (0, 5):
            (held,) = [h for h in line._held if h.frame.index == i]
            line.asked(held, THOROUGH)
            line.learn(i, finds(i))
    out = [cleared for _, cleared in line.due(9.0)]
    assert [hidden(c) for c in out] == ["targets" in changed, *[obscured] * 4, False]
    assert not any(shows_secret(c) for c in out)


def test_zones_hold_without_any_detector():
    zone = Zone(((0.0, 0.0), (40.0, 0.0), (40.0, 96.0), (0.0, 96.0)))
    line = DelayLine(Settings(targets=frozenset(), zones=(zone,)))
    line.take(frame(0, 0, secret=False), 0.0)
    ((_, cleared),) = line.due(1.0)
    luma = cleared.frame.planes[0].pixels
    assert (luma[:, :40] == 16).all()
    assert (luma[:, 42:] > 16).all()


def test_settings_hold_for_the_frames_that_come_after_them_and_hide_more_on_those_that_wait():
    zone = Zone(((0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0)))
    line = DelayLine(Settings(targets=frozenset(), zones=(zone,)))
    line.take(frame(0, 0, secret=False), 0.0)
    line.change(Settings(targets=frozenset(), zones=(replace(zone, polygon=((80, 0), (88, 0), (88, 8), (80, 8))),)))
    line.take(frame(1, STEP, secret=False), 0.04)
    first, second = (cleared.frame.planes[0].pixels for _, cleared in line.due(1.0))
    assert (first[0, 0], second[0, 0] > 16) == (16, True)
    assert (first[0, 84], second[0, 84]) == (16, 16)


@pytest.mark.parametrize(
    ("before", "then", "withheld"),
    [
        ((), (Kind.FACE,), True),
        ((Kind.FACE,), (Kind.PLATE,), True),
        ((Kind.FACE,), (Kind.FACE, MOTION), True),
        ((Kind.FACE, Kind.PLATE), (Kind.FACE,), False),
    ],
)
def test_frames_that_wait_when_targets_come_are_withheld(before, then, withheld):
    zone = Zone(((0.0, 0.0), (8.0, 0.0), (8.0, 8.0), (0.0, 8.0)))
    first, second = (replace(SETTINGS, targets=frozenset(targets), zones=(zone,)) for targets in (before, then))
    line = DelayLine(first)
    for i in range(4):
        line.take(frame(i, i * STEP), i * 0.04)
        if before:
            line.asked(line._held[-1], THOROUGH)
            line.learn(i, finds(i))
    line.change(second)
    line.change(first)
    assert [hidden(cleared) for _, cleared in line.due(9.0)] == [withheld] * 4


def test_an_answer_that_comes_after_all_is_forgotten_changes_nothing():
    """Beside other programs a look can take seconds: the frames that wait then are sound, and later looks count."""
    line, settings = DelayLine(SETTINGS), SETTINGS
    last = round((settings.follow.bridge + settings.follow.hold * 4 + 9) * 25)
    line.take(frame(0, 0), 0.0)
    line.asked(line._held[0], THOROUGH)
    for i in range(1, last):
        line.take(frame(i, i * STEP), i * 0.04)
        assert all(cleared.obscured for _, cleared in line.due(i * 0.04))
    assert not line.learn(0, finds(0))
    assert not line.faults
    assert all(held.sound for held in line._held)


def test_memory_is_bounded():
    line, frames = DelayLine(SETTINGS), 500  # more than twice what is kept, at 25 frames per second
    play(line, frames, range(0, frames, 3), cut_every=40)
    tracker = line._tracker
    parts = (
        *line._looks.values(),
        line._cuts,
        tracker._detections,
        tracker._history._cuts,
        tracker._done,
        tracker._subjects,
    )
    assert len(line) == 0
    assert all(len(part) <= 10 for part in parts)


# The gate


def test_only_the_gate_clears_frames():
    raw = frame(0, 0)
    with pytest.raises(TypeError, match="decides what may be shown"):
        Cleared(raw, (), False, passed=object())
    with pytest.raises(TypeError, match="cleared"):
        hand_over(raw, [MemorySink()])


def test_a_frame_withheld_shows_nothing_but_words():
    sink = MemorySink()
    hand_over(withhold(frame(0, 0), "Hidden"), [sink])
    hand_over(notice(CANVAS.black(1, STEP), "No signal"), [sink])
    hidden, said = sink.lumas
    assert set(np.unique(hidden[HEIGHT // 2 + 20 :])) == set(np.unique(said[HEIGHT // 2 + 20 :])) == {16}
    assert all((chroma == 128).all() for chroma in sink.chromas)
    assert hidden.max() > 60, "it says so"


@pytest.mark.parametrize(("lookahead", "begins"), [(0.8, 0.79), (0.4, 0.39), (0.02, 0.015)])
def test_a_frame_is_drawn_on_in_time_to_leave_when_it_is_due(lookahead, begins):
    """The time that it takes was added to the lookahead."""
    line = DelayLine(replace(SETTINGS, live=Live(lookahead=lookahead)))
    line.take(frame(0, 0), 5.0)
    assert line.next_due == pytest.approx(5.0 + begins)
    assert not [*line.due(5.0 + begins - 0.001)]
    ((held, _),) = line.due(5.0 + begins + 0.001)
    assert held.due == pytest.approx(5.0 + lookahead)


@pytest.mark.parametrize("size", [(160, 96), (320, 180), (1280, 720), (1920, 1080), (720, 1280)], ids=str)
@pytest.mark.parametrize("words", [gate.NOT_CHECKED, gate.ZONE_OUTSIDE, NO_SIGNAL])
def test_words_stand_in_the_middle_and_can_be_read_at_every_size(size, words):
    luma = withhold(Canvas(*size).black(0, 0), words).frame.planes[0].pixels
    lit = luma > 60
    down, across = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    for found, side in ((down, size[1]), (across, size[0])):
        assert abs((found[0] + found[-1] + 1 - side) / 2) <= 0.03 * side
        assert 0 < found[0] <= found[-1] < side - 1
    assert across[-1] - across[0] < 0.85 * size[0]
    assert down[-1] - down[0] < 0.12 * size[1]
    ink = lit[down[0] : down[-1] + 1, across[0] : across[-1] + 1].mean()
    assert 0.15 < ink < 0.58, "lines as thick as letters of this height have them"


def test_the_gate_applies_the_rule_for_files(monkeypatch):
    asked = []

    def rule(time, scans, max_gap, cuts):
        asked.append((time, tuple(looks), max_gap, tuple(cuts)))
        return bracketed(time, looks, max_gap, cuts)

    monkeypatch.setattr("anonymize.plan.compose.bracketed", rule)
    looks, cuts = [Fraction(0), Fraction(1, 4)], [Fraction(3)]
    made = clear(frame(0, 9000), [], [looks], cuts, SETTINGS, Memory())
    assert asked == [(Fraction(1, 10), tuple(looks), 0.3, tuple(cuts))]
    assert not made.obscured


def test_a_zone_outside_the_picture_hides_all_of_it():
    picture = frame(0, 9000)
    side = picture.width
    for left, obscured in ((side, True), (side - 1, False)):
        zone = Zone(((left, 0), (left + 9, 0), (left + 9, 9)))
        scans = [Fraction(0), Fraction(1, 4)]
        made = clear(frame(0, 9000), [], [scans], [], replace(SETTINGS, zones=(zone,)), Memory())
        assert made.obscured == obscured


OFTEN = [*["frame"] * 6, *["result"] * 3, "cut", "cut", "wait", "any", "any"]
EVENTS = st.lists(
    st.tuples(st.sampled_from([*OFTEN, "scan", "lost", "break", "fault", "draw"]), st.integers(1, 12)),
    min_size=10,
    max_size=70,
)


def moments(*whats):
    return [(what, 1) for what in whats]


CUT_BETWEEN_SCANS = moments(
    "frame", "frame", "result", "result", "frame", "frame", "cut", "frame", "scan", "result"
)  # fmt: skip
"""The square is in both scenes, and all corners are on it: only the background shows that a scene began."""
NO_SCAN_BESIDE_CUT = moments("frame", "any", "result", "frame", "cut", "frame", "frame", "any", "result")
FAR_APART = moments("frame", "any", "result", *["frame"] * 9, "any", "result")


@hypothesis_settings(max_examples=100, deadline=None)
@given(events=EVENTS, lookahead=st.sampled_from([0.12, 0.4, 1.0]))
@example(events=CUT_BETWEEN_SCANS, lookahead=0.12)
@example(events=CUT_BETWEEN_SCANS, lookahead=0.4)
@example(events=CUT_BETWEEN_SCANS, lookahead=1.0)
@example(events=NO_SCAN_BESIDE_CUT, lookahead=0.4)
@example(events=FAR_APART, lookahead=1.0)
def test_whatever_happens_nothing_leaves_unredacted(events, lookahead):
    """Frames, scans, late and lost results, cuts, faults in tracking and drawing, in any order and at any time.

    Looks are at the frames that the line wants, and at any others: whichever it asks for, the rule holds.
    What leaves is fully obscured, or lies between two scans whose results had come, of one scene and close enough;
    and nothing that those looks found can be seen on it.
    """
    settings = replace(SETTINGS, live=Live(lookahead=lookahead))
    line, now, index, pts, ground = DelayLine(settings), 0.0, 0, 0, GROUND
    pending: int | None = None
    known: list[Fraction] = []
    began: list[Fraction] = []
    times: dict[int, Fraction] = {}
    shown, broken_off, trusted, asked = ground, False, 0, -1
    trouble = {"see": False, "draw": False}
    see, draw = Tracker.see, redact

    def troubled_see(self, frame):
        if trouble.pop("see", False):
            raise ArithmeticError
        return see(self, frame)

    def troubled_draw(*arguments):
        if trouble.pop("draw", False):
            raise MemoryError
        return draw(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tracker, "see", troubled_see)
        patch.setattr(gate, "redact", troubled_draw)
        for what, amount in [*events, ("end", 99)]:
            if what == "frame":
                pts += STEP * (1 + amount // 11)
                times[index] = Fraction(pts) * TICK
                if broken_off or ground is not shown:
                    began.append(times[index])
                shown, broken_off = ground, False
                line.take(frame(index, pts, ground=ground), now)
                index += 1
            elif pending is None and what in ("scan", "result", "any"):
                unscanned = [held for held in line._held if held.frame.index > asked]
                chosen = unscanned[-amount % len(unscanned)] if unscanned else None
                held = chosen if what == "any" else line.wanted(now, 0.08, 0.05)
                if held is not None:
                    line.asked(held, THOROUGH)
                    pending = asked = held.frame.index
            elif what == "result":
                assert pending is not None
                line.learn(pending, finds(pending))
                if pending >= trusted:
                    known.append(times[pending])
                pending = None
            elif what == "lost":
                pending = None
            elif what == "cut":
                ground = OTHER if ground is GROUND else GROUND
            elif what == "break":
                line.break_off()
                broken_off = True
            elif what == "fault":
                trouble["see"] = True
            elif what == "draw":
                trouble["draw"] = True
            now += amount * 0.01 if what != "end" else 99
            for _, cleared in line.due(now):
                assert not shows_secret(cleared)
                if not cleared.obscured:
                    time = times[cleared.frame.index]
                    before = known[bisect_right(known, time) - 1]
                    after = known[bisect_left(known, time)]
                    assert before <= time <= after
                    assert after - before <= Fraction("0.3")
                    assert not any(before < cut <= after for cut in began), "scans of two scenes bracket nothing"
            if line.faults:  # forget earlier frames and requests
                line.faults.clear()
                known.clear()
                trusted, asked = index, index - 1
    assert len(line) == 0
