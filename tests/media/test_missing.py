"""Pictures and pieces that are not there, in files that are whole without them."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from anonymize.errors import DamagedInput
from anonymize.media import open_source
from anonymize.media.damage.breaks import breaks
from anonymize.media.damage.missing import Missing
from anonymize.media.video.source import VideoSource
from tests.helpers.formats import documented
from tests.helpers.media import make_video
from tests.media.test_damage import FRAMES, GROUP, X265, black, differs, pictures, texture

HOLDERS = {
    "WMV 2 in ASF": (".wmv", "wmv2", {}),
    "Sorenson in FLV": (".flv", "flv", {}),
    "VP8 in Ogg": (".ogv", "libvpx", {}),
    "H.264 in MKV": (".mkv", "libx264", {"preset": "fast"}),
    "H.264 in FLV": (".flv", "libx264", {"preset": "fast"}),
    "MPEG-2 in MPEG-PS": (".mpg", "mpeg2video", {}),
    "MPEG-1 in MPEG-PS": (".mpg", "mpeg1video", {}),
    "H.264 in MPEG-TS": (".ts", "libx264", {"preset": "fast", "x264-params": "slices=3"}),
    "H.265 in MPEG-TS": (".ts", "libx265", X265),
}
NUMBERED = [holder for holder in HOLDERS if holder.startswith(("H.264", "MPEG-"))]
FORMATS = {".wmv": "asf", ".flv": "flv", ".ogv": "ogg"}
PIECE = 188


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    made = {}
    for number, (holder, (suffix, codec, options)) in enumerate(HOLDERS.items()):
        path, options = folder / f"{number}{suffix}", {"g": str(GROUP)} | options
        made[holder] = make_video(path, frames=map(texture, range(FRAMES)), codec=codec, options=options, audio=True)
    return made


def numbered(gone: int) -> Callable[[int, object], bool]:
    return lambda number, _: number == gone


def without(path: Path, target: Path, gone: Callable[[int, object], bool]) -> Path:
    """`path`, muxed anew without the packets of its video of which `gone`, by number, is true."""
    number = -1
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if not packet.size:
                continue
            if packet.stream.type == "video":
                number += 1
                if gone(number, packet):
                    continue
            packet.stream = streams[packet.stream.index]
            out.mux(packet)
    return target


def referred_to(path: Path) -> list[int]:
    """The numbers, in the order of decoding, of pictures that later ones refer to, beside key frames."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        kinds = {frame.pts: int(frame.pict_type) for frame in container.decode(video)}
        container.seek(0)
        packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(video) if packet.size]
    after = [key for _, key in packets[1:]]
    return [n for n, key in enumerate(after) if not key and kinds.get(packets[n][0]) == PictureType.P]


@pytest.mark.parametrize("holder", HOLDERS)
def test_whole_files_lack_nothing(holder: str, films: dict[str, Path]) -> None:
    path = films[holder]
    assert breaks(path, FORMATS.get(path.suffix, "")) == breaks(path.read_bytes(), FORMATS.get(path.suffix, "")) == []
    with open_source(path) as source:
        assert sum(1 for _ in source.frames()) == FRAMES
        assert isinstance(source, VideoSource)
        assert source.notes == ()


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(
            holder,
            marks=documented(
                "damage",
                f"a file that is whole without a packet of its video: {holder}",
                "refused; with `--allow-damaged` all pictures between the key frames around it are black",
            ),
        )
        for holder in NUMBERED
    ],
)
def test_a_picture_that_others_refer_to_is_missed(holder: str, films: dict[str, Path], tmp_path: Path) -> None:
    whole, path = pictures(films[holder]), films[holder]
    for number in referred_to(path)[::2]:
        cut = without(path, tmp_path / f"{number}{path.suffix}", numbered(number))
        with pytest.raises(DamagedInput):
            pictures(cut)
        left = pictures(cut, allow_damaged=True)
        assert any(black(picture) for picture in left.values())
        for shown in left.values():
            assert black(shown) or not all(differs(shown, picture) for picture in whole.values())


def test_pictures_that_nothing_refers_to_are_missed_where_all_are_numbered(
    films: dict[str, Path], tmp_path: Path
) -> None:
    path = make_video(
        tmp_path / "b.mpg", frames=map(texture, range(FRAMES)), options={"g": "12", "bf": "2"}, codec="mpeg2video"
    )
    kept = referred_to(path)
    between = next(n for n in range(kept[1] + 1, kept[2]))
    with pytest.raises(DamagedInput, match="1 pictures or more are missing between"):
        pictures(without(path, tmp_path / "cut.mpg", lambda n, _: n == between))
    # A recording that breaks off after a picture that is shown later than others to come.
    assert pictures(without(path, tmp_path / "off.mpg", lambda n, _: n > kept[2]))


def test_streams_that_are_cut_or_joined_at_key_frames_lack_nothing(films: dict[str, Path], tmp_path: Path) -> None:
    for holder in NUMBERED:
        path = films[holder]
        cut = without(path, tmp_path / f"cut{path.suffix}", lambda n, _: GROUP <= n < 2 * GROUP)
        with open_source(cut, allow_damaged=True) as source:
            assert sum(1 for _ in source.frames())
            assert not any("between" in words for words in source.losses), holder


def test_encoders_that_number_in_a_way_of_their_own_are_no_damage(films: dict[str, Path]) -> None:
    """Here: every second picture that others refer to is gone."""
    with av.open(str(films["H.264 in MKV"])) as container:
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.size]
        extradata = bytes(video.codec_context.extradata or b"")
    few, many = Missing("h264", extradata), Missing("h264", extradata)
    gone = referred_to(films["H.264 in MKV"])
    for number, packet in enumerate(packets):
        if number != gone[2]:
            few.take(number, packet)
        if number not in gone[::2]:
            many.take(number, packet)
    assert list(few.pictures().values()) == [1]
    assert many.pictures() == {}


@pytest.mark.parametrize("tail", [bytes(100), b"\0\0\0", b"tag"])
@pytest.mark.parametrize("suffix", [".ts", ".flv"])
def test_a_few_bytes_behind_a_whole_file_are_no_missing_piece(
    suffix: str, tail: bytes, films: dict[str, Path], tmp_path: Path
) -> None:
    whole = next(path for path in films.values() if path.suffix == suffix)
    if suffix == ".flv":
        tail = tail[:3]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(whole.read_bytes() + tail)
    with open_source(path) as source:
        assert sum(1 for _ in source.frames()) == FRAMES


@pytest.mark.parametrize(("odd", "damaged"), [(1, True), (2, True), (3, False), (4, False)])
def test_groups_that_are_mostly_odd_are_an_encoders_own_way(odd: int, damaged: bool) -> None:
    missing = Missing("mpeg2video", b"")
    for group in range(4):
        numbers = range(0, 22, 2) if group < odd else range(11)
        for number in numbers:
            head = b"\0\0\1\xb8" + bytes(4) if number == 0 else b""
            kind = 1 if number == 0 else 2
            coded = bytes([number >> 2, (number & 3) << 6 | kind << 3])
            packet = av.Packet(head + b"\0\0\1\0" + coded + bytes(2) + b"\0\0\1\1")
            missing.take(group * 11 + number, packet)
    assert bool(missing.pictures(ended=True)) is damaged


@pytest.mark.parametrize("holder", [holder for holder in HOLDERS if HOLDERS[holder][0] in FORMATS])
def test_pieces_of_the_container_are_missed(holder: str, films: dict[str, Path], tmp_path: Path) -> None:
    path, data = films[holder], films[holder].read_bytes()
    harmed = tmp_path / path.name
    for share in (0.4, 0.7, 0.9):
        at = int(len(data) * share)
        for new in (data[:at] + data[at + 400 :], data[:at] + bytes(400) + data[at:], data[:at]):
            harmed.write_bytes(new)
            with pytest.raises(DamagedInput):
                pictures(harmed)


def test_a_page_and_a_packet_that_are_gone_are_found(films: dict[str, Path]) -> None:
    data = films["VP8 in Ogg"].read_bytes()
    pages = [at for at in range(len(data)) if data.startswith(b"OggS", at)]
    for page, following in ((5, 6), (len(pages) - 4, len(pages) - 3)):
        assert len(breaks(data[: pages[page]] + data[pages[following] :], "ogg")) == 1
    data = films["WMV 2 in ASF"].read_bytes()
    begin = data.find(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")) + 50
    size = int.from_bytes(
        data[(told := data.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))) + 92 :][:4], "little"
    )
    assert told > 0
    assert breaks(data[: begin + 2 * size] + data[begin + 3 * size :], "asf")
    swapped = data[begin + 3 * size : begin + 4 * size] + data[begin + 2 * size : begin + 3 * size]
    assert breaks(data[: begin + 2 * size] + swapped + data[begin + 4 * size :], "asf")


@pytest.mark.parametrize("holder", ["H.264 in MPEG-TS", "H.265 in MPEG-TS"])
def test_a_piece_of_the_first_picture_is_missed(holder: str, films: dict[str, Path], tmp_path: Path) -> None:
    data, path = films[holder].read_bytes(), tmp_path / "torn.ts"
    video = [at for at in range(0, len(data), PIECE) if data[at + 1] & 0x1F == 1 and data[at + 2] == 0]
    begin = [at for at in video if data[at + 1] & 0x40]
    first = [at for at in video if at < begin[1]]
    assert len(first) > 10
    for at in (*first[3::9], *first[-3:]):
        path.write_bytes(data[:at] + data[at + PIECE :])
        with pytest.raises(DamagedInput):
            pictures(path)


@pytest.mark.parametrize(("left", "refused"), [(-100, True), (-PIECE, False), (0, False)])
def test_a_transport_stream_that_ends_within_a_packet_was_cut(
    left: int, refused: bool, films: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "cut.ts"
    data = films["H.264 in MPEG-TS"].read_bytes()
    path.write_bytes(data[: len(data) + left])
    with open_source(path, allow_damaged=True) as source:
        assert sum(1 for _ in source.frames())
        assert ("the end of the file is missing" in source.losses) == refused


@pytest.mark.parametrize(
    ("times", "noted"),
    [
        (range(40), 0),
        ([*range(20), *range(21, 41)], 1),
        ([*range(10), *range(12, 30), *range(33, 60)], 2),
        ([0, 1, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19, 21, 22, 24, 25, 27, 28, 30], 0),
        (np.cumsum(np.random.default_rng(0).integers(1, 9, 40)).tolist(), 0),
        ([*range(10), *range(11, 15)], 0),
    ],
    ids=["even", "one", "two", "every second", "variable", "short"],
)
def test_a_pause_in_an_even_rate_is_noted(times: list[int], noted: int, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", frames=len(times), pts=list(times))
    with open_source(path) as source:
        assert sum(1 for _ in source.frames()) == len(times)
        assert isinstance(source, VideoSource)
        assert [words.split()[1] for words in source.notes if "is late for" in words] == [str(noted)] * (noted > 0)
