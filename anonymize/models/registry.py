"""The registry: the entries of `registry.toml`, and reading and checking their files."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from anonymize.data import Kind
from anonymize.errors import ModelError
from anonymize.models.cards import Card, KeptCard, is_name, read_kept
from anonymize.text.words import meant, system

OWN = "own"
"""Where a user's own models are: this folder in the user's models folder."""


class ModelState(StrEnum):
    """Whether a model can be used here."""

    OK = "ok"
    ABSENT = "absent"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a network says of heads without a body.

    Args:
        person: least score of a person that counts as the body below a head.
        share: of its score that a head without one keeps.
    """

    person: float
    share: float


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the registry; the head of `registry.toml` explains all fields.

    Args:
        name: its name in settings.
        kinds: what it finds.
        where: `package`, `user`, `shipped`, or `own` for a user's own models.
        file: path inside the package, the user's models folder, or this package.
        size: bytes of the file.
        sha256: of the file, lower-case hexadecimal.
        on_cpu: the model that replaces it on a processor, if any.
        powers: to which raw scores of a kind are raised.
        bodies: what is asked of heads, if anything.
        hosts: other hosts to which `url` may redirect.
        card: of a user's own model.
        enough: of a network that is asked about one place, by kind, what shows that something is there.
    """

    name: str
    kinds: tuple[Kind, ...]
    where: str
    file: str
    size: int
    sha256: str
    licence: str
    source: str
    install: str
    trained_on: str
    recall: str
    package: str = ""
    url: str = ""
    hosts: tuple[str, ...] = ()
    on_cpu: str = ""
    powers: Mapping[Kind, float] = field(default_factory=dict)
    bodies: Bodies | None = None
    card: Card | None = None
    enough: Mapping[Kind, float] = field(default_factory=dict)


@cache
def _registry() -> dict[str, Model]:
    """Name -> model, in the order of the file."""
    table = tomllib.loads(Path(__file__).with_name("registry.toml").read_text(encoding="utf-8"))
    return {name: Model(name=name, **_fields(entry)) for name, entry in table.items()}


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    kinds = tuple(Kind.of(kind) for kind in entry["kinds"])
    powers, enough = (
        {Kind.of(kind): number for kind, number in entry.get(name, {}).items()} for name in ("powers", "enough")
    )
    bodies = Bodies(**entry["bodies"]) if "bodies" in entry else None
    made = {"kinds": kinds, "powers": powers, "enough": enough, "bodies": bodies}
    return {**entry, **made, "hosts": tuple(entry.get("hosts", ()))}


def list_models() -> tuple[Model, ...]:
    """Every registered model, present or not, and those that the user imported. Raises `ModelError` as `own_models`."""
    return (*_registry().values(), *own_models())


def find(name: str) -> Model:
    """The registered model `name`. Raises `ModelError` for one that is not registered."""
    if name in _registry():
        return _registry()[name]
    if (model := own(name)) is not None:
        return model
    known = {model.name: model for model in list_models()}
    if name not in known:
        raise ModelError(f"models: {meant(name, list(known))}")
    return known[name]


def own(name: str) -> Model | None:
    """The model that the user imported as `name`; None if there is none. Raises `ModelError` for a damaged card."""
    card = user_folder() / OWN / f"{name}.toml"
    return own_model(read_kept(card)) if is_name(name) and card.exists() else None


def own_models() -> tuple[Model, ...]:
    """The models that the user imported with a card. Raises `ModelError` for a damaged card."""
    found, damaged = _own_models()
    for error in damaged.values():
        raise error
    return found


def whole_models() -> tuple[tuple[Model, ...], dict[str, ModelError]]:
    """Every registered model, and those that the user imported; and what is wrong with damaged cards, by name."""
    found, damaged = _own_models()
    return (*_registry().values(), *found), damaged


def _own_models() -> tuple[tuple[Model, ...], dict[str, ModelError]]:
    found, damaged = [], {}
    for path in sorted((user_folder() / OWN).glob("*.toml")):
        if is_name(path.stem):  # others are being written
            try:
                found.append(own_model(read_kept(path)))
            except ModelError as error:
                damaged[path.stem] = error
    return tuple(found), damaged


def own_model(kept: KeptCard) -> Model:
    """The registry's entry for a user's own model. Its file is named by its hash, too: while another takes its place,
    each card has its own network beside it."""
    card = kept.card
    return Model(
        name=card.name,
        kinds=tuple(dict.fromkeys(card.of_class.values())),
        where=OWN,
        file=f"{OWN}/{card.name}.{kept.sha256[:16]}.onnx",
        size=kept.size,
        sha256=kept.sha256,
        licence=card.licence,
        source=card.source,
        install="anonymize models import FILE.onnx --card CARD.toml",
        trained_on=card.trained_on,
        recall=card.recall,
        card=card,
    )


def weights_of(name: str) -> tuple[Model, ...]:
    """The models that the detector `name` may run: its own, and the one that replaces it on a processor.

    Raises:
        ModelError: there is no such model.
    """
    model = find(name)
    return (model, find(model.on_cpu)) if model.on_cpu else (model,)


def user_folder() -> Path:
    """Where imported and fetched models live: $ANONYMIZE_MODELS, else anonymize/models in the user's data folder."""
    if chosen := os.environ.get("ANONYMIZE_MODELS"):
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "anonymize" / "models"


def _in_package(model: Model) -> Path | None:
    """The file inside the installed package, found without importing the package."""
    spec = importlib.util.find_spec(model.package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / model.file


_WHERE: dict[str, Callable[[Model], Path | None]] = {
    "package": _in_package,
    "user": lambda model: user_folder() / model.file,
    OWN: lambda model: user_folder() / model.file,
    "shipped": lambda model: Path(__file__).with_name(model.file),
}


def read(name: str) -> bytes:
    """The bytes of the model `name`, checked: exactly these are used.

    Raises:
        ModelError: not registered, not installed, unreadable or altered; the message says what to do.
    """
    return _checked(find(name))[1]


def locate(name: str) -> Path:
    """The path of the model `name`, checked. Raises `ModelError` as `read` does."""
    return _checked(find(name))[0]


def _checked(model: Model) -> tuple[Path, bytes]:
    """Path and bytes of `model`, checked. Raises `ModelError`."""
    path = _WHERE[model.where](model)
    if path is None or not path.is_file():
        raise ModelError(f"the model {model.name!r} is not installed. To get it: {model.install}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the model {model.name!r} at {path}: {system(error)}") from error
    if not matches(model, content):
        raise ModelError(
            f"{path} is not the registered model {model.name!r} (its sha256 differs) and will not be used. "
            f"Delete it and install it again: {model.install}"
        )
    return path, content


def matches(model: Model, content: bytes) -> bool:
    """Whether `content` is exactly the registered file."""
    return hashlib.sha256(content).hexdigest() == model.sha256


def verify() -> dict[str, ModelState]:
    """The state of every registered model, by name; of an own model with a damaged card, too."""
    found, damaged = whole_models()
    return {model.name: state_of(model.name) for model in found} | dict.fromkeys(damaged, ModelState.ALTERED)


def state_of(name: str) -> ModelState:
    """The state of the model `name`. Raises `ModelError` for one that is not registered."""
    model = find(name)
    path = _WHERE[model.where](model)
    if path is None or not path.is_file():
        return ModelState.ABSENT
    try:
        _checked(model)
    except ModelError:
        return ModelState.ALTERED
    return ModelState.OK
