"""The same work on a Ray cluster. What needs Ray runs with `make cluster-test`, in an environment of its own."""

import importlib.util
import shutil
import signal
import subprocess
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from anonymize import storage
from anonymize.batch import run as batch
from anonymize.batch.cluster import Cluster
from anonymize.batch.cluster.connect import Habits
from anonymize.batch.inputs import STDIN, plan_items
from anonymize.errors import ClusterError, UsageError
from anonymize.settings import Settings
from tests.conftest import face_pictures
from tests.helpers.media import make_video

RAY = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not RAY, reason="needs Ray: `make cluster-test` runs it")

NODE = {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 1.0}}
SILENT = Habits("0", "http://127.0.0.1:9", bootstrap=True)


@pytest.mark.parametrize("address", ["ray://10.0.0.1:10001", "head:6379", "auto", "ray://[::1]:10001"])
def test_addresses(address):
    assert Cluster(address).address == address


@pytest.mark.parametrize("address", ["local", "", "http://a:1", "ray://user:secret@host:1", "ray://host"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="ray://HOST:PORT"):
        Cluster(address)


@pytest.mark.parametrize("numbers", [{"workers": 0}, {"cpus": 0}, {"gpus": 1.5}, {"gpus": -1}, {"tries": 0}])
def test_numbers_that_make_no_sense(numbers):
    with pytest.raises(UsageError):
        Cluster("auto", **numbers)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [({"cpus": 2}, 8), ({"cpus": 3}, 4), ({"cpus": 1, "gpus": 0.25}, 8), ({"cpus": 0.5, "gpus": 0.3}, 6)],
)
def test_as_many_workers_as_fit_on_each_node(wanted, fits):
    from anonymize.batch.cluster.driver import room

    dead = {"Alive": False, "Resources": {"CPU": 64.0}}
    assert room([NODE, NODE, dead], Cluster("auto", **wanted)) == fits


def test_no_room_says_what_was_wanted_and_what_there_is():
    from anonymize.batch.cluster.driver import room

    with pytest.raises(ClusterError, match=r"2 CPUs and 2 GPUs \(it has 8 CPUs, 1 GPUs\)"):
        room([NODE], Cluster("auto", gpus=2))


def test_a_head_that_contacts_nobody_is_fit():
    assert SILENT.faults() == []


@pytest.mark.parametrize(
    ("habits", "told"),
    [
        (Habits("", SILENT.url, bootstrap=True), "RAY_USAGE_STATS_ENABLED"),
        (Habits("1", SILENT.url, bootstrap=True), "RAY_USAGE_STATS_ENABLED"),
        (Habits("0", "", bootstrap=True), "RAY_USAGE_STATS_REPORT_URL"),
        (Habits("0", "https://collector.example/", bootstrap=True), "RAY_USAGE_STATS_REPORT_URL"),
        (Habits("0", SILENT.url, bootstrap=False), "ray_bootstrap_config.yaml"),
    ],
)
def test_a_head_that_contacts_others_is_not(habits, told):
    (fault,) = habits.faults()
    assert told in fault


@pytest.mark.skipif(RAY, reason="Ray is installed here")
def test_without_ray_it_says_what_to_install(face_clip, tmp_path):
    with pytest.raises(UsageError, match=r"pip install '\.\[cluster\]'"):
        batch.run(plan_items([str(face_clip)], str(tmp_path / "a.mp4")), Settings(), workers=Cluster("auto"))


def test_standard_input_is_refused(tmp_path):
    with pytest.raises(UsageError, match="standard input"):
        batch.run(plan_items([STDIN], str(tmp_path / "a.mkv")), Settings(), stdin=b"x", workers=Cluster("auto"))


@pytest.fixture(scope="module")
def running():
    """A head, and two nodes of one processor and one (supposed) GPU each."""
    from tests.helpers.clusters import cluster

    folder = Path(tempfile.mkdtemp(prefix="ac", dir="/tmp"))  # Ray's sockets lie below: their paths must be short
    try:
        with cluster(folder) as made:
            made.add(gpus=1)
            made.add(gpus=1)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    pictures = face_pictures(38)
    for number in range(6):
        there = pictures[: 33 + number]
        make_video(folder / f"{number}.mp4", frames=[*there, *there[::-1]], audio=True, options={"crf": "12"})
    return folder


@pytest.fixture(scope="module")
def undisturbed(clips, tmp_path_factory):
    """What a run on one machine makes of the clips: hashes by name."""
    out = tmp_path_factory.mktemp("undisturbed")
    outcomes = batch.run(plan_items([str(clips)], f"{out}/"), Settings())
    return {outcome.item.relative.name: storage.sha256(outcome.output) for outcome in outcomes if outcome.output}


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: storage.sha256(path) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    """All files below `folder` but the ledger's."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".anonymize.")]


def _left(running) -> list[str]:
    return [path.name for path in (running.folder / "tmp").glob("anonymize-work-*")]


def _ended(hand) -> bool:
    return not hand.is_running() or hand.status() == "zombie"


def _done(process: "subprocess.Popen[str]", limit: float = 300) -> tuple[int, list[dict[str, Any]], str]:
    import json

    out, err = process.communicate(timeout=limit)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


@needs_ray
def test_a_node_that_is_killed_in_mid_run_loses_no_file(running, clips, undisturbed, tmp_path):
    from tests.helpers.clusters import busiest_node, events, kill_node

    process = running.run(clips, "-o", tmp_path / "out")
    killed: list[Any] = []
    told: list[Any] = []
    try:
        for event in events(process.stdout):
            told.append(event)
            if not killed and event["event"] == "progress" and event["stage"] == "render":
                node = busiest_node(running)
                running.nodes.remove(node)
                killed = kill_node(node)
    finally:
        running.add(gpus=1)
    code, _, err = _done(process)
    assert any("ray::ClusterWorker" in name for name in killed), killed
    assert code == 0, err
    assert sorted(Path(e["input"]).name for e in told if e["event"] == "done") == sorted(undisturbed)
    assert _begun_twice(told)
    assert _hashes(tmp_path / "out") == undisturbed
    assert _left(running) == []


def _begun_twice(told: list[dict[str, Any]]) -> list[str]:
    """Inputs that went back to a stage that they had left."""
    order = ["detect", "render", "verify"]
    last: dict[str, int] = {}
    again = []
    for event in told:
        if event["event"] == "progress":
            stage = order.index(event["stage"])
            if stage < last.get(event["input"], 0):
                again.append(event["input"])
            last[event["input"]] = stage
    return again


@needs_ray
@pytest.mark.parametrize("way", ["address", "gcs"])
def test_a_folder_on_a_cluster_is_what_it_is_on_one_machine(running, clips, undisturbed, tmp_path, way):
    footage = tmp_path / "in"
    (footage / "sub").mkdir(parents=True)
    shutil.copy(clips / "0.mp4", footage / "sub")
    (footage / "broken.mp4").write_bytes(b"")
    (footage / "notes.txt").write_text("who was where")
    process = running.run(
        footage, "-o", tmp_path / "out", "--report", tmp_path / "reports", address=getattr(running, way)
    )
    code, told, err = _done(process)
    by_name = {Path(e["input"]).name: e for e in told if e["event"] not in ("start", "progress", "summary")}
    assert code == 10, err
    assert by_name["broken.mp4"]["exit_code"] == 3
    assert by_name["notes.txt"]["event"] == "left out"
    assert storage.sha256(tmp_path / "out" / "sub" / "0.mp4") == undisturbed["0.mp4"]
    assert [path.name for path in _files(tmp_path / "out")] == ["0.mp4"]
    report = (tmp_path / "reports" / "sub" / "0.mp4.report.json").read_text()
    assert '"verdict": "pass"' in report
    assert str(tmp_path) not in report
    assert _left(running) == []


@needs_ray
def test_a_file_that_kills_every_worker_is_given_up_and_the_others_are_done(running, clips, tmp_path):
    from tests.helpers.clusters import hands, until

    long = make_video(tmp_path / "0.mp4", frames=face_pictures(38) * 10)  # so that it is not done before the kill
    process = running.run(long, clips / "5.mp4", "-o", f"{tmp_path}/out/", "--workers", 1)
    for _ in range(3):
        until(lambda: bool(hands(running)) or process.poll() is not None, "no worker came", 120)
        (hand,) = hands(running)
        until(lambda: _begun(running) or process.poll() is not None, "nothing was begun", 120)
        hand.kill()
        until(partial(_ended, hand), "it lives", 60)
        storage.sweep(running.folder / "tmp")
    code, told, err = _done(process)
    assert code == 10, err
    outcomes = {Path(e["input"]).name: e for e in told if e["event"] in ("done", "failed")}
    assert "died 3 times" in outcomes["0.mp4"]["report"]["error"]
    assert outcomes["5.mp4"]["event"] == "done"
    assert [path.name for path in _files(tmp_path / "out")] == ["5.mp4"]


def _begun(running) -> bool:
    """Whether a worker has begun to write an output."""
    return any((running.folder / "tmp").glob("anonymize-work-*/.*"))


@needs_ray
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing(running, clips, tmp_path, number, expected):
    from tests.helpers.clusters import events, hands

    process = running.run(clips, "-o", tmp_path / "out")
    next(event for event in events(process.stdout) if event["event"] == "progress")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == expected
    assert [path.name for path in _files(tmp_path / "out") if path.name.startswith(".")] == []
    assert _left(running) == []
    assert hands(running) == []


@needs_ray
def test_workers_that_share_a_gpu(running, clips, tmp_path):
    """Each node says that it has a GPU: half of it is had, two are not."""
    words = ("--gpus-per-worker", "0.5", "--workers", "2")
    code, _, err = _done(running.run(clips / "0.mp4", clips / "1.mp4", "-o", f"{tmp_path}/out/", *words))
    assert code == 0, err
    code, _, err = _done(running.run(clips / "0.mp4", "-o", tmp_path / "a.mp4", "--gpus-per-worker", "2"))
    assert code == 13
    assert "1 CPUs and 2 GPUs (it has" in err


@needs_ray
def test_storage_that_a_worker_does_not_see_is_named(running, tmp_path, clips):
    from tests.helpers.clusters import hands, until

    shutil.copy(clips / "0.mp4", tmp_path / "gone.mp4")
    process = running.run(tmp_path / "gone.mp4", "-o", tmp_path / "out.mp4")
    until(lambda: bool(hands(running)) or process.poll() is not None, "no worker came", 120)
    (tmp_path / "gone.mp4").rename(tmp_path / "elsewhere.mp4")  # as good as a folder that is not mounted there
    code, told, err = _done(process)
    assert code == 3, err
    (failed,) = (line for line in told if line["event"] == "failed")
    assert "no such file on the worker" in failed["report"]["error"]


@needs_ray
def test_an_existing_output_is_replaced_only_by_force(running, clips, undisturbed, tmp_path):
    (tmp_path / "0.mp4").write_bytes(b"precious")
    code, _, _ = _done(running.run(clips / "0.mp4", "-o", tmp_path / "0.mp4"))
    assert code == 6
    assert (tmp_path / "0.mp4").read_bytes() == b"precious"
    code, _, err = _done(running.run(clips / "0.mp4", "-o", tmp_path / "0.mp4", "--force"))
    assert code == 0, err
    assert _hashes(tmp_path) == {"0.mp4": undisturbed["0.mp4"]}


@needs_ray
def test_a_head_whose_process_for_a_connection_dies_is_asked_again(running, clips, tmp_path):
    """Ray's own fault, now and then: see `connect._TRIES`."""
    from tests.helpers.clusters import client_servers

    known, over = client_servers(running), threading.Event()
    victims: list[Any] = []

    def kill() -> None:
        while not over.wait(0.01) and not victims:
            for server in client_servers(running) - known - set(victims):
                victims.append(server)
                server.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    process = running.run(clips / "0.mp4", "-o", tmp_path / "0.mp4")
    ended, told, err = _done(process)
    over.set()
    killer.join()
    assert victims
    assert ended == 0, err
    assert [event["event"] for event in told if event["event"] == "done"] == ["done"]


@needs_ray
def test_nobody_there(tmp_path, clips, running):
    code, _, err = _done(running.run(clips / "0.mp4", "-o", tmp_path / "0.mp4", address="ray://127.0.0.1:9"))
    assert code == 13
    assert "cannot connect to this cluster" in err
