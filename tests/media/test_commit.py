import ctypes
import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anonymize.errors import OutputError
from anonymize.media import pending


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_output_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pending(path) as temporary:
        temporary.write_bytes(b"whole")
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".mp4"
        assert temporary.name.startswith(".")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_has_its_mode_before_it_has_its_name(tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen, begun = tmp_path / "cameras.toml", [], []
    really, opened = Path.replace, os.open

    def replace(temporary: Path, target: Path) -> Path:
        seen.append(temporary.stat().st_mode & 0o7777)
        return really(temporary, target)

    def open_(name: object, flags: int, given: int = 0o777, **more: object) -> int:
        if flags & os.O_CREAT and ".anonymize-" in str(name):
            begun.append(given)
        return opened(name, flags, given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(os, "open", open_)
    with pending(path, force=True, mode=mode) as temporary:
        temporary.write_text("secret")
    assert (seen, begun) == ([mode], [0o600])


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_it_does_not(tmp_path: Path, kind: type[BaseException]) -> None:
    def broken_off() -> None:
        with pending(tmp_path / "out.mp4") as temporary:
            temporary.write_bytes(b"half")
            raise kind

    with pytest.raises(kind):
        broken_off()
    assert names(tmp_path) == []


def test_an_existing_output_is_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"^out.mp4: exists already; give --force"), pending(path):
        pytest.fail("the block must not run")
    with pending(path, force=True) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    with pytest.raises(ValueError, match="x"), pending(path, force=True):
        raise ValueError("x")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("links", [True, False])
def test_an_output_that_appears_meanwhile_is_kept(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:

        def none(source: object, target: object) -> None:
            raise OSError(errno.EPERM, "no links here")

        monkeypatch.setattr(os, "link", none)
    path = tmp_path / "out.mp4"

    def overtaken() -> None:
        with pending(path) as temporary:
            temporary.write_bytes(b"mine")
            path.write_bytes(b"theirs")

    with pytest.raises(OutputError, match="exists already"):
        overtaken()
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("renameat2", [True, False])
def test_it_works_without_hard_links(tmp_path: Path, renameat2: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(source: object, target: object) -> None:
        raise OSError(errno.ENOTSUP, "no links here")

    monkeypatch.setattr(os, "link", none)
    if not renameat2:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    with pending(tmp_path / "out.mp4") as temporary:
        temporary.write_bytes(b"whole")
    assert (tmp_path / "out.mp4").read_bytes() == b"whole"
    assert names(tmp_path) == ["out.mp4"]


def test_of_two_at_once_exactly_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    together, lost = threading.Barrier(8), []

    def work(index: int) -> None:
        try:
            with pending(path) as temporary:
                temporary.write_bytes(b"%d" % index)
                together.wait(10)
        except OutputError:
            lost.append(index)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 7
    assert int(path.read_bytes()) not in lost
    assert names(tmp_path) == ["out.mp4"]


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"no: this folder does not exist"),
        pending(tmp_path / "no" / "out.mp4"),
    ):
        pytest.fail("the block must not run")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OutputError, match="does not exist"), pending(file / "out.mp4"):
        pytest.fail("the block must not run")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="a folder of this name"), pending(tmp_path / "folder.mp4", force=True):
        pytest.fail("the block must not run")


def test_a_folder_that_vanishes_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "short"
    folder.mkdir()

    def vanishing() -> None:
        with pending(folder / "out.mp4") as temporary:
            temporary.unlink()
            folder.rmdir()

    with pytest.raises(OutputError, match=r"does not exist \(any more\)"):
        vanishing()


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "no permission"), (errno.EIO, "cannot be written")],
)
def test_what_the_system_says_is_reported_plainly(
    tmp_path: Path, number: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OutputError, match=f": {words}"), pending(tmp_path / "out.mp4"):
        pass
    assert names(tmp_path) == []


def test_a_term_signal_that_is_an_exception_cleans_up(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from anonymize.storage.commit import pending\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "with pending(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_bytes(b'half')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(30)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out.mp4")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(names(tmp_path)) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert names(tmp_path) == []


def test_permissions_follow_the_mask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with pending(tmp_path / "out.mp4") as temporary:
            temporary.write_bytes(b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "out.mp4").stat().st_mode & 0o777 == 0o640
