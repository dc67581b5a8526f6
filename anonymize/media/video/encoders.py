"""The encoders in use, and what each can encode without changing a sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anonymize.media.frames.pixels import Layout
from anonymize.media.protocols import FieldOrder, MediaInfo
from anonymize.settings import Codec

_BESIDE = 2.6
"""Bytes a pixel that an encoder holds beside each of its copies of a frame (x265, measured with 8 and 10 bits)."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """What one of FFmpeg's encoders can encode without changing a sample."""

    name: str
    codec: str
    """FFmpeg's name of the codec."""
    formats: dict[str, str]
    """Planar pixel format -> the pixel format the encoder takes; the samples are identical."""
    whole_chroma: bool = True
    """Whether width and height must be multiples of the chroma subsampling step."""
    interlaced: bool = False
    static_hdr: bool = False
    """Whether its stream carries mastering display and light level metadata."""
    smallest: int = 1
    """Least width and height in pixels."""
    most_pixels: float = math.inf
    """Largest frame in 4:2:0 with 8 bits, in pixels, that it encodes within 2 GiB of memory."""
    pixel_shape: bool = False
    """Whether its stream stores the pixel aspect ratio; otherwise the container must."""

    def is_too_large(self, info: MediaInfo, layout: Layout) -> bool:
        """Whether encoding `info`'s frames, which have `layout`, would take more than 2 GiB of memory."""
        heavier = (_BESIDE + layout.bytes_a_pixel) / (_BESIDE + 1.5)
        return info.width * info.height * heavier > self.most_pixels

    def fits(self, info: MediaInfo, layout: Layout) -> bool:
        """Whether it can encode `info`'s frames, which have `layout`, without changing a sample."""
        interlaced = info.field_order is not FieldOrder.PROGRESSIVE
        if layout.name not in self.formats or min(info.width, info.height) < self.smallest:
            return False
        if self.is_too_large(info, layout):
            return False
        if interlaced and not self.interlaced:
            return False
        if info.hdr is not None and self.codec in ("hevc", "av1") and not self.static_hdr:
            return False  # the codec can carry that metadata, but this encoder would drop it
        if not self.whole_chroma:
            return True
        across = 1 << max(x for x, _ in layout.shifts)
        down = 1 << max(y for _, y in layout.shifts) + interlaced  # each field has chroma lines of its own
        width, height = info.stored_size
        return width % across == 0 and height % down == 0


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _yuv(*suffixes: str) -> dict[str, str]:
    return _same(*(f"yuv{chroma}p{suffix}" for chroma in (420, 422, 444) for suffix in suffixes))


MOST_PIXELS_VP9 = 5120 * 2880
"""Measured without detectors: 0.85 GiB at 3840 x 2160, 1.4 at this size, 3.0 at 8K (2.3 even without lookahead)."""
MOST_PIXELS_X265 = 7680 * 3840
"""It holds four frames at least. Measured at 8K, the encoder alone: 1.7 GiB, and 2.3 with 10 bits."""
X264 = Encoder("libx264", "h264", _yuv("", "10le") | _same("gray", "gray10le"), interlaced=True, pixel_shape=True)
X264_RGB = Encoder("libx264rgb", "h264", {"gbrp": "rgb24"}, pixel_shape=True)
X265 = Encoder(
    "libx265",
    "hevc",
    _yuv("", "10le", "12le") | _same("gray", "gray10le", "gray12le", "gbrp", "gbrp10le", "gbrp12le"),
    static_hdr=True,
    smallest=32,
    most_pixels=MOST_PIXELS_X265,
    pixel_shape=True,
)
VP9 = Encoder("libvpx-vp9", "vp9", _yuv("") | _same("yuv440p", "gbrp"), whole_chroma=False, most_pixels=MOST_PIXELS_VP9)
AV1 = Encoder("libsvtav1", "av1", _same("yuv420p", "yuv420p10le"), static_hdr=True, smallest=64)
PRORES = Encoder(
    "prores_ks", "prores", _same("yuv422p10le", "yuv444p10le", "yuva444p10le"), interlaced=True, whole_chroma=False
)
FFV1 = Encoder(
    "ffv1",
    "ffv1",
    _yuv("", "9le", "10le", "12le", "14le", "16le")
    | _same("yuv410p", "yuv411p", "yuv440p", "yuv440p10le", "yuv440p12le")
    | _same("gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le")
    | _same(*(f"yuva{chroma}p{depth}" for chroma in (420, 422, 444) for depth in ("", "9le", "10le", "16le")))
    | _same("yuva422p12le", "yuva444p12le")
    | _same(*(f"gbrp{depth}le" for depth in (9, 10, 12, 14, 16)), *(f"gbrap{depth}le" for depth in (10, 12, 14, 16)))
    | {"gbrp": "bgr0", "gbrap": "bgra"},
    whole_chroma=False,
    interlaced=True,
)
# Hardware encoders take 10-bit samples in the upper bits of 16: the same values, shifted.
_PACKED_420 = {"yuv420p10le": "p010le"}
_PACKED_444 = {"yuv444p10le": "yuv444p10msble"}
BY_NAME = {
    Codec.H264: (X264, X264_RGB),
    Codec.H265: (X265,),
    Codec.AV1: (AV1,),
    Codec.VP9: (VP9,),
    Codec.FFV1: (FFV1,),
    Codec.PRORES: (PRORES,),
    Codec.H264_NVENC: (Encoder("h264_nvenc", "h264", _same("yuv420p", "yuv444p") | _PACKED_420),),
    Codec.H265_NVENC: (Encoder("hevc_nvenc", "hevc", _same("yuv420p", "yuv444p") | _PACKED_420 | _PACKED_444),),
    Codec.AV1_NVENC: (Encoder("av1_nvenc", "av1", _same("yuv420p") | _PACKED_420),),
    Codec.H264_QSV: (Encoder("h264_qsv", "h264", {"yuv420p": "nv12"}),),
    Codec.H265_QSV: (Encoder("hevc_qsv", "hevc", {"yuv420p": "nv12"} | _PACKED_420),),
    Codec.AV1_QSV: (Encoder("av1_qsv", "av1", {"yuv420p": "nv12"} | _PACKED_420),),
    Codec.H264_AMF: (Encoder("h264_amf", "h264", {"yuv420p": "nv12"}),),
    Codec.H265_AMF: (Encoder("hevc_amf", "hevc", {"yuv420p": "nv12"} | _PACKED_420),),
    Codec.AV1_AMF: (Encoder("av1_amf", "av1", {"yuv420p": "nv12"} | _PACKED_420),),
    Codec.H264_VIDEOTOOLBOX: (Encoder("h264_videotoolbox", "h264", {"yuv420p": "nv12"}),),
    Codec.H265_VIDEOTOOLBOX: (Encoder("hevc_videotoolbox", "hevc", {"yuv420p": "nv12"} | _PACKED_420),),
}
