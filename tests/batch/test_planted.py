"""What somebody else put into a folder where outputs go: it leads nowhere, and nothing of the user's is lost by it."""

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymize.batch.ledger import lock, proofs, recover, store
from anonymize.batch.ledger.status import status
from anonymize.cli.render import ledger as render_ledger
from anonymize.errors import LedgerError, OutputError, ReportError
from anonymize.kinds import Verdict
from anonymize.pages import save
from anonymize.report import Report, sha256, sign
from anonymize.storage.commit import pending
from tests.helpers.media import make_video
from tests.helpers.runs import Seen, settings, three_clips
from tests.helpers.servers import pipe

DIGEST = "1" * 64
PLACES = ["../victim", "/etc/hostname", "a/../../victim", "./a", "a//b", "", ".", "..", "a\0b", "a/", "a" * 4097]


@pytest.fixture
def ledger(tmp_path):
    """A folder with the ledger of a finished run, and a file beside it that is none of its business."""
    Seen(three_clips(tmp_path), tmp_path / "out")
    (tmp_path / "victim").write_bytes(b"")
    return tmp_path / "out"


def _sql(folder, statement, *values):
    with contextlib.closing(sqlite3.connect(folder / store.NAME)) as database:
        database.execute(statement, values)
        database.commit()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("column", ["output", "name"])
def test_a_ledger_names_nothing_outside_its_folder(ledger, place, column):
    if (column, place) == ("output", ""):
        return  # not released
    _sql(ledger, f"UPDATE file SET {column} = ? WHERE name = 'a.mp4'", place)
    with pytest.raises(LedgerError, match="outside this folder"):
        status(ledger)
    with pytest.raises(LedgerError, match="outside this folder"):
        Seen(ledger.parent / "secret footage", ledger)
    assert (ledger.parent / "victim").exists()


def test_a_reason_without_end_is_cut(ledger):
    _sql(ledger, "UPDATE file SET state = 'failed', why = ? WHERE name = 'a.mp4'", "x" * 100_000)
    told = "\n".join(render_ledger.status(ledger, status(ledger)))
    assert "a.mp4: xxx" in told
    assert len(told) < 2000


HOSTILE = [
    "UPDATE file SET bytes = 'many'",
    "UPDATE file SET released_at = 'soon'",
    "UPDATE file SET frames = 1e999",
    "UPDATE file SET duration = -1e999",
    "UPDATE file SET output = 5",
    "UPDATE file SET name = 5 WHERE name = 'a.mp4'",
    "UPDATE file SET source_sha256 = 7",
    "UPDATE file SET state = 'dreaming'",
    "UPDATE file SET verdict = 'splendid'",
    "UPDATE file SET why = zeroblob(2000000)",
    "UPDATE run SET mark = '*'",
    "UPDATE run SET mark = '../../../..'",
    "UPDATE run SET started = x'00'",
    "UPDATE salt SET value = 5",
    "DELETE FROM salt",
    "DROP TABLE salt",
    "DROP TABLE run",
    "DROP TABLE file",
    "ALTER TABLE file DROP COLUMN verdict",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_a_hostile_ledger_ends_with_its_own_error(ledger, statement):
    _sql(ledger, statement)
    with pytest.raises(LedgerError, match="the ledger is damaged"):
        Seen(ledger.parent / "secret footage", ledger)
    if "salt" not in statement:
        with pytest.raises(LedgerError, match="the ledger is damaged"):
            status(ledger)


@given(st.binary(max_size=300), st.integers(0, 8000))
def test_bytes_that_change_in_a_ledger_end_with_its_own_error_or_not_at_all(noise, offset):
    sound = _sound_ledger()
    broken = sound[:offset] + noise + sound[offset + len(noise) :]
    with _in_memory_folder(broken) as folder, contextlib.suppress(LedgerError, OutputError):
        status(folder)


_LEDGERS: list[bytes] = []


def _sound_ledger() -> bytes:
    if not _LEDGERS:
        with tempfile.TemporaryDirectory() as place:
            with contextlib.closing(store.Store(Path(place) / store.NAME)) as opened, opened.change():
                opened.put(
                    [store.Run(1, "ab" * 6, 3, 0, 5.5, 6.5, 7.5, 1), store.File("a.mp4", 1, store.FileState.DONE)]
                )
            _LEDGERS.append((Path(place) / store.NAME).read_bytes())
    return _LEDGERS[0]


@contextlib.contextmanager
def _in_memory_folder(content):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as place:
        (Path(place) / store.NAME).write_bytes(content)
        yield Path(place)


def _proof(folder: Path, mark: str, output: str) -> Path:
    report = Report(verdict=Verdict.PASS, source={"sha256": DIGEST}, output={"sha256": DIGEST})
    path = folder / f".anonymize-{mark}-{'0' * 12}{proofs.PROOF}"
    path.write_text(json.dumps(asdict(proofs.Proof("a.mp4", output, "s", "p", report)), default=str))
    return path


@pytest.mark.parametrize("output", [*PLACES, "link/victim", "link", 5, None])
def test_a_planted_proof_removes_and_releases_nothing_outside_the_folder(ledger, output):
    (ledger / "link").symlink_to(ledger.parent)
    (ledger.parent / "victim").write_bytes(b"")  # an empty file is what a half-done release leaves
    _sql(ledger, "UPDATE run SET swept = 0")
    with contextlib.closing(store.Store(ledger / store.NAME)) as opened:
        runs, rows = opened.runs(), opened.files()
        planted = _proof(ledger, runs[-1].mark, output)
        found = recover.sweep(ledger, opened, runs, rows)
    assert found.rows == []
    assert (ledger.parent / "victim").exists()
    assert (ledger / "link").is_symlink()
    assert not planted.exists()


def test_what_was_released_before_is_removed_within_the_folder_alone(ledger):
    (ledger / "away").symlink_to(ledger.parent)
    victim = ledger.parent / "victim"
    victim.write_bytes(b"precious")
    old = store.File("a.mp4", 1, output="away/victim", output_sha256=sha256(victim), released=1)
    recover.remove_superseded(ledger, old, replace(old, output="a.mkv"))
    assert victim.exists()
    (ledger / "b.bin").write_bytes(b"precious")
    own = replace(old, output="b.bin")
    recover.remove_superseded(ledger, own, replace(old, output="a.mkv"))
    assert not (ledger / "b.bin").exists()


def _symlink(link, victim):
    link.symlink_to(victim)


def _hard_link(link, victim):
    os.link(victim, link)


@pytest.mark.parametrize("plant", [_symlink, _hard_link])
@pytest.mark.parametrize("name", [lock.NAME, store.NAME, f"{store.NAME}-journal"])
def test_links_in_place_of_our_own_files_are_refused_and_not_followed(tmp_path, plant, name):
    footage = three_clips(tmp_path)
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious" * 100)
    (tmp_path / "out").mkdir()
    plant(tmp_path / "out" / name, victim)
    with pytest.raises(OutputError, match=r"not a file of this program"):
        Seen(footage, tmp_path / "out")
    assert victim.read_bytes() == b"precious" * 100


def test_a_link_in_place_of_a_report_is_replaced_and_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in ("a.html", ".a.html.part"):
        (tmp_path / name).symlink_to(victim)
    save("text", tmp_path / "a.html")
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "a.html").is_symlink()
    assert (tmp_path / "a.html").read_text() == "text"


def test_an_output_is_its_owners_alone_until_it_was_checked(tmp_path):
    before = os.umask(0o022)
    try:
        with pending(tmp_path / "a.mp4") as temporary:
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
            temporary.write_bytes(b"x")
        assert stat.S_IMODE((tmp_path / "a.mp4").stat().st_mode) == 0o644
    finally:
        os.umask(before)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_what_a_stopped_run_on_one_file_leaves_is_gone_at_the_latest_with_the_next(tmp_path, number):
    script = (
        "import sys, time; from pathlib import Path; from anonymize.cli import _stop_in_order; _stop_in_order()\n"
        "from anonymize.storage.commit import pending\n"
        f"with pending(Path({str(tmp_path / 'a.mp4')!r})) as t: print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert pipe(process.stdout).readline() == b"in\n"
        (temporary,) = tmp_path.glob(".anonymize-*")
        with pending(tmp_path / "a.mp4"):  # a second run at the same time leaves it alone
            os.utime(temporary, (1, 1))
        assert temporary.exists()
        (tmp_path / "a.mp4").unlink()
        process.send_signal(number)
    assert temporary.exists() == (number == signal.SIGKILL)
    with pending(tmp_path / "b.mp4"):
        assert temporary.exists() == (number == signal.SIGKILL)  # another output's
    if temporary.exists():
        os.utime(temporary, (1, 1))
    with pending(tmp_path / "a.mp4"):
        assert not temporary.exists()


CORE = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
{use}
import ctypes
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
USES = {
    "a file is opened": "from anonymize.media import open_source; open_source(Path(sys.argv[1]))",
    "a video is opened again": "from anonymize.media import open_video; open_video(Path(sys.argv[1]))",
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whether a process is dumpable")
@pytest.mark.parametrize("use", USES)
def test_no_process_that_holds_pictures_can_dump_core(tmp_path, use):
    clip = make_video(tmp_path / "a.mp4", frames=2)
    done = subprocess.run(
        [sys.executable, "-c", CORE.format(use=USES[use]), str(clip)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")
def test_workers_of_a_folder_cannot_dump_core(tmp_path):
    footage = three_clips(tmp_path)
    seen = set()

    def look(item, news):
        for child in Path("/proc/self/task").glob("*/children"):
            for number in child.read_text().split():
                with contextlib.suppress(OSError):
                    limits = Path(f"/proc/{number}/limits").read_text()
                    if "spawn_main" in Path(f"/proc/{number}/cmdline").read_text():
                        seen.add(next(line.split()[4] for line in limits.splitlines() if "core file" in line))

    Seen(footage, tmp_path / "out", settings(), workers=2, on_item=look)
    assert "0" in seen


SMALL = [
    "00" * 32,
    "01" + "00" * 31,
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ec" + "ff" * 30 + "7f",
    "ed" + "ff" * 30 + "7f",
    "ee" + "ff" * 30 + "7f",
]


@pytest.mark.parametrize("key", SMALL)
@pytest.mark.parametrize("sign_bit", [0, 0x80])
def test_a_key_with_which_anybody_can_sign_is_refused(key, sign_bit):
    raw = bytearray.fromhex(key)
    raw[31] |= sign_bit
    report = Report(verdict=Verdict.PASS).as_dict()
    report["signature"] = {"key": raw.hex(), "value": "01" + "00" * 63}  # R the neutral element, S zero
    with pytest.raises(ReportError, match="does not hold"):
        sign.check(report)
    assert sign.of_small_order(bytes(raw))


def test_ordinary_keys_are_not_of_small_order(tmp_path):
    public, name = sign.keygen(tmp_path / "key")
    assert not sign.of_small_order(bytes.fromhex(name))
    assert sign.check(sign.sign(Report(verdict=Verdict.PASS).as_dict(), tmp_path / "key")).key == name
    assert public.exists()
