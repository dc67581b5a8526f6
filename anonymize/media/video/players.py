"""What players require of a container beyond its specification, as tables.

In MP4, M4V and MOV:

- QuickTime, Photos, iPhone, iPad and Safari play H.265 only as `hvc1`: parameter sets in the header, none between the
  frames. As `hev1` they play only the sound (`TAGS`);
- browsers, phones and upload forms expect the index before the media, to start while the rest loads (`OPTIONS`);
- QuickTime and Safari read colours from the header (`colr`), and show HDR as SDR without it (`OPTIONS`);
- editors round to the track's time scale: the source's times must be exact in it (`options.track_time_base`).

Everywhere, decoders of phones and televisions expect 8-bit 4:2:0: a source that has it keeps it (`encoders`). In TS,
timestamps stay as they were, without an added delay (`OPTIONS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ISOBMFF = {"empty_hdlr_name": "1", "movflags": "+faststart+write_colr"}
OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"mp4": _ISOBMFF, "mov": _ISOBMFF, "mpegts": {"mpegts_copyts": "1", "muxdelay": "0", "muxpreload": "0"}}
)
"""Muxer options, by FFmpeg's name of the muxer."""
TAGS: Mapping[str, str] = MappingProxyType({"h264": "avc1", "hevc": "hvc1", "av1": "av01", "vp9": "vp09"})
"""Sample entry (fourcc) in MP4 and MOV, by FFmpeg's name of the codec; for ProRes the encoder sets it."""


def tag_of(container: str, codec: str) -> str:
    """The sample entry for `codec` in `container` (a suffix); empty where the muxer's default is right."""
    return TAGS.get(codec, "") if container in ("mp4", "m4v", "mov") else ""
