"""Hidden frames do not flash: WCAG 2.3.1, and as bright as the picture was."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.live.chain.canvas import Canvas
from anonymize.live.chain.curtain import HIDDEN_FOR, Curtain
from anonymize.live.chain.delay import DelayLine
from anonymize.live.chain.gate import BLACK, NOT_CHECKED, clear, withhold
from anonymize.redact import Memory
from anonymize.settings import Live, Settings, Unbracketed, Zone

CANVAS = Canvas(64, 48)
RATE = 25
NOBODY = Settings(targets=frozenset(), zones=(Zone(((3.0, 3.0), (5.0, 3.0), (5.0, 5.0), (3.0, 5.0))),))


def picture(index, luma):
    made = CANVAS.black(index, index * 90_000 // RATE)
    made.planes[0].pixels[...] = luma
    return made


def passed(index, hidden, luma=150):
    """What the gate gives for a frame."""
    frame = picture(index, luma)
    return withhold(frame, NOT_CHECKED) if hidden else clear(frame, [], [[]], [], NOBODY, Memory())


def drawn(hides, *, hold=True, rate=RATE):
    """Whether each frame is hidden at the end, if the gate hides `hides`."""
    curtain = Curtain()
    return [
        curtain.after(passed(index, hidden), Fraction(index, rate), hold=hold).obscured
        for index, hidden in enumerate(hides)
    ]


def stretches(flags):
    """Lengths of the runs of True that end before the last flag."""
    runs, length = [], 0
    for flag in flags:
        if flag:
            length += 1
        elif length:
            runs.append(length)
            length = 0
    return runs


@given(st.lists(st.booleans(), max_size=120), st.sampled_from([5, 25, 60]))
def test_there_are_at_most_three_changes_in_any_second(hides, rate):
    out = drawn(hides, rate=rate)
    assert all(after for before, after in zip(hides, out, strict=True) if before), "what the gate hides stays hidden"
    changes = [i for i in range(1, len(out)) if out[i] != out[i - 1]]
    assert all(sum(first <= other < first + rate for other in changes) <= 3 for first in changes)
    assert all(length >= HIDDEN_FOR * rate for length in stretches(out))


def test_a_hidden_frame_hides_those_of_one_second_and_no_more():
    hides = [index in (10, 20) for index in range(60)]
    assert [i for i, hidden in enumerate(drawn(hides)) if hidden] == list(range(10, 35))
    later = [index in (10, 34) for index in range(60)]
    assert [i for i, hidden in enumerate(drawn(later)) if hidden] == list(range(10, 35)), "from the first on"


def test_frames_that_are_dropped_do_not_flash_so_nothing_else_is_hidden():
    hides = [index == 10 for index in range(40)]
    assert drawn(hides, hold=False) == hides


def test_a_hidden_frame_is_as_bright_as_the_last_one_shown():
    curtain = Curtain()
    assert curtain.level == BLACK
    curtain.after(passed(0, hidden=False, luma=150), Fraction(0), hold=True)
    curtain.after(passed(1, hidden=False, luma=90), Fraction(1, 25), hold=True)
    assert curtain.level == 90
    curtain.after(passed(2, hidden=True, luma=200), Fraction(2, 25), hold=True)
    assert curtain.level == 90, "nothing is told of a frame that nobody vouched for"
    held = curtain.after(passed(3, hidden=False, luma=200), Fraction(3, 25), hold=True)
    assert held.obscured
    luma = held.frame.planes[0].pixels
    assert np.median(luma) == 90
    assert 0 < np.abs(luma.astype(int) - 90).max() <= 70
    assert all((plane.pixels == 128).all() for plane in held.frame.planes[1:])


def line_of(settings, lumas, notices=()):
    """What leaves a delay line whose frames nobody looks at; before those of `notices` a notice goes out."""
    line, out = DelayLine(settings), []
    for index, luma in enumerate(lumas):
        if index in notices:
            out.append(line.notice(CANVAS.black(-1, index * 90_000 // RATE), "No signal"))
        line.take(picture(index, luma), index / RATE)
        out += [cleared for _, cleared in line.due(index / RATE + settings.live.lookahead)]
    return out


def test_a_notice_hides_what_follows_it_for_a_second_too():
    out = line_of(NOBODY, [120] * 60, notices=(10,))
    assert [i for i, cleared in enumerate(out) if cleared.obscured] == list(range(10, 36))
    assert np.median(out[10].frame.planes[0].pixels) == 120


@pytest.mark.parametrize("unbracketed", Unbracketed)
def test_the_delay_line_holds_what_is_obscured_and_not_what_is_dropped(unbracketed):
    settings = replace(NOBODY, live=Live(unbracketed=unbracketed))
    out = line_of(settings, [120] * 40, notices=(5,))
    assert sum(cleared.obscured for cleared in out) == (26 if unbracketed is Unbracketed.OBSCURE else 1)
