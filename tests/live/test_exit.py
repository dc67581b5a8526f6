"""What `live` returns when it ends while something is wrong."""

import os
import signal
from dataclasses import replace
from functools import partial

import pytest

from anonymize.errors import ExitCode, FailingError
from anonymize.kinds import Kind
from anonymize.live.camera import _signals, run_camera
from anonymize.live.chain.control import Control
from anonymize.live.health import Limits
from anonymize.live.metrics import Metrics
from anonymize.live.supervisor.config import Camera
from anonymize.settings import Detect, Settings, Zone
from tests.helpers.media import make_video
from tests.helpers.servers import free_port, until
from tests.live.test_supervise import fleet, supervised

SETTINGS = Settings(targets=frozenset(), zones=(Zone(((0, 0), (40, 0), (40, 40))),))
FAILING = Limits(silent=-1.0)
"""The last frame is always too long ago."""


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4", frames=25, size=(160, 120))


def played(clip, folder, limits, control=None):
    camera = Camera(source=str(clip), to=(f"record:{folder}/out",))
    run_camera(camera, lambda: SETTINGS, Metrics(camera.name, limits), control=control)


def test_a_camera_that_fails_when_it_ends_is_an_error_of_its_own(clip, tmp_path):
    with pytest.raises(FailingError, match="camera camera was failing when it ended: no frame has gone out") as error:
        played(clip, tmp_path, FAILING)
    assert error.value.exit_code == ExitCode.FAILING
    assert list((tmp_path / "out").glob("*.mp4")), "what was recorded is there"


def test_settings_that_no_detector_meets_are_not_reloaded(caplog):
    control, asked = Control(), replace(SETTINGS, targets=frozenset({Kind.PLATE}), detect=Detect(("centerface",)))
    with _signals(control, lambda: asked):
        os.kill(os.getpid(), signal.SIGHUP)
        until(lambda: "settings not reloaded" in caplog.text, 10, "they were refused")
    assert control.take() is None


def test_one_that_is_degraded_ends_well(clip, tmp_path):
    played(clip, tmp_path, Limits(small=-1.0, slow=-1.0))


def test_a_supervisor_s_camera_ends_well_so_that_it_is_not_started_again(clip, tmp_path):
    played(clip, tmp_path, FAILING, Control())


def test_several_cameras_of_which_one_is_down_when_they_are_stopped(tmp_path, clip):
    port = free_port()

    def runs(name):
        return (running.value("anonymize_frames_out_total", name) or 0) > 5

    with supervised(fleet(tmp_path, clip, port, ["one", "two"]), port) as running:
        for name in ("one", "two"):
            until(partial(runs, name), 60, "both run")
        (one,) = [started["process"] for started in running.events("camera started", camera="one")]
        os.kill(one, signal.SIGKILL)
        until(lambda: running.events("camera died", camera="one"), 20, "its death is seen")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(200) == ExitCode.FAILING
    said = str(running.lines[-3:])
    assert "1 of 2 cameras failing when they ended: one: its process has ended" in said
