import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from typing import Any

import av
import psutil
import pytest

from anonymize.errors import ModelError, OutputError, UsageError
from anonymize.live.supervisor import config
from anonymize.live.supervisor.accepted import checked
from anonymize.live.supervisor.child import Child
from anonymize.live.supervisor.config import Camera, duration
from anonymize.live.supervisor.run import _Supervisor, supervise
from anonymize.presets import load
from anonymize.settings import Audio, Settings
from tests.helpers.media import make_video
from tests.helpers.pace import Bound
from tests.helpers.servers import anonymize, free_port, live_once, pipe, until

ZONE = [[0, 0], [40, 0], [40, 40], [0, 40]]
ONE = """
[cameras.one]
source = "rtsp://cam:${CAM_PASSWORD}@10.0.0.5/1"
to = ["record:/srv/one"]
"""
STOPPED = "one: ok: frames go out\ntwo: failing: no heartbeat from its process\n"
GOOD = "[cameras.one]\nsource = '0'\nto = ['hls:/x']"


def written(folder, text):
    path = folder / "cameras.toml"
    path.write_text(text)
    return path


def test_cameras_are_read_with_their_presets_and_settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CAM_PASSWORD", "a b")
    text = f"""
        preset = "municipal"
        metrics = 9464
        {ONE}
        keep = "7d"
        segment = 30
        audio = "keep"
        [cameras.one.settings]
        zones = [{{ polygon = {ZONE} }}]
        [cameras.one.settings.live]
        lookahead = 0.6
        [cameras.two]
        source = "/dev/video0"
        preset = "journalist"
        preview = 8080
    """
    fleet = config.read(written(tmp_path, text))
    one, two = fleet.cameras["one"], fleet.cameras["two"]
    assert (fleet.metrics, one.name, one.preset, two.preset) == (9464, "one", "municipal", "journalist")
    assert one.retention.age == 7 * 86_400
    assert one.retention.segment == 30
    assert one.audio is Audio.KEEP
    settings = one.load_settings()
    assert settings.live.lookahead == 0.6
    assert settings.zones[0].polygon[2] == (40, 40)
    assert settings.verify == load("municipal").settings.verify != Settings().verify
    assert one.resolved().source == "rtsp://cam:a%20b@10.0.0.5/1"
    assert "a b" not in repr(one)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cameras = 3", "expected a table"),
        ("[cameras]", "expected a table"),
        ("[cameras.one]\nto = ['-']", "camera one: it needs a source"),
        ("[cameras.one]\nsource = '-'\nto = ['hls:/x']", "standard input and output are for a single camera"),
        ("[cameras.one]\nsource = '0'", "camera one: nowhere to send"),
        ("[cameras.one]\nsource = '0'\nto = 'hls:/x'", "expected a list"),
        ("[cameras.one]\nsource = '0'\nto = ['hls:/x']\ncolour = 3", "unknown setting 'cameras.one.colour'"),
        ("[cameras.'o ne']\nsource = '0'\nto = ['hls:/x']", "camera name 'o ne'"),
        ("[cameras.one]\nsource = '0'\nto = ['record:/x']\nkeep = 'long'", "duration 'long'"),
        ("[cameras.one]\nsource = '0'\nto = ['record:/x']\nsegment = 0", "segment = 0: must be 1 to 86400 seconds"),
        ("[cameras.one]\nsource = '0'\npreview = 70000", "preview = 70000: must be 0 to 65535"),
        (
            "[cameras.one]\nsource = '0'\nto = ['hls:/x']\n[cameras.two]\nsource = '1'\nto = ['hls:/x']",
            "both use hls:/x",
        ),
        (
            "[cameras.one]\nsource = '0'\nto = ['record:/x/y']\n"
            "[cameras.two]\nsource = '1'\nto = ['record:/x/./z/../y/']",
            "camera one and camera two both use record:/x/./z",
        ),
        (
            "[cameras.one]\nsource = '0'\nto = ['hls:/x']\n[cameras.two]\nsource = '1'\nto = ['hls:/x/live.m3u8']",
            "camera one and camera two both use hls:/x/live.m3u8",
        ),
        (
            "[cameras.one]\nsource = '0'\nto = ['webrtc:84']\nviewers = 'v'\n"
            "[cameras.two]\nsource = '1'\nto = ['webrtc:127.0.0.1:84']\nviewers = 'v'",
            "camera one and camera two both use webrtc:127.0.0.1:84",
        ),
        (
            "control = 84\n[cameras.one]\nsource = '0'\nto = ['webrtc:84']\nviewers = 'v'",
            "control and camera one both use webrtc:84",
        ),
        ("metrics = 84\n[cameras.one]\nsource = '0'\npreview = 84", "metrics and camera one both use 84"),
        (
            "metrics = 84\ncontrol = 84\n[cameras.one]\nsource = '0'\nto = ['hls:/x']",
            "control and metrics are the same",
        ),
        ("[cameras.one]\nsource = '0'\nto = ['webrtc:x']\nviewers = 'v'", "camera one: .*expected webrtc:PORT"),
        ("[cameras.one]\nsource = '0'\nto = ['hls:/x']\nmetrics = 1", "metrics is set above"),
        ("colour = 1\n[cameras.one]\nsource = '0'\nto = ['hls:/x']", "unknown setting 'colour'"),
        ("metrics = 'yes'\n[cameras.one]\nsource = '0'\nto = ['hls:/x']", "metrics = 'yes': expected a number"),
        ("[cameras.one", "not valid TOML"),
    ],
)
def test_invalid_files(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        config.read(written(tmp_path, text))


@pytest.mark.parametrize("to", ["record:/proc/x", "hls:/proc/x", "/proc/x.m3u8"])
def test_a_folder_that_nothing_can_be_written_into_is_refused_before_any_camera_starts(tmp_path, to):
    """It was tried again for ever, and each of its frames was lost."""
    path = written(tmp_path, f"[cameras.one]\nsource = '0'\nto = ['record:{tmp_path}/there', '{to}']")
    with pytest.raises(OutputError, match="/proc") as refused:
        supervise(path)
    assert refused.value.exit_code == 6
    assert (tmp_path / "there").is_dir()


@pytest.mark.parametrize(
    "text",
    [
        "source = ['rtsp://u:geheim@h']\nto = ['hls:/x']",
        "source = {a = 'rtsp://u:geheim@h'}\nto = ['hls:/x']",
        "source = '0'\nto = 'rtsp://h/user=u_password=geheim'",
        "source = '0'\nto = [['rtsp://u:geheim@h/live']]",
        "source = '0'\nto = ['hls:/x']\n'rtsp://u:geheim@h' = 1",
        "source = '0'\nto = ['hls:/x']\npreset = 'rtsp://u:geheim@h'",
        "source = 'rtsp:/u:geheim@h'\nto = ['hls:/x']",
        "source = 'rtsp://u:geheim@h\nto = 5",
        "source = '0'\nto = ['rtsp://h/geheim live']",
        "source = '0'\nto = ['ftp://u:geheim@h/live']",
        "source = '0'\nto = ['srt://h:1?passphrase=geheim']",
    ],
)
def test_a_wrong_address_is_not_repeated(tmp_path, text):
    path = written(tmp_path, f"[cameras.one]\n{text}")

    def use():
        camera = config.read(path).cameras["one"].resolved()
        camera.load_settings()

    with pytest.raises(UsageError) as caught:
        use()
    assert "geheim" not in str(caught.value)


def test_a_credential_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("CAM_PASSWORD", raising=False)
    with pytest.raises(UsageError, match=r"camera one: .*\$\{CAM_PASSWORD\}.*no such variable"):
        config.read(written(tmp_path, ONE)).cameras["one"].resolved()


@pytest.mark.parametrize(
    ("one", "other"), [("hls:/x", "hls:/x"), ("record:x", "record:./x"), ("webrtc:84", "webrtc:84")]
)
def test_one_sink_twice(one, other):
    with pytest.raises(UsageError, match="sink named twice"):
        Camera(source="0", to=(one, other)).resolved()


def test_any_free_port_is_another_one_for_each_camera(tmp_path):
    text = "[cameras.{}]\nsource = '0'\nto = ['webrtc:0']\nviewers = 'v'\n"
    assert len(config.read(written(tmp_path, text.format("one") + text.format("two"))).cameras) == 2


def test_no_camera_starts_where_a_port_is_taken(tmp_path, monkeypatch):
    """It had begun, and deleted what another supervisor was recording."""
    monkeypatch.setattr(Child, "_start", lambda _: pytest.fail("a camera was started"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = written(
            tmp_path, f"metrics = {taken.getsockname()[1]}\n[cameras.one]\nsource = '0'\nto = ['hls:{tmp_path}']"
        )
        with pytest.raises(UsageError, match="port"):
            supervise(path)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("7d", 604_800), (" 2w ", 1_209_600)])
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0d", "1y", "1 d"])
def test_invalid_durations(text):
    with pytest.raises(UsageError, match="as 7d"):
        duration(text)


class Supervised:
    """`anonymize live --config` and its log."""

    def __init__(self, path, port):
        self.path, self.port = path, port
        self.lines: list[dict[str, Any]] = []
        self.process = anonymize("--config", str(path), "--json", stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        said = pipe(self.process.stderr)
        self._reader = threading.Thread(target=lambda: self.lines.extend(map(json.loads, said)))
        self._reader.start()

    def events(self, event, **facts):
        return [x for x in self.lines if x["event"] == event and all(x.get(k) == v for k, v in facts.items())]

    def ask(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except urllib.error.URLError:
            return 0, ""

    def value(self, name, camera):
        for line in self.ask("metrics")[1].splitlines():
            if line.startswith(f'{name}{{camera="{camera}"}}'):
                return float(line.split()[-1])
        return None

    def end(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        pipe(self.process.stderr).close()


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4", frames=100, size=(160, 120))


def fleet(folder, clip, port, cameras):
    text = f"metrics = {port}\n"
    for name in cameras:
        text += f'[cameras.{name}]\nsource = "{clip}"\nloop = true\nto = ["record:{folder}/{name}"]\nsegment = 2\n'
        text += f"[cameras.{name}.settings]\nzones = [{{ polygon = {ZONE} }}]\ntargets = []\n"
    return written(folder, text)


@contextlib.contextmanager
def supervised(path, port):
    started = Supervised(path, port)
    try:
        yield started
    finally:
        started.end()


def test_a_camera_that_dies_affects_no_other_and_all_stop_in_order(tmp_path, clip):
    port = free_port()
    with supervised(fleet(tmp_path, clip, port, ["one", "two"]), port) as running:
        until(lambda: (running.value("anonymize_frames_out_total", "two") or 0) > 20, 20, "both run")
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > 20, 20, "both run")
        status, body = running.ask("healthz")
        assert (status, body) == (200, "one: ok: frames go out\ntwo: ok: frames go out\n")

        (one,) = [started["process"] for started in running.events("camera started", camera="one")]
        helpers = psutil.Process(one).children(recursive=True)
        os.kill(one, signal.SIGKILL)
        until(
            lambda: running.events("camera died", camera="one", ended="signal 9", again_in=1.0), 5, "its death is seen"
        )
        assert running.ask("healthz")[0] == 503
        until(lambda: len(running.events("camera started", camera="one")) == 2, 5, "it restarts")
        until(lambda: running.value("anonymize_camera_restarts_total", "one") == 1, 5)
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > 20, 20, "it runs again")
        (two,) = [started["process"] for started in running.events("camera started", camera="two")]
        os.kill(two, signal.SIGSTOP)
        until(lambda: running.ask("healthz") == (503, STOPPED), 10, "a process that hangs is seen")
        os.kill(two, signal.SIGCONT)
        until(lambda: running.ask("healthz")[0] == 200, 5, "and one that goes on")
        assert running.value("anonymize_camera_restarts_total", "two") == 0
        until(lambda: not [helper for helper in helpers if alive(helper)], 5, "nothing of it is left behind")

        bound = Bound(10)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(200) == 0
        assert not bound.over()
    for name in ("one", "two"):
        segments = list((tmp_path / name).glob("*.mp4"))
        assert segments
        assert all(path.suffix == ".mp4" and frames_in(path) > 0 for path in segments), segments
    assert not [x for x in running.lines if x.get("level") == "error" and x["event"] != "camera died"]


class Stopping:
    """A camera that runs until it is told to stop, and takes `needs` seconds for it, or none if it is told again."""

    needs, done, state, why = 0.0, False, "ok", ""

    def __init__(self, *_):
        self.told: list[int] = []
        self.ended: list[bool] = []
        self.at_once = threading.Event()

    def check(self):
        if not self.told:
            os.kill(os.getpid(), signal.SIGTERM)

    def signal(self, number):
        self.told.append(number)
        if len(self.told) > 1:
            self.at_once.set()

    def end(self, within):
        if not self.ended:
            assert within > 10
            self.ended.append(not self.at_once.wait(self.needs))


@pytest.mark.parametrize(("again", "needs", "in_order"), [(0.15, 0.4, True), (1.3, 60.0, False)])
def test_a_second_signal_that_is_the_first_once_more_loses_nothing(monkeypatch, tmp_path, again, needs, in_order):
    """A process and its group may get one each. One that comes later ends all cameras at once."""
    monkeypatch.setattr("anonymize.live.supervisor.run.Child", Stopping)
    monkeypatch.setattr(Stopping, "needs", needs)
    path = written(tmp_path, f"[cameras.one]\nsource = '0'\nto = ['hls:{tmp_path}']")
    supervisor = _Supervisor(path, checked(path), machine=True)
    repeated = threading.Timer(again, os.kill, [os.getpid(), signal.SIGTERM])
    with supervisor.signals():
        repeated.start()
        supervisor.run()
        supervisor.end()
        repeated.join()
    cameras: list[Any] = list(supervisor.children.values())
    assert [camera.ended for camera in cameras] == [[in_order]]
    assert bool(supervisor.forced) is not in_order


@pytest.mark.parametrize("forced", [0, signal.SIGTERM])
def test_a_supervisor_that_was_told_twice_ends_with_the_code_of_the_signal(monkeypatch, tmp_path, forced):
    def stopped(supervisor):
        supervisor.forced = forced

    monkeypatch.setattr(_Supervisor, "run", stopped)
    path = written(tmp_path, f"[cameras.one]\nsource = '0'\nto = ['hls:{tmp_path}']")
    with contextlib.ExitStack() as stack:
        left = stack.enter_context(pytest.raises(SystemExit)) if forced else None
        supervise(path)
    assert left is None or left.value.code == 143


def test_it_ends_its_cameras_while_signals_are_handled(monkeypatch, tmp_path):
    """The second one had the handler of the program, which cut this short."""
    handlers: list[Any] = []
    monkeypatch.setattr(_Supervisor, "run", lambda _: None)
    monkeypatch.setattr(_Supervisor, "end", lambda _: handlers.append(signal.getsignal(signal.SIGTERM)))
    before = signal.getsignal(signal.SIGTERM)
    path = written(tmp_path, f"[cameras.one]\nsource = '0'\nto = ['hls:{tmp_path}']")
    supervise(path)
    assert handlers[0] != before


def test_settings_are_reloaded_without_a_gap_and_cameras_come_and_go(tmp_path, clip):
    port = free_port()
    path = fleet(tmp_path, clip, port, ["one", "two"])
    with supervised(path, port) as running:
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > 20, 20, "it runs")
        fleet(tmp_path, clip, port, ["one", "three"])
        path.write_text(path.read_text().replace("[40, 40]", "[150, 110]", 1))
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.events("settings reloaded", camera="one"), 10, "one reloads")
        until(lambda: running.events("stopped", camera="two"), 10, "two stops")
        until(lambda: running.events("camera started", camera="three"), 10, "three starts")
        assert len(running.events("camera started", camera="one")) == 1

        good, refused = path.read_text(), "cameras not reloaded; kept the previous ones"
        path.write_text("[cameras.one")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: len(running.events(refused)) == 1, 10, "a bad file changes nothing")
        path.write_text(good.replace('["record:', '["record:/proc'))
        running.process.send_signal(signal.SIGHUP)
        until(lambda: len(running.events(refused)) == 2, 10, "nor does one whose recordings cannot be written")
        before = running.value("anonymize_frames_out_total", "one")
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > before + 20, 10, "one goes on")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(200) == 0
    stamps = []
    for segment in sorted((tmp_path / "one").glob("*.mp4")):
        with av.open(str(segment)) as container:
            pictures = list(container.decode(video=0))
        stamps += [b.time - a.time for a, b in itertools.pairwise(pictures)]
    assert max(stamps) < 0.5
    with av.open(str(max((tmp_path / "one").glob("*.mp4")))) as container:
        last = list(container.decode(video=0))[-1].to_ndarray()[:120]
    assert (last[49:55, 67:73] < 30).all(), "the larger zone is in force"


def test_a_camera_that_dies_starts_again_with_what_was_accepted_last(tmp_path, clip):
    """Whatever stands in the file by then, and in its preset: neither was applied, and the file was refused."""
    port = free_port()
    preset = tmp_path / "own.toml"
    preset.write_text(f"targets = []\nzones = [{{ polygon = {ZONE} }}]\n")
    path = fleet(tmp_path, clip, port, ["one"])
    path.write_text(f'preset = "{preset}"\n' + path.read_text().replace("targets = []\n", ""))
    with supervised(path, port) as running:
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > 10, 20, "it runs")
        path.write_text(path.read_text().replace("[40, 40]", "[150, 110]", 1))
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.events("settings reloaded", camera="one"), 20, "a larger zone is accepted")

        preset.write_text("targets = nonsense")
        path.write_text(path.read_text().replace('/one"', '/elsewhere"') + "\n[cameras.one")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: running.events("cameras not reloaded; kept the previous ones"), 20, "the edit is refused")
        (one,) = [started["process"] for started in running.events("camera started", camera="one")]
        before = set((tmp_path / "one").iterdir())
        os.kill(one, signal.SIGKILL)
        until(lambda: len(running.events("camera started", camera="one")) == 2, 20, "it restarts")
        until(lambda: set((tmp_path / "one").glob("*.mp4")) - before, 20, "it runs again")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(200) == 0
    assert len(running.events("camera started")) == 2
    assert not (tmp_path / "elsewhere").exists()
    with av.open(str(max(set((tmp_path / "one").glob("*.mp4")) - before))) as container:
        last = list(container.decode(video=0))[-1].to_ndarray()[:120]
    assert (last[49:55, 67:73] < 30).all(), "the larger zone is in force"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('targets = ["screens"]', "camera one: .* cannot find screens"),
        ('targets = ["face"]\ndetect.detectors = ["yunet"]', "camera one: the model 'yunet' is not installed"),
        ('targets = ["motion"]\ndetect.detectors = ["yunet"]', "camera one: the model 'yunet' is not installed"),
    ],
)
def test_a_file_whose_detectors_could_not_be_made_is_not_accepted(tmp_path, clip, monkeypatch, settings, words):
    """It was, and the camera, which kept the previous settings, ended again and again after the next crash."""
    monkeypatch.setenv("ANONYMIZE_MODELS", str(tmp_path / "no models"))
    path = fleet(tmp_path, clip, 9464, ["one"])
    path.write_text(path.read_text().replace("targets = []", settings))
    with pytest.raises(ModelError, match=words):
        checked(path)


def test_a_port_that_is_taken_ends_the_cameras_too(tmp_path, clip):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        path = fleet(tmp_path, clip, taken.getsockname()[1], ["one", "two"])
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with live_once("--config", str(path), **pipes) as done:
            said = done.communicate(timeout=200)[1]
    assert done.returncode == 2, said
    assert b"port" in said


def test_cameras_do_not_outlive_their_supervisor(tmp_path, clip):
    port = free_port()
    with supervised(fleet(tmp_path, clip, port, ["one"]), port) as running:
        until(lambda: (running.value("anonymize_frames_out_total", "one") or 0) > 20, 20, "it runs")
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert family
        running.process.kill()
        until(lambda: not [member for member in family if alive(member)], 10, "all have stopped")
    assert not list((tmp_path / "one").glob(".*.part")), "finished in order"


def alive(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def frames_in(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
