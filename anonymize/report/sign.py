"""Signatures: who vouches for a report, and whether it has changed since.

A signature is Ed25519 (RFC 8032) over the report's canonical JSON (RFC 8785) without its `signature` member. The report
holds the SHA-256 of source and output, so the signature covers both files. The public key is in the report as 32 bytes
in hex; whose it is only its owner can show, by giving their public key in another way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonymize.errors import OutputError, ReportError, UsageError
from anonymize.report.files import read, sha256, write_values
from anonymize.text import untrusted
from anonymize.text.words import extra, system

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"
LONGEST_KEY = 1 << 16
"""Maximum size of a key's file, in bytes."""


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """A report whose signature is valid.

    Args:
        key: the public key that signed it, 64 hex digits.
        known: whether it is the key that the caller gave; otherwise its owner is unknown.
        files: files that were compared with the report's hashes and match: "source", "output".
    """

    key: str
    known: bool
    files: tuple[str, ...]


def keygen(path: Path, passphrase: str = "") -> tuple[Path, str]:
    """Make a pair of keys: `path` (PKCS 8, PEM, readable by its owner only) and `path`.pub (PEM).

    Args:
        path: the private key's file; it must not exist.
        passphrase: encrypts the private key; empty leaves it unencrypted.

    Returns:
        The public key's file, and the key as 64 hex digits.

    Raises:
        OutputError: a file exists or cannot be written.
        UsageError: the package `cryptography` is not installed.
    """
    with _needed():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    private = ed25519.Ed25519PrivateKey.generate()
    protection = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    secret = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    beside = path.with_name(f"{path.name}.pub")
    if beside.exists():  # or a private key would be left without its public one
        raise OutputError(f"{beside} exists: keys are never replaced; give another name")
    for file, content, mode in ((path, secret, 0o600), (beside, public, 0o644)):
        _write_new(file, content, mode)
    return beside, _hex(private.public_key())


def sign(report: Mapping[str, Any], key: Path, passphrase: str = "") -> dict[str, Any]:
    """`report` (its JSON values) with a signature by the private key in the file `key`, in place of any other.

    Raises:
        ReportError: it holds a number that has no canonical form.
        UsageError: the key cannot be read, or the package `cryptography` is not installed.
    """
    private = _private_key(key, passphrase)
    value = private.sign(canonical(report)).hex()
    return {**report, "signature": {"algorithm": ALGORITHM, "key": _hex(private.public_key()), "value": value}}


def sign_file(path: Path, key: Path, passphrase: str = "", *, force: bool = False) -> str:
    """Sign the report at `path` in place, and make its page again; return the public key as 64 hex digits.

    Raises:
        ReportError: it is not a report, or is signed already and `force` is not given.
        OutputError: it cannot be written.
        UsageError: as `sign`.
    """
    content = read(path)
    if "signature" in content and not force:
        raise ReportError("it is signed already; --force puts a new signature in place of that one", path)
    signed = sign(content, key, passphrase)
    write_values(signed, path)
    return str(signed["signature"]["key"])


def check(
    report: Mapping[str, Any], key: Path | None = None, *, source: Path | None = None, output: Path | None = None
) -> CheckedSignature:
    """Check whether `report` (its JSON values) is what was signed, and whether files are those it describes.

    Args:
        report: as returned by `anonymize.report.read`.
        key: the public key of the expected signer; by default the key in the report.
        source: compared with the hash of the source, if given.
        output: compared with the hash of the output, if given.

    Raises:
        ReportError: it is not signed, was changed, was signed by another key, or a file does not match.
        UsageError: the key cannot be read, or the package `cryptography` is not installed.
    """
    if "signature" not in report:
        raise ReportError("the report is not signed: `anonymize report sign` does that")
    signature = report["signature"]
    if key is not None and _hex(_public_key(key)) != signature["key"]:
        raise ReportError(f"the report was signed with another key ({signature['key']}) than the one in {key}")
    if not _holds(signature, canonical(report)):
        raise ReportError("the signature does not hold: the report was changed after it was signed")
    files = {"source": source, "output": output}
    for name, path in files.items():
        if path is not None:
            _compare(report[name].get("sha256"), path, name)
    return CheckedSignature(signature["key"], key is not None, tuple(name for name, path in files.items() if path))


def check_file(
    path: Path, key: Path | None = None, *, source: Path | None = None, output: Path | None = None
) -> CheckedSignature:
    """`check` the report at `path`; messages name it. Raises what `check` and `read` raise."""
    content = read(path)
    try:
        return check(content, key, source=source, output=output)
    except ReportError as error:
        raise ReportError(str(error), path) from error


def canonical(report: Mapping[str, Any]) -> bytes:
    """The bytes that are signed: `report` without its signature, in the form of RFC 8785.

    Raises:
        ReportError: it holds a number that has no canonical form.
        UsageError: the package `rfc8785` is not installed.
    """
    with _needed():
        import rfc8785
    try:
        return rfc8785.dumps({name: value for name, value in report.items() if name != "signature"})
    except rfc8785.CanonicalizationError as error:
        raise ReportError(f"the report has no canonical form: {error}") from error


_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


def of_small_order(key: bytes) -> bool:
    """Whether the Ed25519 public key `key` (32 bytes) is one with which anybody can sign anything.

    Such a point is the curve's neutral element after at most three doublings (RFC 8032, section 5.1; the check that
    its section 8.9 leaves to the verifier). Bytes that are no point are not of small order.
    """
    y = int.from_bytes(key, "little") % 2**255 % _P
    # x² = (y² - 1) / (d y² + 1); the sign of x makes no difference here.
    xx = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    yy = y * y % _P
    for _ in range(3):
        # Doubling (x, y), of which only the squares are kept: x' = 2xy / (1 + d x²y²), y' = (y² + x²) / (1 - d x²y²).
        product = _D * xx * yy % _P
        below = pow(1 + product, -1, _P), pow(1 - product, -1, _P)
        xx, y = 4 * xx * yy * below[0] ** 2 % _P, (yy + xx) * below[1] % _P
        yy = y * y % _P
    return (xx, y) == (0, 1)


def _holds(signature: Mapping[str, str], content: bytes) -> bool:
    """Whether `signature` was made over `content` with the key that it holds."""
    with _needed():
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519

    try:
        key = bytes.fromhex(signature["key"])
        if of_small_order(key):
            return False
        public = ed25519.Ed25519PublicKey.from_public_bytes(key)
        public.verify(bytes.fromhex(signature["value"]), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _compare(expected: str | None, path: Path, name: str) -> None:
    if expected is None:
        raise ReportError(f"the report does not hold the hash of its {name}: nothing to compare {path} with")
    try:
        found = sha256(path)
    except OSError as error:
        raise ReportError(f"cannot read it: {system(error)}", path) from error
    if found != expected:
        raise ReportError(f"{path} is not the {name} of this report: its sha256 is {found}, expected {expected}")


def _private_key(path: Path, passphrase: str) -> Ed25519PrivateKey:
    with _needed():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    try:
        key = serialization.load_pem_private_key(_key_file(path), passphrase.encode() or None)
    except TypeError as error:  # a passphrase is missing, or there is one too many
        raise UsageError(f"{error}: set or unset ANONYMIZE_KEY_PASSPHRASE", path) from error
    except ValueError as error:
        raise UsageError("not a private key in PEM, or not its passphrase", path) from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise UsageError(f"not an {ALGORITHM} key: `anonymize report keygen` makes one", path)
    return key


def _public_key(path: Path) -> Ed25519PublicKey:
    with _needed():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    try:
        key = serialization.load_pem_public_key(_key_file(path))
    except ValueError as error:
        raise UsageError("not a public key in PEM (it ends in .pub)", path) from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise UsageError(f"not an {ALGORITHM} key", path)
    return key


def _key_file(path: Path) -> bytes:
    try:
        return untrusted.content(path, LONGEST_KEY)
    except OSError as error:
        raise UsageError(f"cannot read this key: {system(error)}", path) from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a new file, with its mode from the start."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise OutputError(f"{path} exists: keys are never replaced; give another name") from error
    except OSError as error:
        raise OutputError(f"cannot write the key: {system(error)}", path) from error


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes_raw().hex()


@contextmanager
def _needed() -> Iterator[None]:
    """Wraps imports that only signatures need. Raises `UsageError` if the packages are not installed."""
    try:
        yield
    except ImportError as error:
        raise UsageError(f"signatures need two more packages: {extra('sign')}") from error
