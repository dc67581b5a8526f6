"""The TLS certificate of a port for viewers, which is renewed while the port is open: changed files are taken up, and
where they cannot be used the certificate before them stays."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

from anonymize.errors import UsageError
from anonymize.live.log import logger
from anonymize.text.words import system


class Certificate:
    """A certificate and its key, loaded from files and again when these have changed. Thread-safe.

    Args:
        certificate, key: PEM.

    Raises:
        UsageError: a file cannot be used.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = certificate, key
        self._lock = threading.Lock()
        self._in_force = self._refused = self._version()
        self._now = _loaded(certificate, key)
        self.wrong = ""
        """Why changed files could not be used; empty if they could."""
        self.context = _loaded(certificate, key)
        """What encrypts connections: each is given the newest certificate when it begins."""
        self.context.sni_callback = self._choose

    def look(self) -> None:
        """Load the files if they have changed; if they cannot be used, say so once and keep the certificate."""
        with self._lock:
            try:
                version = self._version()
                if version == self._in_force:
                    self.wrong = ""
                elif version != self._refused:
                    self._refused = version
                    self._now = _loaded(*self._files)
                    self._in_force, self.wrong = version, ""
                    logger.info("TLS certificate read again", file=str(self._files[0]))
            except UsageError as error:
                if str(error) != self.wrong:
                    self.wrong = str(error)
                    logger.error("TLS certificate not read again; kept the previous one", error=self.wrong)

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:  # noqa: ARG002
        """Give a connection that begins the newest certificate, whatever name it asks for."""
        self.look()
        connection.context = self._now

    def _version(self) -> tuple[tuple[int, int, int], ...]:
        """What changes when a file does, or what a link leads to. Raises `UsageError`."""
        found = []
        for path in self._files:
            try:
                facts = path.stat()
            except OSError as error:
                raise UsageError(f"cannot read this file of TLS: {system(error)}", path) from error
            found.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
        return tuple(found)


def _loaded(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context with the certificate in files. Raises `UsageError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except ssl.SSLError as error:
        reason = error.reason or "it is no certificate in PEM, or has another key"
        raise UsageError(f"this TLS certificate and its key cannot be used: {reason}", certificate) from error
    except OSError as error:
        name = error.filename or f"{certificate} or {key}"
        raise UsageError(f"cannot read this file of TLS: {system(error)}", name) from error
    return context
