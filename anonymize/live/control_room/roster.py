"""Cameras added and removed in the control room: written into their file, started or stopped alone, and undone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from anonymize.errors import AnonymizeError, UsageError
from anonymize.live.control_room.cameras_file import CamerasFile
from anonymize.live.control_room.cameras_toml import with_camera, without_camera
from anonymize.live.control_room.tryout import TryOut
from anonymize.live.control_room.typed import SECRETS, TypedCamera, forget, keep_secret, typed
from anonymize.live.secrets import mask
from anonymize.live.sinks.open import recordings
from anonymize.live.supervisor import config
from anonymize.live.supervisor.accepted import Accepted, checked
from anonymize.live.supervisor.config import Camera
from anonymize.settings import Transport

_ACTS = ("added", "removed", "added-undo", "removed-undo")
"""What is done here, in the log of changes."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A change that can be undone: the text of the file before and after it, and the secret that it made or deleted."""

    act: str
    camera: str
    before: str = field(repr=False)
    after: str = field(repr=False)
    secret: str = field(repr=False)


class Roster:
    """The cameras of one supervisor, as they come and go.

    Args:
        file: of the cameras.
        tryout: connects to a camera before it is added.
    """

    def __init__(self, file: CamerasFile, tryout: TryOut) -> None:
        self._file, self._supervisor, self._tryout = file, file.supervisor, tryout
        self._done: list[_Done] = []

    def listing(self) -> dict[str, Any]:
        """What a page needs to change them, for JSON."""
        accepted = self._supervisor.accepted
        kept = next(filter(None, (recordings(sinks) for sinks in accepted.sinks.values())), None)
        return {
            "cameras": list(self._supervisor.children),
            "seen": self._file.seen,
            "folder": f"{kept[0].parent}{os.sep}" if kept else "",
            "undo": self._last() is not None,
            "log": self._file.logged(lambda line: line.get("act") in _ACTS),
        }

    def test(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Begin to connect to a camera; see `TryOut`. Raises `UsageError`."""
        camera = typed({**asked, "to": []})
        # Settings are those of cameras that set none; the picture goes to the page alone.
        new = self._camera(replace(camera, name="new", to=("-",), keep=""), camera.whole)
        self._tryout.begin(camera.whole, camera.transport, new.load_settings(), new.owner)
        return self._tryout.as_dict()

    def add(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Write a camera into the file, and start it. The others go on.

        Raises:
            UsageError: it is invalid, no name is given, or the file was changed meanwhile: then nothing is changed.
            OutputError: the file, the log of changes, the password or a folder cannot be written.
        """
        camera = typed(asked)
        with self._file.lock:
            old = self._file.begin(asked)
            if camera.name in old.fleet.cameras:
                raise UsageError("there is a camera of that name: choose another").coded("same-name")
            file = self._secret(camera.name)
            if _used(file, old):
                raise UsageError(
                    "a camera of another name has its password in the file for this name: choose another"
                ).coded("same-secret")
            source = camera.source(file)
            added = self._camera(camera, source)
            secret = camera.secret()
            try:
                if secret:
                    keep_secret(file, secret)
                new = checked(self._supervisor.path, with_camera(old.text, camera.name, _table(added)))
                _refuse_other_changes(old, new, camera.name)
                if new.fleet.cameras[camera.name] != added:
                    raise UsageError(
                        "this file is written in a way that cannot be changed here: add the camera in it"
                    ).coded("by-hand")
                self._tryout.end()
                done = _Done("added", camera.name, old.text, new.text, secret)
                facts = {"source": source, "to": [mask(one) for one in camera.to]}
                self._write(new, "added", camera.name, asked, lambda: self._done.append(done), **facts)
            except AnonymizeError:
                if secret and self._is_still(old):
                    forget(file)
                raise
        return self.listing()

    def remove(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take a camera out of the file, stop it, delete its password. What it recorded stays. Errors as of `add`."""
        name = str(asked.get("camera", ""))
        with self._file.lock:
            old = self._file.begin(asked)
            if name not in old.fleet.cameras:
                raise UsageError("there is no camera of that name any more").coded("camera-gone")
            if len(old.fleet.cameras) == 1:
                raise UsageError("this is the last camera: stop the program instead").coded("last-camera")
            new = checked(self._supervisor.path, without_camera(old.text, name))
            _refuse_other_changes(new, old, name)
            file = self._secret(name)
            secret = _kept(file) if _used(file, old) and not _used(file, new) else ""

            def written() -> None:
                self._done.append(_Done("removed", name, old.text, new.text, secret))
                if secret:
                    forget(file)

            self._write(new, "removed", name, asked, written)
        return self.listing()

    def undo(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Take back the last of these changes, unless the file was changed since. Errors as of `add`."""
        with self._file.lock:
            old, last = self._file.begin(asked), self._last()
            if last is None:
                raise UsageError(
                    "there is nothing to undo: the file was changed since, or nothing was changed here"
                ).coded("nothing-to-undo")
            file = self._secret(last.camera)

            def written() -> None:
                self._done.remove(last)
                if last.act == "added" and last.secret:
                    forget(file)

            if last.act == "removed" and last.secret:
                keep_secret(file, last.secret)
            try:
                new = checked(self._supervisor.path, last.before)
                less, more = (new, old) if last.act == "added" else (old, new)
                _refuse_other_changes(less, more, last.camera)
                self._write(new, f"{last.act}-undo", last.camera, asked, written)
            except AnonymizeError:
                if last.act == "removed" and last.secret and self._is_still(old):
                    forget(file)
                raise
        return self.listing()

    def _last(self) -> _Done | None:
        """What can be undone: the last change, if the file is as that left it."""
        last = self._done[-1] if self._done else None
        return last if last and last.after == self._supervisor.accepted.text else None

    def _camera(self, camera: TypedCamera, source: str) -> Camera:
        """The camera as the file is to have it. Raises `UsageError`."""
        fleet = self._supervisor.accepted.fleet
        more: dict[str, Any] = {"keep": camera.keep, "transport": camera.transport, "user": fleet.user}
        return Camera(source, camera.to, camera.name, fleet.preset, **more)

    def _write(
        self,
        new: Accepted,
        act: str,
        camera: str,
        asked: dict[str, Any],
        written: Callable[[], None],
        **facts: Any,
    ) -> None:
        self._file.write(new, act, str(asked.get("by", "")), written, camera=camera, **facts)

    def _secret(self, name: str) -> Path:
        """Where the secret of a camera is kept that was added here."""
        path = self._supervisor.path.resolve()
        return path.with_name(path.name + SECRETS) / name

    def _is_still(self, old: Accepted) -> bool:
        """Whether the file was not written yet."""
        return config.text(self._supervisor.path) == old.text


def _used(file: Path, accepted: Accepted) -> bool:
    """Whether a camera refers to the secret in `file`."""
    addresses = [one for camera in accepted.fleet.cameras.values() for one in (camera.source, *camera.to)]
    return any(f"${{file:{file}}}" in one or one == f"@file:{file}" for one in addresses)


def _kept(file: Path) -> str:
    """The secret in a file; empty if there is none."""
    try:
        return file.read_text(encoding="utf-8").strip() if file.is_file() and not file.is_symlink() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _table(camera: Camera) -> dict[str, Any]:
    """What the file says of a camera that was typed."""
    values: dict[str, Any] = {"source": camera.source, "to": list(camera.to)}
    if camera.keep:
        values["keep"] = camera.keep
    if camera.transport is not Transport.AUTO:
        values["transport"] = camera.transport.value
    return values


def _refuse_other_changes(less: Accepted, more: Accepted, name: str) -> None:
    """Raise `UsageError` unless `more` is `less` and the camera `name`."""
    cameras = {one: camera for one, camera in more.fleet.cameras.items() if one != name}
    settings = {one: values for one, values in more.settings.items() if one != name}
    if replace(more.fleet, cameras=cameras) != less.fleet or settings != less.settings:
        raise UsageError(
            "this file is written in a way that cannot be changed here, or a preset was edited meanwhile: change the "
            "cameras in the file"
        ).coded("by-hand")
