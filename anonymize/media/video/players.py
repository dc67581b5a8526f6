"""What players need of a container beside what its format allows, as tables.

In MP4, M4V and MOV:

- QuickTime, Photos, iPhone, iPad and Safari play H.265 only as `hvc1`: parameter sets in the header, none between the
  pictures. As `hev1` there is sound alone (`TAGS`);
- browsers, phones and forms to upload with want the index before the media, to begin while the rest comes (`OPTIONS`);
- QuickTime and Safari read colours from the header (`colr`), and show HDR as SDR without it (`OPTIONS`);
- editing programs keep to the track's time scale: the source's times must be exact in it (`encode.track_time_base`).

In all of them, decoders of phones and televisions want 4:2:0 with 8 bits: what had that in the source keeps it
(`encoders`). In TS, times stay as they were, without a further delay (`OPTIONS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_ISOBMFF = {"empty_hdlr_name": "1", "movflags": "+faststart+write_colr"}
OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"mp4": _ISOBMFF, "mov": _ISOBMFF, "mpegts": {"mpegts_copyts": "1", "muxdelay": "0", "muxpreload": "0"}}
)
"""FFmpeg's options by its name of the muxer."""
TAGS: Mapping[str, str] = MappingProxyType({"h264": "avc1", "hevc": "hvc1", "av1": "av01", "vp9": "vp09"})
"""What MP4 and MOV call a sample entry, by FFmpeg's name of the codec; of ProRes the encoder says which it is."""


def tag_of(container: str, codec: str) -> str:
    """The name of the sample entry for `codec` in `container` (a suffix); empty where the muxer's own serves."""
    return TAGS.get(codec, "") if container in ("mp4", "m4v", "mov") else ""
