"""Encode images of every format from pixels and the traits of the source, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image
from PIL.GifImagePlugin import getdata

from anonymize.errors import UnsupportedInput
from anonymize.media.still.file import READ_ONLY
from anonymize.media.still.formats.png import png, png_picture, png_start, png_whole
from anonymize.media.still.frame import Cutout, Pixels, StillFrame, image
from anonymize.media.still.headers import StillTraits
from anonymize.media.still.parts import webp_parts

JPEG_QUALITY = 95
"""Of a JPEG made from another format; one made from a JPEG gets its quantisation tables."""
WEBP_QUALITY = 95
"""Of a lossy WebP whose source's quality is unknown."""
AVIF_QUALITY = 90
HEIC_QUALITY = 90
HEIC_PRESET = "ultrafast"
"""x265's preset: at this quality a tenth larger, in an eighth of the time (12 megapixels: 7 s)."""


@dataclass(frozen=True, slots=True)
class Format:
    """What an image format can hold unchanged.

    Args:
        channels: as in `frame.CHANNELS`.
        depths: bits per sample.
        animated: whether it can hold several frames with their durations.
    """

    channels: frozenset[str]
    depths: tuple[int, ...] = (8,)
    animated: bool = False


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "jpg": Format(frozenset(("L", "RGB", "YCbCr", "CMYK"))),
        "png": Format(frozenset(("L", "LA", "RGB", "RGBA")), (8, 16), animated=True),
        "webp": Format(frozenset(("RGB", "RGBA")), animated=True),
        "gif": Format(frozenset(("RGB", "RGBA")), animated=True),
        "tiff": Format(frozenset(("L", "LA", "RGB", "RGBA", "CMYK")), (8, 16)),
        "bmp": Format(frozenset(("L", "RGB"))),
        "heic": Format(frozenset(("L", "LA", "RGB", "RGBA")), (8, 16)),
        "avif": Format(frozenset(("RGB", "RGBA"))),
    }
)
"""Output formats, by canonical suffix."""


@dataclass(frozen=True, slots=True)
class Animation:
    """How an animated format is written.

    Args:
        head: makes the file's head from the first frame, its channels, the source's traits and the number of frames.
        picture: encodes one frame, as the part that changes, with a note if that changed its colours.
        close: makes the whole file from all of these joined.
    """

    head: Callable[[Pixels, str, StillTraits, int], bytes]
    picture: Callable[[Cutout, StillFrame, str, StillTraits], tuple[bytes, str]]
    close: Callable[[bytes], bytes]


_WIDER: Mapping[str, tuple[str, ...]] = MappingProxyType({"YCbCr": ("RGB",), "L": ("RGB",), "LA": ("RGBA",)})
"""Channels -> other channels that can hold the same pixels."""


def channels_in(container: str, traits: StillTraits, name: str, *, animated: bool) -> str:
    """The channels in which an image is stored.

    Args:
        container: the output format.
        traits: of the source.
        name: of the source, for messages.
        animated: whether there are several frames.

    Raises:
        UnsupportedInput: the format cannot hold the image unchanged.
    """
    held = FORMATS[container]
    fitting = [kind for kind in (traits.channels, *_WIDER.get(traits.channels, ())) if kind in held.channels]
    if not fitting or traits.depth not in held.depths or _would_lose(container, traits):
        other = "" if traits.container in READ_ONLY else f", or .{traits.container} as the input"
        raise UnsupportedInput(
            f".{container} cannot hold this picture ({traits.channels}, {traits.depth} bits) unchanged; "
            f"name the output .png{other}",
            name,
        )
    if animated and container != traits.container:
        raise UnsupportedInput(f"an animation stays in its format; name the output .{traits.container}", name)
    return fitting[0]


def _would_lose(container: str, traits: StillTraits) -> bool:
    """Whether `container` can hold the channels, but would lose precision, transparency or colour information."""
    if container == traits.container:
        return False
    graded = container == "gif" and traits.channels in ("LA", "RGBA")  # GIF has no partial transparency
    halved = container == "heic" and traits.depth > 8  # it keeps 10 or 12 of 16 bits
    coloured = container == "tiff" and traits.depth > 8 and traits.channels != "L"
    grey = bool(traits.icc) and traits.channels in ("L", "LA") and traits.channels not in FORMATS[container].channels
    primaries = traits.heif.get("nclx_profile", {}).get("color_primaries", 1)
    tagged = primaries not in (1, 2) or "cICP" in dict(traits.chunks)  # colours that no ICC profile describes
    return graded or halved or coloured or grey or tagged


class Encoding:
    """Builds an image file; only the compressed form of added frames is kept.

    Args:
        container: the output format, a key of `FORMATS`.
        traits: of the source.
        channels: from `channels_in`.
        count: number of frames to come.
    """

    def __init__(self, container: str, traits: StillTraits, channels: str, count: int) -> None:
        self._container = container
        self._traits = traits
        self._channels = channels
        self._count = count
        self._animation = _ANIMATIONS[container] if count > 1 or container == "gif" else None
        self._before: Pixels | None = None
        self._parts: list[bytes] = []
        self.notes: list[str] = []

    def add(self, frame: StillFrame) -> None:
        """Encode the next frame."""
        pixels = as_channels(frame, self._channels)
        if self._animation is None:
            self._parts.append(_STILLS[self._container](pixels, self._channels, self._traits))
            return
        if self._before is None:
            self._parts.append(self._animation.head(pixels, self._channels, self._traits, self._count))
        whole = self._before is None or (self._container == "gif" and self._channels == "RGBA")
        place = Cutout(0, 0, pixels) if whole else _change(self._before, pixels, even=self._container == "webp")
        if not whole and self._before is not None and self._container == "gif":
            place = _unchanged_cleared(place, self._before)
        coded, note = self._animation.picture(place, frame, self._channels, self._traits)
        self._parts.append(coded)
        if note and note not in self.notes:
            self.notes.append(note)
        self._before = pixels

    def data(self) -> bytes:
        """The whole file."""
        body = b"".join(self._parts)
        return body if self._animation is None else self._animation.close(body)


def as_channels(frame: StillFrame, channels: str) -> Pixels:
    """The pixels of `frame` as `channels`, which must be able to hold them."""
    if frame.channels == channels:
        return frame.pixels
    converted = np.asarray(image(frame.pixels, frame.channels).convert(channels))
    return converted.reshape(*converted.shape[:2], -1)


def _jpeg(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    options: dict[str, Any] = {"quality": JPEG_QUALITY, "subsampling": 0, "icc_profile": traits.icc}
    if traits.qtables:
        tables = [list(table) for table in traits.qtables]
        while len(tables) > 1 and tables[-1] == tables[-2]:  # Pillow uses the last for all further components
            tables.pop()
        options = options | {"qtables": tables, "subsampling": traits.subsampling, "quality": -1}
    options |= {"progressive": traits.progressive, "keep_rgb": traits.rgb_coded, "optimize": True}
    return _saved(image(pixels, channels), "JPEG", **options)


def _webp_quality(traits: StillTraits) -> int:
    """That of the source; for lossless WebP, where it means effort, the default."""
    return WEBP_QUALITY if traits.quality is None or traits.lossless else traits.quality


def _webp(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    lossless = traits.lossless or traits.container != "webp"
    picture = image(pixels, channels)
    return _saved(picture, "WEBP", lossless=lossless, quality=_webp_quality(traits), exact=True, icc_profile=traits.icc)


def _tiff(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    compression = traits.compression if traits.compression in ("raw", "tiff_lzw", "packbits") else "tiff_adobe_deflate"
    picture = image(pixels, channels)
    return _saved(picture, "TIFF", compression=None if compression == "raw" else compression, icc_profile=traits.icc)


def _bmp(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:  # noqa: ARG001 - the common signature; BMP stores no traits
    return _saved(image(pixels, channels), "BMP")


def _avif(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    chroma = traits.heif["chroma"] if traits.container == "avif" else "4:4:4"
    return _saved(
        image(pixels, channels), "AVIF", quality=AVIF_QUALITY, subsampling=chroma, icc_profile=traits.icc or None
    )


def _heic(pixels: Pixels, channels: str, traits: StillTraits) -> bytes:
    options: dict[str, Any] = dict(traits.heif) if traits.container == "heic" else {"chroma": 444}
    if traits.icc:
        options = {"icc_profile_type": "prof"} | options | {"icc_profile": traits.icc}
    height, width = pixels.shape[:2]
    mode = channels if pixels.dtype == np.uint8 else f"{channels};16"
    target = BytesIO()
    pillow_heif.encode(
        mode,
        (width, height),
        np.ascontiguousarray(pixels).tobytes(),
        target,
        quality=HEIC_QUALITY,
        enc_params={"preset": HEIC_PRESET},
        **options,
    )
    return target.getvalue()


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """`picture` encoded by Pillow."""
    target = BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def _webp_start(pixels: Pixels, channels: str, traits: StillTraits, count: int) -> bytes:  # noqa: ARG001
    """The head of an animated WebP (RFC 9649)."""
    flags = 0x02 | (0x10 if channels == "RGBA" else 0) | (0x20 if traits.icc else 0)
    size = _little(3, pixels.shape[1] - 1, pixels.shape[0] - 1)
    profile = _riff("ICCP", traits.icc) if traits.icc else b""
    return (
        _riff("VP8X", bytes((flags, 0, 0, 0)) + size) + profile + _riff("ANIM", bytes(4) + _little(2, traits.loop or 0))
    )


def _webp_picture(part: Cutout, frame: StillFrame, channels: str, traits: StillTraits) -> tuple[bytes, str]:
    """A frame of an animated WebP, which overwrites the part that changed; no note."""
    picture = image(part.pixels, channels)
    encoded = _saved(picture, "WEBP", lossless=traits.lossless, quality=_webp_quality(traits), exact=True)
    coded = [_riff(name, body) for name, body in webp_parts(encoded) if name in ("ALPH", "VP8", "VP8L")]
    size = (picture.width - 1, picture.height - 1, round(frame.duration * 1000))
    return _riff("ANMF", _little(3, part.x // 2, part.y // 2, *size) + b"\x02" + b"".join(coded)), ""


def _webp_whole(body: bytes) -> bytes:
    return b"RIFF" + _little(4, len(body) + 4) + b"WEBP" + body


def _riff(name: str, body: bytes) -> bytes:
    return name.ljust(4).encode() + _little(4, len(body)) + body + b"\0" * (len(body) % 2)


def _little(size: int, *values: int) -> bytes:
    """Little-endian unsigned integers of `size` bytes."""
    return b"".join(value.to_bytes(size, "little") for value in values)


def _gif_start(pixels: Pixels, channels: str, traits: StillTraits, count: int) -> bytes:  # noqa: ARG001
    """The head of a GIF without a global palette: every frame has its own."""
    head = b"GIF89a" + _little(2, pixels.shape[1], pixels.shape[0]) + b"\x70\0\0"
    return head if traits.loop is None else head + b"!\xff\x0bNETSCAPE2.0\x03\x01" + _little(2, traits.loop) + b"\0"


def _gif_picture(part: Cutout, frame: StillFrame, channels: str, traits: StillTraits) -> tuple[bytes, str]:  # noqa: ARG001
    """A frame of a GIF. Opaque ones overwrite the part that changed, others are drawn on a cleared canvas."""
    duration, disposal = round(frame.duration * 1000), 2 if channels == "RGBA" else 1
    coded, merged = _gif_coded(part, duration, disposal)
    if channels == "RGB" and part.pixels.shape[2] == 4:
        # Some frames compress better with unchanged pixels left transparent, some without: use the smaller.
        opaque, lossy = _gif_coded(Cutout(part.x, part.y, part.pixels[..., :3]), duration, disposal)
        if merged > lossy or (merged == lossy and len(opaque) <= len(coded)):
            coded, merged = opaque, lossy
    return coded, "a GIF holds 256 colours: the rarest were replaced by the nearest of the others" if merged else ""


def _gif_coded(part: Cutout, duration: int, disposal: int) -> tuple[bytes, bool]:
    """The bytes of one frame of a GIF, and whether some of its colours were merged.

    Args:
        part: the part to draw.
        duration: in milliseconds.
        disposal: GIF's disposal method.
    """
    indices, palette, transparent, merged = indexed(part.pixels)
    picture = Image.frombytes("P", (part.pixels.shape[1], part.pixels.shape[0]), indices.tobytes())
    picture.putpalette(palette.tobytes())
    options: dict[str, Any] = {} if transparent is None else {"transparency": transparent}
    options |= {"duration": duration, "disposal": disposal}
    return b"".join(getdata(picture, (part.x, part.y), include_color_table=True, **options)), merged


def _unchanged_cleared(part: Cutout, before: Pixels) -> Cutout:
    """`part` of an opaque frame as RGBA, transparent where it equals the frame before; unchanged if it is all equal."""
    height, width = part.pixels.shape[:2]
    changed = (part.pixels != before[part.y : part.y + height, part.x : part.x + width]).any(axis=2)
    return Cutout(part.x, part.y, np.dstack((part.pixels, changed.astype(np.uint8) * 255))) if changed.any() else part


def indexed(pixels: Pixels) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int | None, bool]:
    """Convert pixels (rows, columns, 3 or 4) to a palette.

    Up to 256 colours stay exact. Of more, the most frequent stay exact and the others are replaced by the nearest of
    those. Pixels that are not fully transparent become opaque.

    Returns:
        Indices (rows, columns), palette (colours, 3), index of the transparent colour, whether colours were merged.
    """
    clear = pixels[..., 3] == 0 if pixels.shape[2] == 4 else np.zeros(pixels.shape[:2], np.bool_)
    packed = (pixels[..., :3].astype(np.uint32) * np.array((1 << 16, 1 << 8, 1), np.uint32)).sum(
        axis=2, dtype=np.uint32
    )
    packed[clear] = 1 << 24
    colours, inverse, counts = np.unique(packed, return_inverse=True, return_counts=True)
    transparent = bool(clear.any())
    visible = len(colours) - transparent
    kept = np.sort(np.argsort(-counts[:visible], kind="stable")[: 256 - transparent])
    chosen = np.stack([(colours[kept] >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.int32)
    to_index = np.full(len(colours), len(kept), np.int64)
    to_index[kept] = np.arange(len(kept))
    others = np.setdiff1d(np.arange(visible), kept)
    for some in np.array_split(others, len(others) // 1024 + 1):  # in parts, to limit memory
        apart = np.stack([(colours[some] >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.int32)
        to_index[some] = np.square(chosen[None] - apart[:, None]).sum(axis=2).argmin(axis=1)
    palette = np.vstack((chosen, np.zeros((int(transparent), 3), np.int32))).astype(np.uint8)
    indices = to_index[inverse.reshape(pixels.shape[:2])].astype(np.uint8)
    return indices, palette, len(kept) if transparent else None, len(kept) < visible


def _change(before: Pixels | None, pixels: Pixels, *, even: bool) -> Cutout:
    """The part of `pixels` that differs from the frame before, at least one pixel; `even` makes x and y even."""
    changed = (pixels != before).any(axis=2)
    (top, bottom), (left, right) = _extent(changed.any(axis=1)), _extent(changed.any(axis=0))
    if even:
        top, left = top // 2 * 2, left // 2 * 2
    return Cutout(left, top, pixels[top:bottom, left:right])


def _extent(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """The half-open range from the first to the last true value; (0, 1) if there is none."""
    places = np.flatnonzero(flags)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 1)


_STILLS: Mapping[str, Callable[[Pixels, str, StillTraits], bytes]] = MappingProxyType(
    {"jpg": _jpeg, "png": png, "webp": _webp, "tiff": _tiff, "bmp": _bmp, "heic": _heic, "avif": _avif}
)
_ANIMATIONS: Mapping[str, Animation] = MappingProxyType(
    {
        "gif": Animation(_gif_start, _gif_picture, lambda body: body + b";"),
        "png": Animation(png_start, png_picture, png_whole),
        "webp": Animation(_webp_start, _webp_picture, _webp_whole),
    }
)
