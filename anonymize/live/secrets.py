"""Passwords and tokens in stream addresses: read from where they are safe, and never shown.

An address may hold ``${NAME}`` (from the environment) or ``${file:/path}`` (a file's content), or be ``@file:/path``
as a whole. What was read that way is remembered, so that `mask` hides it in whatever form it turns up in a message.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from urllib.parse import quote, unquote

from anonymize.errors import UsageError

HIDDEN = "***"
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_FILE = "file:"
_USER = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)"
    # The second form: a password with a slash that nobody encoded. What follows the colon is no port.
    r"(?P<user>[^\s/?#]*|[^\s/?#@:]*:(?!\d{1,5}[/?#])[^\s'\"<>]*)@"
)
_QUERY = re.compile(r"(?P<name>[?&;][A-Za-z0-9_.~-]+=)(?P<value>[^\s&;'\"<>]*)")
_STREAM_KEY = re.compile(r"(?P<where>rtmp[a-z]*://[^\s?#'\"<>]*/)(?P<key>[^\s/?#'\"<>]+)")
_HEADER = re.compile(r"(?i)(?P<name>(?:proxy-)?authorization\s*:\s*)[^\r\n]*")
_HARMLESS = frozenset(
    (  # noqa: SIM905 - a list of thirty quoted words reads worse
        "bitrate buffer_size camera channel codec connect_timeout fifo_size fps framerate height latency listen mode "
        "overrun_nonfatal pbkeylen peerlatency pkt_size profile quality rcvlatency reuse rw_timeout size stream "
        "subtype tcp timeout transport transtype ttl udp unicast width"
    ).split()
)
"""Names of query values that say how, not who: all others are masked, since cameras call their passwords anything."""
_PLAIN_STREAM = re.compile(r"(publish|read|request):[\w./-]+")
"""An SRT stream id that is only a path, as media servers have it: user and password would follow after more colons."""
_SHORTEST = 4
"""Characters that a remembered value needs, so that masking it does not shred ordinary words."""
_known: set[str] = set()


def mask(text: str) -> str:
    """`text` with every credential in it replaced: passwords, query tokens, RTMP stream keys, remembered values."""
    text = _USER.sub(_masked_user, text)
    text = _STREAM_KEY.sub(rf"\g<where>{HIDDEN}", text)
    text = _QUERY.sub(_masked_query, text)
    text = _HEADER.sub(rf"\g<name>{HIDDEN}", text)
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def has_secret(address: str) -> bool:
    """Whether `address` holds something that `mask` would hide: then it must not stand in an argument list."""
    return mask(address) != address


def resolve(address: str) -> str:
    """`address` with its references filled in from the environment and from files.

    A value that becomes part of the user and password is written plain and is percent-encoded here; elsewhere it is
    taken as it stands. Passwords in the result are remembered for `mask`.

    Raises:
        UsageError: a variable is not set, or a file cannot be read or holds more than a line.
    """
    if address.startswith("@" + _FILE):
        address = _from_file(address.removeprefix("@" + _FILE))
    user_end = _user_end(address)
    parts, last = [], 0
    for found in _REFERENCE.finditer(address):
        value = _value(found.group(1))
        _remember(value)
        inside = address.find("://") < found.start() < user_end
        parts += [address[last : found.start()], quote(value, safe="") if inside else value]
        last = found.end()
    resolved = "".join([*parts, address[last:]])
    if user := _USER.match(resolved):
        _remember(user.group("user").partition(":")[2])
    return resolved


def hide_arguments() -> None:
    """Overwrite credentials in this process's own argument list, as `ps` and ``/proc`` show it (Linux; else nothing).

    Between the start of the process and this call they could be read: references in the address have no such moment.
    """
    if not sys.platform.startswith("linux"):
        return
    # Fields after the command's name, which may hold blanks: 48 and 49 of proc(5) bound the argument strings.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = Path("/proc/self/cmdline").read_bytes()
    if not 0 < start < end or len(shown) != end - start:
        return
    arguments = [os.fsdecode(argument) for argument in shown.split(b"\0")]
    if all(mask(argument) == argument for argument in arguments):
        return
    masked = os.fsencode("\0".join(mask(argument) for argument in arguments))
    ctypes.memmove(start, masked[: len(shown)].ljust(len(shown), b"\0"), len(shown))


def _value(reference: str) -> str:
    """What ``${reference}`` stands for."""
    if reference.startswith(_FILE):
        return _from_file(reference.removeprefix(_FILE))
    value = os.environ.get(reference)
    if not value:
        raise UsageError(f"the address asks for ${{{reference}}}, but the environment has no such variable: set it")
    return value


def _from_file(path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8").strip().splitlines()
    except OSError as error:
        raise UsageError(f"{path}: cannot read this part of an address: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: cannot read this part of an address: it is not text") from error
    if len(lines) != 1:
        raise UsageError(f"{path}: expected one line, a part of an address; found {len(lines)}")
    return lines[0].strip()


def _user_end(address: str) -> int:
    """Where the user part of `address` ends, references counted as text without meaning; -1 without one."""
    plain = _REFERENCE.sub(lambda found: "x" * len(found.group()), address)
    user = _USER.match(plain)
    return user.end() if user else -1


def _remember(secret: str) -> None:
    _known.update(form for form in (secret, quote(secret, safe=""), unquote(secret)) if len(form) >= _SHORTEST)


def _masked_user(found: re.Match[str]) -> str:
    name, colon, _ = found.group("user").partition(":")
    return f"{found.group('scheme')}{name + colon if colon else ''}{HIDDEN}@"


def _masked_query(found: re.Match[str]) -> str:
    name = found.group("name")
    key = name[1:-1].lower()
    plain = key == "streamid" and _PLAIN_STREAM.fullmatch(found.group("value"))
    return found.group() if plain or key in _HARMLESS else name + HIDDEN
