"""Detectors: what they are, how they are made by name, and how one look at a frame is done with them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from anonymize.data import Kind
from anonymize.detect.detector import FLOOR, Detector
from anonymize.detect.look import look
from anonymize.errors import ModelError, UsageError
from anonymize.models import list_models

__all__ = ["DETECTORS", "FLOOR", "Detector", "build", "look"]


def _argus(threads: int) -> Detector:
    from anonymize.detect.argus import Argus

    return Argus(threads)


def _centerface(threads: int) -> Detector:
    from anonymize.detect.centerface import CenterFace

    return CenterFace(threads)


def _yunet(threads: int) -> Detector:
    from anonymize.detect.yunet import YuNet

    return YuNet(threads)


def _blazeface(_threads: int) -> Detector:
    from anonymize.detect.blazeface import BlazeFace

    return BlazeFace("blazeface")


def _blazeface_short(_threads: int) -> Detector:
    from anonymize.detect.blazeface import BlazeFace

    return BlazeFace("blazeface-short")


DETECTORS: dict[str, Callable[[int], Detector]] = {
    "argus": _argus,
    "centerface": _centerface,
    "yunet": _yunet,
    "blazeface": _blazeface,
    "blazeface-short": _blazeface_short,
}
"""Name -> function that makes the detector for a number of threads (0: every core)."""


def build(names: Sequence[str], targets: Collection[Kind], threads: int = 0) -> list[Detector]:
    """The detectors `names`, ready to look for `targets`.

    Raises:
        UsageError: there is no detector of that name.
        ModelError: its model is not installed or altered, or nothing among `names` finds one of `targets`.
    """
    for name in names:
        if name not in DETECTORS:
            raise UsageError(f"no detector is called {name!r}: known are {', '.join(DETECTORS)}")
    detectors = [DETECTORS[name](threads) for name in dict.fromkeys(names)]
    found = {kind for detector in detectors for kind in detector.kinds}
    for kind in sorted(set(targets) - found - {Kind.AREA}):
        able = [model.name for model in list_models() if kind in model.kinds]
        raise ModelError(
            f"{', '.join(names) or 'no detector'} cannot find {kind.label}s, and nothing is pretended. "
            f"Name a detector that finds them: --detectors {','.join([*names, able[0]])}"
        )
    return detectors
