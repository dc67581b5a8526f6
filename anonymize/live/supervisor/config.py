"""Several cameras in one TOML file: source, sinks and settings of each.

preset = "municipal"            # for all cameras that do not set their own
metrics = 9464                  # /metrics and /healthz for all of them, on 127.0.0.1
control = 9465                  # the control room
user = "anonymize-cameras"      # whose the cameras' processes are, if this one is root's

[cameras.market]
source = "rtsp://${MARKET_USER}:${file:/run/secrets/market}@10.0.0.5/stream1"
to = ["rtsp://127.0.0.1:8554/market", "record:/var/lib/anonymize/market"]
keep = "7d"

[cameras.market.settings]       # anything that a preset can set
zones = [{ polygon = [[0, 0], [300, 0], [300, 200], [0, 200]] }]
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

import anonymize.presets as presets
from anonymize.errors import UsageError
from anonymize.kinds import MOTION
from anonymize.live.secrets import mask, resolve
from anonymize.live.sinks import open
from anonymize.live.sinks.recording import Keep
from anonymize.live.source.connection import way_to
from anonymize.live.webrtc import place
from anonymize.live.webrtc.place import Place
from anonymize.parallel import user as users
from anonymize.parallel.user import SystemUser
from anonymize.settings import Audio, Settings, Transport
from anonymize.text import untrusted
from anonymize.text.mapping import from_mapping
from anonymize.text.ranges import Range, in_range, shown

PORT = Range(0, 65_535)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
LONGEST = 100 * 365 * 86_400
"""Maximum seconds to keep recordings."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SIZES = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([MGT]B)", re.IGNORECASE)
LARGEST = 10**15
"""Maximum bytes of recordings to keep."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera.

    Args:
        source: its address, with references to credentials.
        to: addresses of the sinks, likewise.
        name: in logs, metrics and on the preview page.
        preset: name of a preset, or a .toml file.
        settings: overrides of the preset, in the format of a preset file.
        audio: `keep` passes the sound.
        loop: play a file repeatedly.
        transport: of an RTSP source.
        poll: seconds between the pictures of a source that gives one at a time; 0 for a stream.
        quality: x264's constant rate factor.
        keep: how long to keep recordings, as ``7d``, how much, as ``200GB``, or both, as ``7d,200GB``; empty: all.
        segment: seconds per segment of a recording.
        viewers: file of who may watch a `webrtc:` sink; empty: whoever has the token that each start makes.
        tls_cert, tls_key: files of the TLS certificate of a `webrtc:` sink and its private key; empty: no TLS.
        preview: port of the preview page; 0: any free port; None: no page.
        metrics: port of ``/metrics`` and ``/healthz``; 0: any free port; None: none.
        user: of the system, whose its processes are; empty: that of the supervisor.

    Raises:
        UsageError: a value is invalid.
    """

    source: str
    to: tuple[str, ...] = ()
    name: str = "camera"
    preset: str = presets.DEFAULT
    settings: dict[str, Any] = field(default_factory=dict)
    audio: Audio = Audio.MUTE
    loop: bool = False
    transport: Transport = Transport.AUTO
    poll: Annotated[float, Range(0, 3600, "seconds")] = 0.0
    quality: Annotated[int, Range(0, 51)] = 23
    keep: str = ""
    segment: Annotated[float, Range(1, 86_400, "seconds")] = 60.0
    viewers: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    preview: Annotated[int, PORT] | None = None
    metrics: Annotated[int, PORT] | None = None
    user: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UsageError(f"camera name {self.name!r}: expected letters, digits, dot, dash and underscore").coded(
                "camera-name"
            )
        if not self.source:
            raise UsageError(f"camera {self.name}: it needs a source")
        if not self.to and self.preview is None:
            raise UsageError(f"camera {self.name}: nowhere to send the picture; name a sink or a preview page").coded(
                "no-sink"
            )
        try:
            in_range(self)
        except UsageError as error:
            raise UsageError(f"camera {self.name}: {error}") from None
        _ = self.retention

    @property
    def retention(self) -> Keep:
        """How recordings are cut and kept."""
        return Keep(self.segment, *retention(self.keep))

    @property
    def owner(self) -> SystemUser | None:
        """Whose its processes are; None: those of whoever starts them. Raises `UsageError`."""
        try:
            return users.find(self.user) if self.user else None
        except UsageError as error:
            raise UsageError(f"camera {self.name}: {error}") from error

    @property
    def watched(self) -> tuple[str, ...]:
        """The addresses of sinks that viewers come to."""
        return tuple(address for address in self.to if address.startswith(place.SCHEME))

    def place(self, address: str) -> Place:
        """Where one of `watched` is served. Raises `UsageError`."""
        viewers, certificate, key = (Path(one) if one else None for one in (self.viewers, self.tls_cert, self.tls_key))
        return place.parse(address, viewers, certificate, key)

    def load_settings(self) -> Settings:
        """The preset, read again, with the overrides. Raises `UsageError`."""
        try:
            return for_live(from_mapping(Settings, self.settings, presets.load(self.preset).settings))
        except UsageError as error:
            raise UsageError(f"camera {self.name}: {mask(str(error))}") from None

    def resolved(self) -> Self:
        """This camera with credentials filled in and every sink checked. Raises `UsageError`."""
        try:
            filled = replace(self, source=resolve(self.source), to=tuple(resolve(address) for address in self.to))
            way_to(filled.source, self.transport, self.poll)
            for address in filled.to:
                open.check(address)
            for address in self.watched:
                self.place(address).check()
        except UsageError as error:
            raise UsageError(f"camera {self.name}: {error}") from error
        if filled.source == open.STDOUT and self.loop:
            raise UsageError(f"camera {self.name}: standard input cannot be played again")
        uses = [open.taken_up(address) for address in filled.to]
        for number, address in enumerate(filled.to):
            if uses[number] in uses[:number]:
                raise UsageError(f"camera {self.name}: sink named twice: {mask(address)}")
        return filled


def for_live(settings: Settings) -> Settings:
    """`settings`, if they are valid for a stream. Raises `UsageError`."""
    if settings.show_persons:
        raise UsageError("show_persons: nobody can be left visible in live: a person is chosen in a recording")
    if MOTION in settings.targets and (settings.spared or settings.only):
        raise UsageError(
            "targets: with motion all that moves is covered, everywhere and at all times: spared, only "
            "(--show-zone, --show-outside) cannot be used with it"
        )
    return settings


@dataclass(frozen=True, slots=True)
class Fleet:
    """All cameras of a file, the ports of their shared metrics and of the control room (None: none), and the preset and
    user of cameras that set none."""

    cameras: dict[str, Camera]
    metrics: int | None = None
    control: int | None = None
    preset: str = presets.DEFAULT
    user: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    """Content of a file of cameras; `preset` and `user` are for those that set none."""

    cameras: dict[str, Any] = field(default_factory=dict)
    preset: str = presets.DEFAULT
    metrics: Annotated[int, PORT] | None = None
    control: Annotated[int, PORT] | None = None
    user: str = ""


def read(path: Path) -> Fleet:
    """The cameras in `path`. Raises `UsageError` as `parse` does, or if it cannot be read."""
    return parse(text(path), path)


def text(path: Path) -> str:
    """What stands in `path`. Raises `UsageError`."""
    return untrusted.text(path, "file of cameras", UsageError)


def parse(content: str, path: Path) -> Fleet:
    """The cameras in `content`, which stands in `path` or is to.

    Raises:
        UsageError: it is not TOML, or a value is invalid; the message names the key.
    """
    values = untrusted.toml_value(content, str(path), UsageError)
    try:
        file = from_mapping(_File, values)
        if not file.cameras or not all(isinstance(one, Mapping) for one in file.cameras.values()):
            raise UsageError("no cameras: expected a table [cameras.NAME] for each")
        cameras = {
            name: _camera(name, {"preset": file.preset, "user": file.user} | one) for name, one in file.cameras.items()
        }
        _no_clash(file, cameras)
    except UsageError as error:
        raise UsageError(f"{mask(str(error))}", path) from None  # the invalid value may be an address
    return Fleet(cameras, file.metrics, file.control, file.preset, file.user)


def _camera(name: str, values: Mapping[str, Any]) -> Camera:
    if "source" not in values:
        raise UsageError(f"camera {name}: it needs a source")
    for key in ("name", "metrics"):
        if key in values:
            raise UsageError(f"camera {name}: {key} is set above, not for one camera")
    camera = from_mapping(Camera, {**values, "name": name}, where=f"cameras.{name}")
    if camera.watched and not camera.viewers:
        raise UsageError(f'camera {name}: name who may watch it in a file: viewers = "/path"')
    if {"-", "y4m:-"} & {camera.source, *camera.to}:
        raise UsageError(f"camera {name}: standard input and output are for a single camera")
    return camera


def _no_clash(file: _File, cameras: Mapping[str, Camera]) -> None:
    """Refuse two cameras that write to the same folder, push to the same address or share a port."""
    taken: dict[object, str] = {
        (place.LOOPBACK, port): who for who, port in (("control", file.control), ("metrics", file.metrics)) if port
    }
    if len(taken) == 1 and file.control and file.metrics:
        raise UsageError("control and metrics are the same port")
    for camera in cameras.values():
        try:
            uses = [(open.taken_up(address), address) for address in camera.to]
        except UsageError as error:
            raise UsageError(f"camera {camera.name}: {error}") from None
        if camera.preview:
            uses.append(((place.LOOPBACK, camera.preview), str(camera.preview)))
        for use, address in uses:
            if use in taken:
                raise UsageError(f"{taken[use]} and camera {camera.name} both use {mask(address)}")
            taken[use] = f"camera {camera.name}"


def duration(text: str) -> float:
    """Seconds from ``90s``, ``15m``, ``36h``, ``7d`` or ``2w``. Raises `UsageError`, which speaks of sizes, too."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not 0 < float(found.group(1)) * _UNITS[found.group(2)] <= LONGEST:
        raise UsageError(
            f"duration {shown(text)}: expected a number and s, m, h, d or w, as 7d, at most 100 years; "
            "or a size, as 200GB"
        ).coded("keep")
    return float(found.group(1)) * _UNITS[found.group(2)]


def retention(text: str) -> tuple[float | None, int | None]:
    """Seconds and bytes from ``7d``, ``200GB`` or both, comma-separated; None for what is not given.

    Raises:
        UsageError: it is neither, or one of them is given twice.
    """
    age: float | None = None
    size: int | None = None
    for part in filter(None, map(str.strip, text.split(","))):
        found = _SIZE.fullmatch(part)
        if (age if found is None else size) is not None:
            raise UsageError(f"keep {shown(text)}: give one duration, one size, or one of each, as 7d,200GB").coded(
                "keep"
            )
        if found is None:
            age = duration(part)
        else:
            size = round(float(found[1]) * _SIZES[found[2].upper()])
            if not 0 < size <= LARGEST:
                raise UsageError(f"size {shown(part)}: expected more than nothing, and at most 1000 TB").coded("keep")
    return age, size
