"""Decode image files of every format to upright pixels, and to the properties that the output keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image

from anonymize.errors import AnonymizeError, InputError, UnreadableInput, UnsupportedInput
from anonymize.media.frames.orient import Orientation
from anonymize.media.still.animation import animation, ending, is_animated
from anonymize.media.still.damage import Harm, damage, obscured
from anonymize.media.still.file import (
    _SEQUENCES,
    READ_ONLY,
    PictureFile,
    check_size,
    lenient,
    opened_by_pillow,
    picture_format,
    quiet,
    reason,
)
from anonymize.media.still.formats.heif import ShownArea, shown_as
from anonymize.media.still.formats.read_only import check_foreign
from anonymize.media.still.formats.tiff import check_exif, check_tiff
from anonymize.media.still.frame import Pixels, samples
from anonymize.media.still.headers import (
    Decoded,
    StillTraits,
    exif_words,
    orientation_of,
    removed_from,
    rgb_coded,
    shown,
    tags,
    traits_of,
    transposed,
)
from anonymize.media.still.parts import extras
from anonymize.media.still.profile import colour_profile
from anonymize.media.still.turned import BY_NUMBER, exif_blocks, exif_orientations, joined, other_turns


def decode(data: bytes, name: str, *, allow_damaged: bool) -> Decoded:
    """Decode the image file `data`.

    Args:
        data: the whole file.
        name: for messages.
        allow_damaged: decode as much as possible of a damaged file, and report what is lost.

    Raises:
        UnreadableInput: not an image, empty, or too large.
        DamagedInput: part of it is lost.
        UnsupportedInput: no output format can hold it unchanged.
    """
    container = picture_format(data[:32])
    if not container:
        raise UnreadableInput("not a picture of a known format", name)
    if data[4:8] == b"ftyp" and data[8:12] in _SEQUENCES:
        raise UnsupportedInput("picture sequences in HEIF and AVIF are not supported; convert it to a video", name)
    file = PictureFile(data, name, container, allow_damaged)
    try:
        with quiet():
            check_exif(exif_blocks(file))
            return _with_own_profile(_decoded(file))
    except (AnonymizeError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on hostile headers
        raise UnreadableInput(f"its headers make no sense ({reason(error)})", name) from error


def _with_own_profile(decoded: Decoded) -> Decoded:
    """`decoded` with a colour profile reduced to what colours need."""
    traits = decoded.traits
    made = colour_profile(traits.icc, traits.channels)
    if made == traits.icc:
        return decoded
    removed = "descriptions in the colour profile" if made else "a colour profile that fits no such picture"
    return replace(decoded, traits=replace(traits, icc=made), removed=(*decoded.removed, removed))


def _decoded(file: PictureFile) -> Decoded:
    """The file, decoded by its format."""
    if file.container == "heic":
        return _heif(file)
    if file.container == "tiff":
        check_tiff(file)
    if file.container in READ_ONLY:
        check_foreign(file)
    opened = opened_by_pillow(file)
    if file.container in ("gif", "webp", "png") and is_animated(file):
        return animation(file, opened)
    return _still(file, opened)


def _still(file: PictureFile, opened: Image.Image) -> Decoded:
    """A file with a single image."""
    traits = traits_of(file, opened)
    placed = shown_as(file) if file.container == "avif" else ShownArea(turn=orientation_of(file, opened))
    stored = BY_NUMBER.get(tags(opened).get(274, 1), Orientation())  # for TIFF, which Pillow turns itself
    removed = removed_from(file, opened)
    losses = ending(file) if file.container == "gif" else []
    broken: Harm | None = None
    try:
        if losses and not file.allow_damaged:
            raise file.damaged(losses[0])
        pixels, channels, notes = _pixels(file, opened)
        opened.close()  # frees its copy of the pixels
    except (InputError, MemoryError):
        raise
    except Exception as error:
        if not file.allow_damaged:
            raise file.damaged(reason(error)) from error
        pixels, channels, notes = _salvaged(file)
        losses = [f"part of the picture: {reason(error)}"]
        if file.container == "jpg" and "truncated" not in str(error):
            broken = Harm(reason(error))
    if harm := damage(file.data, file.container) or broken:
        if not file.allow_damaged:
            raise file.damaged(harm.words)
        pixels = obscured(pixels, channels, harm, stored)
        losses = [f"{'the whole' if harm.whole else 'part of the'} picture: {harm.words}"]
    lossy = file.container == "avif" or (file.container == "webp" and not traits.lossless)
    upright, hidden = shown(placed.apply(pixels), channels, lossy=lossy)
    if placed.turn.transposed:
        traits = transposed(traits)
    traits = replace(traits, channels=channels, depth=8 * pixels.dtype.itemsize, notes=notes)
    turns = other_turns(file, joined(stored, placed.turn, placed.mirror), exif_orientations(file))
    return _single(traits, upright, (*removed, *_cropped(placed), *hidden), losses, turns)


def _single(
    traits: StillTraits, pixels: Pixels, removed: Sequence[str], losses: Sequence[str], turns: tuple[Orientation, ...]
) -> Decoded:
    size = (pixels.shape[1], pixels.shape[0])
    return Decoded(traits, size, (Fraction(0),), tuple(removed), tuple(losses), lambda: iter((pixels,)), turns)


def _cropped(placed: ShownArea) -> list[str]:
    """A note if pixels are cropped away."""
    return ["what is cropped away"] if placed.hides else []


def _pixels(file: PictureFile, opened: Image.Image) -> tuple[Pixels, str, tuple[str, ...]]:
    """The stored pixels, (rows, columns, channels); their channels; notes on what the output stores differently.

    Raises:
        UnsupportedInput: no output format can hold them unchanged.
    """
    if file.container == "jpg" and opened.mode == "RGB" and not rgb_coded(opened):
        opened.draft("YCbCr", None)  # JPEG's own colour space: converting to RGB and back would change samples
    if file.container == "png" and file.data[24] == 16 and opened.mode != "I;16":
        opened.load()
        opened.close()
        return _png16(file)
    if file.container == "tiff" and opened.mode.startswith("I;16") and tags(opened).get(262) == 0:
        pixels, channels, notes = _plain(opened, file.name)
        return np.iinfo(pixels.dtype).max - pixels, channels, notes  # white is zero: Pillow inverts 8 bits only
    return _plain(opened, file.name)


def _plain(opened: Image.Image, name: str) -> tuple[Pixels, str, tuple[str, ...]]:
    """Pillow's pixels, in one of `frame.CHANNELS`; see `_pixels`."""
    stored = opened.mode
    wanted = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}.get(stored, stored)
    if "transparency" in opened.info and wanted in ("L", "RGB"):
        wanted = {"L": "LA", "RGB": "RGBA"}[wanted]
    if stored.startswith("I;16"):
        wide = samples(opened, stored)[..., 0]
        if "transparency" in opened.info:
            return (
                np.stack((wide, np.where(wide == opened.info["transparency"], 0, 65535)), -1).astype(np.uint16),
                "LA",
                (),
            )
        return wide[..., None], "L", ()
    if wanted not in ("L", "LA", "RGB", "RGBA", "YCbCr", "CMYK"):
        raise UnsupportedInput(f"pixels of the kind {stored} are not supported; convert it to 8-bit RGB", name)
    notes = {"1": ("black and white became 8-bit grey",), "P": ("the palette became full colour",)}.get(stored, ())
    return samples(opened, wanted), wanted, notes


def _png16(file: PictureFile) -> tuple[Pixels, str, tuple[str, ...]]:
    """A PNG with 16 bits per sample in more than one channel, which Pillow would reduce to 8."""
    wide = cv2.imdecode(np.frombuffer(file.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if wide is None or wide.dtype != np.uint16:
        raise ValueError("its pixels cannot be decoded")
    if file.data[25] == 4:  # grey with alpha is decoded as colour
        return wide[..., [0, 3]], "LA", ()
    return (wide[..., [2, 1, 0, 3]], "RGBA", ()) if wide.shape[2] == 4 else (wide[..., ::-1], "RGB", ())


def _salvaged(file: PictureFile) -> tuple[Pixels, str, tuple[str, ...]]:
    """As much of a damaged image as can be decoded; the rest is black."""
    try:
        with lenient(), opened_by_pillow(file) as opened:
            opened.load()
            return _plain(opened, file.name)
    except (UnsupportedInput, MemoryError):
        raise
    except Exception as error:
        raise file.damaged(f"nothing of the picture can be read ({reason(error)})") from error


def _heif(file: PictureFile) -> Decoded:
    """The main image of a HEIC file; libheif turns it upright."""
    placed = shown_as(file)
    try:
        opened = pillow_heif.open_heif(BytesIO(file.data), convert_hdr_to_8bit=False)
        primary = opened[opened.primary_index]
        info: Mapping[str, Any] = primary.info
        mode = primary.mode
        size = primary.size
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadableInput(f"not a readable HEIC picture ({reason(error)})", file.name) from error
    check_size(file, size, len(mode.partition(";")[0]) * (2 if ";" in mode else 1))
    channels = {"RGBa": "RGBA", "La": "LA"}.get(mode.partition(";")[0], mode.partition(";")[0])
    if channels not in ("L", "LA", "RGB", "RGBA") or mode[0:4] in ("RGBa", "La"):
        raise UnsupportedInput(f"HEIC pixels of the kind {mode} are not supported; convert it to PNG", file.name)
    try:
        pixels = np.asarray(primary)
    except MemoryError:
        raise
    except Exception as error:
        raise file.damaged(reason(error)) from error
    pixels, losses = pixels.reshape(*pixels.shape[:2], -1), []
    if harm := damage(file.data, "heic"):
        if not file.allow_damaged:
            raise file.damaged(harm.words)
        pixels, losses = obscured(pixels, channels, harm, Orientation()), [f"the whole picture: {harm.words}"]
    pixels, hidden = shown(pixels, channels, lossy=True)
    turns = other_turns(file, joined(placed.turn, placed.mirror), exif_orientations(file))
    traits = StillTraits(
        "heic",
        channels,
        depth=8 * pixels.dtype.itemsize,
        icc=info.get("icc_profile") or b"",
        heif={key: info[key] for key in _HEIF_KEPT if info.get(key) is not None},
    )
    removed = dict.fromkeys((*_heif_words(info, len(opened)), *extras("heic", file.data), *_cropped(placed), *hidden))
    return _single(traits, pixels, tuple(removed), losses, turns)


_HEIF_KEPT = (
    "chroma",
    "bit_depth",
    "nclx_profile",
    "icc_profile_type",
    "pixel_aspect_ratio",
    "content_light_level",
    "mastering_display_colour_volume",
    "ambient_viewing_environment",
    "nominal_diffuse_white_luminance",
)


def _heif_words(info: Mapping[str, Any], pictures: int) -> list[str]:
    """What a HEIC file holds besides its main image, in words."""
    held = {
        "XMP": info.get("xmp"),
        "thumbnail": info.get("thumbnails"),
        "depth map": info.get("depth_images"),
        "auxiliary pictures": info.get("aux"),
        f"further pictures ({pictures - 1})": pictures > 1,
        "metadata": [m for m in info.get("metadata") or [] if m.get("type") not in ("Exif", "mime")],
    }
    return [*exif_words(info.get("exif")), *(word for word, there in held.items() if there)]
