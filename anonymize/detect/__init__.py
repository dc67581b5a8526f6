"""Detectors: what they are, how they are made by name, and how one look at a frame is done with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from anonymize.data import Kind
from anonymize.detect.concurrency import (
    Counted,
    Do,
    Later,
    Step,
    at_once,
    in_order,
    once,
    room_for,
    side_by_side,
    threads_each,
)
from anonymize.detect.detector import FLOOR, Detector
from anonymize.detect.incremental import Eyesight, Gaze, Glance
from anonymize.detect.multiscale import GROUPS, ORDINARY, TURNS, begin_look, look
from anonymize.detect.wrappers import only
from anonymize.errors import ModelError, UsageError
from anonymize.models import find, list_models
from anonymize.settings import Device
from anonymize.words import meant

__all__ = [
    "DETECTORS",
    "FLOOR",
    "GROUPS",
    "ORDINARY",
    "PROCESSOR_ONLY",
    "TURNS",
    "Counted",
    "Detector",
    "Do",
    "Eyesight",
    "Gaze",
    "Glance",
    "Later",
    "Step",
    "asked",
    "at_once",
    "begin_look",
    "build",
    "in_order",
    "look",
    "once",
    "refuse_unfit",
    "room_for",
    "side_by_side",
    "threads_each",
]


def _argus(threads: int, device: Device) -> Detector:
    from anonymize.detect.argus import Argus

    return Argus(threads, device)


def _centerface(threads: int, device: Device) -> Detector:
    from anonymize.detect.centerface import CenterFace

    return CenterFace(threads, device)


def _yunet(threads: int, device: Device) -> Detector:
    from anonymize.detect.yunet import YuNet

    return YuNet(threads, device)


def _blazeface(_threads: int, _device: Device) -> Detector:
    from anonymize.detect.blazeface import BlazeFace

    return BlazeFace("blazeface")


def _blazeface_short(_threads: int, _device: Device) -> Detector:
    from anonymize.detect.blazeface import BlazeFace

    return BlazeFace("blazeface-short")


DETECTORS: dict[str, Callable[[int, Device], Detector]] = {
    "argus": _argus,
    "centerface": _centerface,
    "yunet": _yunet,
    "blazeface": _blazeface,
    "blazeface-short": _blazeface_short,
}
"""Name -> function that makes the detector for a number of threads (0: every core) and a device."""

PROCESSOR_ONLY = frozenset({"blazeface", "blazeface-short"})
"""MediaPipe runs them, on the processor; the others are onnxruntime's."""


def build(
    names: Sequence[str], targets: Collection[Kind], threads: int = 0, device: Device = Device.CPU
) -> list[Detector]:
    """The detectors `names`, ready to look for `targets`.

    Args:
        names: as `asked` takes them.
        targets: detectors that find none of them are left out; all are made where it is empty.
        threads: processor threads that each may use; 0 for all.
        device: on what they run.

    Raises:
        UsageError: there is no detector of that name, or no such kind.
        ModelError: its model is not installed or altered, the device cannot be used, or nothing among `names` finds one
            of `targets`.
    """
    wanted = {name: kinds for name, kinds in asked(names).items() if not targets or kinds & set(targets)}
    refuse_unfit(list(wanted), device)
    found = frozenset[Kind]().union(*wanted.values())
    for kind in sorted(set(targets) - found - {Kind.AREA}):
        able = next(model.name for model in list_models() if kind in model.kinds)
        others = [f"{Kind(other).label}s" for other in sorted(set(targets) - {kind, Kind.AREA})]
        raise ModelError(
            f"{', '.join(names) or 'no detector'} cannot find {kind.label}s, and nothing is pretended. "
            f"Name a detector that finds them: --detectors {','.join([*names, f'{able}:{kind.label}s'])}"
            + (f"; or look for {others[0]} only: --targets {others[0]}" if others else "")
        )
    return [only(DETECTORS[name](threads, device), kinds) for name, kinds in wanted.items()]


def asked(names: Sequence[str]) -> dict[str, frozenset[Kind]]:
    """What each detector is asked for: everything it finds, or one kind where that stands behind its name.

    Args:
        names: registered detectors, each alone (`argus`) or with a kind (`argus:plates`).

    Raises:
        UsageError: there is no detector of that name, or it does not find that kind.
    """
    kinds: dict[str, frozenset[Kind]] = {}
    for text in names:
        name, _, kind = text.partition(":")
        if name not in DETECTORS:
            raise UsageError(f"detectors: {meant(name, list(DETECTORS))}")
        able = {each.label: each for each in find(name).kinds}
        if kind and kind.removesuffix("s") not in able:
            raise UsageError(f"{text}: {name} finds {' and '.join(f'{label}s' for label in able)}")
        chosen = {able[kind.removesuffix("s")]} if kind else set(able.values())
        kinds[name] = kinds.get(name, frozenset()) | chosen
    return kinds


def refuse_unfit(names: Sequence[str], device: Device) -> None:
    """What can be said against the detectors `names` on `device` before any is made.

    Raises:
        UsageError: as `asked` does.
        ModelError: one runs on the processor only, and another device was asked for.
    """
    for name in asked(names):
        if name in PROCESSOR_ONLY and device not in (Device.CPU, Device.AUTO):
            raise ModelError(
                f"--device {device.value}: {name} runs on the processor only. Give --device cpu or auto, or name other "
                f"detectors: --detectors {','.join(other for other in DETECTORS if other not in PROCESSOR_ONLY)}"
            )
