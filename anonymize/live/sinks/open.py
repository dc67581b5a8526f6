"""Open sinks by address."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from anonymize.data import Frame
from anonymize.errors import OutputError, UsageError
from anonymize.live.metrics import Metrics
from anonymize.live.protocols import LiveSink, Picture
from anonymize.live.secrets import mask
from anonymize.live.sinks import push
from anonymize.live.sinks.encode import LivePacket
from anonymize.live.sinks.fan import FRAMES, Fan, Uncoded
from anonymize.live.sinks.feeder import Buffer, Feeder, OnState, Writer
from anonymize.live.sinks.hls import Hls
from anonymize.live.sinks.recording import Keep, Recording
from anonymize.live.sinks.stdout import PacketOutput, Y4m
from anonymize.live.sinks.virtual_camera import CameraOut
from anonymize.live.webrtc import place
from anonymize.media import make_folder
from anonymize.text.words import system

if TYPE_CHECKING:
    from anonymize.live.webrtc.port import Port

STDOUT, Y4M_STDOUT = "-", "y4m:-"
_WAITING = 8 << 20
"""Maximum bytes of packets waiting for a peer: about 14 s of 720p at its maximum rate."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of all sinks.

    Args:
        quality: x264's constant rate factor.
        keep: for recordings.
        camera: whose recordings they are.
        stall: seconds after which a peer that accepts nothing counts as lost.
        on_gone: called with the reason when a sink is lost permanently.
        ports: of viewers, by the address of their sink.
    """

    quality: int = 23
    keep: Keep = field(default_factory=Keep)
    camera: str = ""
    stall: float = push.STALL
    on_gone: Callable[[str], None] | None = None
    ports: Mapping[str, Port] = field(default_factory=dict)


def check(address: str) -> None:
    """Check that `address` is a sink that this machine can open, as far as is known without opening it.

    Raises:
        UsageError: it is not supported, something that it needs is missing, or it is a terminal.
    """
    scheme, has_host, host = address.partition("://")
    if has_host and scheme.lower() in push.PROTOCOLS:
        if not host.strip("/"):
            raise UsageError(f"{mask(address)}: a server is missing")
        push.check(address)
    elif (folder := _folder_of(address)) is not None:
        if folder.suffix == ".m3u8" and "%" in folder.name:
            raise UsageError("a % in the name of a playlist has a meaning of its own; name another", address)
    elif address.startswith(place.SCHEME):
        place.parse(address)
    elif address not in (STDOUT, Y4M_STDOUT) and not address.startswith("/dev/video"):
        raise UsageError(
            "no sink; expected rtsp://, rtmp:// or srt:// and a server, hls:FOLDER or a .m3u8 file, record:FOLDER, "
            "webrtc:PORT, /dev/videoN, - (MPEG-TS on standard output) or y4m:- (not repeated here: it may hold a "
            "password)"
        )
    elif address in (STDOUT, Y4M_STDOUT) and os.isatty(1):
        raise UsageError("standard output is a terminal: send it into a file or another program", address)


def prepare(addresses: Sequence[str]) -> None:
    """Create the folders that `addresses` name, and check that they are writable.

    Raises:
        OutputError: one is not.
    """
    for folder in folders(addresses):
        make_folder(folder)
        try:
            with TemporaryFile(dir=folder):
                continue
        except OSError as error:
            raise OutputError(f"nothing can be written in this folder ({system(error)})", folder) from error


def folders(addresses: Sequence[str]) -> list[Path]:
    """The folders that `addresses` name, of recordings and playlists, in order."""
    found = filter(None, map(_folder_of, addresses))
    return list(dict.fromkeys(path.parent if path.suffix == ".m3u8" else path for path in found))


def taken_up(address: str) -> object:
    """What no two sinks can share, however their addresses are written; the address itself, unless that is more.

    Raises:
        UsageError: it is no address of a sink for viewers.
    """
    if (folder := _folder_of(address)) is not None:
        with suppress(ValueError):  # a name that no file can have, which is refused where it is created
            return os.path.realpath(folder)
    if address.startswith(place.SCHEME):
        found = place.parse(address)
        return (found.host, found.port) if found.port else object()
    return address


def recordings(addresses: Sequence[str]) -> list[Path]:
    """The folders of recordings that `addresses` name, in order."""
    return folders([address for address in addresses if address.startswith("record:")])


def open_sinks(
    addresses: Sequence[str], picture: Picture, metrics: Metrics, options: Options | None = None
) -> list[LiveSink]:
    """Sinks for several addresses. Those that take packets share one encoder.

    Args:
        addresses: with credentials filled in.
        picture: format of the frames.
        metrics: records states and losses.
        options: of all sinks.

    Raises:
        UsageError: see `check`.
    """
    chosen = options or Options()
    for address in addresses:
        check(address)
    names = _names(addresses)
    plain = [address for address in addresses if address == Y4M_STDOUT or address.startswith("/dev/video")]
    coded = [address for address in addresses if address not in plain]
    sinks: list[LiveSink] = [Uncoded(_uncoded(address, names[address], picture, metrics, chosen)) for address in plain]
    if not coded:
        return sinks

    def feeders(streams: Sequence[Any], want_key: Callable[[], None]) -> list[Feeder[LivePacket]]:
        return [_coded(address, names[address], streams, metrics, chosen, want_key) for address in coded]

    plain_h264 = any(address.startswith(place.SCHEME) for address in coded)
    return [Fan(picture, chosen.quality, metrics, feeders, plain=plain_h264), *sinks]


def name_of(address: str) -> str:
    """The name of a sink for people: its address, masked."""
    return {STDOUT: "stdout", Y4M_STDOUT: "stdout (y4m)"}.get(address, mask(address))


def _names(addresses: Sequence[str]) -> dict[str, str]:
    """A name for each address; those that look the same when masked are numbered."""
    names: dict[str, str] = {}
    for address in addresses:
        name = name_of(address)
        same = sum(name_of(other) == name for other in names)
        names[address] = f"{name} ({same + 1})" if same else name
    return names


def _coded(
    address: str,
    name: str,
    streams: Sequence[Any],
    metrics: Metrics,
    options: Options,
    want_key: Callable[[], None],
) -> Feeder[LivePacket]:
    """The feeder of a sink that takes packets."""
    buffer: Buffer[LivePacket] = Buffer(
        _WAITING,
        weigh=lambda item: len(item.data),
        starts=lambda item: item.key and not item.sound,
        on_drop=lambda n: metrics.sink_dropped(name, n),
    )
    connect = _connector(address, streams, options, want_key)
    fresh = "://" in address or address.startswith(place.SCHEME)
    return Feeder(name, connect, buffer, metrics, fresh=fresh, on_gone=options.on_gone)


def _connector(
    address: str, streams: Sequence[Any], options: Options, want_key: Callable[[], None]
) -> Callable[[OnState], Writer[LivePacket]]:
    """The function that opens the writer of `address`."""
    if address.startswith(place.SCHEME):
        from anonymize.live.sinks.webrtc import WebRtc  # needs packages that are not always there

        return lambda on_state: WebRtc(options.ports[address], on_state, want_key)
    if address == STDOUT:
        return lambda on_state: PacketOutput(1, streams, on_state)
    if "://" in address:
        return lambda on_state: push.Push(address, streams, on_state, options.stall)
    folder = _folder_of(address)
    assert folder is not None  # `check` has passed
    if folder.suffix == ".m3u8":
        return lambda on_state: Hls(folder, streams, on_state)
    return lambda on_state: Recording(folder, streams, options.keep, on_state, camera=options.camera)


def _uncoded(address: str, name: str, picture: Picture, metrics: Metrics, options: Options) -> Feeder[Frame]:
    """The feeder of a sink that takes raw frames."""
    buffer: Buffer[Frame] = Buffer(
        FRAMES, weigh=lambda _: 1, starts=lambda _: True, on_drop=lambda n: metrics.sink_dropped(name, n)
    )

    def connect(on_state: OnState) -> Writer[Frame]:
        return Y4m(1, picture, on_state) if address == Y4M_STDOUT else CameraOut(address, picture, on_state)

    return Feeder(name, connect, buffer, metrics, fresh=True, on_gone=options.on_gone)


def _folder_of(address: str) -> Path | None:
    """The folder of a recording, or the playlist of an HLS address; None for other addresses."""
    if address.startswith("record:") and len(address) > len("record:"):
        return Path(address.removeprefix("record:"))
    if address.startswith("hls:") and len(address) > len("hls:"):
        path = Path(address.removeprefix("hls:"))
        return path if path.suffix == ".m3u8" else path / "live.m3u8"
    if address.endswith(".m3u8") and "://" not in address:
        return Path(address)
    return None
