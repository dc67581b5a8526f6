"""What `report dpia --live` reads from a running system."""

import json
import socket
import subprocess
import threading
from typing import Any

import pytest

from anonymize.errors import ReportError, UsageError
from anonymize.live import evidence
from anonymize.live.dpia import pilot
from anonymize.live.evidence import Running, Watched, gather
from anonymize.live.recordings import custody, holding
from anonymize.live.recordings.folder import look
from anonymize.live.supervisor.config import Camera
from anonymize.live.webrtc.viewers import BEGAN, STOPPED, Viewers
from anonymize.report.dpia import write
from tests.helpers.media import make_video
from tests.helpers.servers import free_port, until
from tests.helpers.terminals import PROGRAM, Terminal
from tests.live.test_supervise import fleet, supervised


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Two cameras, of which one has recordings, acts and a change of zones."""
    folder = tmp_path_factory.mktemp("pilot")
    clip, port = make_video(folder / "clip.mp4", frames=100, size=(160, 120)), free_port()
    path = fleet(folder, clip, port, ["market", "bridge"])
    path.write_text(path.read_text().replace("segment = 2\n", 'segment = 2\nkeep = "7d"\n', 1))
    with supervised(path, port) as started:

        def runs(name):
            out = started.value("anonymize_frames_out_total", name) or 0
            return out > 40 and look(folder / name).segments

        until(lambda: runs("market") and runs("bridge"), 90, "both record")
        market = folder / "market"
        first = look(market).segments[0]
        holding.place(market, (first.began, first.ended), "complaint 12", "Ms Weber")
        facts: dict[str, Any] = {"camera": "market", "before": {}, "after": {}}
        custody.append(path.with_name(f"{path.name}.changes.jsonl"), "zones", "Mr Kovač", what="log", **facts)
        yield path


def test_the_annex_has_the_figures_of_the_running_system(running, tmp_path):
    found = gather(running)
    market, bridge = found.cameras
    assert (market.keep, bridge.keep) == ("7d", "")
    assert market.counts["anonymize_frames_out_total"] > 40
    assert market.health.startswith("ok:")
    (recorded,) = market.recorded
    assert recorded.held == 1
    assert recorded.segments >= 1
    assert recorded.first is not None
    markdown, page = write([], tmp_path / "pilot", first=pilot(found))
    text = markdown.read_text()
    for words in (
        "| market |",
        "zones alone",
        "7d",
        "until somebody deletes them",
        "Ms Weber | hold",
        "Mr Kovač | zones (market)",
        "ok: frames go out",
        "Purpose of each camera",
    ):
        assert words in text, words
    assert "Custody log of" not in text, "nothing is wrong with it"
    assert text.index("The pilot: what is processed") < text.index("A. What is processed")
    assert "Ms Weber" in page.read_text()


@pytest.mark.parametrize("way", ["pipe", "terminal"])
def test_the_command(running, tmp_path, way):
    arguments = ["report", "dpia", "--live", str(running), "-o", "pilot"]
    if way == "terminal":
        with Terminal(*arguments, cwd=tmp_path) as terminal:
            assert terminal.end(120) == 0, terminal.sent
        said = terminal.sent
    else:
        command = [*PROGRAM, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        said = done.stdout
    assert "pilot.md" in said
    assert "frames hidden" in (tmp_path / "pilot.html").read_text()


def test_a_log_that_was_changed_shows(running, tmp_path):
    log = running.parent / "market" / custody.NAME
    before = log.read_text()
    try:
        log.write_text(before.replace("complaint 12", "complaint 13") + before)
        text = write([], tmp_path / "pilot", first=pilot(gather(running)))[0].read_text()
    finally:
        log.write_text(before)
    assert "Custody log of market: custody.jsonl, line 2" in text


def watched_camera(folder, lines=()):
    """A camera with a sink for viewers, and a log of who watched in which these lines are."""
    viewers = folder / "viewers.toml"
    (folder / "viewers.toml.watched.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return Camera("rtsp://10.0.0.5/1", ("webrtc:127.0.0.1:8443",), "gate", viewers=str(viewers))


def entry(at, by, act, view, **facts):
    return json.dumps({"at": at, "act": act, "by": by, "camera": "gate", "view": view, **facts})


def annex(camera, folder):
    """What the annex says of one camera."""
    running = Running("cameras.toml", 1.8e9, (evidence._camera(camera, {}, ""),), ())
    return write([], folder / "annex", first=pilot(running), force=True)[0].read_text()


def test_who_watched_is_counted_by_viewer_and_month(tmp_path):
    camera = watched_camera(
        tmp_path,
        [
            entry("2026-10-31T23:50:00Z", "anna", BEGAN, "a"),
            entry("2026-11-01T00:10:00Z", "anna", STOPPED, "a", seconds=1200.0, why="left"),
            entry("2026-11-02T08:00:00Z", "anna", BEGAN, "b"),
            entry("2026-11-02T08:00:00Z", "control | desk", BEGAN, "c"),
            entry("2026-11-02T08:00:00Z", "ben", BEGAN, "x", camera="another"),
            entry("2026-11-02T08:01:30Z", "anna", STOPPED, "b", seconds=90.0, why="gone silent"),
            entry("2026-11-03T09:00:00Z", "anna", BEGAN, "d"),
            entry("2026-11-03T09:00:40Z", "anna", STOPPED, "d", seconds=40.0, why="left"),
            entry("2026-11-03T09:00:40Z", "anna", STOPPED, "d", seconds=40.0, why="left"),
            entry("2026-11-03T09:00:40Z", "anna", STOPPED, "c", seconds=float("nan"), why="left"),
            "no line of this log",
            "[]",
            entry("2026-11-04T09:00:00Z", "anna", BEGAN, "e"),
        ],
    )
    found = evidence._camera(camera, {}, "").watched
    assert found == (
        Watched("anna", "2026-10", 1, 1200.0, 0, "2026-10-31T23:50:00Z", "2026-10-31T23:50:00Z"),
        Watched("anna", "2026-11", 3, 130.0, 1, "2026-11-02T08:00:00Z", "2026-11-04T09:00:00Z"),
        Watched("control | desk", "2026-11", 1, 0.0, 1, "2026-11-02T08:00:00Z", "2026-11-02T08:00:00Z"),
    )
    text = annex(camera, tmp_path)
    assert "| 2026-11 | gate | anna | 3 | 2:10 | 1 | 2026-11-02T08:00:00Z | 2026-11-04T09:00:00Z |" in text
    assert "Log of viewers of gate: viewers.toml.watched.jsonl, line 11: it was not written whole" in text


def test_a_log_that_is_no_text_stops_no_annex_which_says_so(tmp_path):
    camera = watched_camera(tmp_path, [entry("2026-11-01T08:00:00Z", "anna", BEGAN, "a")])
    log = tmp_path / "viewers.toml.watched.jsonl"
    log.write_bytes(log.read_bytes() + b"\xff\n")
    text = annex(camera, tmp_path)
    assert "Log of viewers of gate: " in text
    assert not any("custody log" in complaint for complaint in evidence._camera(camera, {}, "").complaints)


def test_the_log_that_viewers_write_is_the_one_that_is_counted(tmp_path):
    camera = watched_camera(tmp_path)
    path = tmp_path / "viewers.toml"
    path.touch(0o600)
    path.write_text('anna = "a-token-of-annas-own"\n')
    (tmp_path / "viewers.toml.watched.jsonl").unlink()
    assert "Nobody has watched in a browser" in annex(camera, tmp_path)
    viewers = Viewers(path)
    viewers.note(BEGAN, "anna", camera="gate", view="a")
    viewers.note(STOPPED, "anna", camera="gate", view="a", seconds=7.5, why="left", saw_pictures=True)
    (one,) = evidence._camera(camera, {}, "").watched
    assert (one.viewer, one.times, one.seconds, one.open) == ("anna", 1, 7.5, 0)
    assert "Log of viewers of" not in annex(camera, tmp_path), "nothing is wrong with it"
    log = tmp_path / "viewers.toml.watched.jsonl"
    log.write_text(log.read_text().replace("anna", "ben", 1))
    assert "Log of viewers of gate: viewers.toml.watched.jsonl, line 2: the lines before" in annex(camera, tmp_path)


def test_a_camera_that_nobody_can_watch_in_a_browser_says_nothing_of_it(tmp_path):
    text = annex(Camera("rtsp://10.0.0.5/1", ("rtsp://10.0.0.9/1",), "gate"), tmp_path)
    assert "in a browser" not in text
    assert "none of these is logged here" in text


def test_passwords_are_not_in_it(running, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "geheim99")
    other = tmp_path / "cameras.toml"
    text = running.read_text()
    source = text.split('source = "')[1].split('"')[0]
    other.write_text(text.replace(source, "rtsp://admin:geheim99@10.0.0.5/stream1"))
    markdown, page = write([], tmp_path / "pilot", first=pilot(gather(other)))
    assert "geheim99" not in markdown.read_text() + page.read_text()
    assert "10.0.0.5" in markdown.read_text()


def test_what_does_not_run_is_an_error_in_words(tmp_path):
    clip = make_video(tmp_path / "clip.mp4", frames=2, size=(160, 120))
    path = fleet(tmp_path, clip, free_port(), ["one"])
    with pytest.raises(UsageError, match=f"start `anonymize live --config {path}` first"):
        gather(path)
    path.write_text(path.read_text().partition("\n")[2])
    with pytest.raises(UsageError, match="sets no port for metrics"):
        gather(path)


def test_metrics_of_something_else_are_refused(tmp_path, monkeypatch):
    clip = make_video(tmp_path / "clip.mp4", frames=2, size=(160, 120))
    path = fleet(tmp_path, clip, 9464, ["one"])
    monkeypatch.setattr("anonymize.live.evidence._asked", lambda *_: "<html>{}")
    with pytest.raises(ReportError, match="are no metrics"):
        gather(path)


def test_another_program_on_its_port_is_an_error_in_words(tmp_path):
    """As one that greets whoever connects, and knows no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        threading.Thread(target=greet, daemon=True).start()
        port = listening.getsockname()[1]
        path = fleet(tmp_path, make_video(tmp_path / "clip.mp4", frames=2, size=(160, 120)), port, ["one"])
        with pytest.raises(UsageError, match=f"port {port} is no `anonymize live`"):
            gather(path)
