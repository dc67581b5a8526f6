"""Cameras whose processes are another user's: what that user lacks is said before any of them starts."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from anonymize.errors import OutputError, UsageError
from anonymize.live.recordings import custody, index
from anonymize.live.sinks.open import folders
from anonymize.live.supervisor.config import Camera
from anonymize.live.webrtc import viewers
from anonymize.models.registry import user_folder
from anonymize.parallel import process
from anonymize.parallel.process import Spawned, spawn
from anonymize.parallel.user import Needs, SystemUser, try_needs
from anonymize.storage.commit import plainly


def check(cameras: Sequence[tuple[Camera, SystemUser]]) -> None:
    """Check, as the users of `cameras`, that their processes can read and write what they must.

    Folders are made where they are missing. Models are those of this process's user.

    Args:
        cameras: with the addresses of their sinks filled in; each with the user of its processes.

    Raises:
        UsageError: a file cannot be read.
        OutputError: nothing can be written into a folder.
    """
    if not cameras:
        return
    os.environ.setdefault("ANONYMIZE_MODELS", str(user_folder()))
    begun: list[tuple[Camera, SystemUser, Spawned]] = []
    try:
        for camera, user in cameras:
            for folder in folders(camera.to):
                _make(folder, user)
            begun.append((camera, user, spawn(try_needs, user.name, _needs(camera), name="trial", user=user)))
        for camera, user, trial in begun:
            try:
                lacking = trial.line.recv()
            except (EOFError, OSError):
                lacking = f"user {user.name} cannot run this program: it is in a folder that they may not read"
            if lacking:
                error = OutputError if "write" in lacking else UsageError
                raise error(f"camera {camera.name}: {lacking}")
    finally:
        process.end([trial for _, _, trial in begun])


def _needs(camera: Camera) -> Needs:
    read = [Path(one) for one in (camera.viewers, camera.tls_cert, camera.tls_key) if one]
    source = Path(camera.source)
    read += [source] if "://" not in camera.source and source.is_file() else []
    models = Path(os.environ["ANONYMIZE_MODELS"])
    read += [models] if models.is_dir() else []
    where = folders(camera.to)
    log = Path(camera.viewers + viewers.LOG) if camera.viewers else None
    written = [folder / name for folder in where for name in (custody.NAME, index.NAME)]
    return Needs((*where, *([log.parent] if log else [])), tuple(read), (*written, *([log] if log else [])))


def _make(folder: Path, user: SystemUser) -> None:
    """Make `folder` for `user`, who might not be able to; where others could put something else in the place of its
    parents, it is left to the user."""
    missing = [one for one in (folder, *folder.absolute().parents) if not one.exists()]
    there = [one for one in folder.absolute().parents if one.exists()]
    if not missing or not all(map(_is_safe, there)):
        return
    with plainly(folder):
        for one in reversed(missing):
            one.mkdir()
        for one in missing[1:]:
            one.chmod(one.stat().st_mode | 0o011)
        os.chown(folder, user.uid, user.gid, follow_symlinks=False)


def _is_safe(folder: Path) -> bool:
    """Whether nobody but root and this process's user can rename what these have made in `folder`."""
    found = folder.stat()
    return found.st_uid in (0, os.geteuid()) and (not found.st_mode & 0o022 or bool(found.st_mode & stat.S_ISVTX))
