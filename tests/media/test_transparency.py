"""Transparency in video: what it hides stays hidden, whoever drops it afterwards."""

from pathlib import Path

import av
import numpy as np
import pytest

from anonymize.errors import AnonymizeError
from anonymize.live.source.connection import Stream, way_to
from anonymize.media import open_source
from anonymize.media.frames.transparency import WORDS
from tests.helpers.carry import carry
from tests.helpers.formats import documented
from tests.helpers.media import make_video, read_video

SIZE = (128, 96)
ROWS, COLUMNS = slice(24, 72), slice(32, 96)
"""Where the picture is fully transparent, and holds something under it."""
HOLDERS = {
    "VP9 in WebM": (".webm", "libvpx-vp9", "yuva420p", {}),
    "VP8 in WebM": (".webm", "libvpx", "yuva420p", {"auto-alt-ref": "0"}),
    "VP9 in MKV": (".mkv", "libvpx-vp9", "yuva420p", {}),
    "ProRes 4444 in MOV": (".mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
    "QuickTime Animation in MOV": (".mov", "qtrle", "argb", {}),
    "PNG in MOV": (".mov", "png", "rgba", {}),
    "PNG in 16 bit in MOV": (".mov", "png", "rgba64be", {}),
    "FFV1 in MKV": (".mkv", "ffv1", "yuva444p", {}),
    "FFV1 in RGB in MKV": (".mkv", "ffv1", "bgra", {}),
    "HuffYUV in AVI": (".avi", "huffyuv", "bgra", {}),
    "Ut Video in AVI": (".avi", "utvideo", "gbrap", {}),
    "MagicYUV in AVI": (".avi", "magicyuv", "gbrap", {}),
    "CineForm in MOV": (".mov", "cfhd", "gbrap12le", {}),
    "uncompressed RGB in MOV": (".mov", "rawvideo", "argb", {}),
    "uncompressed RGB in AVI": (".avi", "rawvideo", "bgra", {}),
}


def cut_out() -> list[av.VideoFrame]:
    """Pictures of grey on which a bright pattern is under full transparency."""
    frames = []
    for index in range(4):
        picture = np.full((SIZE[1], SIZE[0], 4), 90, np.uint8)
        picture[..., 3] = 255
        picture[ROWS, COLUMNS] = (250, 230, 40, 0)
        picture[ROWS, COLUMNS][:: 2 + index] = (200, 20, 240, 0)
        frames.append(av.VideoFrame.from_ndarray(picture, format="rgba"))
    return frames


def film(folder: Path, holder: str) -> Path:
    suffix, codec, form, options = HOLDERS[holder]
    frames = [frame.reformat(format=form) for frame in cut_out()]
    path = make_video(folder / f"a{suffix}", frames=frames, codec=codec, pix_fmt=form, options=options)
    if codec.startswith("libvpx"):  # FFmpeg's writer leaves the mark to whoever calls it
        assert b"AlphaMode" not in path.read_bytes()
    return path


OUTCOME = "laid on black, as players show it; the output has no transparency, and that is said"


@pytest.mark.parametrize(
    "holder", [pytest.param(h, marks=documented("colour", f"transparency: {h}", OUTCOME)) for h in HOLDERS]
)
def test_what_is_transparent_is_black(holder: str, tmp_path: Path) -> None:
    path = film(tmp_path, holder)
    done = carry(path, tmp_path / "out")
    assert done.failures == []
    assert WORDS in done.info.removed
    shown = read_video(done.path)
    assert len(shown) == 4
    inside = np.s_[ROWS.start + 4 : ROWS.stop - 4, COLUMNS.start + 4 : COLUMNS.stop - 4]
    for picture in shown:
        assert picture[inside].max() < 24
        assert abs(int(np.median(picture[:16])) - 90) < 12
    with open_source(path) as source:  # and nobody is shown what is under it
        assert max(frame.bgr(*SIZE)[inside].max() for frame in source.frames()) < 24
    with open_source(done.path) as result:
        assert WORDS not in result.info.removed


@pytest.mark.parametrize("holder", ["VP9 in WebM", "PNG in MOV"])
def test_live_shows_nothing_that_is_transparent(holder: str, tmp_path: Path) -> None:
    with Stream(way_to(str(film(tmp_path, holder))), 5.0, "camera") as stream:
        pictures = [item for item in stream.items() if isinstance(item, av.VideoFrame)]
    inside = np.s_[ROWS.start + 4 : ROWS.stop - 4, COLUMNS.start + 4 : COLUMNS.stop - 4]
    assert len(pictures) == 4
    assert all(picture.to_ndarray(format="rgb24")[inside].max() < 24 for picture in pictures)


def test_half_of_it_is_mixed_with_black(tmp_path: Path) -> None:
    picture = np.full((48, 64, 4), 200, np.uint8)
    picture[..., 3] = 128
    frame = av.VideoFrame.from_ndarray(picture, format="rgba")
    path = make_video(tmp_path / "a.mov", frames=[frame], codec="png", pix_fmt="rgba", options={})
    with open_source(path) as source:
        (shown,) = source.frames()
        assert [np.unique(plane.pixels).tolist() for plane in shown.planes] == [[100], [100], [100]]


def test_a_fourth_byte_that_means_nothing_hides_nothing(tmp_path: Path) -> None:
    picture = np.full((48, 64, 4), 200, np.uint8)
    picture[..., 3] = 0
    frame = av.VideoFrame.from_ndarray(picture, format="bgra")
    path = make_video(tmp_path / "a.avi", frames=[frame], codec="rawvideo", pix_fmt="bgra", options={})
    with open_source(path) as source:
        (shown,) = source.frames()
        assert shown.planes[0].pixels.min() == 200


@documented("colour", "transparency beside AV1 frames (MKV, AlphaMode)", "refused")
def test_transparency_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    make_video(path, frames=3, codec="libsvtav1", options={"preset": "10"}, stream_metadata={"alpha_mode": "1"})
    with pytest.raises(AnonymizeError, match="transparency beside its av1 frames"), open_source(path):
        pass


@documented("colour", "transparency in a layer of H.265 that FFmpeg does not decode", "refused")
def test_a_layer_that_is_not_decoded_is_refused(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "x265-params": "log-level=none"}
    path = make_video(tmp_path / "a.hevc", frames=2, codec="libx265", options=options)
    data = path.read_bytes()
    message = b"\0\0\0\1" + bytes([39 << 1, 1, 165, 2, 0x10, 0x40, 0x80])
    at = data.index(b"\0\0\1", 4)
    path.write_bytes(data[:at] + message + data[at:])
    with pytest.raises(AnonymizeError, match="transparency beside its hevc frames"), open_source(path):
        pass
