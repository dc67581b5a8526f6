"""What `report dpia --live` reads from a running system."""

import socket
import subprocess
import threading
from typing import Any

import pytest

from anonymize.errors import ReportError, UsageError
from anonymize.live.dpia import pilot
from anonymize.live.evidence import gather
from anonymize.live.recordings import custody, holding
from anonymize.live.recordings.folder import look
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
