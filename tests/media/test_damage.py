"""Damage that decoders patch up or do not notice: it counts from the first picture on, and is hidden."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from anonymize.errors import AnonymizeError, DamagedInput
from anonymize.live.source.connection import Stream, way_to
from anonymize.media import open_source
from anonymize.media.damage.bits import Bits
from anonymize.media.damage.h264 import _pass_matrix
from anonymize.media.damage.hevc import wavefronts
from anonymize.media.damage.losses import out_of_step
from anonymize.media.damage.wholeness import hides
from anonymize.media.video.source import VideoSource
from tests.helpers.formats import documented
from tests.helpers.media import make_video

SIZE, FRAMES, GROUP = (160, 128), 18, 6
VISIBLE = 10
"""Levels by which the mean of a block of 16 x 16 pixels differs where anybody sees it."""
X265 = {"preset": "ultrafast", "x265-params": f"log-level=none:keyint={GROUP}:min-keyint={GROUP}:ctu=16"}
HOLDERS = {
    "H.264 in MP4": (".mp4", "libx264", {"preset": "fast"}),
    "H.264 with B-frames and slices in MKV": (".mkv", "libx264", {"preset": "fast", "x264-params": "slices=3"}),
    "H.264 in MPEG-TS": (".ts", "libx264", {"preset": "fast"}),
    "H.265 in MP4": (".mp4", "libx265", X265),
    "VP8 in WebM": (".webm", "libvpx", {}),
    "VP9 in WebM": (".webm", "libvpx-vp9", {}),
    "AV1 in MKV": (".mkv", "libsvtav1", {"preset": "10"}),
    "MPEG-4 in AVI": (".avi", "mpeg4", {}),
    "MPEG-2 in MPEG-TS": (".ts", "mpeg2video", {}),
    "ProRes in MOV": (".mov", "prores_ks", {}),
    "FFV1 in MKV": (".mkv", "ffv1", {"level": "3", "slicecrc": "1"}),
    "WMV 2 in ASF": (".wmv", "wmv2", {}),
}


def texture(index: int) -> np.ndarray:
    """A picture full of detail that moves, so that whatever is lost shows."""
    rng = np.random.default_rng(7)
    ground = rng.integers(20, 235, (SIZE[1] // 4 + 20, SIZE[0] // 4 + 20, 3), dtype=np.uint8)
    return np.repeat(np.repeat(ground, 4, 0), 4, 1)[index : index + SIZE[1], 2 * index : 2 * index + SIZE[0]].copy()


def film(folder: Path, holder: str) -> Path:
    suffix, codec, options = HOLDERS[holder]
    pixels = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    options = {"g": str(GROUP)} | options
    path = folder / f"{zlib.crc32(holder.encode())}{suffix}"
    return make_video(path, frames=map(texture, range(FRAMES)), codec=codec, pix_fmt=pixels, options=options)


def spans(path: Path) -> list[tuple[int, int]]:
    """Where in the file the coded pictures lie."""
    with av.open(str(path)) as container:
        return [(p.pos, p.size) for p in container.demux(video=0) if p.size and p.pos is not None]


def pictures(path: Path, *, allow_damaged: bool = False) -> dict[int, np.ndarray]:
    """The luma of every picture that is released, in 8 bits, by its time."""
    with open_source(path, allow_damaged=allow_damaged) as source:
        return {f.pts: (f.planes[0].pixels >> (f.depth - 8)).astype(np.uint8) for f in source.frames()}


def differs(one: np.ndarray, other: np.ndarray) -> bool:
    apart = np.abs(one.astype(int) - other)[: SIZE[1] // 16 * 16, : SIZE[0] // 16 * 16]
    return bool(apart.reshape(SIZE[1] // 16, 16, SIZE[0] // 16, 16).mean((1, 3)).max() > VISIBLE)


def black(picture: np.ndarray) -> bool:
    return len(np.unique(picture)) == 1


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {holder: film(folder, holder) for holder in HOLDERS}


def harmed(path: Path, target: Path, picture: int, rng: np.random.Generator) -> Path:
    """`path` with noise over the second half of a coded picture."""
    data = bytearray(path.read_bytes())
    at, size = spans(path)[picture]
    at, size = at + size // 2, max(8, size // 3)
    data[at : at + size] = rng.bytes(size)
    target.write_bytes(data)
    return target


WHOLE = "refused; with `--allow-damaged` all pictures between the key frames around it are black"


@pytest.mark.parametrize(
    "holder",
    [pytest.param(h, marks=documented("damage", f"a damaged picture: {h}", WHOLE)) for h in HOLDERS if h[:3] != "VP8"],
)
@pytest.mark.parametrize("picture", [0, GROUP + 1], ids=["the first key frame", "the second group"])
def test_damage_is_noticed_in_any_picture(holder: str, picture: int, films: dict[str, Path], tmp_path: Path) -> None:
    whole = pictures(films[holder])
    assert len(whole) == FRAMES
    unseen = 0
    for seed in range(3):
        path = harmed(films[holder], tmp_path / films[holder].name, picture, np.random.default_rng(seed))
        with open_source(path) as source:
            try:
                shown = {frame.pts: frame for frame in source.frames()}
            except DamagedInput:
                left = pictures(path, allow_damaged=True)
                for one in left.values():  # its clock may have lost its beginning
                    assert black(one) or not all(differs(one, picture) for picture in whole.values())
                assert any(black(picture) for picture in left.values()) or len(left) < FRAMES
                assert source.losses
                continue
        unseen += any(differs(whole[pts], pictures(path)[pts]) for pts in shown)
    assert unseen <= 1  # noise may say something that is possible


@pytest.mark.parametrize("holder", HOLDERS)
def test_whole_files_have_no_losses(holder: str, films: dict[str, Path]) -> None:
    with open_source(films[holder], allow_damaged=True) as source:
        assert sum(not black(frame.planes[0].pixels) for frame in source.frames()) == FRAMES
        assert source.losses == []
        assert isinstance(source, VideoSource)
        assert source.notes == ()


@pytest.mark.parametrize("holder", ["H.264 in MP4", "H.264 in MPEG-TS", "H.265 in MP4", "VP8 in WebM", "VP9 in WebM"])
def test_a_picture_that_is_not_there_is_missed(holder: str, films: dict[str, Path], tmp_path: Path) -> None:
    for picture in (0, 1, GROUP, GROUP + 2):
        data = bytearray(films[holder].read_bytes())
        at, size = spans(films[holder])[picture]
        data[at : at + size] = bytes(size)
        path = tmp_path / films[holder].name
        path.write_bytes(data)
        with pytest.raises(AnonymizeError):
            pictures(path)


@pytest.mark.parametrize(
    "holder", ["H.264 in MP4", "H.264 in MPEG-TS", "MPEG-4 in AVI", "MPEG-2 in MPEG-TS", "AV1 in MKV"]
)
def test_live_shows_nothing_of_a_damaged_group(holder: str, films: dict[str, Path], tmp_path: Path) -> None:
    whole = pictures(films[holder])
    for seed in range(3):
        path = harmed(films[holder], tmp_path / films[holder].name, 0, np.random.default_rng(seed))
        with Stream(way_to(str(path)), 5.0, "camera") as stream:
            shown = {p.pts: p.to_ndarray(format="gray") for p in stream.items() if isinstance(p, av.VideoFrame)}
            assert stream.undecodable
        assert len(shown) >= FRAMES - GROUP - 1
        for picture in shown.values():
            assert not all(differs(picture, other) for other in whole.values())


def test_a_piece_that_is_missing_is_missing_in_its_own_picture(tmp_path: Path) -> None:
    """FFmpeg marks the packet before the one that lacks it: the last one of another group here."""
    clip = make_video(
        tmp_path / "whole.ts",
        frames=map(texture, range(FRAMES)),
        codec="libx265",
        options=X265 | {"x265-params": X265["x265-params"] + ":bframes=0:open-gop=0:wpp=0"},
    )
    whole, data = pictures(clip), clip.read_bytes()
    key = spans(clip)[GROUP][0]
    torn = tmp_path / "torn.ts"
    for piece in (16, 25, 34):
        at = key // 188 * 188 + piece * 188
        torn.write_bytes(data[:at] + data[at + 188 :])
        left = pictures(torn, allow_damaged=True)
        assert any(black(picture) for picture in left.values())
        assert not [pts for pts, picture in left.items() if not black(picture) and differs(whole[pts], picture)]


def changed(data: bytes, at: tuple[int, int], rng: np.random.Generator) -> bytes:
    """`data` after one of the accidents that happen to files, within the coded picture `at` (position, length)."""
    start, size = at
    new = bytearray(data)
    first = start + int(rng.integers(max(1, size - 8)))
    end = min(start + size, first + int(rng.integers(4, 300)))
    kind = rng.choice(["bit", "zero", "noise", "full"])
    if kind == "bit":
        new[first] ^= 1 << int(rng.integers(8))
    else:
        new[first:end] = {"zero": bytes, "full": lambda n: b"\xff" * n, "noise": rng.bytes}[str(kind)](end - first)
    return bytes(new)


@pytest.mark.parametrize(
    ("holder", "least"),
    [("H.264 in MP4", 0.7), ("H.265 in MP4", 0.7), ("VP8 in WebM", 0.6), ("VP9 in WebM", 0.95), ("AV1 in MKV", 0.9)],
)
def test_few_accidents_go_unseen(holder: str, least: float, films: dict[str, Path], tmp_path: Path) -> None:
    """Codecs without checksums leave some damage that no decoder can see; how little is held here."""
    whole, data, places = pictures(films[holder]), films[holder].read_bytes(), spans(films[holder])
    rng = np.random.default_rng(3)
    path = tmp_path / films[holder].name
    seen = missed = 0
    for _ in range(40):
        path.write_bytes(changed(data, places[int(rng.integers(len(places)))], rng))
        try:
            shown = pictures(path)
        except AnonymizeError:
            seen += 1
            continue
        missed += shown.keys() != whole.keys() or any(differs(whole[pts], shown[pts]) for pts in whole)
    assert seen >= least * (seen + missed)


def cut(path: Path, target: Path, first: int) -> Path:
    """`path` from its packet `first` on."""
    with av.open(str(path)) as source, av.open(str(target), "w") as out:
        video = source.streams.video[0]
        stream = out.add_stream_from_template(video)
        for number, packet in enumerate(source.demux(video)):
            if number >= first and packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


OPEN = {"x265-params": X265["x265-params"] + ":bframes=2:open-gop=1"}
ROWS = {"x265-params": OPEN["x265-params"] + ":wpp=1:pools=2"}
CUT: dict[str, tuple[str, str, dict[str, str]]] = {
    "H.264 in MPEG-TS": (".ts", "libx264", {"preset": "fast"}),
    "H.264 with open groups in MPEG-TS": (".ts", "libx264", {"preset": "fast", "x264-params": "open-gop=1:bframes=2"}),
    "H.265 in MPEG-TS": (".ts", "libx265", X265 | {"x265-params": X265["x265-params"] + ":open-gop=0"}),
    "H.265 with open groups in MPEG-TS": (".ts", "libx265", X265 | OPEN),
    "H.265 with open groups and wavefronts in MPEG-TS": (".ts", "libx265", X265 | ROWS),
    "MPEG-2 in MPEG-TS": (".ts", "mpeg2video", {"bf": "2"}),
    "MPEG-2 in MPEG-PS": (".mpg", "mpeg2video", {"bf": "2"}),
    "H.264 by itself": (".h264", "libx264", {"preset": "fast"}),
}


def order(path: Path) -> list[tuple[int, bool]]:
    """Presentation timestamp of every packet, in ticks, and whether it is a key frame."""
    with av.open(str(path)) as container:
        return [(p.pts or 0, p.is_keyframe) for p in container.demux(video=0) if p.size]


@pytest.mark.parametrize("first", [1, 3])
@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(
            holder,
            marks=documented(
                "damage",
                f"a recording that begins between two key frames: {holder}",
                "taken from its first key frame on; a note says what no player shows",
            ),
        )
        for holder in CUT
    ],
)
def test_a_recording_that_begins_between_key_frames_is_whole_from_the_first_one_on(
    holder: str, first: int, tmp_path: Path
) -> None:
    suffix, codec, options = CUT[holder]
    made = make_video(
        tmp_path / f"whole{suffix}",
        frames=map(texture, range(FRAMES)),
        codec=codec,
        options={"g": str(GROUP)} | options,
    )
    places = order(made)
    key = next(pts for pts, is_key in places[first:] if is_key)
    wanted = sum(pts >= key for pts, _ in places) if suffix != ".h264" else FRAMES - GROUP
    before = (key - min(pts for pts, _ in places[first:])) / 90_000

    with open_source(cut(made, tmp_path / f"cut{suffix}", first)) as source:
        shown = [frame.planes[0].pixels.copy() for frame in source.frames()]
        assert isinstance(source, VideoSource)
        first_note = source.notes[0]
    assert len(shown) == wanted
    with open_source(made) as source:
        whole = [frame.planes[0].pixels.copy() for frame in source.frames()]
    assert not any(map(differs, whole[-wanted:], shown))
    part = f"first {before:.2f} s" if suffix != ".h264" else "beginning, up to the first key frame,"
    assert first_note.startswith(f"its {part} cannot be decoded")


def test_pictures_behind_the_first_key_frame_that_refer_to_what_was_before_it_are_noted(tmp_path: Path) -> None:
    """An open group of pictures at the beginning; where a key frame was lost, what the file lost says so."""
    _, codec, options = CUT["H.265 with open groups in MPEG-TS"]
    made = make_video(tmp_path / "a.ts", frames=map(texture, range(FRAMES)), codec=codec, options=options)
    second = [number for number, (_, key) in enumerate(order(made)) if key][1]
    with open_source(cut(made, tmp_path / "b.ts", second)) as source:
        count = sum(1 for _ in source.frames())
        assert isinstance(source, VideoSource)
        assert [note[:16] for note in source.notes] == [f"its first {(FRAMES - second - count) / 25:.2f} s"]
    film = make_video(tmp_path / "a.mkv", frames=map(texture, range(FRAMES)), options={"g": str(GROUP)})
    with open_source(cut(film, tmp_path / "b.mkv", 3), allow_damaged=True) as source:
        assert sum(1 for _ in source.frames()) == FRAMES - GROUP
        assert isinstance(source, VideoSource)
        assert source.losses
        assert source.notes == ()


def test_a_picture_is_hidden_as_long_as_it_may_be_made_from_damage() -> None:
    from anonymize.media.damage.wholeness import Wholeness

    def packet(pts: int, *, key: bool = False) -> "av.Packet[Any]":
        made: av.Packet[Any] = av.Packet(b"x")
        made.pts, made.is_keyframe = pts, key
        return made

    def shown(pts: int, *, key: bool = False) -> av.VideoFrame:
        made: Any = av.VideoFrame(16, 16, "gray")
        made.pts, made.key_frame = pts, key
        assert isinstance(made, av.VideoFrame)
        return made

    made = Wholeness("h264", begun=True)
    # In the order of decoding; 5 and 6 are shown before the key frame 7 that they come after.
    order: Iterator[tuple[int, bool]] = iter(
        [(0, True), (1, False), (2, False), (3, True), (4, False), (7, True), (5, False), (6, False), (8, False)]
    )
    for number, (pts, key) in enumerate(order):
        made.next(packet(pts, key=key))
        if number == 4:
            made.hurt()
    for pts in range(9):
        assert made.show(shown(pts, key=pts in (0, 3, 7)), whole=True)
    assert made.broken() == [False, False, False, True, True, True, True, False, False]
    assert made.gone() == 0


@pytest.mark.parametrize(
    ("codec", "data", "hidden"),
    [
        ("vp8", b"\x10\0\0", False),
        ("vp8", b"\x11\0\0", False),
        ("vp8", b"\x01\0\0", True),
        ("vp8", b"\0\0\0", False),
        ("vp9", b"\x82\0\0", False),
        ("vp9", b"\x80\0\0", True),
        ("vp9", b"\x88\0\0", False),
        ("vp9", b"\0\0\0", False),
    ],
)
def test_packets_that_say_that_they_are_not_shown(codec: str, data: bytes, hidden: bool) -> None:
    assert hides(codec, data) == hidden


@pytest.mark.parametrize("wpp", [0, 1])
@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_rows_that_begin_where_the_header_says_are_found(wpp: int, suffix: str, tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "x265-params": f"log-level=none:wpp={wpp}"}
    path = make_video(tmp_path / f"a{suffix}", frames=8, size=(256, 256), codec="libx265", options=options)
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        packet = next(container.demux(video))
        assert wavefronts(bytes(video.codec_context.extradata or b""), bytes(packet)) == bool(wpp)


@pytest.mark.parametrize("junk", [b"", b"\x01" * 100])
def test_pieces_of_a_transport_stream_out_of_step(junk: bytes, tmp_path: Path) -> None:
    piece = b"\x47" + bytes(187)
    assert out_of_step(junk + piece * 50) == 0
    assert out_of_step(junk + piece * 20 + bytes(376) + piece * 50) == 2
    assert out_of_step(piece * 50 + piece[:100]) == 0  # where a recording broke off


def _coded(*deltas: int) -> str:
    """Signed Exp-Golomb codes (ITU-T H.264, 9.1.1)."""
    codes = [2 * delta - 1 if delta > 0 else -2 * delta for delta in deltas]
    return "".join(f"{code + 1:b}".zfill(2 * (code + 1).bit_length() - 1) for code in codes)


@pytest.mark.parametrize("deltas", [(4, -12), (1,) * 16, (-8,), (-1, -7), (100, 148), (*(1,) * 15, -23)])
def test_a_scaling_matrix_of_h264_ends_where_the_rest_of_it_stays_the_same(deltas: tuple[int, ...]) -> None:
    written = _coded(*deltas) + "1011001110001111" * 8
    padded = written.ljust(-(-len(written) // 8) * 8, "0")
    bits = Bits(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
    _pass_matrix(bits, 16)
    assert bits.take(16) == 0b1011001110001111
