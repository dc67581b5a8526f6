"""Reading and writing pictures and sound: the only room that knows FFmpeg and Pillow."""

from anonymize.media.commit import pending, publish
from anonymize.media.open import open_sink, open_source, output_suffix
from anonymize.media.protocols import AudioInfo, Colour, FieldOrder, Hdr, MediaInfo, Sink, Source

__all__ = [
    "AudioInfo",
    "Colour",
    "FieldOrder",
    "Hdr",
    "MediaInfo",
    "Sink",
    "Source",
    "open_sink",
    "open_source",
    "output_suffix",
    "pending",
    "publish",
]
