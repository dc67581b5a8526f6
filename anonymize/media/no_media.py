"""Files that are neither image nor video, recognised by their first bytes: what they are, and what to do with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_UNPACK = "unpack it into a folder, and `anonymize run FOLDER -o safe/`"
_SAVE = "save the pictures or videos in it as files, and `anonymize run` those"
_DECRYPT = "decrypt it first, and `anonymize run` what comes out"
_NO_MEDIA: Mapping[bytes, str] = MappingProxyType(
    {
        b"%PDF": f"this is a PDF; {_SAVE}",
        b"{\\rtf": f"this is a text document; {_SAVE}",
        b"\xd0\xcf\x11\xe0": f"this is an old or encrypted Office document; {_SAVE}",
        b"7z\xbc\xaf": f"this is a 7z archive; {_UNPACK}",
        b"Rar!": f"this is a RAR archive; {_UNPACK}",
        b"\x1f\x8b": f"this is compressed with gzip; {_UNPACK}",
        b"BZh": f"this is compressed with bzip2; {_UNPACK}",
        b"\xfd7zXZ": f"this is compressed with xz; {_UNPACK}",
        b"Salted__": f"this is encrypted with OpenSSL; {_DECRYPT}",
        b"-----BEGIN PGP": f"this is encrypted with PGP; {_DECRYPT}",
        b"age-encryption": f"this is encrypted with age; {_DECRYPT}",
        b"LUKS": f"this is an encrypted disk; {_DECRYPT}",
        b"<!doctype html": "this is a web page, saved instead of the file; download it again",
        b"<html": "this is a web page, saved instead of the file; download it again",
        b'{"format": "anonymize-plan"': "this is a plan; `anonymize render FILM --plan PLAN -o OUTPUT` draws it",
    }
)
"""First bytes of a file -> what it is, and what to do with it."""


def no_media(head: bytes) -> str:
    """What a file beginning with `head` is, and what to do with it; empty if it may be an image or a video."""
    if head.startswith(b"PK\x03\x04"):
        if head[6] & 1:
            return f"this ZIP archive is encrypted; with its password, {_UNPACK}"
        named = (b"[Content_Types].xml", b"_rels/", b"mimetype", b"word/", b"ppt/", b"xl/")
        return (
            f"this is an Office document; {_SAVE}"
            if head[30:].startswith(named)
            else f"this is a ZIP archive; {_UNPACK}"
        )
    if head[257:262] == b"ustar":
        return f"this is a tar archive; {_UNPACK}"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for magic, what in _NO_MEDIA.items() if start[: len(magic)].lower() == magic.lower()), "")
