"""The ledger of an output folder: what a second run does again, and what it leaves alone."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import cast

import pytest

from anonymize import errors
from anonymize.batch import ledger
from anonymize.batch import run as batch
from anonymize.batch.inputs import plan_items
from anonymize.batch.ledger import Redo, lock, proofs, store
from anonymize.batch.ledger.decide import settings_hash
from anonymize.batch.ledger.lock import Lock
from anonymize.batch.ledger.store import FileState
from anonymize.batch.outcome import Outcome, failed
from anonymize.cli.render import ledger as render_ledger
from anonymize.kinds import Verdict
from anonymize.settings import Settings
from anonymize.text.mapping import from_mapping
from tests.helpers.media import make_video
from tests.helpers.runs import NAMES, Seen, facts, hidden, settings, three_clips
from tests.recorded.test_course import run as course


@pytest.fixture
def footage(tmp_path):
    return three_clips(tmp_path)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def _stopped(out, items, during):
    """What `during` gives for the book of a run that is broken off."""
    with suppress(KeyboardInterrupt), ledger.keep(out, items, settings()) as book:
        found = during(book)
        raise KeyboardInterrupt
    return found


def test_what_was_done_is_not_done_again(footage, out):
    first = Seen(footage, out)
    assert first.done_now == set(NAMES)
    assert (first.start.files, first.start.before, first.start.again) == (3, 0, {})
    status = ledger.status(out)
    assert (status.seconds_left, status.done) == (None, 3)
    assert cast(float, status.times_real) > 0
    assert cast(float, status.frames_per_second) > 0
    before = facts(out)
    second = Seen(footage, out)
    assert facts(out) == before
    assert second.done_now == set()
    assert second.code == 0
    assert (second.start.files, second.start.before, second.start.again) == (3, 3, {})
    account = second.by_name["b.mp4"].report
    assert account.source == {k: first.by_name["b.mp4"].report.source[k] for k in ("sha256", "frames", "duration")}
    assert account.verdict == first.by_name["b.mp4"].report.verdict
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]


@pytest.mark.parametrize(("repairs", "most"), [(0, 0), (0, 3), (1, 1), (1, 3), (3, 3)])
def test_status_never_goes_back_and_names_the_repair(footage, out, monkeypatch, repairs, most):
    monkeypatch.setattr("anonymize.batch.ledger.run_ledger.EVERY", 0)
    found = []

    def work(book):
        for news in course(7, repairs, most):
            book.record(book.todo[0], news)
            (working,) = ledger.status(out).in_progress
            assert (working.stage, working.frame, working.repairs) == (news.stage, news.done, most)
            assert working.repair == most - news.perhaps
            found.append(working.share)
            assert (ledger.status(out).seconds_left is not None) == (working.share > 0)
            (line,) = [line for line in render_ledger.status(out, ledger.status(out)) if "a.mp4: " in line]
            assert (f" (repair {working.repair} of {most} at most)" in line) == (working.repair > 0)
            assert f" {int(working.share * 100)}% of all," in line

    _stopped(out, plan_items([str(footage)], str(out)), work)
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1.0 if repairs == most else 1 - 0.25 / 2**repairs, abs=0.001)


def test_a_new_file_is_done_beside_the_others(footage, out):
    Seen(footage, out)
    make_video(footage / "d.mp4", frames=3)
    assert Seen(footage, out).done_now == {"d.mp4"}


def test_one_file_to_its_own_name_needs_no_ledger(footage, tmp_path):
    outcomes = batch.run(plan_items([str(footage / "a.mp4")], str(tmp_path / "safe.mp4")), settings())
    assert outcomes[0].output == tmp_path / "safe.mp4"
    assert hidden(tmp_path) == []


def test_changed_settings_do_everything_again_without_force(footage, out):
    Seen(footage, out)
    before = facts(out)
    again = Seen(footage, out, settings(output={"speed": "ultrafast", "quality": 40}))
    assert again.start.again == {Redo.SETTINGS: list(NAMES)}
    assert again.done_now == set(NAMES)
    assert all(facts(out)[name] != before[name] for name in NAMES)
    assert (
        Seen(footage, out, settings(output={"speed": "ultrafast", "quality": 40}, live={"lookahead": 1.0})).done_now
        == set()
    )


def test_another_container_takes_the_place_of_the_output_and_of_nothing_else(footage, out):
    Seen(footage, out)
    kept = b"someone cut this by hand"
    (out / "b.mp4").write_bytes(kept)
    again = Seen(footage, out, settings(output={"speed": "ultrafast", "container": "mkv"}))
    assert again.done_now == set(NAMES)
    assert sorted(facts(out)) == ["a.mkv", "b.mkv", "b.mp4", "sub/c.mkv"]
    assert (out / "b.mp4").read_bytes() == kept


def test_a_changed_source_is_noticed_and_a_touched_one_is_not_done_again(footage, out):
    Seen(footage, out)
    make_video(footage / "a.mp4", frames=9)
    os.utime(footage / "b.mp4")
    again = Seen(footage, out)
    assert again.start.again == {Redo.SOURCE: ["a.mp4"]}
    assert again.done_now == {"a.mp4"}
    assert again.by_name["a.mp4"].report.source["frames"] == 9


def test_a_changed_output_is_noticed_though_size_and_times_are_the_same(footage, out):
    Seen(footage, out)
    before = facts(out)
    path = out / "a.mp4"
    old = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    again = Seen(footage, out)
    assert again.start.again == {Redo.OUTPUT: ["a.mp4"]}
    assert path.read_bytes() == before["a.mp4"][2]


def test_a_deleted_output_is_made_again(footage, out):
    Seen(footage, out)
    (out / "sub" / "c.mp4").unlink()
    again = Seen(footage, out)
    assert again.start.again == {Redo.GONE: ["sub/c.mp4"]}
    assert again.done_now == {"sub/c.mp4"}


def test_an_output_that_the_ledger_does_not_know_is_not_replaced(footage, out):
    out.mkdir()
    (out / "a.mp4").write_bytes(b"precious")
    for _ in range(2):
        seen = Seen(footage, out)
        assert (out / "a.mp4").read_bytes() == b"precious"
        assert seen.by_name["a.mp4"].exit_code == errors.OutputError.exit_code
        assert seen.code == errors.PartialFailure.exit_code
    assert Seen(footage, out, force=True).done_now == set(NAMES)


def test_what_was_made_from_another_source_of_the_same_name_is_not_replaced(footage, out, tmp_path):
    Seen(footage, out)
    before = facts(out)
    other = tmp_path / "other"
    other.mkdir()
    make_video(other / "a.mp4", frames=7)
    seen = Seen(other, out)
    assert seen.start.again == {Redo.ELSEWHERE: ["a.mp4"]}
    assert seen.by_name["a.mp4"].exit_code == errors.OutputError.exit_code
    assert facts(out) == before
    assert ledger.status(out).others == 2
    assert Seen(footage, out).done_now == set()
    assert Seen(other, out, force=True).done_now == {"a.mp4"}


def test_a_moved_source_folder_is_the_same_source(footage, out):
    Seen(footage, out)
    footage.rename(footage.with_name("elsewhere"))
    assert Seen(footage.with_name("elsewhere"), out).done_now == set()


def test_what_failed_is_tried_again(footage, out):
    good = (footage / "b.mp4").read_bytes()
    (footage / "b.mp4").write_bytes(b"")
    seen = Seen(footage, out)
    assert seen.code == errors.PartialFailure.exit_code
    seen = Seen(footage, out)
    assert seen.start.again == {Redo.FAILED: ["b.mp4"]}
    assert seen.code == errors.PartialFailure.exit_code
    (footage / "b.mp4").write_bytes(good)
    seen = Seen(footage, out)
    assert (seen.done_now, seen.code) == ({"b.mp4"}, 0)


def test_an_output_that_could_not_be_made_anew_stays_and_is_said(footage, out):
    Seen(footage, out)
    before = facts(out)
    good = (footage / "b.mp4").read_bytes()
    (footage / "b.mp4").write_bytes(b"")
    seen = Seen(footage, out)
    assert seen.start.again == {Redo.SOURCE: ["b.mp4"]}
    (failure,) = ledger.status(out).failures
    assert (failure.name, failure.earlier) == ("b.mp4", True)
    assert facts(out) == before
    (footage / "b.mp4").write_bytes(good)
    assert Seen(footage, out).done_now == set()


def test_what_is_no_media_is_left_out_once(footage, out):
    (footage / "notes.txt").write_text("who was where")
    assert Seen(footage, out).by_name["notes.txt"].left_out
    seen = Seen(footage, out)
    assert (seen.start.before, seen.start.left_out) == (3, 1)
    outcome = seen.by_name["notes.txt"]
    assert (outcome.left_out, outcome.before, outcome.output) == (True, True, None)
    make_video(footage / "video.mp4", frames=2).rename(footage / "notes.txt")
    assert Seen(footage, out).done_now == {"notes.txt"}


@pytest.mark.parametrize(
    "name", ["Ærøskøbing 東京 🚲.mp4", "n\u0303.mp4", "new\nline.mp4", os.fsdecode(b"\xff\xfe.mp4")]
)
def test_names_of_every_kind(footage, out, name):
    try:
        (footage / "a.mp4").rename(footage / name)
    except OSError:
        pytest.skip("this file system has no such names; CI's has")
    assert name in Seen(footage, out).done_now
    assert Seen(footage, out).done_now == set()
    (out / name).unlink()
    assert Seen(footage, out).start.again == {Redo.GONE: [name]}
    assert name not in {failure.name for failure in ledger.status(out).failures}


def test_the_ledger_holds_no_path_and_no_name_but_relative_ones(footage, out):
    (footage / "b.mp4").write_bytes(b"")
    Seen(footage, out)
    content = b"".join(path.read_bytes() for path in out.glob(".anonymize*"))
    for word in (str(footage), footage.name, str(out), os.uname().nodename):
        assert word.encode() not in content
    assert b"sub/c.mp4" in content


def _spoilt(path, how):
    content = path.read_bytes()
    if how == "garbage":
        path.write_bytes(os.urandom(len(content)))
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "a page":
        path.write_bytes(content[:4096] + os.urandom(4096) + content[8192:])
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute({"newer": "PRAGMA user_version = 99", "another's": "PRAGMA application_id = 7"}[how])


@pytest.mark.parametrize("how", ["garbage", "truncated", "a page", "newer", "another's"])
def test_a_ledger_that_cannot_be_used_is_said_and_nothing_is_touched(footage, out, how):
    Seen(footage, out)
    before = facts(out)
    _spoilt(out / store.NAME, how)
    spoilt = (out / store.NAME).read_bytes()
    words = {"newer": "newer version", "another's": "not a ledger"}.get(how, "damaged .* delete it and run again")
    with pytest.raises(errors.LedgerError, match=words):
        Seen(footage, out)
    with pytest.raises(errors.LedgerError, match=words):
        ledger.status(out)
    assert facts(out) == before
    assert (out / store.NAME).read_bytes() == spoilt
    (out / store.NAME).unlink()  # as the message says
    assert Seen(footage, out, force=True).done_now == set(NAMES)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        *(("run", "seen", 1e308), ("run", "started", -1e300), ("file", "released_at", 1e18)),
        *(("file", "frames", -5), ("file", "bytes", 2**62), ("run", "number", 2**63 - 1)),
    ],
)
def test_a_number_that_no_clock_or_counter_shows_is_damage(footage, out, table, column, value):
    Seen(footage, out)
    with closing(sqlite3.connect(out / store.NAME)) as database, database:
        database.execute(f"UPDATE {table} SET {column} = ?", (value,))
    with pytest.raises(errors.LedgerError, match=f"damaged \\({column} is "):
        ledger.status(out)
    with pytest.raises(errors.LedgerError):
        Seen(footage, out)


def test_a_second_run_in_the_folder_is_refused(footage, out, monkeypatch):
    monkeypatch.setattr(lock, "MOMENT", 0.2)
    out.mkdir()
    with closing(Lock(out, "0" * 12)) as first:
        for _ in range(2):
            with pytest.raises(errors.OutputError, match="another run works in this folder"):
                Seen(footage, out)
            first.share()
    assert Seen(footage, out).done_now == set(NAMES)


def test_whoever_has_the_folder_is_named_at_once_whatever_the_lock_held_before(out, monkeypatch):
    """A longer number, say; and only for processes that died is there patience."""
    monkeypatch.setattr(lock, "MOMENT", 0.2)
    out.mkdir()
    (out / lock.NAME).write_text(f"{'1' * 12} {os.getpid()}99999\n")
    start = time.monotonic()
    with (
        closing(Lock(out, "0" * 12)),
        pytest.raises(errors.OutputError, match=rf"another run works .*process {os.getpid()}\)"),
    ):
        Lock(out, "2" * 12)
    assert time.monotonic() - start < lock.PATIENCE / 2


def test_a_ledger_that_another_program_put_into_another_mode_is_one_file_again(footage, out):
    Seen(footage, out)
    with closing(sqlite3.connect(out / store.NAME)) as database:
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    assert Seen(footage, out).done_now == set()
    assert (out / store.NAME).read_bytes()[18:20] == b"\1\1", "no write-ahead log, which copies would lack"
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]


def test_a_worker_that_outlives_its_run_keeps_the_next_one_waiting(footage, out, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.2)
    monkeypatch.setattr(lock, "_lives", lambda _: False)
    items = plan_items([str(footage)], f"{out}/")
    with ledger.keep(out, items, settings()) as book:
        claim = book.todo[0].claim
        assert claim is not None
        worker = claim.at_work()
        worker.__enter__()
    with pytest.raises(errors.OutputError, match="processes of a killed run"):
        Seen(footage, out)
    worker.__exit__(None, None, None)
    Seen(footage, out)
    assert claim is not None
    with pytest.raises(errors.OutputError, match="so this one stops"), claim.at_work():
        pytest.fail("the worker of a run that is over must not work")


def test_what_a_worker_released_before_it_died_is_found_by_the_next_run(footage, out):
    """The worker dies between the release and its word of it: the run knows only that it died."""
    items = plan_items([str(footage)], f"{out}/")
    with ledger.keep(out, items, settings()) as book:
        do = batch._working(settings(), False, b"", 1)
        for number, item in enumerate(book.todo):
            done = do(item, lambda _: None)
            died = failed(item, "the process working on it died", 1)
            book.record(item, died if number == 1 else done)
    before = facts(out)
    seen = Seen(footage, out)
    assert (seen.start.before, seen.start.recovered) == (3, 1)
    assert facts(out) == before
    assert hidden(out) == [".anonymize.lock", ".anonymize.sqlite"]


def test_only_temporary_files_of_runs_in_the_ledger_are_removed(footage, out):
    items = plan_items([str(footage)], f"{out}/")
    mark = _stopped(out, items, lambda book: book.todo[0].claim.mark)
    ours = [out / f".anonymize-{mark}-0123456789ab.mp4", out / "sub" / f".anonymize-{mark}-0123456789ab.proof"]
    theirs = [out / ".anonymize-0123456789ab.mp4", out / ".anonymize-0123456789ab-0123456789ab.mp4"]
    theirs += [out / f".anonymize-{mark}-0123456789ab.mp4.d", out / f".anonymize-{mark}-short.mp4"]
    theirs[2].mkdir()
    (out / "sub").mkdir()
    for path in (*ours, *theirs):
        if not path.is_dir():
            path.touch()
    seen = Seen(footage, out)
    assert seen.start.removed == 1  # proofs do not count
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in theirs)


def test_a_proof_counts_only_for_the_very_file(footage, out):
    """A run is killed after its proof and before the release; someone puts a file of that name there."""
    items = plan_items([str(footage)], f"{out}/")
    report = Seen(footage, out.with_name("model")).by_name["a.mp4"].report
    _stopped(out, items, lambda book: book.todo[0].claim.leave_proof(book.todo[0], out / "a.mp4", report))
    assert len(list(out.glob(".*.proof"))) == 1
    (out / "a.mp4").write_bytes(b"precious")
    seen = Seen(footage, out)
    assert seen.start.recovered == 0
    assert seen.by_name["a.mp4"].exit_code == errors.OutputError.exit_code
    assert (out / "a.mp4").read_bytes() == b"precious"
    assert list(out.glob(".*.proof")) == []


def test_a_half_written_proof_is_none(tmp_path):
    path = tmp_path / ".anonymize-0123456789ab-0123456789ab.proof"
    for content in ("", "{", "[]", '{"name": "a.mp4"}', '{"name": 1, "report": 2}'):
        path.write_text(content)
        assert proofs.read_proof(path) is None


def test_force_does_everything_again_and_goes_on_when_it_was_stopped(footage, out):
    Seen(footage, out)
    stopped = []

    def stop(item, news):
        if isinstance(news, Outcome) and item.relative.name == "b.mp4":
            stopped.append(item)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Seen(footage, out, force=True, on_item=stop)
    before = facts(out)
    seen = Seen(footage, out, force=True)
    assert seen.done_now == {"sub/c.mp4"}
    assert seen.start.again == {Redo.FORCED: ["sub/c.mp4"]}
    assert {name: fact for name, fact in facts(out).items() if name != "sub/c.mp4"}.items() <= before.items()
    assert Seen(footage, out, force=True).done_now == set(NAMES)


def test_standard_input_is_known_by_its_content(footage, out):
    def run(content):
        seen = []
        batch.run(plan_items(["-"], f"{out}/"), settings(), stdin=content, on_item=lambda _, news: seen.append(news))
        return seen[-1]

    one, other = (footage / "a.mp4").read_bytes(), (footage / "b.mp4").read_bytes()
    assert run(one).output
    assert run(one).before
    assert run(other).exit_code == errors.OutputError.exit_code


def test_a_row_that_is_not_written_whole_is_not_written(tmp_path):
    with closing(store.Store(tmp_path / store.NAME)) as opened:
        row = store.File("a.mp4", 1)
        with pytest.raises(TypeError), opened.change():
            opened.put([row, cast(store.File, None)])
        assert opened.files() == {}
        with opened.change():
            opened.put([replace(row, state=FileState.FAILED)])
        assert opened.files()["a.mp4"].state is FileState.FAILED


def test_every_field_survives_the_ledger(tmp_path):
    file = store.File(
        "a", 2, FileState.DONE, "why", 3, 4, 5.5, "render", 6, None,
        "a", "b", "c", "d", "e", "f", "g", Verdict.PASS, 7, 8.5, 9.5, 10, 11.5,
    )  # fmt: skip
    run = store.Run(2, "ab" * 6, 3, 4, 5.5, 6.5, None, 1)
    with closing(store.Store(tmp_path / store.NAME)) as opened:
        with opened.change():
            opened.put([run, file])
        assert opened.runs() == [run]
        assert opened.files() == {"a": file}
    assert store.read(tmp_path / store.NAME) == ([run], [file])


def test_settings_that_change_nothing_have_the_same_hash():
    given = Settings()
    assert settings_hash(given) == settings_hash(from_mapping(Settings, {"live": {"lookahead": 9}}, given))
    for change in ({"detect": {"every": 0.04}}, {"targets": ["face"]}, {"detect": {"detectors": ["centerface"]}}):
        assert settings_hash(given) != settings_hash(from_mapping(Settings, change, given))


def test_a_process_of_another_user_lives_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a run waits for the folder hangs on it, and what it says is in the way."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert [lock._lives(process) for process in (os.getpid(), ended.pid, 0, -1)] == [True, False, False, False]

    def foreign(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", foreign)
    assert lock._lives(4711) is True
