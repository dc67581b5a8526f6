from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter
from hypothesis import given
from hypothesis import strategies as st

from anonymize.errors import UnsupportedInput
from anonymize.media.frames.frame import VideoPicture, View
from anonymize.media.frames.orient import Orientation
from anonymize.media.frames.pixels import EXACT, TWINS, clean_copy, layout_of, required_layout, to_planar, view

MATRICES = [(x * 65536, 0, 0, 0, y * 65536, 0, 0, 0, 1 << 30) for x in (1, -1) for y in (1, -1)] + [
    (0, x * 65536, 0, y * 65536, 0, 0, 0, 0, 1 << 30) for x in (1, -1) for y in (1, -1)
]
ONE_WAY = {"pal8", "rgb565le", "rgb555le", "bgr565le", "bgr555le"}


def noise(width: int, height: int, name: str, seed: int = 0) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, name)
    rng = np.random.default_rng(seed)
    bits = frame.format.components[0].bits
    for plane in frame.planes:
        if bits in (8, 16) or "p" not in name:
            samples = np.frombuffer(memoryview(plane), np.uint8)
            samples[:] = rng.integers(0, 256, samples.size)
        else:
            samples = np.frombuffer(memoryview(plane), np.uint16)
            samples[:] = rng.integers(0, 1 << bits, samples.size) << (16 - bits if name.startswith("p") else 0)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame


@pytest.mark.parametrize("name", sorted(set(TWINS) - ONE_WAY))
def test_repacking_into_the_planar_twin_changes_no_sample(name: str) -> None:
    layout = required_layout(name, "a.mkv")
    planar = to_planar(noise(32, 16, name), layout, VideoReformatter())
    packed = VideoReformatter().reformat(planar, format=name, interpolation=EXACT)
    again = to_planar(packed, layout, VideoReformatter())
    for plane in range(len(layout.shifts)):
        np.testing.assert_array_equal(view(planar, layout, plane), view(again, layout, plane))
        assert len(np.unique(view(planar, layout, plane))) > (1 if name.startswith("mono") else 3)


def test_nv12_twin_by_hand() -> None:
    frame = noise(8, 6, "nv12")
    layout = required_layout("nv12", "a")
    planar = to_planar(frame, layout, VideoReformatter())
    stored = np.frombuffer(memoryview(frame.planes[1]), np.uint8).reshape(3, -1)
    np.testing.assert_array_equal(view(planar, layout, 1), stored[:, 0:8:2])
    np.testing.assert_array_equal(view(planar, layout, 2), stored[:, 1:8:2])


def test_rgb24_twin_by_hand() -> None:
    frame = noise(5, 3, "rgb24")
    layout = required_layout("rgb24", "a")
    planar = to_planar(frame, layout, VideoReformatter())
    stored = frame.to_ndarray()
    for plane, channel in enumerate((1, 2, 0)):
        np.testing.assert_array_equal(view(planar, layout, plane), stored[:, :, channel])


@pytest.mark.parametrize("name", ["yuv420p10be", "gbrp12be", "gray16be"])
def test_big_endian_formats_have_a_little_endian_twin(name: str) -> None:
    layout = required_layout(name, "a")
    assert layout.name == name[:-2] + "le"


@pytest.mark.parametrize("name", ["xyz12le", "bayer_rggb8", "gbrpf32le", "ya8", "cuda", "yuv444p10msble"])
def test_what_cannot_be_edited_exactly_is_refused_in_one_line(name: str) -> None:
    assert layout_of(name) is None
    with pytest.raises(UnsupportedInput, match=rf"^a.mkv: pixel format {name} cannot be edited") as caught:
        required_layout(name, "a.mkv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "colour_range", "black"),
    [
        ("yuv420p", 1, (16, 128, 128)),
        ("yuv420p", 2, (0, 128, 128)),
        ("yuv420p", 0, (16, 128, 128)),
        ("yuv422p10le", 1, (64, 512, 512)),
        ("yuv444p12le", 2, (0, 2048, 2048)),
        ("gbrp", 1, (0, 0, 0)),
        ("gray", 0, (0,)),
        ("gray", 1, (16,)),
        ("yuva420p", 1, (16, 128, 128, 255)),
        ("yuva444p10le", 2, (0, 512, 512, 1023)),
    ],
)
def test_black(name: str, colour_range: int, black: tuple[int, ...]) -> None:
    layout = required_layout(name, "a")
    assert tuple(layout.black(plane, colour_range) for plane in range(len(layout.shifts))) == black


def test_black_is_what_the_scaler_calls_black() -> None:
    for colour_range in (1, 2):
        frame = noise(16, 16, "yuv420p")
        frame.color_range, frame.colorspace = colour_range, 1
        picture = VideoPicture(frame, 0, View(required_layout("yuv420p", "a"), Orientation())).writable()
        for plane in picture.planes:
            plane.pixels[:] = plane.black
        assert picture.bgr(8, 8).max() <= 1


def test_a_clean_copy_has_samples_time_and_colours_and_nothing_shared() -> None:
    frame = noise(9, 7, "yuv420p")
    frame.pts, frame.color_trc, frame.color_primaries, frame.colorspace = 7, 16, 9, 9
    layout = required_layout("yuv420p", "a")
    copy = clean_copy(frame, layout)
    view(copy, layout, 0)[:] = 0
    assert view(frame, layout, 0).any()
    assert (copy.pts, copy.color_trc, copy.color_primaries, copy.colorspace) == (7, 16, 9, 9)
    np.testing.assert_array_equal(view(copy, layout, 1), view(frame, layout, 1))


@given(
    st.sampled_from(MATRICES),
    st.sampled_from(["yuv420p", "yuv422p", "yuv440p", "yuv410p", "yuv411p", "yuv444p", "gray", "gbrp"]),
    st.integers(1, 19),
    st.integers(1, 19),
)
def test_planes_cover_the_upright_pixels_that_they_say(
    matrix: tuple[int, ...], name: str, width: int, height: int
) -> None:
    """Paint every sample's stored pixels, turn that picture, and compare with what step and offset claim."""
    layout = required_layout(name, "a")
    orientation = Orientation.of_matrix(matrix)
    picture = VideoPicture(noise(width, height, name), 0, View(layout, orientation))
    assert (picture.width, picture.height) == orientation.pair(width, height)
    for index, plane in enumerate(picture.planes):
        x, y = layout.shifts[index]
        stored = view(picture.planar, layout, index)
        painted = np.repeat(np.repeat(stored, 1 << y, axis=0), 1 << x, axis=1)[:height, :width]
        upright = orientation.apply(painted)
        rows = (np.arange(picture.height) + plane.offset[1]) // plane.step[1]
        columns = (np.arange(picture.width) + plane.offset[0]) // plane.step[0]
        np.testing.assert_array_equal(plane.pixels[rows][:, columns], upright)


@pytest.mark.parametrize("matrix", MATRICES)
def test_small_pictures_are_upright_too(matrix: tuple[int, ...]) -> None:
    frame = av.VideoFrame(64, 32, "yuv420p")
    layout, orientation = required_layout("yuv420p", "a"), Orientation.of_matrix(matrix)
    for plane, value in enumerate((16, 128, 128)):
        view(frame, layout, plane)[:] = value
    view(frame, layout, 0)[:8, :16] = 235  # stored: top left
    picture = VideoPicture(frame, 0, View(layout, orientation))
    expected = orientation.apply(view(frame, layout, 0))[::2, ::2]
    width, height = picture.width // 2, picture.height // 2
    for small in (picture.bgr(width, height)[:, :, 1], picture.luma(width, height)):
        assert small.shape == (height, width)
        np.testing.assert_array_equal(small > 128, expected > 128)


def test_decoded_planes_are_read_only_and_writable_ones_are_not() -> None:
    picture = VideoPicture(noise(16, 16, "yuv420p"), 3, View(required_layout("yuv420p", "a"), Orientation()))
    with pytest.raises(ValueError, match="read-only"):
        picture.planes[0].pixels[0, 0] = 1
    before = picture.planes[0].pixels.copy()
    copy = picture.writable()
    copy.planes[0].pixels[:] = 9
    np.testing.assert_array_equal(picture.planes[0].pixels, before)
    assert copy.index == 3


def test_pq_is_brought_to_ordinary_brightness() -> None:
    frame = av.VideoFrame(16, 16, "yuv420p10le")
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = 16, 9, 9, 1
    layout = required_layout("yuv420p10le", "a")
    for plane, value in enumerate((64 + round(0.44 * 876), 512, 512)):  # a face at about 60 cd/m2
        view(frame, layout, plane)[:] = value
    shown = VideoPicture(frame, 0, View(layout, Orientation())).bgr(16, 16)
    assert 110 < shown.mean() < 180
