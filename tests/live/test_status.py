"""The status line of `live` on a terminal, and what a pipe gets instead: nothing of it."""

import io
import logging

import pytest

from anonymize.live import log
from anonymize.live.metrics import Metrics
from anonymize.live.status import line, status_line
from tests.helpers.terminals import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True

    @property
    def screen(self):
        """The lines on it."""
        shown = Screen(80, 24)
        shown.feed(self.getvalue().replace("\n", "\r\n"))
        return shown.lines()


@pytest.fixture
def handlers():
    base = logging.getLogger("anonymize.live")
    before = list(base.handlers)
    yield
    base.handlers[:] = before


@pytest.fixture
def terminal(monkeypatch, handlers):
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    log.to_stderr()
    return shown


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def running(seconds=60, obscured=0, late=0):
    clock = Clock()
    metrics = Metrics("market", clock=clock)
    metrics.stage("sink record:/srv/market", "ok")
    metrics.stage("sink rtsp://h/market", "ok")
    for _ in range(seconds):
        clock.now += 1
        for frame in range(25):
            if frame < obscured:
                metrics.obscured()
            elif frame < obscured + late:
                metrics.late(0.1)
            metrics.frames_out()
            metrics.latency(0.81)
    clock.now += 0.5
    return metrics


def test_it_says_rate_delay_what_is_hidden_and_sinks():
    assert line(running().snapshot(), 80) == "market: 25 frames/s, 0.8 s delay, 0% hidden, 2 of 2 sinks"
    assert line(running(3, obscured=5).snapshot(), 80).startswith("market: 21 frames/s, 0.8 s delay, 20% hidden, 2 of")
    assert line(Metrics("market").snapshot(), 80) == "market: 0 frames/s, 0% hidden, starting"


def test_it_says_what_is_wrong_as_far_as_there_is_room():
    metrics = running(obscured=5, late=5)
    metrics.stage("sink record:/srv/market", "lost", "the disk is full")
    whole = line(metrics.snapshot(), 400)
    assert "20% hidden, 20% late, 1 of 2 sinks, degraded: " in whole
    assert "the disk is full" in whole
    for columns in (80, 40, 2):
        cut = line(metrics.snapshot(), columns)
        assert len(cut) < columns
        assert cut[-1] == "…"
        assert whole.startswith(cut[:-1])
    plain = line(running().snapshot(), 400)
    assert line(running().snapshot(), len(plain) + 1) == plain
    assert "\x1b" not in line(Metrics("\x1b[2Jmarket").snapshot(), 80)


def test_log_lines_stand_above_it_and_it_leaves_nothing_behind(terminal):
    log.logger.info("before")
    log.status("first")
    log.status("second")
    log.logger.warning("sink lost", sink="x")
    assert [part[9:] for part in terminal.screen[:2]] == ["info    before", "warning sink lost sink=x"]
    assert terminal.screen[2:] == ["second"]
    log.status("")
    assert terminal.screen[2:] in ([], [""])
    log.logger.info("after")
    assert [part for part in terminal.screen if part][2][9:] == "info    after"


def test_it_is_shown_while_a_camera_runs(terminal, monkeypatch):
    monkeypatch.setattr("anonymize.live.status.EVERY", 0.01)
    with status_line(running()):
        while not any(terminal.screen):
            pass
        assert terminal.screen[-1].startswith("market: 25 frames/s")
    assert not any(terminal.screen)


@pytest.mark.parametrize("machine", [None, True])
def test_a_pipe_and_a_machine_get_none(monkeypatch, handlers, machine):
    pipe = Terminal() if machine else io.StringIO()
    monkeypatch.setattr("sys.stderr", pipe)
    monkeypatch.setattr("anonymize.live.status.EVERY", 0.01)
    log.to_stderr(machine=machine)
    with status_line(running()):
        log.logger.info("source open")
        log.status("something")
    assert "\x1b" not in pipe.getvalue()
    assert "frames/s" not in pipe.getvalue()
    assert "something" not in pipe.getvalue()
