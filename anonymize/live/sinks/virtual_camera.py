"""A virtual camera that other programs can open.

A v4l2loopback device, written by FFmpeg's v4l2 output. (pyvirtualcam is GPL-2.0, so this package cannot depend on it.)
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.stream import VideoStream

from anonymize.data import Frame
from anonymize.errors import OutputError
from anonymize.live.protocols import Picture
from anonymize.live.sinks.feeder import OnState
from anonymize.media.frames.frame import VideoPicture


class CameraOut:
    """`feeder.Writer` of frames to a virtual camera that other programs can open.

    Args:
        device: a v4l2loopback device, ``/dev/videoN``.
        picture: format that the camera announces.
        on_state: called once it is open.

    Raises:
        OutputError: there is no such device, or it accepts no pictures.
    """

    def __init__(self, device: str, picture: Picture, on_state: OnState) -> None:
        if not Path(device).is_char_device():
            raise OutputError("there is no such device; load v4l2loopback (docs/live.md)", device)
        self._container = av.open(device, "w", format="v4l2")
        stream = self._container.add_stream("rawvideo", rate=picture.rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        self._stream = stream
        try:
            self._container.start_encoding()
        except (OSError, av.error.FFmpegError) as error:
            raise OutputError(
                f"it accepts no pictures ({error.strerror}); is it a v4l2loopback device?", device
            ) from error
        on_state("ok", "open")

    def write(self, item: Frame) -> None:
        """Write a frame."""
        assert isinstance(item, VideoPicture)
        packets: list[Packet[Any]] = list(self._stream.encode(item.picture))
        self._container.mux(packets)

    def close(self) -> None:
        """Close the device."""
        self._container.close()

    def abandon(self) -> None:
        """Nothing to do: the device keeps no state."""
