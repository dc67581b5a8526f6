from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonymize.data import Box, Kind, Plane, Region, Shape, Why
from anonymize.redact import MANY, Memory, obscure, outline, redact, visible
from anonymize.redact.draw import LEAST_CELL
from anonymize.settings import Appearance, Redact, Style

CHROMA = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2), "4:4:0": (1, 2), "4:1:1": (4, 1)}
COORDINATES = st.floats(-20, 60).map(lambda v: round(v * 4) / 4) | st.floats(-20, 60)
SIDES = st.floats(0.3, 70)


def looks(style: Style, cells: int = 8) -> Redact:
    return Redact(face=Appearance(style=style, cells=cells))


def region(box: Box, shape: Shape = Shape.BOX, track: int = 1, kind: Kind = Kind.FACE, polygon: Any = ()) -> Region:
    return Region(box, kind, Why.DETECTED, track=track, shape=shape, polygon=polygon)


def box_polygon(box: Box) -> tuple[tuple[float, float], ...]:
    x0, y0, x1, y1 = box
    return (x0, y0), (x1, y0), (x1, y1), (x0, y1)


def noise(shape: tuple[int, ...], depth: int = 8, seed: int = 0) -> NDArray[Any]:
    """Random samples, none of them black."""
    rng = np.random.default_rng(seed)
    return rng.integers(20, 2**depth - 1, shape, dtype=np.uint8 if depth == 8 else np.uint16)


def make_planes(
    width: int,
    height: int,
    chroma: str = "4:4:4",
    depth: int = 8,
    quarter_turns: int = 0,
    mirror: bool = False,
    seed: int = 0,
) -> tuple[Plane, ...]:
    """Y, U, V as an upright view of a coded picture that was turned and mirrored; black is 3, 5, 7."""
    coded = (height, width) if quarter_turns % 2 else (width, height)
    planes = []
    for i in range(3):
        step = CHROMA[chroma] if i else (1, 1)
        pixels = noise((-(-coded[1] // step[1]), -(-coded[0] // step[0])), depth, seed + i)
        offset = [0, 0]
        if mirror:
            pixels = pixels[:, ::-1]
            offset[0] = -coded[0] % step[0]
        size = list(coded)
        for _ in range(quarter_turns):  # anticlockwise: the old right edge becomes the top
            pixels = np.rot90(pixels)
            step, offset = (step[1], step[0]), [offset[1], (-size[0] - offset[0]) % step[0]]
            size.reverse()
        planes.append(Plane(pixels, 3 + 2 * i, step, (offset[0], offset[1])))
    return tuple(planes)


def copies(planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
    """Deep copies with the same strides' signs and order."""
    return tuple(Plane(p.pixels.copy(order="K"), p.black, p.step, p.offset) for p in planes)


def pixels_of(plane: Plane, width: int, height: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For every upright pixel, the row and the column of the sample that holds it."""
    rows = (np.arange(height) + plane.offset[1]) // plane.step[1]
    columns = (np.arange(width) + plane.offset[0]) // plane.step[0]
    return rows, columns


def touched(plane: Plane, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The samples of `plane` that hold a pixel of `mask`: the definition, pixel by pixel."""
    rows, columns = pixels_of(plane, mask.shape[1], mask.shape[0])
    samples = np.zeros(plane.pixels.shape, bool)
    ys, xs = np.nonzero(mask)
    samples[rows[ys], columns[xs]] = True
    return samples


def inside_ellipse(box: Box, x: int, y: int) -> bool:
    """Whether any part of pixel (x, y) lies inside the ellipse, in exact arithmetic."""
    x0, y0, x1, y1 = map(Fraction, box)
    cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
    nearest_x, nearest_y = min(max(cx, Fraction(x)), Fraction(x + 1)), min(max(cy, Fraction(y)), Fraction(y + 1))
    return ((nearest_x - cx) / rx) ** 2 + ((nearest_y - cy) / ry) ** 2 < 1


def mask_of(r: Region, width: int, height: int) -> NDArray[np.bool_]:
    """The covered pixels of the whole picture as `outline` says."""
    mask = np.zeros((height, width), bool)
    found = outline(r, width, height)
    if found is not None:
        mask[found.window.y0 : found.window.y1, found.window.x0 : found.window.x1] = found.covered
    return mask


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, y0 = draw(COORDINATES), draw(COORDINATES)
    return x0, y0, x0 + draw(SIDES), y0 + draw(SIDES)


@st.composite
def regions(draw: st.DrawFn) -> Region:
    shape = draw(st.sampled_from(Shape))
    if shape is Shape.POLYGON:
        corners = draw(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=6, unique=True))
        xs, ys = zip(*corners, strict=True)
        if len(set(xs)) == 1 or len(set(ys)) == 1:
            corners = list(box_polygon((1, 2, 5, 7)))
        return region((0, 0, 1, 1), shape, track=draw(st.integers(-1, 2)), polygon=tuple(corners))
    return region(draw(boxes()), shape, track=draw(st.integers(-1, 2)))


@given(
    found=st.lists(regions(), max_size=4),
    style=st.sampled_from(Style),
    size=st.tuples(st.integers(1, 45), st.integers(1, 45)),
    chroma=st.sampled_from(sorted(CHROMA)),
    depth=st.sampled_from([8, 10]),
    turns=st.integers(0, 3),
    mirror=st.booleans(),
)
def test_outside_is_untouched_to_the_bit_and_chroma_is_rounded_outward(
    found: list[Region], style: Style, size: tuple[int, int], chroma: str, depth: int, turns: int, mirror: bool
) -> None:
    before = make_planes(*size, chroma, depth, turns, mirror)
    after = copies(before)
    redact(after, found, looks(style), Memory())
    mask = np.zeros((size[1], size[0]), bool)
    for r in found:
        mask |= mask_of(r, *size)
    for old, new in zip(before, after, strict=True):
        covered = touched(old, mask)
        assert np.array_equal(old.pixels[~covered], new.pixels[~covered])
        if style is Style.SOLID:
            assert (new.pixels[covered] == new.black).all()


@given(box=boxes(), size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_an_ellipse_covers_every_pixel_it_touches_and_no_other(box: Box, size: tuple[int, int]) -> None:
    exact = np.array([[inside_ellipse(box, x, y) for x in range(size[0])] for y in range(size[1])])
    for grow in (1e-9, -1e-9):  # floating point may decide a pixel that is only just touched either way
        about = (box[0] - grow, box[1] - grow, box[2] + grow, box[3] + grow)
        other = mask_of(region(about, Shape.ELLIPSE), *size)
        assert not (exact & ~other if grow > 0 else other & ~exact).any()


@given(box=boxes(), size=st.tuples(st.integers(1, 40), st.integers(1, 40)))
def test_a_box_covers_every_pixel_it_touches_and_no_other(box: Box, size: tuple[int, int]) -> None:
    x, y = np.arange(size[0]), np.arange(size[1])
    columns, rows = (x < box[2]) & (x + 1 > box[0]), (y < box[3]) & (y + 1 > box[1])
    assert np.array_equal(mask_of(region(box), *size), rows[:, None] & columns[None, :])


@given(box=boxes(), size=st.tuples(st.integers(1, 40), st.integers(1, 40)), backwards=st.booleans())
def test_a_polygon_of_a_boxs_corners_is_that_box(box: Box, size: tuple[int, int], backwards: bool) -> None:
    corners = box_polygon(box)[::-1] if backwards else box_polygon(box)
    assert np.array_equal(mask_of(region(box, Shape.POLYGON, polygon=corners), *size), mask_of(region(box), *size))


@given(corners=st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=3, unique=True))
def test_a_triangle_covers_every_pixel_with_a_point_inside(corners: list[tuple[float, float]]) -> None:
    (ax, ay), (bx, by), (cx, cy) = corners
    if abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) < 1e-3:
        return
    mask = mask_of(region((0, 0, 1, 1), Shape.POLYGON, polygon=tuple(corners)), 40, 40)
    weights = np.random.default_rng(0).dirichlet((1, 1, 1), 500) @ np.array(corners)
    inside = weights[((weights >= 0) & (weights < 40)).all(axis=1)]
    assert mask[inside[:, 1].astype(int), inside[:, 0].astype(int)].all()
    ys, xs = np.nonzero(mask)
    assert (xs + 1 > min(ax, bx, cx)).all()
    assert (xs < max(ax, bx, cx)).all()
    assert (ys + 1 > min(ay, by, cy)).all()
    assert (ys < max(ay, by, cy)).all()


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize(
    "corners",
    [
        ((0, 0), (40, 0), (0, 40)),
        ((40, 0), (40, 40), (0, 40)),
        ((0, 0), (40, 40), (0, 40)),
        ((1266, 660), (1280, 720), (1206, 720)),
        ((600, 300), (700, 330), (640, 340), (610, 400)),
    ],
)
def test_a_polygon_covers_little_beside_itself(corners: tuple[tuple[float, float], ...], backwards: bool) -> None:
    """No more than its area and the pixels that its edges run through, whichever way round it is given."""
    given_corners = corners[::-1] if backwards else corners
    covered = mask_of(region((0, 0, 1, 1), Shape.POLYGON, polygon=given_corners), 1280, 720).sum()
    pairs = list(zip(corners, (*corners[1:], corners[0]), strict=True))
    area = abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) / 2
    around = sum(abs(bx - ax) + abs(by - ay) + 1 for (ax, ay), (bx, by) in pairs)
    assert area <= covered <= area + around


def test_a_polygon_that_crosses_itself_covers_what_it_winds_around() -> None:
    star = tuple((20 + 18 * np.sin(k * 0.8 * np.pi), 20 - 18 * np.cos(k * 0.8 * np.pi)) for k in range(5))
    assert mask_of(region((0, 0, 1, 1), Shape.POLYGON, polygon=star), 40, 40)[20, 20]


def test_the_last_row_and_column_are_covered() -> None:
    planes = make_planes(37, 23, "4:2:0")
    redact(planes, [region((-1, -1, 37, 23))], looks(Style.SOLID), Memory())
    assert all((p.pixels == p.black).all() for p in planes)


def test_an_ellipse_past_the_border_keeps_its_own_outline() -> None:
    whole = mask_of(region((-20, -20, 20, 20), Shape.ELLIPSE), 40, 40)
    assert whole[0, 19]
    assert whole[19, 0]
    assert not whole[19, 19]


def test_a_region_outside_the_picture_is_not_drawn_and_does_not_start_a_track() -> None:
    memory, planes = Memory(), make_planes(20, 20)
    before = copies(planes)
    redact(planes, [region((20, 0, 90, 20)), region((-50, -50, 0, 0))], looks(Style.MOSAIC), memory)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(before, planes, strict=True))
    assert len(memory) == 0


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 5), (5, 0, 2, 5), (0, 0, float("nan"), 5), (float("nan"), 0, 5, 5), (0, float("-inf"), 5, 5)]
)
@pytest.mark.parametrize("shape", [Shape.BOX, Shape.ELLIPSE])
def test_a_region_that_cannot_be_placed_is_an_error_and_nothing_is_drawn(box: Box, shape: Shape) -> None:
    planes = make_planes(20, 20)
    before = copies(planes)
    with pytest.raises(ValueError, match="expected finite"):
        redact(planes, [region((0, 0, 9, 9)), region(box, shape)], looks(Style.SOLID), Memory())
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(before, planes, strict=True))


def test_a_polygon_needs_three_corners() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        outline(region((0, 0, 5, 5), Shape.POLYGON, polygon=((0, 0), (5, 5))), 20, 20)


@given(box=boxes(), cells=st.integers(1, 8), chroma=st.sampled_from(sorted(CHROMA)), depth=st.sampled_from([8, 10]))
def test_a_mosaic_has_no_more_colours_than_cells_of_the_least_size(
    box: Box, cells: int, chroma: str, depth: int
) -> None:
    planes = make_planes(60, 50, chroma, depth)
    redact(planes, [region(box)], looks(Style.MOSAIC, cells), Memory())
    mask = mask_of(region(box), 60, 50)
    longer = max(box[2] - box[0], box[3] - box[1])
    allowed = max(1, min(cells, int(longer / LEAST_CELL)))
    for plane in planes:
        assert len(np.unique(plane.pixels[touched(plane, mask)])) <= allowed**2


@pytest.mark.parametrize(
    ("wide", "high", "across", "down"),
    [
        (64, 64, 8, 8),
        (96, 24, 8, 2),
        (24, 96, 2, 8),
        (160, 8, 8, 1),
        (8, 160, 1, 8),
        (14, 14, 1, 1),
        (32, 20, 4, 2),
        (20, 32, 2, 4),
    ],
)
@pytest.mark.parametrize("place", ["left top", "right bottom", "middle"])
def test_cells_are_nearly_square_and_no_more_than_asked_for_across_the_longer_side(
    wide: int, high: int, across: int, down: int, place: str
) -> None:
    width, height = 1280, 720
    x = {"left top": 0, "right bottom": width - wide, "middle": 600}[place]
    y = {"left top": 0, "right bottom": height - high, "middle": 301}[place]
    planes = make_planes(width, height, depth=10)
    drawn = planes[0].pixels[y : y + high, x : x + wide]
    drawn[...] = 100 + 2 * np.add.outer(np.arange(high), np.arange(wide))
    redact(planes, [region((x, y, x + wide, y + high))], looks(Style.MOSAIC), Memory())
    assert len(np.unique(drawn, axis=0)) == down
    assert len(np.unique(drawn, axis=1).T) == across


def test_a_mosaic_cell_is_the_mean_of_its_pixels() -> None:
    planes = make_planes(64, 64)
    expected = [p.pixels.reshape(8, 8, 8, 8).mean(axis=(1, 3)).round() for p in planes]
    redact(planes, [region((0, 0, 64, 64))], looks(Style.MOSAIC), Memory())
    for plane, means in zip(planes, expected, strict=True):
        assert np.array_equal(plane.pixels[::8, ::8], means)
        assert np.array_equal(plane.pixels, plane.pixels[::8, ::8].repeat(8, 0).repeat(8, 1))


@pytest.mark.parametrize("style", [Style.MOSAIC, Style.BLUR])
@pytest.mark.parametrize("chroma", ["4:4:4", "4:2:0"])
def test_motion_adds_no_information(style: Style, chroma: str) -> None:
    memory, still = Memory(), looks(style)
    first, other = make_planes(200, 200, chroma, seed=1), make_planes(200, 200, chroma, seed=9)
    redact(first, [region((10, 20, 74, 84))], still, memory)
    redact(other, [region((92, 60, 156, 124))], still, memory)
    for a, b in zip(first, other, strict=True):
        (sx, sy) = a.step
        assert np.array_equal(
            a.pixels[20 // sy : 84 // sy, 10 // sx : 74 // sx], b.pixels[60 // sy : 124 // sy, 92 // sx : 156 // sx]
        )


@given(box=boxes(), moved=boxes(), seed=st.integers(0, 9), style=st.sampled_from([Style.MOSAIC, Style.BLUR]))
def test_later_frames_are_a_function_of_the_first_alone(box: Box, moved: Box, seed: int, style: Style) -> None:
    size = 60, 50
    pictures = []
    for later in (100, 200 + seed):
        memory = Memory()
        redact(make_planes(*size, "4:2:0", seed=seed), [region(box)], looks(style), memory)
        planes = make_planes(*size, "4:2:0", seed=later)
        redact(planes, [region(moved)], looks(style), memory)
        pictures.append((planes, len(memory)))
    if mask_of(region(box), *size).any():
        mask = mask_of(region(moved), *size)
        for a, b in zip(pictures[0][0], pictures[1][0], strict=True):
            assert np.array_equal(a.pixels[touched(a, mask)], b.pixels[touched(b, mask)])


@given(box=boxes(), seed=st.integers(0, 5))
def test_blur_is_a_function_of_the_mosaic_alone(box: Box, seed: int) -> None:
    """Two pictures that give the same mosaic give the same blur."""
    original = make_planes(60, 50, seed=seed)
    mosaic = copies(original)
    redact(mosaic, [region(box)], looks(Style.MOSAIC), Memory())
    from_original, from_mosaic = copies(original), copies(mosaic)
    redact(from_original, [region(box)], looks(Style.BLUR), Memory())
    redact(from_mosaic, [region(box)], looks(Style.BLUR), Memory())
    mask = mask_of(region(box), 60, 50)
    for a, b, m in zip(from_original, from_mosaic, mosaic, strict=True):
        whole = mask_of(region(box), 60, 50)
        if whole.any() and box[0] >= 0 and box[1] >= 0 and box[2] <= 60 and box[3] <= 50:
            assert np.abs(a.pixels[mask].astype(int) - b.pixels[mask]).max() <= 1  # the mean of a mean is rounded twice
            assert a.pixels[mask].min() >= m.pixels[mask].min()
            assert a.pixels[mask].max() <= m.pixels[mask].max()


@pytest.mark.parametrize("style", [Style.MOSAIC, Style.BLUR])
def test_a_region_without_a_track_becomes_one_colour(style: Style) -> None:
    memory, planes = Memory(), make_planes(100, 100, "4:2:0")
    redact(planes, [region((10, 10, 90, 90), track=-1)], looks(style), memory)
    assert all(len(np.unique(p.pixels[10:40, 10:40])) == 1 for p in planes)
    assert len(memory) == 0


def test_a_cell_mostly_outside_the_picture_gets_the_mean_of_what_is_visible() -> None:
    planes = make_planes(64, 64)
    visible = planes[0].pixels[:, :3].mean().round()
    redact(planes, [region((-61, 0, 3, 64))], looks(Style.MOSAIC), Memory())
    assert (planes[0].pixels[:, :3] == visible).all()


def test_a_region_too_small_for_cells_is_one_colour() -> None:
    planes = make_planes(64, 64)
    redact(planes, [region((10, 10, 22, 25))], looks(Style.MOSAIC), Memory())
    assert len(np.unique(planes[0].pixels[10:25, 10:22])) == 1


def test_a_solid_region_lies_on_top_and_does_not_show_in_a_mosaic() -> None:
    plate, face = region((20, 20, 60, 60), kind=Kind.PLATE), region((0, 0, 64, 64))
    pictures = []
    for seed in (1, 2):
        planes = make_planes(64, 64, seed=5)
        for i, plane in enumerate(planes):
            plane.pixels[20:60, 20:60] = noise((40, 40), seed=seed + i)
        redact(planes, [plate, face], looks(Style.MOSAIC), Memory())
        assert (planes[0].pixels[20:60, 20:60] == planes[0].black).all()
        pictures.append(planes)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(*pictures, strict=True))


@given(found=st.lists(regions(), max_size=3), style=st.sampled_from([Style.SOLID, Style.MOSAIC]))
def test_drawing_twice_is_drawing_once(found: list[Region], style: Style) -> None:
    tracked = [region(r.xyxy, r.shape, track=i, polygon=r.polygon) for i, r in enumerate(found)]
    planes, memory = make_planes(41, 33, "4:2:0"), Memory()
    redact(planes, tracked, looks(style), memory)
    once = copies(planes)
    redact(planes, tracked, looks(style), memory)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(once, planes, strict=True))


def test_memory_is_bounded_but_keeps_what_is_on_the_frame() -> None:
    memory, crowd = Memory(capacity=3), [region((0, 0, 30, 30), track=i) for i in range(5)]
    redact(make_planes(40, 40), crowd, looks(Style.MOSAIC), memory)
    assert len(memory) == 5
    redact(make_planes(40, 40), crowd[:1], looks(Style.MOSAIC), memory)
    assert len(memory) == 3
    assert memory.colours(0, lambda: ()) != ()


def test_obscure_covers_every_sample() -> None:
    planes = make_planes(37, 23, "4:2:0", 10, 1)
    obscure(planes)
    assert all((p.pixels == p.black).all() for p in planes)


@pytest.mark.parametrize(("width", "height"), [(64, 40), (40, 64)])
@pytest.mark.parametrize("shapes", [[Shape.BOX], [Shape.ELLIPSE], list(Shape)], ids=["boxes", "ellipses", "all shapes"])
def test_very_many_regions_are_drawn_as_each_alone_is(width: int, height: int, shapes: list[Shape]) -> None:
    """Many are drawn together, in another way; in a picture that is not square, up to its last row and column."""
    rng = np.random.default_rng(4)
    some = [(-6.0, -5.0, 3.0, 2.5), (width - 3.5, height - 2.5, width + 9.0, height + 4.0)]
    for _ in range(MANY + 3):
        x, y, wide, high = rng.uniform(0, width - 1), rng.uniform(0, height - 1), *rng.uniform(0.4, 7, 2)
        some.append((float(x), float(y), float(x + wide), float(y + high)))
    found = [
        region(
            box, shape := shapes[i % len(shapes)], track=i, polygon=box_polygon(box) if shape is Shape.POLYGON else ()
        )
        for i, box in enumerate(some)
    ]
    memory, together, alone = Memory(), make_planes(width, height, "4:2:0"), make_planes(width, height, "4:2:0")
    for _ in range(2):  # the second time what is to be covered is known
        redact(together, found, looks(Style.SOLID), memory)
    for one in found:
        redact(alone, [one], looks(Style.SOLID), Memory())
    for a, b in zip(together, alone, strict=True):
        assert np.array_equal(a.pixels, b.pixels)
    other = make_planes(width, height, "4:2:0")
    redact(other, found[: MANY + 1], looks(Style.SOLID), memory)
    assert not np.array_equal(other[0].pixels, together[0].pixels), "what was known is of other regions"


@pytest.mark.parametrize("shape", Shape)
def test_what_lies_beside_the_picture_covers_nothing_of_it(shape: Shape) -> None:
    for box, there in {
        (41.0, 5.0, 60.0, 20.0): False,
        (5.0, 31.0, 20.0, 60.0): False,
        (-30.0, 5.0, -1.0, 20.0): False,
        (5.0, -30.0, 20.0, -1.0): False,
        (38.0, 5.0, 60.0, 20.0): True,
        (-30.0, 5.0, 3.0, 20.0): True,
        (5.0, 5.0, 20.0, 20.0): True,
    }.items():
        made = region(box, shape, polygon=box_polygon(box) if shape is Shape.POLYGON else ())
        assert visible(made, 40, 30) is there, box


def test_blur_goes_from_one_side_to_the_other_as_the_picture_does() -> None:
    planes = make_planes(64, 64)
    planes[0].pixels[:, :32], planes[0].pixels[:, 32:] = 40, 200
    redact(planes, [region((0.0, 0.0, 64.0, 64.0))], looks(Style.BLUR), Memory())
    row = planes[0].pixels[32].astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[2] <= 45
    assert row[61] >= 195
    assert abs(int(row[31:33].mean()) - 120) < 12
