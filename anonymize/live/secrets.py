"""Passwords and tokens in stream addresses: read from safe places, and never shown.

An address may hold ``${NAME}`` (from the environment) or ``${file:/path}`` (a file's content), or be ``@file:/path``
as a whole. Values read that way are remembered, so that `mask` hides them in any message, in whatever form.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path
from urllib.parse import quote, unquote

from anonymize.errors import UsageError
from anonymize.text import untrusted
from anonymize.text.suffixes import PICTURE_SUFFIXES, VIDEO_SUFFIXES

HIDDEN = "***"
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_WITH_NAME = re.compile(r"(?<![^/?&;_])[a-z]+=\$\{[^}]*\}", re.IGNORECASE)
"""A reference that is the whole value of a name, as in ``user=${USER}_password=${PASSWORD}``."""
_PLAIN = re.compile(r"[\w.-]{0,15}|_*[a-z]+=\d{1,2}(\.\w{1,4})?")
"""A part of a path that is a name, or what such references left of one."""
_FILE = "file:"
_LONGEST = 1 << 20
"""Maximum characters in a file that holds part of an address."""
_STREAMS = "rtsps?|rtmp[a-z]*|https?|srt|tcp|udp|rtp|mms[a-z]?|ftps?"
_IN_TEXT = re.compile(
    rf"(?<![A-Za-z0-9+.-])(?:[A-Za-z][A-Za-z0-9+.-]*://|(?i:{_STREAMS}):/*(?=[^\s/]*[:@]))"
    r"(?:[^\s/?#]*@)?[^\s'\"<>]*"
)
"""An address in a text, up to the next blank or quote."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,15}")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9.]+)?\]|[\w.-]+)?(?::[0-9]{1,5})?")
_NUMBERS = re.compile(r"[0-9.]+|\[.*\]|localhost")
"""A host that cannot be part of a password."""
_NO_ADDRESS = re.compile(rf"(?i:{_STREAMS})[:/\\]|[A-Za-z][A-Za-z0-9+.-]+:|.*://|[^/]*:.*@|//[^/]*@", re.DOTALL)
"""Text that was meant as an address, or holds a user and password, but is not a valid address."""
_NO_STREAM = re.compile(r"webrtc:[^/@]*$|record:.|hls:.|y4m:-|file:.")
_PAIR = re.compile(
    r"(?i)(?P<name>(?:pass(?:word|wd|phrase)?|pwd|token|secret|api_?key|auth)=)(?P<value>[^\s&;/?#'\"<>]+)"
)
"""A secret outside an address, as servers and FFmpeg quote parts of one."""
_QUERY = re.compile(r"(?P<name>[?&;][A-Za-z0-9_.~-]+=)(?P<value>[^\s&;'\"<>]*)")
_HEADER = re.compile(r"(?i)(?P<name>(?:proxy-)?authorization\s*:\s*)[^\r\n]*")
_HARMLESS = frozenset(
    (  # noqa: SIM905 - a list of thirty quoted words reads worse
        "bitrate buffer_size camera channel codec connect_timeout fifo_size fps framerate height latency listen mode "
        "overrun_nonfatal pbkeylen peerlatency pkt_size profile quality rcvlatency reuse rw_timeout size stream "
        "subtype tcp timeout transport transtype ttl udp unicast width"
    ).split()
)
"""Query parameters that may be shown with a plain value. Others are masked: cameras call passwords anything."""
_NAMES = frozenset("auth key passphrase pass passwd password pwd secret streamid token user username usr".split())  # noqa: SIM905
"""Query parameters whose name may be shown, but never the value."""
_WORDS = frozenset(
    (  # noqa: SIM905
        "amp api axis avc bin caller cam camera cameras cgi ch channel channels cif d flv feed h hd hevc high hls http "
        "image index input isapi listener live liveapp livestream low m main media mjpeg mjpg mp mpeg mpegts multicast "
        "onvif p play playlist preview primary profile proxy qcif realmonitor rendezvous rtsp s sd sdp secondary sid "
        "snl stream streaming streams sub tcp track trackid ts u udp unicast v vga video videos"
    ).split()
)
"""Words in paths and values that may be shown, beside small numbers: the vocabulary of cameras and media servers."""
_SIZES = frozenset({"1080", "1280", "1440", "1920", "2160"})
_PLAIN_STREAM = re.compile(r"(publish|read|request):[A-Za-z]{1,12}([_/-][A-Za-z]{1,12})*[0-9]{0,2}")
"""An SRT stream id that is only a path of words: further colons would separate user and password."""
_SHORTEST = 4
"""Minimum length of a remembered value: masking shorter ones would shred ordinary words."""
_KEY_LIKE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{6,}|.*[=&:%].*|.{16,}", re.DOTALL)
_known: dict[str, str] = {}
"""Values that must not be shown, and what replaces them."""


def mask(text: str) -> str:
    """`text` with every credential replaced: remembered values, and in addresses everything that `shown` hides."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, _known[secret])
    text = _IN_TEXT.sub(_masked_address, text)
    text = _QUERY.sub(lambda found: found.group("name") + _value_shown(found.group("name")[1:-1], found["value"]), text)
    text = _PAIR.sub(rf"\g<name>{HIDDEN}", text)
    return _HEADER.sub(rf"\g<name>{HIDDEN}", text)


def shown(address: str) -> str:
    """A complete address, safe to show: scheme, host, port, and those other parts that are known to be harmless.

    Hidden are everything before an ``@``, words of the path and query values that are not listed above, the key of an
    RTMP stream and every fragment; also the host, where it could be part of a password that was not percent-encoded.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return HIDDEN if _NO_ADDRESS.match(address) and not _NO_STREAM.match(address) else address
    if not _SCHEME.fullmatch(scheme):
        return HIDDEN
    begin = re.match(r"[^/?#\s]*", rest)
    authority = begin.group() if begin else ""
    name, user, host = authority.rpartition("@")
    found, tail = _HOST.fullmatch(host), rest[len(authority) :]
    if found is None or ("@" in tail and (user or not _NUMBERS.fullmatch(found["host"] or ""))):
        return f"{scheme}://{HIDDEN}"
    path, query, fragment = re.fullmatch(r"([^?#]*)(\?[^#]*)?(#.*)?", tail, re.DOTALL).groups("")  # type: ignore[union-attr]
    parts = [part if part in ("", HIDDEN) or _harmless(part) else HIDDEN for part in path.split("/")]
    if scheme.lower().startswith("rtmp") and len(parts) > 2 and parts[-1]:
        parts[-1] = HIDDEN
    pieces = re.split("([&;])", query[1:])
    query = query[:1] + "".join(piece if piece in ("&", ";", "") else _piece_shown(piece) for piece in pieces)
    return (
        f"{scheme}://{(HIDDEN if name else '') + user}{host}{'/'.join(parts)}{query}{'#' + HIDDEN if fragment else ''}"
    )


def has_secret(address: str) -> bool:
    """Whether `shown` would hide part of `address`; if so, it must not appear in an argument list."""
    return shown(address) != address


def has_password(address: str) -> bool:
    """Whether `shown` would hide more of `address` than references, a user and names in its path."""
    address = _WITH_NAME.sub("", address)
    address = re.sub("://(?:[^/@:]*:)?@", "://", _REFERENCE.sub("", address))
    scheme, separator, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    path, mark, query = path.partition("?")
    plain = slash and "/".join("live" if _PLAIN.fullmatch(part) else part for part in path.split("/"))
    return has_secret(f"{scheme.replace('rtmp', 'tcp')}{separator}{host}{slash}{plain}{mark}{query}")


def resolve(address: str) -> str:
    """`address` with its references filled in from the environment and from files.

    Values in the user and password part are percent-encoded here; elsewhere they are inserted unchanged. The secret
    parts of the result are remembered for `mask`.

    Raises:
        UsageError: a variable is not set, a file cannot be read or holds more than one line, or the result is not a
            valid address. The message repeats nothing of it.
    """
    if address.startswith("@" + _FILE):
        address = _from_file(address.removeprefix("@" + _FILE))
    plain = _REFERENCE.sub(lambda found: "x" * len(found.group()), address)  # no delimiters in references
    user = re.match(r"[^:]*://[^\s/?#]*@", plain)
    user_end = user.end() if user else -1
    parts, last = [], 0
    for found in _REFERENCE.finditer(address):
        value = _value(found.group(1))
        _remember(value)
        inside = address.find("://") < found.start() < user_end
        parts += [address[last : found.start()], quote(value, safe="") if inside else value]
        last = found.end()
    resolved = "".join([*parts, address[last:]])
    _check(resolved)
    if "://" in resolved:
        _remember_parts(resolved)
    return resolved


def hide_arguments() -> None:
    """Overwrite credentials in this process's argument list, as `ps` and ``/proc`` show it (Linux only).

    They were readable from the start of the process until this call; references in the address avoid that.
    """
    if not sys.platform.startswith("linux"):
        return
    # Fields after the command name, which may contain blanks: 48 and 49 of proc(5) bound the argument strings.
    fields = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    shown = Path("/proc/self/cmdline").read_bytes()
    if not 0 < start < end or len(shown) != end - start:
        return
    arguments = [os.fsdecode(argument) for argument in shown.split(b"\0")]
    hidden = [_argument_shown(argument) for argument in arguments]
    if hidden == arguments:
        return
    masked = os.fsencode("\0".join(hidden))
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
    lines = untrusted.text(Path(path), "part of an address", UsageError, _LONGEST).strip().splitlines()
    if len(lines) != 1:
        raise UsageError(f"expected one line, a part of an address; found {len(lines)}", path)
    return lines[0].strip()


def _check(address: str) -> None:
    """Refuse text that is neither address nor file, and addresses that FFmpeg would parse differently."""
    hint = "(it is not repeated: it may hold a password)"
    if "://" not in address:
        # Such as 10.0.0.5:554/live/key: neither a path nor a name with the suffix of a file.
        file = Path(address).suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES
        file |= address.startswith(("/", "./", "../", "~"))
        meant = _NO_ADDRESS.match(address) or ("/" in address[1:] and not file)
        if meant and not _NO_STREAM.match(address) and not os.path.lexists(address):
            raise UsageError(f"an address cannot be understood {hint}: expected SCHEME://USER:PASSWORD@HOST:PORT/PATH")
        return
    if re.search(r"[\s\x00-\x1f\x7f\\]", address):
        raise UsageError(f"an address has blanks, backslashes or control characters in it {hint}: write a blank as %20")
    if shown(address) == HIDDEN or shown(address).endswith(f"://{HIDDEN}"):
        raise UsageError(
            f"an address cannot be understood {hint}: expected SCHEME://USER:PASSWORD@HOST:PORT/PATH; in user, "
            "password and path write / as %2F, ? as %3F, # as %23, @ as %40"
        )


def _remember(secret: str, instead: str = HIDDEN) -> None:
    for form in (secret, quote(secret, safe=""), unquote(secret)):
        if len(form) >= _SHORTEST:
            _known[form] = instead


def _remember_parts(address: str) -> None:
    """Remember the parts of `address` that are certainly secret, so that they are masked elsewhere too."""
    if has_secret(address):
        _known[address] = shown(address)
    rest = address.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, at, _ = authority.rpartition("@")
    if at:
        name, colon, password = user.partition(":")
        _remember(password if colon else name)
    tail = rest[len(authority) :]
    for pair in _PAIR.finditer(tail):
        _remember(re.split("_(?=[a-z]+=)", pair["value"])[0])
    path, _, query = tail.partition("?")
    for part in path.split("/"):
        if not _harmless(part) and _KEY_LIKE.fullmatch(part):
            _remember(part)
    for piece in re.split("[&;]", query):
        name, _, value = piece.partition("=")
        if value and _value_shown(name, value) == HIDDEN and (name.lower() in _NAMES or _KEY_LIKE.fullmatch(value)):
            _remember(value)


def _argument_shown(argument: str) -> str:
    """A command-line argument, masked as a whole even if it contains blanks."""
    option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    hides = "://" in value or (_NO_ADDRESS.match(value) and "@" in value)
    return option + equals + (mask(shown(value)) if hides else mask(value))


def _masked_address(found: re.Match[str]) -> str:
    address = found.group().rstrip(".,:;)]}")
    return shown(address) + found.group()[len(address) :]


def _harmless(part: str) -> bool:
    """Whether `part` consists of `_WORDS` and small numbers only."""
    if not re.fullmatch(r"[A-Za-z0-9._-]*", part):
        return False
    words = re.findall(r"[A-Za-z]+|[0-9]+", part)
    return all(word.lower() in _WORDS or (word.isdigit() and len(word) <= 3) or word in _SIZES for word in words)


def _piece_shown(piece: str) -> str:
    """One parameter of a query, masked."""
    name, equals, value = piece.partition("=")
    if not equals:
        return piece if _harmless(piece) else HIDDEN
    known = name.lower() in _HARMLESS | _NAMES
    return f"{name}={_value_shown(name, value)}" if known else f"{HIDDEN}={HIDDEN}"


def _value_shown(name: str, value: str) -> str:
    key = name.lower()
    plain = key == "streamid" and _PLAIN_STREAM.fullmatch(value)
    known = key in _HARMLESS and (_harmless(value) or re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value))
    return value if plain or known or not value else HIDDEN
