"""Files that were joined end to end, and clocks that start again: all of it is played, sound and picture in step."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anonymize.errors import DamagedInput, UnreadableInput, UnsupportedInput
from anonymize.live.source.connection import Stream, way_to
from anonymize.media import VideoSource, open_source
from anonymize.media.clock.restarts import _leaps_of_keys, _Stream
from anonymize.media.video.mpegts import spliced
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import make_video
from tests.helpers.sync import LATE, RATE, apart, beeps, flashes, flashing

FRAMES = 30
PACKET = 188
OTHER = {"mpegts_start_pid": "0x200"}
MPEG2: dict[str, Any] = {"codec": "mpeg2video", "time_base": Fraction(1, RATE), "options": {"bf": "0"}}
AVI: dict[str, Any] = {"codec": "mpeg4", "time_base": Fraction(1, RATE)}
GONE_ON = "carried whole: each part right after the one before it, sound and picture in step, and the report says so"


def row(case: str, outcome: str = GONE_ON) -> pytest.MarkDecorator:
    return documented("times", case, outcome)


def ts(**of_second: Any) -> list[dict[str, Any]]:
    return [{}, of_second]


JOINED = {
    "restart": (".ts", ts(), row("clock starts again (MPEG-TS joined end to end)")),
    "going on": (".ts", ts(start=Fraction(FRAMES, RATE)), row("joined end to end, clock goes on (HLS segments)")),
    "overlap": (".ts", ts(start=Fraction(FRAMES - 3, RATE)), row("clock goes back by two frames (MPEG-TS)")),
    "forward": (".ts", ts(start=Fraction(5000)), row("clock leaps forward by more than 10 s (MPEG-TS)")),
    "back": (".ts", [{"start": Fraction(5000)}, {}], row("clock leaps back (MPEG-TS)")),
    "from before the turn": (
        ".ts",
        [{"start": Fraction(95_443)}, {}],
        row("33-bit clock turns over, then starts again"),
    ),
    "video and sound elsewhere": (
        ".ts",
        ts(container_options=OTHER),
        row("video and sound move to other PIDs (MPEG-TS)"),
    ),
    "tables elsewhere": (
        ".ts",
        ts(container_options=OTHER | {"mpegts_pmt_start_pid": "0x50", "mpegts_service_id": "7"}),
        row("program changes its number and all PIDs (MPEG-TS)"),
    ),
    "numbers swapped": (
        ".ts",
        ts(container_options={"mpegts_start_pid": "0x101"}),
        row("video comes under the PID that was the sound's (MPEG-TS)"),
    ),
    "new version, same clock": (
        ".ts",
        ts(start=Fraction(FRAMES, RATE), container_options=OTHER | {"tables_version": "3"}),
        row("program table changes its version and PIDs, clock goes on (MPEG-TS)"),
    ),
    "same numbers, other program": (".ts", ts(container_options={"mpegts_service_id": "7"}), None),
    "thrice": (".ts", [{}, {"container_options": OTHER}, {"start": Fraction(700)}], None),
    "program stream": (".mpg", [MPEG2, MPEG2], row("MPEG program streams joined end to end (MPG, VOB)")),
    "matroska": (".mkv", [{}, {}], row("Matroska joined end to end")),
    "matroska, reordered": (".mkv", [{"options": {"preset": "medium"}}] * 2, None),
    "webm": (
        ".webm",
        [{"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}] * 2,
        row("WebM joined end to end"),
    ),
    "avi": (".avi", [AVI, AVI], row("AVI joined end to end", "carried whole")),
}


def joined(folder: Path, suffix: str, parts: list[dict[str, Any]]) -> Path:
    """Files of `FRAMES` frames each, made with those options, one after the other in one."""
    path = folder / f"joined{suffix}"
    made = [flashing(folder / f"part{i}{suffix}", **({"frames": FRAMES} | options)) for i, options in enumerate(parts)]
    path.write_bytes(b"".join(part.read_bytes() for part in made))
    return path


@pytest.mark.parametrize(
    ("suffix", "parts"),
    [pytest.param(s, p, id=name, marks=mark or ()) for name, (s, p, mark) in JOINED.items()],
)
def test_every_part_is_played_in_step(suffix: str, parts: list[dict[str, Any]], tmp_path: Path) -> None:
    source = joined(tmp_path, suffix, parts)
    target = suffix if suffix in (".ts", ".mkv") else ".mp4"
    done = carry(source, tmp_path / f"out{target}")
    assert done.failures == []
    assert len(done.times) == FRAMES * len(parts)
    steps = [after - before for before, after in pairwise(done.times)]
    for i in range(len(parts)):
        alone = shown(tmp_path / f"part{i}{suffix}")
        part = done.times[FRAMES * i : FRAMES * (i + 1)]
        moved = [time - part[0] - (own - alone[0]) for time, own in zip(part, alone, strict=True)]
        assert max(map(abs, moved)) < Fraction(2, 1000), "nothing is moved within a part"
    assert all(Fraction(3, 100) < step < Fraction(13, 100) for step in steps), "each part comes right after another"
    lit, heard = flashes(done.path), beeps(done.path)
    assert len(lit) == 3 * len(parts)
    assert apart(lit, heard) < LATE
    lit_before = [flashes(tmp_path / f"part{i}{suffix}") for i in range(len(parts))]
    for i, before in enumerate(lit_before):
        found = lit[3 * i : 3 * i + 3]
        assert apart(np.diff(found).tolist(), np.diff(before).tolist()) < 0.002, "as fast as before"


def shown(path: Path) -> list[Fraction]:
    with open_source(path) as source:
        return [frame.pts * frame.time_base for frame in source.frames()]


def test_what_was_joined_is_reported(tmp_path: Path) -> None:
    source = joined(tmp_path, ".ts", ts())
    assert any("clock starts again after 1.2" in note for note in carry(source, tmp_path / "out.ts").notes)
    plain = flashing(tmp_path / "plain.ts", frames=FRAMES)
    assert carry(plain, tmp_path / "plain2.ts").notes == ()


@pytest.mark.parametrize(("size", "lead", "tail"), [(192, 4, 0), (204, 0, 16)])
def test_packets_of_other_sizes(size: int, lead: int, tail: int, tmp_path: Path) -> None:
    """M2TS as camcorders write it, and packets with error correction behind them."""
    plain = joined(tmp_path, ".ts", ts(container_options=OTHER)).read_bytes()
    packets = [plain[i : i + PACKET] for i in range(0, len(plain), PACKET)]
    source = tmp_path / "joined.m2ts"
    source.write_bytes(b"".join(bytes(lead) + packet + bytes(tail) for packet in packets))
    assert len(packets[0]) + lead + tail == size
    done = carry(source, tmp_path / "out.mp4")
    assert done.failures == []
    assert len(done.times) == 2 * FRAMES
    assert apart(flashes(done.path), beeps(done.path)) < LATE


def test_what_is_piped_in_is_joined_as_well(tmp_path: Path) -> None:
    done = carry(joined(tmp_path, ".ts", ts(container_options=OTHER)).read_bytes(), tmp_path / "out.ts")
    assert done.failures == []
    assert len(done.times) == 2 * FRAMES


@documented("live", "video and sound move to other PIDs (MPEG-TS)", "the connection counts as lost and is opened again")
def test_a_live_stream_that_moves_elsewhere_is_lost(tmp_path: Path) -> None:
    elsewhere = OTHER | {"mpegts_pmt_start_pid": "0x50"}
    source = joined(tmp_path, ".ts", [{}, {"container_options": elsewhere, "frames": 400}])
    with Stream(way_to(str(source)), 1.0, "a.ts") as stream, pytest.raises(UnreadableInput, match="another stream"):
        list(stream.items())


def other_size(path: Path) -> Path:
    return make_video(path, frames=10, size=(96, 64), audio=True)


def other_codec(path: Path) -> Path:
    return make_video(path, frames=10, codec="libx265", audio=True, container_options=OTHER)


def without_sound(path: Path) -> Path:
    return make_video(path, frames=10, container_options=OTHER)


def other_sound(path: Path) -> Path:
    return make_video(path, frames=10, audio="mp2", container_options=OTHER)


REFUSED = [
    pytest.param(other_size, r"changes its size partway through", marks=row("joined, other size", "refused")),
    pytest.param(other_codec, r"its video changes from H.264 .* to HEVC", marks=row("joined, other codec", "refused")),
    pytest.param(other_sound, r"its sound changes from .*0xf.* to .*0x3", marks=row("joined, other sound", "refused")),
    pytest.param(without_sound, r"its sound changes from none to", marks=row("joined, one without sound", "refused")),
]


@pytest.mark.parametrize(("second", "why"), REFUSED)
def test_what_does_not_fit_is_refused_by_its_reason(second: Callable[[Path], Path], why: str, tmp_path: Path) -> None:
    first = flashing(tmp_path / "first.ts", frames=FRAMES)
    source = tmp_path / "joined.ts"
    two = [first.read_bytes(), second(tmp_path / "second.ts").read_bytes()]
    source.write_bytes(b"".join(reversed(two) if second is without_sound else two))
    with pytest.raises(UnsupportedInput, match=why):
        carry(source, tmp_path / "out.ts")


UNSEEN = {
    "flv": (".flv", [{}, {}]),
    "wmv": (".wmv", [{"codec": "wmv2"}] * 2),
    "mp4": (".mp4", [{}, {}]),
    "fragmented mp4": (".mp4", [{"container_options": {"movflags": "frag_keyframe+empty_moov"}}] * 2),
    "mov": (".mov", [{}, {}]),
    "ogg": (".ogv", [{"codec": "libvpx", "options": {"deadline": "realtime"}}] * 2),
    "matroska, other codec": (".mkv", [{}, {"codec": "libx265"}]),
    "matroska, other settings": (".mkv", [{}, {"options": {"preset": "medium"}}]),
    "avi, other codec": (".avi", [AVI, {"codec": "mjpeg", "pix_fmt": "yuvj420p", "time_base": Fraction(1, RATE)}]),
}


@row(
    "FLV, WMV, MP4, MOV or OGG joined end to end; MKV or AVI whose codecs differ",
    "refused: players show the first alone",
)
@pytest.mark.parametrize(("suffix", "parts"), list(UNSEEN.values()), ids=list(UNSEEN))
def test_what_readers_would_not_show_is_refused(suffix: str, parts: list[dict[str, Any]], tmp_path: Path) -> None:
    source = joined(tmp_path, suffix, parts)
    for path in sorted(tmp_path.glob("part*")):
        open_source(path)
    with pytest.raises(UnsupportedInput, match="several files were joined end to end"):
        open_source(source)
    with pytest.raises(UnsupportedInput, match="several files were joined end to end"):
        open_source(source.read_bytes())


@documented("sound", "AAC whose sample rate or channels change (MPEG-TS)", "kept in TS, else refused")
def test_sound_that_changes_on_the_way_stays_in_ts(tmp_path: Path) -> None:
    """Elsewhere its rate is told once: the second half would be too slow or too fast."""
    mono = np.zeros((1, 48_000), np.float32)
    parts = [make_video(tmp_path / "a.ts", frames=25, audio=True), make_video(tmp_path / "b.ts", frames=25, audio=mono)]
    source = tmp_path / "joined.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    done = carry(source, tmp_path / "out.ts")
    assert done.failures == []
    for target in ("out.mp4", "out.mkv"):
        with pytest.raises(UnsupportedInput, match=r"changes its sample rate or channels; name the output \.ts"):
            carry(source, tmp_path / target)


@documented("times", "sound's clock leaps and the picture's does not", "refused")
def test_clocks_that_part_are_refused(tmp_path: Path) -> None:
    """Nobody can tell which sound belongs to which picture."""
    whole = flashing(tmp_path / "whole.ts", frames=2 * FRAMES, start=Fraction(10))
    data = bytearray(whole.read_bytes())
    starts = sound_pieces(data)
    for start in starts[len(starts) // 2 :]:
        move(data, start, -180_000)
    source = tmp_path / "parted.ts"
    source.write_bytes(data)
    with pytest.raises(UnsupportedInput, match=r"the clock of one of its streams jumps by -1\.9\d s"):
        open_source(source)


@documented("times", "one piece of sound has a wrong time", "the rest stays in step")
def test_one_wrong_time_is_no_restart(tmp_path: Path) -> None:
    data = bytearray(flashing(tmp_path / "whole.ts", frames=2 * FRAMES).read_bytes())
    starts = sound_pieces(data)
    move(data, starts[len(starts) // 2], -45_000)
    source = tmp_path / "hiccup.ts"
    source.write_bytes(data)
    with open_source(source) as opened:
        assert isinstance(opened, VideoSource)
        assert opened.presentation.joins == ()
    done = carry(source, tmp_path / "out.ts")
    assert apart(flashes(done.path), beeps(done.path)) < 2 * LATE


@pytest.mark.parametrize("where", ["middle", "first part", "seam"])
def test_packets_that_are_missing_are_still_damage(where: str, tmp_path: Path) -> None:
    """Also in a joined file, and just before the seam: what is counted anew must not hide what is lost."""
    pictures = [np.random.default_rng(i).integers(0, 255, (96, 128, 3), np.uint8) for i in range(10)]
    part = make_video(tmp_path / "part.ts", frames=pictures, audio=True).read_bytes()
    packets = [part[i : i + PACKET] for i in range(0, len(part), PACKET)]
    video = [i for i, packet in enumerate(packets) if int.from_bytes(packet[1:3], "big") & 0x1FFF == 0x100]
    lost = {"middle": video[len(video) // 2], "first part": video[len(video) // 3], "seam": video[-2]}[where]
    cut = b"".join(packet for i, packet in enumerate(packets) if i != lost)
    source = tmp_path / "joined.ts"
    source.write_bytes(cut if where == "middle" else cut + part)
    with pytest.raises(DamagedInput):
        carry(source, tmp_path / "out.ts")


def sound_pieces(data: bytearray) -> list[int]:
    """Where pieces of sound (PID 0x101) begin."""
    return [i for i in range(0, len(data), PACKET) if data[i + 1] & 0x5F == 0x41 and data[i + 2] == 1]


def move(data: bytearray, packet: int, ticks: int) -> None:
    """Let the piece that begins in the transport packet at `packet` come `ticks` later."""
    start = data.index(b"\0\0\x01", packet) + 9
    stamp = (data[start] >> 1 & 7) << 30 | data[start + 1] << 22 | (data[start + 2] >> 1) << 15
    stamp = (stamp | data[start + 3] << 7 | data[start + 4] >> 1) + ticks
    data[start] = data[start] & 0xF1 | (stamp >> 30 & 7) << 1
    data[start + 1], data[start + 2] = stamp >> 22 & 0xFF, (stamp >> 15 & 0x7F) << 1 | 1
    data[start + 3], data[start + 4] = stamp >> 7 & 0xFF, (stamp & 0x7F) << 1 | 1


PART = [0, 3, 1, 2, 6, 4, 5]
"""When the frames of a group are shown, in the order of the file."""


@pytest.mark.parametrize(
    ("shown", "keys", "leaps"),
    [
        (PART, [0], []),
        (PART * 2, [0, 7], [(-6.0, 7)]),
        (PART * 3, [0, 7, 14], [(-6.0, 7), (-6.0, 14)]),
        ([*PART, 0], [0, 7], [(-6.0, 7)]),
        ([0, 3, 1, 2, 1, 6, 4, 5], [0, 4], []),
        ([0, 3, 1, 3, 2, 6, 4, 5], [0, 3], []),
    ],
    ids=["in order", "again", "twice", "at the end", "one wrong time", "a key frame at the time of the one before it"],
)
def test_a_clock_is_started_again_by_a_key_frame_that_is_shown_before_what_came_before_it(
    shown: list[int], keys: list[int], leaps: list[tuple[float, int]]
) -> None:
    track = _Stream(Fraction(1))
    track.shown.extend(shown)
    track.where.extend(range(0, 100 * len(shown), 100))
    track.keys.extend(at in keys for at in range(len(shown)))
    found = list(_leaps_of_keys(7, track))
    assert [(leap.far, leap.first[7]) for leap in found] == leaps
    assert [leap.where for leap in found] == [100 * at for _, at in leaps]


@pytest.mark.parametrize(("between", "joined"), [(0, True), (3, True), (4, False)])
def test_a_join_is_known_by_a_table_that_comes_a_little_before_the_list_of_programs(
    tmp_path: Path, between: int, joined: bool
) -> None:
    """FFmpeg, for one, writes the description of services first; here the counters of all other tables go on."""
    part = make_video(tmp_path / "part.ts", frames=10).read_bytes()
    packets = [part[at : at + PACKET] for at in range(0, len(part), PACKET)]
    again = []
    for packet in packets:
        number = int.from_bytes(packet[1:3], "big") & 0x1FFF
        tables = sum(int.from_bytes(one[1:3], "big") & 0x1FFF == number for one in packets)
        jump = tables + (0 if number in (0, 0x1000) else 5)
        again.append(packet[:3] + bytes([packet[3] & 0xF0 | (packet[3] + jump) & 0x0F]) + packet[4:])
    assert again[0][1:3] == b"\x40\x11"
    assert again[1][1:3] == b"\x40\x00"
    nothing = b"\x47\x1f\xff\x10" + b"\xff" * 184
    data = b"".join([*packets, again[0], *[nothing] * between, *again[1:]])
    seam = (len(packets) + 1 + between) * PACKET
    assert spliced(data, "a.ts", 0x100).seams == ((seam,) if joined else ())
