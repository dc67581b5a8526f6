import contextlib
import os
import secrets
import stat
import subprocess
import sys
import time

import av
import pytest

from anonymize.errors import OutputError
from anonymize.live.metrics import Metrics
from anonymize.live.sinks.hls import SEGMENTS, Hls
from anonymize.live.sinks.open import open_sinks
from anonymize.live.sinks.part import Part
from tests.helpers.media import time_of
from tests.helpers.servers import free_port, until
from tests.live.test_recording import umask
from tests.live.test_sinks import PICTURE, coded, feed, frames, quiet, state, times


def test_hls_plays_from_its_folder_and_starts_afresh_after_a_restart(tmp_path):
    for _ in range(2):
        metrics = Metrics()
        (sink,) = open_sinks([f"hls:{tmp_path}/a b"], PICTURE, metrics)
        feed(sink, frames(500))
        sink.close(10)
        assert metrics.snapshot()["sink_dropped"] == {}
    playlist = tmp_path / "a b" / "live.m3u8"
    listed = [line for line in playlist.read_text().splitlines() if not line.startswith("#")]
    assert len(listed) == 6
    on_disk = {path.name for path in playlist.parent.iterdir()}
    assert set(listed) <= on_disk
    assert len(on_disk) <= 6 + 1 + 1  # and a spare for slow players
    assert len(times(playlist)) == 300


def listed(playlist):
    """The segments of a playlist, whose text must be whole."""
    lines = playlist.read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    return [playlist.with_name(line) for line in lines if not line.startswith("#")]


def write(writer, packets):
    """Write `packets`, one by one."""
    for packet in packets:
        writer.write(packet)


def test_only_whole_files_are_ever_visible(tmp_path, monkeypatch):
    modes = []

    def release(part, final, real=Part.release):
        modes.append(stat.S_IMODE(part.path.stat().st_mode))
        real(part, final)

    monkeypatch.setattr(Part, "release", release)
    playlist = tmp_path / "live.m3u8"
    encoder, packets = coded(475)
    writer = Hls(playlist, encoder.streams, quiet)
    seen = {}
    for packet in packets:
        writer.write(packet)
        for path in tmp_path.glob("[!.]*"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()
        for path in listed(playlist) if playlist.exists() else []:
            if path not in seen:
                seen[path] = len(times(path))
    writer.close()
    assert list(seen.values()) == [50] * 9
    assert modes == [0o600] * 20, "others could read it before it was whole"
    assert "#EXT-X-ENDLIST" in playlist.read_text()
    assert [len(times(path)) for path in listed(playlist)] == [50] * (SEGMENTS - 1) + [25]
    assert {path for path in tmp_path.iterdir() if path.suffix == ".ts"} == {
        *list(seen)[-SEGMENTS:],
        listed(playlist)[-1],
    }


def test_a_player_that_comes_by_http_sees_every_picture_while_it_is_made(tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            encoder, packets = coded(500)
            writer = Hls(tmp_path / "live.m3u8", encoder.streams, quiet)
            write(writer, packets[:151])
            address = f"http://127.0.0.1:{port}/live.m3u8"
            until(lambda: reachable(address), 20, "the server answers")
            with av.open(address, options={"live_start_index": "0"}, timeout=20) as player:
                shown, left = [], iter(packets[151:])
                for frame in player.decode(video=0):
                    shown.append(round(float(time_of(frame)) * 25))
                    for packet in (next(left, None) for _ in range(2)):  # the camera is ahead of the player
                        if packet is not None:
                            writer.write(packet)
                            if packet is packets[-1]:
                                writer.close()
            assert shown == list(range(shown[0], shown[0] + 500))
        finally:
            server.terminate()


def reachable(address):
    try:
        av.open(address, timeout=5).close()
    except OSError:
        return False
    return True


NAMES = [
    "live.m3u8",
    "live.m3u8.tmp",
    "live-{}.ts",
    "live-{}.ts.tmp",
    "live-{}.m4s",
    "init.mp4",
    ".live-0123456789abcdef.part",
]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_planted_links_are_replaced_and_never_followed(when, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"precious")
    folder = tmp_path / "out"
    folder.mkdir()

    def plant():
        now = int(time.time())
        for name in NAMES:
            for number in range(now - 5, now + 60) if "{}" in name else [0]:
                (folder / name.format(number)).symlink_to(tmp_path / "elsewhere")

    if when == "before":
        plant()
    encoder, packets = coded(475)
    writer = Hls(folder / "live.m3u8", encoder.streams, quiet)
    if when == "meanwhile":
        plant()
    write(writer, packets)
    writer.close()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"
    made = [folder / "live.m3u8", *listed(folder / "live.m3u8")]
    assert not [path for path in made if path.is_symlink()]
    assert len(times(folder / "live.m3u8")) == 275


def test_a_guessed_name_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda n: n * "ab")
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    encoder, packets = coded(60)
    writer = Hls(tmp_path / "out" / "live.m3u8", encoder.streams, quiet)
    (tmp_path / "out" / f".live-{8 * 'ab'}.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match="exists"):
        write(writer, packets)
    writer.abandon()
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


def test_a_file_that_takes_a_segments_place_is_not_released(tmp_path, monkeypatch):
    def release(part, final, real=Part.release):
        part.path.unlink()
        part.path.write_bytes(b"somebody else's")
        real(part, final)

    monkeypatch.setattr(Part, "release", release)
    encoder, packets = coded(60)
    writer = Hls(tmp_path / "live.m3u8", encoder.streams, quiet)
    with pytest.raises(OutputError, match="another file has taken the place"):
        write(writer, packets)
    writer.abandon()
    assert not list(tmp_path.glob("[!.]*"))


def test_what_was_left_half_written_is_swept_and_nothing_else(tmp_path):
    left = [f".{stem}-0123456789abcdef.part" for stem in ("live", "other")]
    for name in (*left, "live-1.ts", "live-2.ts.tmp", "live.m3u8.tmp", "live-x.ts", "alive-1.ts"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".live-aaaaaaaaaaaaaaaa.part").mkdir()  # none of ours
    encoder, _ = coded(1)
    Hls(tmp_path / "live.m3u8", encoder.streams, quiet).abandon()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".live-aaaaaaaaaaaaaaaa.part",
        left[1],
        "alive-1.ts",
        "live-x.ts",
    ]


def test_a_sink_that_was_given_up_releases_nothing_more(tmp_path):
    encoder, packets = coded(150)
    writer = Hls(tmp_path / "live.m3u8", encoder.streams, quiet)
    write(writer, packets[:120])
    before = sorted((path.name, path.read_bytes()) for path in tmp_path.glob("[!.]*"))
    writer.abandon()
    write(writer, packets[120:])
    writer.close()  # as PyAV does when it is garbage-collected
    assert sorted((path.name, path.read_bytes()) for path in tmp_path.iterdir()) == before


def test_a_folder_in_the_way_is_reported(tmp_path):
    (tmp_path / "live.m3u8").mkdir()
    encoder, _ = coded(1)
    with pytest.raises(OutputError, match=r"live.m3u8: a folder of this name is in the way"):
        Hls(tmp_path / "live.m3u8", encoder.streams, quiet)


def test_a_percent_sign_in_the_folder_is_no_pattern(tmp_path):
    (sink,) = open_sinks([f"hls:{tmp_path}/100%d"], PICTURE, Metrics())
    feed(sink, frames(60))
    sink.close(10)
    assert len(times(tmp_path / "100%d" / "live.m3u8")) == 60


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk can only be mounted by root: CI runs this as root")
def test_a_full_disk_is_reported_and_existing_files_stay_whole(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "none", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        (tmp_path / "ballast").write_bytes(b"x" * 90_000)
        metrics, address = Metrics(), f"hls:{tmp_path}"
        (sink,) = open_sinks([address], PICTURE, metrics)
        feed(sink, frames(500))
        until(lambda: "the disk is full" in state(metrics, address)["detail"], what="it says that it is full")
        assert not list(tmp_path.glob("*.part"))
        for path in tmp_path.glob("*.ts"):
            with contextlib.suppress(FileNotFoundError):  # the oldest go meanwhile
                assert len(times(path)) == 50
        (tmp_path / "ballast").unlink()
        until(lambda: state(metrics, address)["state"] != "lost", what="it tries again")
        feed(sink, frames(60, start=100))
        sink.close(10)
        assert listed(tmp_path / "live.m3u8")
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
