"""Who takes the second look."""

from __future__ import annotations

from collections.abc import Sequence

from anonymize.data import Kind
from anonymize.detect import Detector, build, threads_each
from anonymize.models import State, find
from anonymize.models import verify as states
from anonymize.settings import Settings

SECOND = ("yunet", "argus")
"""The first of these that is installed, and was not asked for all it can find at the first look, is at the second: all
are quick."""


def lookers(settings: Settings, found_by: Sequence[Detector], threads: int = 0) -> list[Detector]:
    """Who takes the second look: those whom `settings` name, or `found_by` and a second detector where there is one.

    Args:
        settings: targets, and the detectors of `verify`.
        found_by: who took the first look; nobody looks again where nobody looked.
        threads: processor threads there are for looking; 0 for all.

    Raises:
        ModelError: a detector that the settings name is not installed, altered, or cannot run on their device.
    """
    if not found_by:
        return []
    device = settings.detect.device
    threads = threads_each(threads, device)
    if settings.verify.detectors:
        return build(settings.verify.detectors, settings.targets, threads, device)
    state = states()
    for name in SECOND:
        before = frozenset[Kind]().union(*(each.kinds for each in found_by if each.name == name))
        kinds = settings.targets & set(find(name).kinds)
        if kinds - before and state[name] is State.OK:
            second = build([name], kinds, threads, device)
            return [*(each for each in found_by if each.name != name), *second]
    return list(found_by)
