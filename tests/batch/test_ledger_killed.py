"""Runs that are killed, from outside and at the worst moments, and what `anonymize status` says of them."""

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from anonymize import errors
from anonymize.batch import ledger
from anonymize.batch.ledger import store
from anonymize.batch.ledger.status import Going
from anonymize.batch.ledger.store import FileState
from benchmarks.kill import kill_test, make_clips
from tests.cli.test_cli import PROGRAM, _can_mount, anonymize
from tests.conftest import face_pictures
from tests.helpers.media import make_video
from tests.helpers.pace import Bound
from tests.helpers.runs import NAMES, Seen, facts, hidden, three_clips

KILLER = """
import os, signal, sys
from anonymize.batch import run as batch
from anonymize.batch.inputs import plan_items
from anonymize.batch.ledger import proofs, recover, run_ledger, store
from anonymize.storage import commit
from tests.helpers.runs import settings

def killing(module, name, when, after=False):
    real = getattr(module, name)
    def wrapped(*arguments, **named):
        strikes = when(*arguments)
        if strikes and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if strikes:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(module, name, wrapped)

moment = sys.argv[3]
if moment == "before the proof":
    killing(commit, "_to_disk", lambda path: path.suffix == ".proof")
elif moment == "before the release":
    killing(commit, "_rename_new", lambda temporary, path: path.name == "b.mp4")
elif moment == "after the release":
    killing(commit, "_rename_new", lambda temporary, path: path.name == "b.mp4", after=True)
elif moment == "before the note":
    killing(run_ledger.RunLedger, "_settled", lambda self, row, *_: row.name == "b.mp4")
elif moment == "within the note":
    noted = lambda self, rows: any(getattr(row, "output", "") == "b.mp4" for row in rows)
    killing(store.Store, "put", noted, after=True)
elif moment == "after the note":
    killing(proofs, "remove", lambda path: path.suffix == ".proof" and sum(1 for _ in path.parent.glob("b.mp4")))
elif moment == "while sweeping up":
    killing(proofs, "remove", lambda path: True, after=True)
elif moment == "at the end":
    killing(run_ledger.RunLedger, "finish", lambda *_: True)
batch.run(plan_items([sys.argv[1]], sys.argv[2] + "/"), settings())
"""
MOMENTS = {
    "before the proof": 0,
    "before the release": 1,
    "after the release": 2,
    "before the note": 2,
    "within the note": 2,
    "after the note": 2,
    "while sweeping up": 1,
    "at the end": 3,
}
"""Where a run is killed, and how many files it had released by then."""


@pytest.fixture
def footage(tmp_path):
    return three_clips(tmp_path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def _killed_at(moment, footage, out):
    command = [sys.executable, "-c", KILLER, str(footage), str(out), moment]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_the_worst_moments_it_goes_on(footage, out, moment):
    _killed_at(moment, footage, out)
    released = facts(out)
    assert len(released) == MOMENTS[moment]
    assert ledger.status(out).going is Going.STOPPED
    seen = Seen(footage, out)
    assert seen.code == 0
    assert seen.start.before == len(released)
    assert facts(out).items() >= released.items()  # untouched
    assert sorted(facts(out)) == sorted(NAMES)
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]
    _, files = store.read(out / store.NAME)
    assert {file.state for file in files} == {FileState.DONE}
    assert Seen(footage, out).done_now == set()


def test_a_broken_proof_or_one_of_a_file_that_is_empty_yet_keeps_no_other_from_being_found(footage, out):
    """Some file systems reserve a name first: a run that is killed then leaves an empty file."""
    _killed_at("before the note", footage, out)
    (proof,) = out.glob(".anonymize-*.proof")
    before, whole = facts(out), json.loads(proof.read_text())
    (out / "empty.mp4").touch()
    empty = json.dumps(whole | {"name": "a.mp4", "output": "empty.mp4"})
    for number, content in (("0" * 12, "{}"), ("0" * 11 + "1", empty)):
        proof.with_name(f".anonymize-{proof.name.split('-')[1]}-{number}.proof").write_text(content)
    seen = Seen(footage, out)
    assert (seen.code, seen.done_now) == (0, {"sub/c.mp4"})
    assert facts(out).items() >= before.items()
    assert not (out / "empty.mp4").exists()
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]


def test_it_can_be_killed_while_it_goes_on(footage, out):
    for moment in ("before the release", "while sweeping up", "after the release"):
        _killed_at(moment, footage, out)
    before = facts(out)
    assert Seen(footage, out).code == 0
    assert facts(out).items() >= before.items()
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]


def _refused(*_: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_killed_while_the_ledger_is_written(footage, out, monkeypatch):
    """A journal is left that has to be rolled back; whoever only asks for the status must not do so."""
    Seen(footage, out)
    path = out / store.NAME
    script = (
        "import os, signal, sqlite3, sys\n"
        "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "database.execute('PRAGMA cache_size = 1')\n"
        "database.execute('PRAGMA cache_spill = 1')\n"
        "database.execute('BEGIN IMMEDIATE')\n"
        "database.execute('UPDATE file SET state = \"failed\", why = hex(randomblob(9000))')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], timeout=60, check=False)
    journal = path.with_name(f"{path.name}-journal")
    left = {p: p.read_bytes() for p in (path, journal)}
    with pytest.raises(errors.OutputError):
        store.read(path)
    assert ledger.status(out).done == 3
    assert {p: p.read_bytes() for p in left} == left
    with monkeypatch.context() as unreadable:
        unreadable.setattr(shutil, "copy", _refused)
        with pytest.raises(errors.LedgerError, match=r"cannot be read \(no permission\): try again"):
            ledger.status(out)
    seen = Seen(footage, out)
    assert seen.done_now == set()
    assert not journal.exists()


def test_a_small_kill_test(tmp_path):
    """`make kill-test` is the large one."""
    figures = kill_test(make_clips(tmp_path / "clips", 3), tmp_path, kills=4, seed=1)
    assert figures.kills.total() == 4
    assert figures.clips == 3


@pytest.fixture
def crowd(tmp_path):
    folder = tmp_path / "crowd"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_video(folder / name, frames=face_pictures(20))
    return folder


def _until(condition, seconds=60.0):
    bound = Bound(seconds)
    while not condition():
        assert not bound.over()
        time.sleep(0.02)


def test_status_while_it_runs_after_it_was_killed_and_at_the_end(crowd, out):
    command = [*PROGRAM, "run", str(crowd), "-o", str(out), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def working() -> bool:
        try:
            return bool(ledger.status(out).in_progress)
        except errors.AnonymizeError:  # not there yet, or stopped in the middle of a write
            return False

    while True:  # stop it, so that there is something to see when the other command has started
        _until(working)
        process.send_signal(signal.SIGSTOP)
        if working():
            break
        process.send_signal(signal.SIGCONT)
    workers = psutil.Process(process.pid).children(recursive=True)
    for worker in workers:  # else they may be done before the other command has started
        worker.suspend()
    going = anonymize("status", out, "--json")
    told = json.loads(going.stdout.splitlines()[0])
    process.kill()
    process.wait()
    for worker in workers:
        worker.resume()
    assert going.returncode == 15, going.stdout
    assert (told["going"], told["process"], told["files"]) == ("going on", process.pid, 3)
    assert told["in_progress"]
    assert told["done"] + told["working"] + told["waiting"] == 3
    assert psutil.wait_procs(workers, timeout=20)[1] == []  # nobody works on for a run that is over
    stopped = anonymize("status", out)
    assert stopped.returncode == 16, stopped.stdout
    assert "stopped" in stopped.stdout
    assert "the same command goes on" in stopped.stdout
    done = anonymize(*command[3:])
    assert done.returncode == 0, done.stderr
    finished = anonymize("status", out)
    assert finished.returncode == 0, finished.stdout
    assert "3 of 3 done" in finished.stdout
    assert "frames/s" in finished.stdout
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]
    again = anonymize(*command[3:])
    assert "3 of 3 were done before, nothing to do" in again.stderr
    assert "3 done (3 before), 0 failed" in again.stdout


def test_two_runs_at_once_share_nothing_and_break_nothing(crowd, out):
    command = [*PROGRAM, "run", str(crowd), "-o", str(out)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [run.communicate(timeout=300) for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes in ([0, 6], [0, 0]), told
    done = "".join(line for output, _ in told for line in output.splitlines(keepends=True) if " -> " in line)
    assert done.count(" -> ") == 3  # whichever did it, it was done once
    if codes == [0, 6]:
        assert "another run works in this folder" in "".join(complaint for _, complaint in told)
    assert sorted(facts(out)) == ["a.mp4", "b.mp4", "c.mp4"]


def test_what_status_says_of_failures_and_with_which_codes(footage, out, tmp_path):
    missing = anonymize("status", tmp_path / "nowhere")
    assert (missing.returncode, "no such folder" in missing.stderr) == (3, True)
    without = anonymize("status", footage)
    assert (without.returncode, "no ledger here" in without.stderr) == (3, True)
    (footage / "sub" / "c.mp4").write_bytes(b"")
    Seen(footage, out)
    failed = anonymize("status", out)
    assert failed.returncode == 10
    assert "2 of 3 done, 1 failed" in failed.stdout
    assert "  sub/c.mp4: " in failed.stdout
    assert str(footage) not in failed.stdout
    told = json.loads(anonymize("status", out, "--json").stdout.splitlines()[0])
    assert told["failures"][0]["name"] == "sub/c.mp4"
    assert told["failures"][0]["exit_code"] == 3
    (out / store.NAME).write_bytes(b"this is no ledger" * 99)
    damaged = anonymize("status", out)
    assert (damaged.returncode, "damaged" in damaged.stderr) == (14, True)
    assert len(damaged.stderr.splitlines()) == 1
    (out / store.NAME).write_bytes(b"")
    assert anonymize("status", out).returncode == 3


def test_status_changes_nothing(footage, out):
    Seen(footage, out)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()}
    ledger.status(out)
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*") if path.is_file()} == before


def test_json_tells_what_was_done_before(footage, out):
    arguments = (
        "run",
        footage,
        "-o",
        out,
        "-t",
        "none",
        "--hide-zone",
        "0,0 9,0 9,9",
        "--json",
        "--publish-unverified",
    )
    first = [json.loads(line) for line in anonymize(*arguments).stdout.splitlines()]
    assert first[0] == {"event": "start", "folder": str(out), "files": 3} | {
        "before": 0,
        "left_out": 0,
        "recovered": 0,
        "again": {},
        "removed": 0,
    }
    second = [json.loads(line) for line in anonymize(*arguments).stdout.splitlines()]
    assert [line["event"] for line in second] == ["start", *["done before"] * 3, "summary"]
    assert second[0]["before"] == 3
    hashes = [{line["report"]["output"]["sha256"] for line in lines if "report" in line} for lines in (first, second)]
    assert hashes[0] == hashes[1]


@pytest.mark.skipif(not _can_mount(), reason="needs Linux's unshare with the right to mount; CI has it")
@pytest.mark.parametrize(("options", "words"), [("ro", "no permission"), ("size=16k", "disk is full")])
def test_a_folder_that_cannot_be_written_is_said_in_one_line(footage, tmp_path, options, words):
    place = tmp_path / "small"
    place.mkdir()
    run = f"{sys.executable} -c 'from anonymize.cli import main; main()' run '{footage}' -o {place} -t none"
    run += " --hide-zone '0,0 9,0 9,9'"
    mount = f"mount -t tmpfs -o {options} none {place}"
    script = f"{mount} && {{ {run}; code=$?; ls -A {place} | grep -v '^.anonymize[.]'; exit $code; }}"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == errors.OutputError.exit_code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() == ""


def test_a_locked_ledger_is_said(footage, out, monkeypatch):
    Seen(footage, out)
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    with closing(sqlite3.connect(out / store.NAME, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(errors.OutputError, match="another program has locked this file"):
            Seen(footage, out)
