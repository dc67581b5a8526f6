"""A camera as a person typed it on the page; its password goes to a file of its own, and its address refers to that."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from anonymize.errors import OutputError, UsageError
from anonymize.live.secrets import has_password, resolve
from anonymize.live.source.connection import way_to
from anonymize.settings import Transport
from anonymize.text.words import system

SECRETS = ".secrets"
"""Ends the name of the folder with passwords, beside the file of cameras."""
_LONGEST = 2000
"""Maximum number of characters of an address."""
_MOST = 16
"""The most sinks."""
_USER = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#:]*)(?::(?P<password>[^/?#]*))?@(?P<rest>[^@/?#]*(?:[/?#].*)?)"
)
"""An address with a user, up to the last @ before its path."""
_REFERENCE = (
    "references to passwords are for the file of cameras: type the password itself, it goes to a file of its own"
)


@dataclass(frozen=True, slots=True)
class TypedCamera:
    """What was typed.

    Args:
        name: of the camera.
        address: of its source, without user and password.
        user: of the camera; empty if it asks for none.
        password: likewise.
        to: addresses of sinks.
        keep: how long recordings are kept, as `config.Camera` has it.
        transport: of an RTSP source.
    """

    name: str
    address: str = field(repr=False)
    user: str = field(repr=False)
    password: str = field(repr=False)
    to: tuple[str, ...]
    keep: str
    transport: Transport

    @property
    def whole(self) -> str:
        """The address with user and password, for connections alone: it is never to be shown."""
        if not self.user:
            return self.address
        scheme, _, rest = self.address.partition("://")
        password = f":{quote(self.password, safe='')}" if self.password else ""
        return f"{scheme}://{quote(self.user, safe='')}{password}@{rest}"

    def secret(self) -> str:
        """What is to be kept apart from the file of cameras: the password, or the whole address; empty if nothing."""
        return self.whole if has_password(self.address) else self.password

    def source(self, file: Path) -> str:
        """The address for the file of cameras, where `secret` is kept in `file`."""
        if has_password(self.address):
            return f"@file:{file}"
        if not self.password:
            return self.whole
        scheme, _, rest = self.address.partition("://")
        return f"{scheme}://{quote(self.user, safe='')}:${{file:{file}}}@{rest}"


def typed(asked: Mapping[str, Any]) -> TypedCamera:
    """The camera in a request. Raises `UsageError`, which repeats nothing of the address and the password."""
    address, user, password = (_text(asked, name) for name in ("address", "user", "password"))
    lines = asked.get("to", [])
    if not isinstance(lines, list) or len(lines) > _MOST:
        raise UsageError(f"to: expected at most {_MOST} addresses")
    to = tuple(_text({"to": line}, "to") for line in lines)
    if "${" in address or address.startswith("@file:") or any("${" in one or one.startswith("@") for one in to):
        raise UsageError(_REFERENCE).coded("reference")
    if inside := _USER.fullmatch(address):
        if user or password:
            raise UsageError("user and password stand in the address and in their fields: give them once").coded(
                "given-twice"
            )
        user, password = unquote(inside["user"]), unquote(inside["password"] or "")
        address = inside["scheme"] + inside["rest"]
    if password and not user:
        raise UsageError("a password needs a user").coded("no-user")
    if user and "://" not in address:
        raise UsageError("user and password are for addresses as rtsp://10.0.0.5/stream1").coded("no-address")
    if password != password.strip() or not (user + password).isprintable():
        raise UsageError("a password with control characters, or blanks at its ends, cannot be kept in a file").coded(
            "odd-password"
        )
    for one in to:
        if has_password(one):
            raise UsageError(
                "a sink with a password in its address is to be written into the file of cameras by hand"
            ).coded("sink-password")
    try:
        transport = Transport(_text(asked, "transport") or Transport.AUTO)
    except ValueError:
        raise UsageError(f"transport: expected one of {', '.join(Transport)}") from None
    made = TypedCamera(_text(asked, "name"), address, user, password, to, _text(asked, "keep"), transport)
    way = way_to(resolve(made.whole), transport)  # from here on, `mask` knows the password
    if way.file is not None or address == "-":
        raise UsageError(
            "expected the address of a camera, as rtsp://10.0.0.5/stream1, or its number on this machine"
        ).coded("no-address")
    return made


def keep_secret(path: Path, secret: str) -> None:
    """Write `secret` into the file `path`, which only this user may read, as its folder. Raises `OutputError`."""
    if set("{}\n") & set(str(path)):
        raise UsageError("the path of the file of cameras holds braces: passwords cannot be referred to", path)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        forget(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write(secret + "\n")
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise OutputError(f"the password cannot be kept ({system(error)}), so nothing was changed", path) from error


def forget(path: Path) -> None:
    """Delete the file of a secret, if there is one."""
    with suppress(FileNotFoundError, NotADirectoryError):
        path.unlink()


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise UsageError(f"{name}: expected a text of at most {_LONGEST} characters")
    return value if name == "password" else value.strip()
