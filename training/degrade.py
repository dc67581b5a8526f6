"""What cameras, weather and codecs do to a picture: each step takes a BGR crop and gives a crop back."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from training.geometry import Boxes, Picture

Step = Callable[[Picture, np.random.Generator], Picture]


def _u8(picture: npt.ArrayLike) -> Picture:
    return np.asarray(np.clip(np.asarray(picture), 0, 255), dtype=np.uint8)


def tone(picture: Picture, rng: np.random.Generator) -> Picture:
    """Brightness, contrast, gamma and a colour cast, by a table for each channel."""
    base = np.arange(256, dtype=np.float32) / 255
    table = base ** np.exp(rng.normal(0, 0.2))
    table = (table - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5 + rng.normal(0, 0.06)
    cast = np.exp(rng.normal(0, 0.08, 3))
    return np.asarray(cv2.LUT(picture, _u8(table[:, None] * cast * 255)[None]), dtype=np.uint8)


def colour(picture: Picture, rng: np.random.Generator) -> Picture:
    """More or less saturation, now and then another hue."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    steps = np.arange(256, dtype=np.float32)
    hue = (steps + (rng.uniform(-90, 90) if rng.random() < 0.3 else rng.normal(0, 4))) % 180
    table = np.stack([hue, steps * rng.uniform(0.3, 1.5), steps], axis=1)
    return np.asarray(cv2.cvtColor(cv2.LUT(hsv, _u8(table)[None]), cv2.COLOR_HSV2BGR), dtype=np.uint8)


def grey(picture: Picture, rng: np.random.Generator) -> Picture:
    """A grey camera; half of the time infra-red: a lamp in the middle, dark around it."""
    one = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    if rng.random() < 0.5:
        height, width = one.shape
        x = (np.arange(width) - rng.uniform(0.2, 0.8) * width) / width
        y = (np.arange(height) - rng.uniform(0.2, 0.8) * height) / height
        lamp = 1.3 * np.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / rng.uniform(0.1, 0.6))
        one = _u8(one * lamp + rng.uniform(0, 25))
    return np.asarray(cv2.cvtColor(one, cv2.COLOR_GRAY2BGR), dtype=np.uint8)


def night(picture: Picture, rng: np.random.Generator) -> Picture:
    """Dark, in a lamp's colour, with noise; a picture that is dark already stays as it is."""
    if picture.mean() < 70:
        return picture
    base = np.arange(256, dtype=np.float32) / 255
    table = base ** rng.uniform(1.2, 2.0) * rng.uniform(0.4, 1.0)
    cast = np.array([rng.uniform(0.5, 1.2), rng.uniform(0.7, 1.0), rng.uniform(0.8, 1.4)])
    dark = cv2.LUT(picture, _u8(table[:, None] * cast * 255)[None])
    return noise(np.asarray(dark, dtype=np.uint8), rng)


def glare(picture: Picture, rng: np.random.Generator) -> Picture:
    """One to three lamps that bloom."""
    height, width = picture.shape[:2]
    light = np.zeros((height // 4 + 1, width // 4 + 1, 3), np.float32)
    for _ in range(rng.integers(1, 4)):
        x = np.arange(light.shape[1]) - rng.uniform(0, light.shape[1])
        y = np.arange(light.shape[0]) - rng.uniform(0, light.shape[0])
        reach = rng.uniform(0.02, 0.2) * light.shape[1]
        bloom = np.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / (2 * reach**2))
        light += bloom[..., None] * rng.uniform(120, 320) * rng.uniform(0.6, 1.0, 3)
    return _u8(picture + cv2.resize(light, (width, height)))


def rain(picture: Picture, rng: np.random.Generator) -> Picture:
    """Bright streaks in one direction over a paler picture."""
    height, width = picture.shape[:2]
    drops = (rng.random((height, width), dtype=np.float32) > 0.996).astype(np.float32)
    streaks = cv2.filter2D(drops, -1, _line(int(rng.integers(7, 19)), rng.normal(90, 15)) * 8)
    return _u8(picture * rng.uniform(0.75, 1.0) + rng.uniform(10, 35) + np.minimum(streaks, 1)[..., None] * 90)


def motion(picture: Picture, rng: np.random.Generator) -> Picture:
    """Blur along a line, mostly level."""
    angle = rng.normal(0, 12) if rng.random() < 0.6 else rng.uniform(0, 180)
    return np.asarray(cv2.filter2D(picture, -1, _line(int(rng.integers(3, 12)), angle)), dtype=np.uint8)


def _line(length: int, degrees: float) -> npt.NDArray[np.float32]:
    """A kernel that averages along a line of `length` pixels."""
    kernel = np.zeros((length, length), np.float32)
    away = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * (length - 1) / 2
    middle = (length - 1) / 2
    start, end = middle - away, middle + away
    cv2.line(
        kernel, (round(float(start[0])), round(float(start[1]))), (round(float(end[0])), round(float(end[1]))), (1.0,)
    )
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def defocus(picture: Picture, rng: np.random.Generator) -> Picture:
    """A soft lens."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.5, 1.8)), dtype=np.uint8)


def coarse(picture: Picture, rng: np.random.Generator) -> Picture:
    """Recorded at fewer pixels and enlarged."""
    height, width = picture.shape[:2]
    scale = rng.uniform(0.4, 0.9)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=way), dtype=np.uint8)


def noise(picture: Picture, rng: np.random.Generator) -> Picture:
    """Sensor noise, alike or not in the three channels."""
    height, width = picture.shape[:2]
    cv2.setRNGSeed(int(rng.integers(2**31)))
    channels = 3 if rng.random() < 0.5 else 1
    sigma = np.full(channels, rng.uniform(2, 11))
    field = cv2.randn(np.empty((height, width, channels), np.int16), np.zeros(channels), sigma)
    if channels == 1:
        field = cv2.merge([field] * 3)
    return np.asarray(cv2.add(picture, field, dtype=cv2.CV_8U), dtype=np.uint8)


def jpeg(picture: Picture, rng: np.random.Generator) -> Picture:
    """JPEG at quality 8 to 70."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 70))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def h264(picture: Picture, rng: np.random.Generator) -> Picture:
    """One H.264 key frame at a high quantiser, as from a cheap camera; PyAV encodes and decodes it."""
    import av

    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": str(rng.integers(26, 42)), "threads": "1"}
    decoder = av.CodecContext.create("h264", "r")
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    frames = [f for packet in packets for f in decoder.decode(packet)]
    frames += decoder.decode(None)
    return np.asarray(frames[0].to_ndarray(format="bgr24"), dtype=np.uint8)


def hide(picture: Picture, boxes: Boxes, rng: np.random.Generator) -> Picture:
    """Covers up to a third of one box, with another place's patch or a flat colour; changes `picture` in place."""
    x0, y0, x1, y1 = boxes[rng.integers(len(boxes))]
    w, h = x1 - x0, y1 - y0
    wide, high = (w * rng.uniform(0.1, 0.33), h) if rng.random() < 0.5 else (w, h * rng.uniform(0.1, 0.33))
    x, y = int(x0 + rng.random() * (w - wide)), int(y0 + rng.random() * (h - high))
    target = picture[max(0, y) : y + max(1, int(high)), max(0, x) : x + max(1, int(wide))]
    if rng.random() < 0.5:
        target[:] = rng.integers(0, 256, 3)
        return picture
    top = int(rng.integers(0, picture.shape[0] - target.shape[0] + 1))
    left = int(rng.integers(0, picture.shape[1] - target.shape[1] + 1))
    target[:] = picture[top : top + target.shape[0], left : left + target.shape[1]].copy()
    return picture


MASKS = ((245, 245, 245), (235, 215, 180), (210, 190, 150), (40, 40, 40), (90, 70, 60), (170, 150, 220))
"""Usual colours of face masks, BGR."""


def mask(picture: Picture, boxes: Boxes, rng: np.random.Generator, share: float) -> Picture:
    """Puts a cloth over mouth and nose of a `share` of the faces in `boxes`; changes `picture` in place."""
    for x0, y0, x1, y1 in boxes[rng.random(len(boxes)) < share]:
        w, h, middle = x1 - x0, y1 - y0, (x0 + x1) / 2 + rng.normal(0, 0.08) * (x1 - x0)
        top, bottom = y0 + h * rng.uniform(0.42, 0.6), y1 + h * rng.uniform(-0.05, 0.05)
        shape = [(x0 + 0.06 * w, top + 0.06 * h), (middle, top - 0.04 * h), (x1 - 0.06 * w, top + 0.06 * h)]
        jaw = top + 0.7 * (bottom - top)
        shape += [(x1 - 0.12 * w, jaw), (middle, bottom), (x0 + 0.12 * w, jaw)]
        light = np.clip(picture[max(0, int(y0)) : int(y1) + 1, max(0, int(x0)) : int(x1) + 1].mean() / 110, 0.3, 1.2)
        base = MASKS[int(rng.integers(len(MASKS)))] if rng.random() < 0.8 else rng.integers(0, 256, 3)
        colour = tuple(float(v) for v in np.clip(np.asarray(base) * light, 0, 255))
        corners = np.round(np.array(shape) * 16).astype(np.int32)
        cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA, 4)
        for fold in range(int(rng.integers(0, 4))):
            level = top + (bottom - top) * (0.25 + 0.2 * fold)
            ends = [(round(float(x) * 16), round(float(level) * 16)) for x in (x0 + 0.14 * w, x1 - 0.14 * w)]
            cv2.line(picture, ends[0], ends[1], tuple(0.85 * v for v in colour), 1, cv2.LINE_AA, 4)
    return picture


STEPS: tuple[tuple[float, Step], ...] = (
    (0.7, tone),
    (0.3, colour),
    (0.1, night),
    (0.08, glare),
    (0.05, rain),
    (0.12, grey),
    (0.1, defocus),
    (0.12, motion),
    (0.15, coarse),
    (0.2, noise),
    (0.3, jpeg),
    (0.04, h264),
)
"""Each step and how often it is taken, in the order in which light meets them."""


def degrade(picture: Picture, rng: np.random.Generator) -> Picture:
    """A random few of `STEPS`."""
    for chance, step in STEPS:
        if rng.random() < chance:
            picture = step(picture, rng)
    return picture
