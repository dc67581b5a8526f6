"""What this machine can do, found by trying it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anonymize import models, report
from anonymize.errors import ModelError
from anonymize.models import devices
from anonymize.settings import Codec, Device

WANTED_ENCODERS = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "ffv1", "prores_ks")
TRIED = "argus"
"""The network that devices are tried with: it is always installed."""
LEAST_MEMORY = 2 << 30
"""Bytes of memory that 4K video needs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined; `ok` is False if the tool cannot do its main job; `detail` says what there is."""

    name: str
    ok: bool
    detail: str


def examine() -> Iterator[Finding]:
    """Examine this machine, one finding after another."""
    for name, examiner in EXAMINERS.items():
        try:
            ok, detail = examiner()
        except (ImportError, OSError, RuntimeError, ModelError) as error:
            ok, detail = False, " ".join(str(error).split())
        yield Finding(name, ok, detail)


def usable_codecs() -> dict[str, str | None]:
    """Every encoder that can be chosen by name -> why it cannot be used here; None if it can."""
    return {codec.value: None if codec is Codec.AUTO else _why_no_codec(codec) for codec in Codec}


def usable_devices() -> dict[str, str | None]:
    """Every device that can be chosen by name -> why it cannot be used here; None if it can."""
    return {device.value: None if device is Device.AUTO else _why_no_device(device) for device in Device}


def _why_no_codec(codec: Codec) -> str | None:
    import av

    from anonymize.media.video.encoders import BY_NAME
    from anonymize.media.video.hardware import family, options, why_not

    encoder = BY_NAME[codec][0]
    if family(encoder):
        return why_not(encoder, encoder.formats["yuv420p"], (1280, 720), options(encoder, 20, 5))
    return None if encoder.name in av.codecs_available else "this FFmpeg was built without it"


def _why_no_device(device: Device) -> str | None:
    provider = devices.PROVIDERS[device]
    if provider.name not in models.engine().get_available_providers():
        return f"this onnxruntime was built without it; {provider.install}"
    return None if _try(device)[0] else f"needs {provider.needs}"


def _versions() -> tuple[bool, str]:
    return True, ", ".join(f"{name} {version}" for name, version in report.versions().items())


def _opencv() -> tuple[bool, str]:
    try:
        import cv2
    except ImportError as error:
        return False, f"{error}: on Debian and Ubuntu, apt install libgl1 libglib2.0-0"
    return True, str(cv2.__version__)


def _codecs() -> tuple[bool, str]:
    import av

    usable = [name for name in WANTED_ENCODERS if name in av.codecs_available]
    missing = [name for name in WANTED_ENCODERS if name not in usable]
    return not missing, f"{', '.join(usable)}" + (f"; missing: {', '.join(missing)}" if missing else "")


def _hardware() -> tuple[bool, str]:
    """The encoders of graphics cards, each opened for 720p."""
    from anonymize.media.video.hardware import hardware

    here: list[str] = []
    missing: dict[str, list[str]] = {}
    for codec in hardware():
        why = _why_no_codec(codec)
        (here if why is None else missing.setdefault(why, [])).append(codec.value)
    words = [", ".join(here) or "none can be used here"]
    return True, "; ".join([*words, *(f"not {', '.join(names)} ({why})" for why, names in missing.items())])


def _engine() -> tuple[bool, str]:
    module = models.engine()
    if devices.version(module) < devices.CLEAN_BELOW:
        return True, f"onnxruntime {module.__version__}"
    return False, (
        f"onnxruntime {module.__version__} uploads usage data, as all from 1.29 on do: install an older one"
        " (docs/devices.md)"
    )


def _devices() -> tuple[bool, str]:
    """Every device that this onnxruntime supports, tried with our own network."""
    known = models.engine().get_available_providers()
    found: dict[Device, bool] = {}
    words = []
    for device, provider in devices.PROVIDERS.items():
        if provider.name in known:
            found[device], word = _try(device)
            words.append(word)
    taken = next((device.value for device in devices.AUTO if found.get(device)), "none")
    ours = {provider.name for provider in devices.PROVIDERS.values()}
    never = [name.removesuffix("ExecutionProvider") for name in known if name not in ours]
    rest = f"; never used: {', '.join(never)}" if never else ""
    return found.get(Device.CPU, False), f"{', '.join(words)}; auto takes {taken}{rest}"


def _try(device: Device) -> tuple[bool, str]:
    """Whether a network runs on `device`, and words for it."""
    try:
        return True, models.session(TRIED, device=device).device_report
    except ModelError:
        return False, f"{device.value} (cannot be used here)"


def _models() -> tuple[bool, str]:
    states = models.verify()
    detail = ", ".join(f"{name} {state.value}" for name, state in states.items())
    return states["centerface"] is models.ModelState.OK, detail


def _cameras() -> tuple[bool, str]:
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return True, ", ".join(found) or "none"


def _memory() -> tuple[bool, str]:
    if not hasattr(os, "sysconf"):
        return True, "unknown on this system"
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return total >= LEAST_MEMORY, f"{total / (1 << 30):.1f} GiB, {os.cpu_count()} processors, {platform.machine()}"


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(Path.cwd()).free
    return free > 0, f"{free / (1 << 30):.1f} GiB free here"


EXAMINERS: dict[str, Callable[[], tuple[bool, str]]] = {
    "versions": _versions,
    "opencv": _opencv,
    "encoders": _codecs,
    "hardware": _hardware,
    "engine": _engine,
    "devices": _devices,
    "models": _models,
    "cameras": _cameras,
    "memory": _memory,
    "disk": _disk,
}
"""Name -> function that returns whether it is all right, and what there is."""
