"""Where a `webrtc:` sink is served: on this machine alone, or elsewhere with TLS."""

from __future__ import annotations

import importlib.util
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from anonymize.errors import UsageError
from anonymize.live.webrtc.certificate import Certificate
from anonymize.live.webrtc.viewers import Viewers
from anonymize.text.words import extra

SCHEME = "webrtc:"
LOOPBACK = "127.0.0.1"
_EXPECTED = "expected webrtc:PORT, or webrtc:ADDRESS:PORT with an IP address of this machine"


@dataclass(frozen=True, slots=True)
class Place:
    """An address of this machine, and what is needed to be served there.

    Args:
        host: an IP address.
        port: 0: any free port.
        viewers: file of names and tokens; None: whoever has the token that each start makes.
        certificate: file of the TLS certificate; None: no TLS.
        key: file of its private key.
    """

    host: str
    port: int
    viewers: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def loopback(self) -> bool:
        """Whether it is reached from this machine alone."""
        return ipaddress.ip_address(self.host).is_loopback

    def check(self) -> None:
        """Check that nobody could watch without a name, or over an open line.

        Raises:
            UsageError: it is open to others without TLS or names, half of the TLS files is missing, or the extra is;
                or a file cannot be used.
        """
        if (self.certificate is None) != (self.key is None):
            raise UsageError("a TLS certificate and its key belong together: give both, --tls-cert and --tls-key")
        if not self.loopback and self.certificate is None:
            raise UsageError(
                f"{self.host} can be reached by others, who would send their tokens over an open line: give a TLS "
                "certificate and its key (--tls-cert, --tls-key), or serve it on this machine alone, as webrtc:PORT"
            )
        if not self.loopback and self.viewers is None:
            raise UsageError(
                f"{self.host} can be reached by others: name who may watch in a file of viewers (--viewers)"
            )
        if any(importlib.util.find_spec(name) is None for name in ("OpenSSL", "pylibsrtp")):
            raise UsageError(f"webrtc: needs two more packages: {extra('webrtc')}")
        self.tls()
        if self.viewers is not None:
            Viewers(self.viewers)

    def tls(self) -> Certificate | None:
        """What encrypts connections; None without TLS.

        Raises:
            UsageError: a file cannot be used.
        """
        if self.certificate is None or self.key is None:
            return None
        return Certificate(self.certificate, self.key)


def parse(address: str, viewers: Path | None = None, certificate: Path | None = None, key: Path | None = None) -> Place:
    """The place that `address` names; see `Place`. Raises `UsageError`."""
    host, _, port = address.removeprefix(SCHEME).rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or LOOPBACK
    try:
        ipaddress.ip_address(host)
        number = int(port) if port.isdecimal() and len(port) <= 5 else -1
    except ValueError:
        raise UsageError(_EXPECTED, address) from None
    if not 0 <= number < 1 << 16:
        raise UsageError(_EXPECTED, address)
    return Place(host, number, viewers, certificate, key)
