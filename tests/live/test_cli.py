import errno
import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from anonymize.cli.app import app
from anonymize.errors import AnonymizeError, UsageError
from anonymize.live import log
from anonymize.live.log import JsonLines, KeyValue, Logger
from anonymize.live.supervisor import config
from anonymize.web.server import Server
from tests.helpers.media import make_video, time_of
from tests.helpers.pace import Bound
from tests.helpers.servers import free_port, live_once, pipe, running, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4", frames=50, size=(160, 120), audio=True)


def live(*arguments):
    """Run to the end; the exit code and standard error."""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with live_once(*arguments, **pipes) as started:
        out, complaint = started.communicate(timeout=240)
    assert b"Traceback" not in complaint
    assert out == b""
    return started.returncode, complaint.decode()


@pytest.fixture
def log_as_before():
    """Restore the handlers of the log."""
    base = logging.getLogger("anonymize.live")
    before = list(base.handlers)
    yield
    base.handlers = before


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "a source is missing"),
        (["clip.mp4"], 2, "nowhere to send the picture"),
        (["clip.mp4", "--to", "nonsense"], 2, "no sink; expected rtsp://"),
        (["clip.mp4", "--to", "hls:x", "--to", "hls:x"], 2, "sink named twice"),
        (["clip.mp4", "--to", "record:x", "--keep", "for ever"], 2, "expected a number and s, m, h, d or w"),
        (["clip.mp4", "--to", "record:x", "--preset", "none"], 2, "no preset 'none'"),
        (["clip.mp4", "--to", "record:x", "--lookahead", "0"], 2, "live.lookahead = 0.0: must be 0.001 to 10 seconds"),
        (["clip.mp4", "--to", "record:x", "--hide-zone", "1,2"], 2, "3 to 1000 corners"),
        (["rtsp://u:${NOT_SET_HERE}@h/x", "--to", "record:x"], 2, "no such variable: set it"),
        (["gopher://h/x", "--to", "record:x"], 2, "gopher"),
        (["none.mp4", "--to", "record:x"], 3, "none.mp4"),
        (["clip.mp4", "--config", "cameras.toml"], 2, "give no SOURCE and no --to"),
        (["--config", "none.toml"], 2, "none.toml: cannot read this file of cameras"),
        (["-", "--loop", "--to", "record:x"], 2, "cannot be played again"),
    ],
)
def test_invalid_arguments_are_refused_in_words(arguments, code, words, clip, monkeypatch, log_as_before):
    monkeypatch.chdir(clip.parent)
    error = CliRunner().invoke(app, ["live", *arguments]).exception
    assert isinstance(error, AnonymizeError)
    assert error.exit_code == code
    assert words in str(error)


def test_what_no_detector_finds_is_refused_before_anything_is_opened_or_written(clip, tmp_path):
    words = ("--detectors", "centerface", "--targets", "faces,plates")
    code, said = live(clip, "--to", f"record:{tmp_path / 'out'}", *words)
    assert (code, "centerface cannot find plates" in said) == (8, True), said
    assert "starting" not in said
    assert not (tmp_path / "out").exists()


def test_a_port_that_is_taken(clip, log_as_before):
    server = Server(0, {})
    error = CliRunner().invoke(app, ["live", str(clip), "--to", "hls:x", "--metrics", str(server.port)]).exception
    server.close()
    assert isinstance(error, UsageError)
    assert "in use" in str(error)


def test_a_file_is_played_to_its_end_and_recorded_and_nothing_else_is_written(clip, tmp_path, monkeypatch):
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    code, complaint = live(
        str(clip), "--to", f"record:{tmp_path}/out", "--targets", "none", "--hide-zone", "0,0 80,0 80,60 0,60",
        "--json", "--audio", "keep",
    )  # fmt: skip
    assert code == 0, complaint
    index, made = sorted(path for path in tmp_path.rglob("*") if path.is_file() and path != clip)
    assert index == tmp_path / "out" / ".recordings.sqlite"
    assert made.parent == tmp_path / "out"
    with av.open(str(made)) as container:
        sound = [float(time_of(frame)) for frame in container.decode(audio=0)]
    assert sound[0] < 0.1
    assert 1.6 < sound[-1] < 3  # 2 s, later on a busy machine
    with av.open(str(made)) as container:
        pictures = [picture.to_ndarray()[:120] for picture in container.decode(video=0)]
    assert len(pictures) > 45
    assert all((picture[5:55, 5:75] < 30).all() for picture in pictures)
    events = [json.loads(line)["event"] for line in complaint.splitlines()]
    assert events[0] == "starting"
    assert events[-2:] == ["stopped", "summary"]


@pytest.mark.parametrize("again", [None, signal.SIGTERM])
def test_ctrl_c_drains_and_finalises(clip, tmp_path, again):
    """Also where it comes twice, as where a process and its group get one each."""
    arguments = [str(clip), "--loop", "--to", f"record:{tmp_path}/out", "--to", f"hls:{tmp_path}/hls"]
    arguments += ["--targets", "none", "--hide-zone", "0,0 9,0 9,9"]
    with live_once(*arguments, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as command:
        until(lambda: list((tmp_path / "hls").glob("*.m3u8")), 20, "it runs")
        bound = Bound(15)
        command.send_signal(signal.SIGINT)
        if again is not None:
            time.sleep(0.15)
            command.send_signal(again)
        _, complaint = command.communicate(timeout=200)
    assert (command.returncode, bound.over()) == (0, False), complaint
    (made,) = (tmp_path / "out").glob("*.mp4")
    with av.open(str(made)) as container:
        assert not container.streams.audio, "sound passes only if asked for"
        assert sum(1 for _ in container.decode(video=0)) > 40
    assert "#EXT-X-ENDLIST" in (tmp_path / "hls" / "live.m3u8").read_text()


def test_standard_output_carries_only_the_picture_and_live_ends_with_its_reader(clip):
    with live_once(
        str(clip), "--loop", "--to", "y4m:-", "--targets", "none", "--hide-zone", "0,0 9,0 9,9", "--preview", "0",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    ) as command:  # fmt: skip
        data = pipe(command.stdout).read(1_000_000)
        pipe(command.stdout).close()
        _, complaint = command.communicate(timeout=200)
    assert command.returncode == 6
    assert "every sink has failed: the program reading standard output has ended" in complaint.decode()
    assert b"preview: http://127.0.0.1:" in complaint
    with av.open(io.BytesIO(data), "r", format="yuv4mpegpipe") as container:
        assert sum(1 for _ in container.decode(video=0)) >= 30


def test_no_output_contains_credentials():
    source = f"rtsp://bob:source-geheim@127.0.0.1:{free_port()}/x?token=query-geheim"
    sink = f"rtsp://bob:${{SINK}}@127.0.0.1:{free_port()}/x"
    with running(source, "--to", sink, environment={"SINK": "sink-geheim"}) as (started, log):
        time.sleep(2)
        shown = Path(f"/proc/{started.pid}/cmdline").read_text()
    assert "//***@127.0.0.1" in shown
    assert "//***@127.0.0.1" in log()
    assert "geheim" not in shown + log()
    assert "a password on the command line can be read by others" in log()


@pytest.mark.parametrize(
    "arguments",
    [
        ["live", "rtsp://h/live", "rtsp://u:geheim@h/x", "--to", "record:r"],
        ["live", "--config", "rtsp://u:geheim@h/x"],
        ["live", "0", "--to", "record:r", "--hide-zone", "rtsp://u:geheim@h"],
        ["live", "rtsp:/u:geheim@h", "--to", "record:r"],
        ["live", "0", "--to", "rtsp://h/user=u password=geheim"],
        ["verify", "rtsp://u:geheim@h/x"],
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_an_address_in_the_wrong_place_is_not_repeated(arguments, tmp_path):
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode in (2, 3)
    assert "anonymize: " in done.stderr
    assert "geheim" not in done.stdout + done.stderr


def said(formatter, event, **facts):
    out = io.StringIO()
    base = logging.Logger("trial")
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = Logger(base)
    base.addHandler(handler)
    logger.warning(event, **facts)
    return out.getvalue()


def test_a_log_for_machines_and_one_for_people():
    facts = {"sink": "rtsp://bob:geheim@h/x", "n": 3, "error": 'said "no"\nand hung up'}
    line = json.loads(said(JsonLines(camera="one"), "sink lost", **facts))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning", "event": "sink lost", "camera": "one", "sink": "rtsp://***@h/***", "n": 3,
        "error": 'said "no"\nand hung up',
    }  # fmt: skip
    text = said(KeyValue(), "sink lost", **facts)
    assert text.endswith(' warning sink lost sink=rtsp://***@h/*** n=3 error="said \\"no\\" and hung up"\n')
    assert text.count("\n") == 1


class Unwritable(io.StringIO):
    """A stream that cannot be written, for some reason."""

    def __init__(self, error):
        super().__init__()
        self._error = error

    def write(self, _):
        raise self._error

    def flush(self):
        raise self._error


UNWRITABLE = (
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "Input/output error"),  # a terminal that was closed
    ValueError("I/O operation on closed file."),
    RuntimeError("reentrant call inside <_io.BufferedWriter>"),
)


@pytest.mark.parametrize("error", UNWRITABLE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_log_that_cannot_be_written_stops_nobody_and_prints_nothing(error, terminal, monkeypatch, log_as_before):
    """A traceback of logging's own, on whatever standard error is by then."""
    said = io.StringIO()
    with monkeypatch.context() as patched:
        stream = Unwritable(error)
        patched.setattr(stream, "isatty", lambda: terminal)
        patched.setattr(sys, "stderr", stream)
        log.to_stderr(camera="one")
        patched.setattr(sys, "stderr", said)
        log.status("25 frames/s")
        log.logger.warning("sink lost", sink="rtsp://h/x")
        log.status("")
    assert said.getvalue() == ""


def test_a_fact_that_cannot_be_said_is_a_fault_that_shows(monkeypatch):
    class Odd:
        def __str__(self):
            raise TypeError("no words")

    complaint = io.StringIO()
    monkeypatch.setattr(sys, "stderr", complaint)
    base = logging.Logger("trial")
    base.addHandler(log.Lines(io.StringIO()))
    base.handlers[0].setFormatter(JsonLines())
    Logger(base).warning("odd", fact=Odd())
    assert "TypeError: no words" in complaint.getvalue()


def test_a_camera_whose_log_nobody_reads_goes_on(clip, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [str(clip), "--to", f"record:{tmp_path}/out", "--targets", "none", "--hide-zone", "0,0 80,0 80,60 0,60"]
    with live_once(*arguments, stdin=subprocess.DEVNULL, stderr=writing, stdout=subprocess.PIPE) as command:
        os.close(writing)
        assert command.communicate(timeout=240)[0] == b""
        assert command.returncode == 0
    assert len(list((tmp_path / "out").glob("*.mp4"))) == 1


def test_the_docs_name_every_option():
    page = (ROOT / "docs" / "live.md").read_text()
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    options = [option for each in commands["live"].params for option in each.opts if option[:2] == "--"]
    assert len(options) > 15
    assert [option for option in options if option not in page and option != "--help"] == []


def test_the_example_for_deployment_is_sound():
    for camera in config.read(ROOT / "deploy" / "cameras.toml").cameras.values():
        assert camera.load_settings().zones
    unit = (ROOT / "deploy" / "anonymize-live.service").read_text()
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "LimitCORE=0", "MemoryMax=3G", "MemorySwapMax=0"):
        assert f"\n{line}\n" in unit
