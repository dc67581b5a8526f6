"""Copy a registered model into the user's folder: from a file or, only if a person asks for it, from the network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anonymize.errors import ModelError, OutputError
from anonymize.models.cards import Card, KeptCard, is_name
from anonymize.models.registry import OWN, Model, find, list_models, matches, own_model, user_folder
from anonymize.storage.commit import make_folder, pending, plainly
from anonymize.text import untrusted
from anonymize.text.words import meant, system

TIMEOUT = 30.0
"""Seconds without data after which a download fails."""


def import_model(name: str, path: Path) -> Path:
    """Copy the file at `path` into the user's models folder as the model `name`.

    Returns:
        Its new path.

    Raises:
        ModelError: the model cannot be imported, `path` cannot be read, or it is not the registered file.
    """
    model = _importable(name)
    try:
        content = untrusted.content(Path(path), model.size + 1)
    except OSError as error:
        raise ModelError(f"cannot be read: {system(error)}", path) from error
    return _store(model, content, str(path))


def fetch(name: str) -> Path:
    """Download the model `name` over https into the user's models folder, from its registered hosts.

    The only download: beside it the network is used for streams, addresses of storage and clusters that the user names.

    Returns:
        Its path.

    Raises:
        ModelError: the model has no address, the download fails, or the file is not the registered one.
    """
    model = _importable(name)
    if not model.url.startswith("https://"):
        raise ModelError(f"the model {name!r} has no https address to fetch it from: {model.install}")
    return _store(model, _download(model), model.url)


def _download(model: Model) -> bytes:
    """Up to one byte more than the registered size, from `model.url`; redirects lead to registered hosts only."""
    import urllib.request  # here, so that nothing else in the library can use the network by accident
    from urllib.parse import urlsplit

    hosts = {urlsplit(model.url).hostname, *model.hosts}

    class RegisteredHosts(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
            to = urlsplit(newurl)
            if to.scheme != "https":
                raise OSError(f"redirected to {newurl}, which is not https")
            if to.hostname not in hosts or to.port not in (None, 443):
                raise OSError(f"redirected to {to.netloc}, which is no registered host of this model; not followed")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    try:
        with urllib.request.build_opener(RegisteredHosts).open(model.url, timeout=TIMEOUT) as answer:
            content: bytes = answer.read(model.size + 1)
    except OSError as error:
        raise ModelError(
            f"cannot fetch {model.name!r} from {model.url}: {error}. "
            f"Without a network: anonymize models import {model.name} FILE"
        ) from error
    return content


def _importable(name: str) -> Model:
    """The model `name`, if it belongs in the user's folder. Raises `ModelError`."""
    model = find(name)
    if model.where == OWN:
        raise ModelError(f"the model {name!r} is one of your own: import it with its card: {model.install}")
    if model.where != "user":
        raise ModelError(f"the model {name!r} comes with a package and is not imported: {model.install}")
    return model


def _store(model: Model, content: bytes, origin: str) -> Path:
    """Check `content` and write it as the model's file, complete or not at all; `origin` is where it is from."""
    if not matches(model, content):
        raise ModelError(f"not the registered model {model.name!r}: its sha256 differs; nothing was imported", origin)
    target = user_folder() / model.file
    _write(target, content)
    return target


def keep_own(card: Card, content: bytes, *, force: bool = False) -> Path:
    """Write a user's own network and its card into the user's models folder.

    Returns:
        The network's path.

    Raises:
        ModelError: it cannot be written, or there is another of this name and `force` is not given.
    """
    kept = KeptCard(hashlib.sha256(content).hexdigest(), len(content), card)
    target = user_folder() / own_model(kept).file
    there = _card_of(card.name)
    text = kept.text().encode()
    with _alone():
        taken = _content(there, len(text) + 1) not in (b"", text)
        if taken and _networks(card.name) and not force:  # a card without its network is no model
            raise ModelError(
                f"there is another model {card.name!r} already: give this one another name, or add --force", there
            )
        _write(target, content)
        _write(there, text)  # last: without its card a network is not there
        _remove([*(other for other in _networks(card.name) if other != target), _as_before(card.name)])
    return target


def remove_model(name: str) -> Path:
    """Remove the model `name` from the user's models folder, though its card may be damaged.

    Returns:
        The file that made it known: its card, or the network of a registered one.

    Raises:
        ModelError: there is none, it comes with a package, or it cannot be removed.
    """
    if is_name(name) and os.path.lexists(card := _card_of(name)):
        with _alone():
            _remove([card, *_networks(name), _as_before(name)])
        return card
    known = {model.name: model for model in list_models()}
    if name not in known:
        raise ModelError(f"models: {meant(name, [model for model in known if known[model].where in (OWN, 'user')])}")
    if known[name].where != "user":
        raise ModelError(f"the model {name!r} comes with a package and stays with it")
    path = user_folder() / known[name].file
    if not path.exists():
        raise ModelError(f"the model {name!r} is not installed: there is nothing to remove")
    _remove([path])
    return path


def _card_of(name: str) -> Path:
    return user_folder() / OWN / f"{name}.toml"


def _as_before(name: str) -> Path:
    """Where its network was kept at first, without its hash."""
    return user_folder() / OWN / f"{name}.onnx"


def _networks(name: str) -> list[Path]:
    """The networks that were ever kept as `name`."""
    return sorted((user_folder() / OWN).glob(f"{name}.*.onnx"))


def _content(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of `path`; nothing if it is missing. Raises `ModelError`."""
    try:
        return untrusted.content(path, limit)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ModelError(f"cannot be read: {system(error)}", path) from error


def _remove(paths: Iterable[Path]) -> None:
    """Delete files, of which some may be missing. Raises `ModelError`."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"cannot be removed: {system(error)}", path) from error


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other process writes or removes a user's own model, where the system can."""
    folder = user_folder() / OWN
    try:
        make_folder(folder)
    except OutputError as error:
        raise ModelError(str(error)) from error
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _write(target: Path, content: bytes) -> None:
    """Write `content` to `target`, completely or not at all. Raises `ModelError`."""
    try:
        make_folder(target.parent)
        with pending(target, force=True) as temporary, plainly(target):
            temporary.write_bytes(content)
    except OutputError as error:
        raise ModelError(str(error)) from error
