"""The command line: parse, one call into the library, an exit code. Only `render` prints."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Entry point of the `anonymize` command."""
    from anonymize.cli.app import app
    from anonymize.cli.render import fail
    from anonymize.errors import AnonymizeError

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app(prog_name="anonymize")
    except AnonymizeError as error:
        fail(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        fail("interrupted: nothing half-done was left")
        sys.exit(130)
    except OSError as error:  # printing: the reader has gone, or what stands behind stdout is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        fail(f"cannot print: {error.strerror}")
        sys.exit(6)
