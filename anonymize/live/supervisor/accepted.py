"""What a file of cameras says, checked as far as possible without starting cameras."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from anonymize.detect import refuse_unusable
from anonymize.errors import ModelError, UsageError
from anonymize.live.preview import page
from anonymize.live.sinks.open import prepare
from anonymize.live.supervisor import as_user, config
from anonymize.live.supervisor.config import Camera, Fleet
from anonymize.parallel.user import SystemUser
from anonymize.settings import Settings


@dataclass(frozen=True, slots=True)
class Accepted:
    """A file of cameras that was accepted.

    Args:
        text: of the file.
        fleet: what it says.
        settings: of each camera, its preset read.
        sinks: addresses of each camera's sinks, with credentials filled in.
    """

    text: str
    fleet: Fleet
    settings: dict[str, Settings]
    sinks: dict[str, tuple[str, ...]]


def checked(path: Path, text: str | None = None) -> Accepted:
    """What stands in `path`, or would if `text` were written there.

    Raises:
        UsageError: it is invalid, or a credential is missing.
        ModelError: a model is missing, or none finds what is wanted: its process would end again and again.
        OutputError: nothing can be written into the folder of a recording or playlist.
    """
    text = config.text(path) if text is None else text
    fleet, settings, sinks = config.parse(text, path), {}, {}
    others: list[tuple[Camera, SystemUser]] = []
    for camera in fleet.cameras.values():
        sinks[camera.name] = camera.resolved().to
        if (owner := camera.owner) is None:
            prepare(sinks[camera.name])
        else:
            others.append((replace(camera, to=sinks[camera.name]), owner))
        settings[camera.name] = camera.load_settings()
        try:
            refuse_unusable(settings[camera.name])
        except (UsageError, ModelError) as error:
            raise type(error)(f"camera {camera.name}: {error}") from error
        if camera.preview is not None and not os.environ.get(page.TOKEN):
            raise UsageError(f"camera {camera.name}: a preview page needs {page.TOKEN} in the environment")
    as_user.check(others)
    return Accepted(text, fleet, settings, sinks)
