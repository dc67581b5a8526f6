"""Copy a registered model into the user's folder: from a file or, only if a person asks for it, from the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

from anonymize.errors import ModelError, OutputError
from anonymize.models.cards import Card, KeptCard
from anonymize.models.registry import OWN, Model, find, matches, own_model, user_folder
from anonymize.storage.commit import make_folder, pending, plainly
from anonymize.text import untrusted
from anonymize.text.words import system

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
    _write(target, content, force=True)
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
    there = target.with_suffix(".toml")
    if there.exists() and not force and there.read_text(encoding="utf-8") != kept.text():
        raise ModelError(
            f"there is another model {card.name!r} already: give this one another name, or add --force", there
        )
    _write(target, content, force=True)
    _write(there, kept.text().encode(), force=True)  # last: without its card a network is not there
    return target


def _write(target: Path, content: bytes, *, force: bool) -> None:
    """Write `content` to `target`, completely or not at all. Raises `ModelError`."""
    try:
        make_folder(target.parent)
        with pending(target, force=force) as temporary, plainly(target):
            temporary.write_bytes(content)
    except OutputError as error:
        raise ModelError(str(error)) from error
