"""Changes in a file of cameras that leave everything else in it as a person wrote it: comments, order, blank lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from anonymize.errors import UsageError

Zone = dict[str, Any]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that needs no quotes."""


def with_zones(
    text: str, camera: str, before: Mapping[str, Sequence[Zone]], after: Mapping[str, Sequence[Zone]]
) -> str:
    """`text` (TOML) with other zones for `camera`; those that stay keep their place and their comments.

    Args:
        text: of the file of cameras.
        camera: its name.
        before: the zones in force, of the preset too: by the name of the setting.
        after: those to be.

    Raises:
        UsageError: the file is written in a way that cannot be changed.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        table: Any = document["cameras"][camera]
        if "settings" not in table:
            table["settings"] = tomlkit.table()
        for name, zones in after.items():
            if zones != before[name]:
                _replace(table["settings"], name, zones)
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError) as error:
        raise UsageError("this file is written in a way that cannot be changed here: change the zones in it").coded(
            "by-hand"
        ) from error


def with_camera(text: str, name: str, values: Mapping[str, Any]) -> str:
    """`text` (TOML) with one more camera at its end."""
    import tomlkit

    lines = [f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items()]
    before = text if text.endswith("\n") or not text else f"{text}\n"
    key = name if _BARE.fullmatch(name) else tomlkit.item(name).as_string()
    return f"{before}\n[cameras.{key}]\n" + "\n".join(lines) + "\n"


def without_camera(text: str, name: str) -> str:
    """`text` (TOML) without the camera `name`; all else stays as it is. Raises `UsageError` if that cannot be done."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        cameras: Any = document["cameras"]
        del cameras[name]
        made = tomlkit.dumps(document)
        return made if text.endswith("\n\n") else re.sub("\n+$", "\n", made)  # the blank line before it goes along
    except (TOMLKitError, KeyError, TypeError) as error:
        raise UsageError("this file is written in a way that cannot be changed here: remove the camera in it").coded(
            "by-hand"
        ) from error


def _replace(settings: Any, name: str, zones: Sequence[Zone]) -> None:
    """Set `name` in `settings` to `zones`, in place as far as possible."""
    import tomlkit
    from tomlkit.items import AoT, Array

    there = settings.get(name)
    if not isinstance(there, Array | AoT):
        settings[name] = tomlkit.array()
        there = settings[name]
    left = list(zones)
    for index in reversed(range(len(there))):
        plain = there[index].unwrap()
        match = next((one for one in left if _same(one, plain)), None)
        if match is None:
            del there[index]
        else:
            left.remove(match)
    for zone in left:
        made: Any = tomlkit.table() if isinstance(there, AoT) else tomlkit.inline_table()
        made.update(zone)
        there.append(made)
    if not isinstance(there, AoT) and left:
        there.multiline(True)


def _same(one: Zone, other: Zone) -> bool:
    corners = [[float(value) for value in corner] for corner in one["polygon"]]
    return corners == [[float(value) for value in corner] for corner in other["polygon"]] and one.get(
        "span"
    ) == other.get("span")
