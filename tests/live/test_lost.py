"""Lost packets show in no picture: every damaged picture is traced to its packet."""

import contextlib
import random
import zlib
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest

from anonymize.errors import UnreadableInput
from anonymize.live.source.connection import Stream, way_to
from anonymize.media.damage import complaints, h264
from anonymize.media.damage.bits import units
from anonymize.media.damage.lineage import Lineage, Steps
from tests.helpers import servers
from tests.helpers.media import make_video
from tests.media.test_damage import SIZE, differs, texture

FRAMES, GROUP = 60, 12
X264 = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:b-adapt=0"
CODECS = {
    "H.265": (
        ".ts",
        "libx265",
        {
            "preset": "fast",
            "x265-params": f"log-level=none:keyint={GROUP}:min-keyint={GROUP}:scenecut=0:bframes=4:b-adapt=0:"
            "b-pyramid=1:open-gop=1",
        },
    ),
    "H.264": (".ts", "libx264", {"preset": "fast", "x264-params": f"{X264}:bframes=4:b-pyramid=normal:open-gop=1"}),
    "H.264 in Matroska": (
        ".mkv",
        "libx264",
        {"preset": "fast", "x264-params": f"{X264}:bframes=4:b-pyramid=normal:open-gop=1"},
    ),
    "H.264 without key frames": (
        ".ts",
        "libx264",
        {"preset": "fast", "x264-params": f"{X264}:bframes=0:intra-refresh=1"},
    ),
    "MPEG-2": (".ts", "mpeg2video", {"g": str(GROUP), "bf": "2", "b": "2M"}),
    "MPEG-4": (".mkv", "mpeg4", {"g": str(GROUP), "bf": "2", "b": "2M"}),
    "VP8": (".mkv", "libvpx", {"g": str(GROUP), "lag-in-frames": "8", "auto-alt-ref": "1", "deadline": "realtime"}),
    "VP9": (".mkv", "libvpx-vp9", {"g": str(GROUP), "lag-in-frames": "8", "auto-alt-ref": "1", "deadline": "realtime"}),
    "AV1": (".mkv", "libsvtav1", {"g": str(GROUP), "preset": "10"}),
}  # fmt: skip
IN_PIECES = [codec for codec, (suffix, *_) in CODECS.items() if suffix == ".ts"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        name: make_video(
            folder / f"{zlib.crc32(name.encode())}{suffix}",
            frames=(texture(number % 36) for number in range(FRAMES)), codec=codec, options=options,
        )
        for name, (suffix, codec, options) in CODECS.items()
    }  # fmt: skip


def lumas(pictures: Iterable[object]) -> dict[int | None, np.ndarray]:
    return {p.pts: p.to_ndarray()[: p.height].copy() for p in pictures if isinstance(p, av.VideoFrame)}


def decoded(path: Path) -> dict[int | None, np.ndarray]:
    with av.open(str(path)) as container:
        return lumas(container.decode(video=0))


def released(address: str) -> tuple[dict[int | None, np.ndarray], int]:
    """The pictures that live releases, and the number dropped."""
    with Stream(way_to(address), 5.0, "camera") as stream:
        return lumas(stream.items()), stream.undecodable


def without_pieces(clip: Path, target: Path, chance: random.Random) -> Path:
    """`clip` without some packets of the transport stream, in a row or two."""
    data = np.frombuffer(clip.read_bytes(), np.uint8).reshape(-1, 188)
    kept = np.ones(len(data), bool)
    for _ in range(chance.choice([1, 2])):
        at = chance.randrange(len(data) // 8, len(data))
        kept[at : at + chance.choice([1, 3, 7, 14, 21])] = False
    target.write_bytes(data[kept].tobytes())
    return target


def without_pictures(clip: Path, target: Path, chance: random.Random) -> Path:
    """`clip` without some coded pictures, in a row or two."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        stream = out.add_stream_from_template(video, opaque=True)
        packets = [packet for packet in source.demux(video) if packet.size]
        for _ in range(chance.choice([1, 2])):
            at = chance.randrange(6, len(packets))
            del packets[at : at + chance.choice([1, 1, 2, 5])]
        for packet in packets:
            packet.stream = stream
            out.mux(packet)
    return target


@pytest.mark.parametrize(
    ("lose", "codec"),
    [(without_pieces, codec) for codec in IN_PIECES] + [(without_pictures, codec) for codec in CODECS],
)
def test_no_picture_is_shown_that_is_made_from_lost_packets(lose, codec, clips, tmp_path) -> None:
    clip, shown_of_all = clips[codec], 0
    whole = decoded(clip)
    for seed in range(4):
        path = lose(clip, tmp_path / f"lost{clip.suffix}", random.Random(f"{codec}{seed}"))
        shown, _ = released(str(path))
        assert shown
        assert not [pts for pts, picture in shown.items() if pts not in whole or differs(whole[pts], picture)]
        shown_of_all += len(shown)
    assert shown_of_all > 4 * FRAMES * 0.4, "what is whole is shown"


def test_what_is_missing_may_be_missing_in_the_packet_after_the_mark(clips) -> None:
    """FFmpeg marks the packet that it puts together when the damage comes: the one before it."""
    key = 2 * GROUP - 1
    with av.open(str(clips["H.265"])) as container:
        video = container.streams.video[0]
        complaints.listen_to(video.codec_context)
        lineage, shown = Lineage(video.codec_context, torn=True), set()
        for number, packet in enumerate(container.demux(video)):
            lineage.take(packet, followed=number != key - 1)
            shown |= {p.opaque for p in video.codec_context.decode(packet) if lineage.vouches(p)}
    assert set(range(key - 1)) <= shown
    assert not shown & set(range(key - 1, key + GROUP))


@pytest.mark.parametrize("codec", CODECS)
def test_all_of_a_whole_stream_is_shown(codec, clips) -> None:
    shown, left_out = released(str(clips[codec]))
    assert len(shown) == FRAMES
    assert left_out == 0


@pytest.mark.parametrize("codec", ["h265", "h264"])
def test_what_an_rtsp_server_leaves_out_is_not_shown(codec, clips) -> None:
    clip = clips["H.265" if codec == "h265" else "H.264"]
    whole = decoded(clip)
    port = servers.free_port()
    shown: list[np.ndarray] = []
    lost = (40, 41, 70)
    with (
        servers.rtsp_camera(clip, port, codec=codec),
        servers.leaky(port, lambda number: number in lost) as leaky,
        Stream(way_to(f"rtsp://127.0.0.1:{leaky}/live"), 5.0, "camera") as stream,
        contextlib.suppress(UnreadableInput),  # the server ends it
    ):
        shown.extend(item.to_ndarray()[: SIZE[1]] for item in stream.items() if isinstance(item, av.VideoFrame))
    assert 10 < len(shown) < FRAMES
    for picture in shown:
        assert not all(differs(picture, other) for other in whole.values())


def test_damage_is_the_matter_of_what_comes_after_it_in_the_order_of_decoding(clips) -> None:
    """A decoder complains of a packet while it gives out the picture of another one."""
    with av.open(str(clips["H.265"])) as container:
        video = container.streams.video[0]
        complaints.listen_to(video.codec_context)
        lineage = Lineage(video.codec_context, torn=False)
        order, shown = [], set()
        for packet in container.demux(video):
            number = lineage.take(packet, followed=True)
            order.append(packet.pts)
            if number == GROUP + 1:  # the first picture of the second group that others refer to
                lineage.complain(number)
            for picture in video.codec_context.decode(packet):
                if lineage.vouches(picture):
                    shown.add(order.index(picture.pts))
    key = 2 * GROUP - 1
    assert set(range(GROUP + 1)) <= shown, "what was decoded before is shown, though it comes out later"
    assert not shown & set(range(GROUP + 1, key))
    assert key in shown
    assert not shown & {key + 1}, "a leading picture of the next group refers to this one"
    assert set(range(key + 2, FRAMES)) <= shown


def test_numbers_of_h264_tell_what_is_missing(clips) -> None:
    with av.open(str(clips["H.264"])) as container:
        video = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(video) if packet.size]
        header = bytes(video.codec_context.extradata or b"")

    def follow(kept: Iterable[bytes]) -> list[bool]:
        order = h264.Order(header)
        return [coded.follows for coded in map(order.next, kept) if coded]

    assert follow(packets) == [True] * FRAMES
    for lost, packet in enumerate(packets[1:30], 1):
        needed = any(unit[0] & 0x1F in (1, 5) and unit[0] >> 5 for unit in units(packet))
        assert all(follow(packets[:lost] + packets[lost + 1 :])) is not needed


def test_a_step_that_is_too_long_is_seen_where_steps_are_even() -> None:
    def skips(times: Iterable[int | None]) -> list[int]:
        steps = Steps(1.5)
        return [place for place, time in enumerate(times) if steps.skip(time)]

    even = [40 * n for n in range(20)]
    assert skips(even) == []
    assert skips(even[:10] + even[11:]) == [10]
    assert skips([*even[:10], None, *even[11:]]) == [10]
    assert skips([*even[:10], *even]) == [10]
    assert skips([*even[:10], *(even[9] + 100 * n for n in range(1, 20))]) == [10, 11, 12, 13]
    assert skips(n * 40 + 30 * (n % 3) for n in range(20)) == []
    assert skips(3003 * n + 1502 * (n // 2) for n in range(20)) == []
    assert skips(time for n in range(20) for time in (40 * n, None)) == []
