"""Detectors by name: those of the detection pass and those of verification."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial

from anonymize.data import Kind
from anonymize.detect.concurrency import threads_each
from anonymize.detect.context import MEAN, Context, Facing, Rule, Witness
from anonymize.detect.context.witness import NAME as WITNESS
from anonymize.detect.detector import Detector
from anonymize.detect.text.matching import reading_weights
from anonymize.detect.wrappers import only
from anonymize.errors import ModelError, UsageError
from anonymize.kinds import FOUND, MOTION
from anonymize.models import ModelState, find, list_models, locate, own, own_models, state_of
from anonymize.settings import Detect, Device, Settings
from anonymize.text.words import meant

USUAL = {Kind.TEXT: "ppocr"}
"""The detector of kinds that are found where they are a target, though no detector in the settings finds them."""
SECOND = ("yunet", "argus")
"""Verification uses the first of these that is installed and that the detection pass did not use for all its kinds: all
are fast."""


def _argus(threads: int, device: Device, name: str = "argus") -> Detector:
    from anonymize.detect.argus import Argus

    return Argus(name, threads, device)


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


def _ppocr(threads: int, device: Device) -> Detector:
    from anonymize.detect.text import PPOCR

    return PPOCR(threads, device)


def _own(name: str) -> Callable[[int, Device], Detector]:
    from anonymize.detect.own import own as made

    return partial(made, name)


DETECTORS: dict[str, Callable[[int, Device], Detector]] = {
    "argus": _argus,
    "argus2": partial(_argus, name="argus2"),
    "centerface": _centerface,
    "yunet": _yunet,
    "ppocr": _ppocr,
    "blazeface": _blazeface,
    "blazeface-short": _blazeface_short,
}
"""Name -> function that makes the detector, from a number of threads (0: every core) and a device. Those that the user
imported come on top (`makers`)."""

PROCESSOR_ONLY = frozenset({"blazeface", "blazeface-short"})
"""MediaPipe runs them, on the processor; onnxruntime runs the others."""


class Unfound(ModelError):
    """No detector finds a kind that is wanted."""

    what = ""
    """The message without what else can be looked for."""
    others = ""
    """The kinds that are wanted, too, and are found: as `--targets` takes them."""


def makers() -> dict[str, Callable[[int, Device], Detector]]:
    """`DETECTORS`, and those that the user imported. Raises `ModelError` if one of these is damaged."""
    return {**DETECTORS, **{model.name: _own(model.name) for model in own_models()}}


def build(
    names: Sequence[str], targets: Collection[Kind], threads: int = 0, device: Device = Device.CPU
) -> list[Detector]:
    """The detectors `names`, ready to find `targets`.

    Args:
        names: see `asked`.
        targets: detectors that find none of them are left out; if empty, all are made.
        threads: processor threads for each; 0 for all.
        device: where they run.

    Raises:
        UsageError: a detector or kind does not exist.
        ModelError: a model is not installed or altered, the device cannot be used, or none of `names` finds one of
            `targets`.
    """
    if MOTION in targets:
        raise UsageError(
            "--targets motion: all that moves is covered in `anonymize live` alone, where the empty place is learnt. "
            "Here find faces, heads, persons, plates or text"
        )
    wanted = _wanted(names, targets, device)
    return [only((DETECTORS.get(name) or _own(name))(threads, device), kinds) for name, kinds in wanted.items()]


def refuse_unusable(settings: Settings) -> None:
    """Refuse `settings` whose detectors could not be made, without making them.

    Raises:
        UsageError, ModelError: as `build`, but for what a network says when it is loaded.
    """
    looked_for = sought(settings)
    if looked_for.targets:
        detect = looked_for.detect
        names = _wanted(with_usual(detect.detectors, looked_for.targets), looked_for.targets, detect.device)
        for name in (*names, *reading_weights(looked_for)):
            locate(name)


def _wanted(names: Sequence[str], targets: Collection[Kind], device: Device) -> dict[str, frozenset[Kind]]:
    """The detectors that find some of `targets`, and what each is used for. Raises as `build`."""
    wanted = {name: kinds for name, kinds in asked(names).items() if not targets or kinds & set(targets)}
    refuse_unfit(list(wanted), device)
    found = frozenset[Kind]().union(*wanted.values())
    for kind in sorted(set(targets) - found):
        raise _unfound(kind, names, [other for other in FOUND if other in targets and other in found])
    return wanted


def _unfound(kind: Kind, names: Sequence[str], others: Sequence[Kind]) -> Unfound:
    """The error that no detector among `names` finds `kind`; `others` are wanted, too, and found."""
    known, listed = makers(), list_models()
    able = [model.name for model in listed if kind in model.kinds and model.name in known]
    if able:
        best = _usual(kind) or f"{able[0]}:{kind.plural}"
        able.sort(key=lambda name: name != best.partition(":")[0])
        named = ",".join([*names, best])
        advice = f"Name a detector that finds them ({', '.join(able)}): --detectors {named}"
    else:
        plurals = sorted({each.plural for model in listed for each in model.kinds})
        advice = (
            f"No model here does: {meant(kind.plural, plurals)}. Bring one that does: "
            "anonymize models import FILE.onnx --card CARD.toml"
        )
    rest = ",".join(other.plural for other in others)
    what = f"{', '.join(names) or 'no detector'} cannot find {kind.plural}. {advice}"
    error = Unfound(f"{what}; or find {rest} only: --targets {rest}" if rest else what)
    error.what, error.others = what, rest
    return error


def _usual(kind: Kind) -> str:
    """What finds `kind` by default, as settings name it; empty for a kind that the defaults do not find."""
    usual = (text for text in Detect().detectors if kind in asked([text])[text.partition(":")[0]])
    return next(usual, USUAL.get(kind, ""))


def asked(names: Sequence[str]) -> dict[str, frozenset[Kind]]:
    """The kinds that each detector is used for: all that it finds, or those given after its name.

    Args:
        names: registered detectors, each alone (`argus`) or with a kind (`argus:plates`).

    Raises:
        UsageError: there is no detector of that name, or it does not find that kind.
    """
    kinds: dict[str, frozenset[Kind]] = {}
    for text in names:
        name, colon, kind = text.partition(":")
        name = name.strip()
        if not is_known(name):
            raise UsageError(f"detectors: {meant(name, list(makers()))}")
        able = {each.label: each for each in find(name).kinds}
        kind = kind.strip().lower().removesuffix("s")
        if colon and kind not in able:
            raise UsageError(f"{text}: {name} finds {' and '.join(f'{label}s' for label in able)}")
        chosen = {able[kind]} if colon else set(able.values())
        kinds[name] = kinds.get(name, frozenset()) | chosen
    return kinds


def is_known(name: str) -> bool:
    """Whether there is a detector of this name. Raises `ModelError` if it is the user's own and damaged."""
    return name in DETECTORS or own(name) is not None


def refuse_unfit(names: Sequence[str], device: Device) -> None:
    """Refuse the detectors `names` on `device` if that is impossible, before any is made.

    Raises:
        UsageError: see `asked`.
        ModelError: one runs on the processor only, and another device was asked for.
    """
    for name in asked(names):
        if name in PROCESSOR_ONLY and device not in (Device.CPU, Device.AUTO):
            raise ModelError(
                f"--device {device.value}: {name} runs on the processor only. Use --device cpu or auto, or other "
                f"detectors: --detectors {','.join(other for other in DETECTORS if other not in PROCESSOR_ONLY)}"
            )


def sought(settings: Settings) -> Settings:
    """`settings` with the targets that detectors look for: to tell that a place is empty, all that they can find, too.

    Raises:
        UsageError: see `asked`.
    """
    if MOTION not in settings.targets:
        return settings
    able = frozenset[Kind]().union(*asked(settings.detect.detectors).values())
    return replace(settings, targets=(settings.targets - {MOTION}) | able)


def first_detectors(settings: Settings, threads: int = 0) -> list[Detector]:
    """The detectors of the detection pass; none if only zones are redacted.

    Args:
        settings: targets, detectors and device.
        threads: processor threads for all detection; 0 for all.

    Raises:
        ModelError: a model is missing or altered, none finds one of the targets, or the device cannot be used.
    """
    if not settings.targets:
        return []
    return _built(settings.detect.detectors, settings, threads)


def second_detectors(settings: Settings, found_by: Sequence[Detector], threads: int = 0) -> list[Detector]:
    """The detectors of verification: those named in `settings`, or `found_by` and another one if possible.

    Args:
        settings: targets, and the detectors of `verify`.
        found_by: those of the detection pass; if there are none, there are none here either.
        threads: processor threads for all detection; 0 for all.

    Raises:
        ModelError: a detector named in the settings is not installed, altered, or cannot run on their device.
    """
    if not found_by:
        return []
    if settings.verify.detectors:
        return _built(settings.verify.detectors, settings, threads)
    for name in SECOND:
        before = frozenset[Kind]().union(*(each.kinds for each in found_by if each.name == name))
        kinds = settings.targets & set(find(name).kinds)
        if kinds - before and state_of(name) is ModelState.OK:
            second = build([name], kinds, threads_each(threads, settings.detect.device), settings.detect.device)
            return [*(each for each in found_by if each.name != name), *second]
    return list(found_by)


def context_of(
    settings: Settings, threads: int = 0, witness: Witness | None = None, *, once: bool = False
) -> Context | None:
    """Who is asked about weak finds and heads; None if none of these is wanted, or the network is not installed.

    Args:
        settings: targets, which finds are weak, and whether it matters which heads are seen from behind.
        threads: processor threads; 0 for all.
        witness: the network, if it is open already.
        once: see `rule_of`.
    """
    rule = rule_of(settings, once=once)
    weak, heads = rule.below and settings.targets & rule.enough.keys(), rule.behind and Kind.HEAD in settings.targets
    if not (weak or heads):
        return None
    witness = witness or witness_of(threads)
    return Context(witness, rule) if witness else None


def facing_of(settings: Settings) -> Facing | None:
    """Who says which heads are seen from behind; None if all are hidden, or the network is not installed."""
    wanted = settings.detect.behind and Kind.HEAD in settings.targets
    witness = witness_of(1) if wanted else None  # on small pictures more threads are no faster
    return Facing(witness, settings.detect.behind) if witness else None


def witness_of(threads: int = 0) -> Witness | None:
    """The network that is asked about weak finds and faint places; None if it is not installed.

    Args:
        threads: processor threads; 0 for all.
    """
    return Witness(threads) if state_of(WITNESS) is ModelState.OK else None


def least_of_plates() -> float:
    """What the witness says of a faint place, in the mean of its looks, below which a plate is hardly there."""
    return MEAN * find(WITNESS).enough[Kind.PLATE]


def rule_of(settings: Settings, *, once: bool) -> Rule:
    """Which finds are alone, and which heads are seen from behind; `once` in a picture, which is looked at once."""
    return Rule(settings.detect.alone, find(WITNESS).enough, settings.detect.behind, once)


def with_usual(names: Sequence[str], targets: Collection[Kind]) -> tuple[str, ...]:
    """`names`, and the `USUAL` detectors of targets that none of them finds.

    Raises:
        UsageError: see `asked`.
    """
    found = frozenset[Kind]().union(*asked(names).values())
    return (*names, *(name for kind, name in USUAL.items() if kind in targets and kind not in found))


def _built(names: Sequence[str], settings: Settings, threads: int) -> list[Detector]:
    device, wanted = settings.detect.device, settings.targets
    return build(with_usual(names, wanted), wanted, threads_each(threads, device), device)
