"""Detectors by name, and those of the first and the second look at a video."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from anonymize.data import Kind
from anonymize.detect.concurrency import threads_each
from anonymize.detect.detector import Detector
from anonymize.detect.wrappers import only
from anonymize.errors import ModelError, UsageError
from anonymize.models import ModelState, find, list_models
from anonymize.models import verify as states
from anonymize.settings import Device, Settings
from anonymize.text.words import meant

SECOND = ("yunet", "argus")
"""The first of these that is installed, and was not asked for all it can find at the first look, is at the second: all
are quick."""


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


def first_detectors(settings: Settings, threads: int = 0) -> list[Detector]:
    """The detectors of the first look; none where only zones are to be redacted.

    Args:
        settings: targets, detectors and device.
        threads: processor threads there are for detection; 0 for all.

    Raises:
        ModelError: a model is missing or altered, none of them finds what is wanted, or the device cannot be used.
    """
    if not settings.targets:
        return []
    return _built(settings.detect.detectors, settings.targets, settings, threads)


def second_detectors(settings: Settings, found_by: Sequence[Detector], threads: int = 0) -> list[Detector]:
    """The detectors of the second look: those that `settings` name, or `found_by` and another where there is one.

    Args:
        settings: targets, and the detectors of `verify`.
        found_by: those of the first look; where there are none, there are none.
        threads: processor threads there are for detection; 0 for all.

    Raises:
        ModelError: a detector that the settings name is not installed, altered, or cannot run on their device.
    """
    if not found_by:
        return []
    if settings.verify.detectors:
        return _built(settings.verify.detectors, settings.targets, settings, threads)
    state = states()
    for name in SECOND:
        before = frozenset[Kind]().union(*(each.kinds for each in found_by if each.name == name))
        kinds = settings.targets & set(find(name).kinds)
        if kinds - before and state[name] is ModelState.OK:
            second = _built([name], kinds, settings, threads)
            return [*(each for each in found_by if each.name != name), *second]
    return list(found_by)


def _built(names: Sequence[str], targets: Collection[Kind], settings: Settings, threads: int) -> list[Detector]:
    device = settings.detect.device
    return build(names, targets, threads_each(threads, device), device)
