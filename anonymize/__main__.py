"""Where the `anonymize` command and `python -m anonymize` begin: Ctrl-C ends them in silence until they handle it."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # of `signal`, the part that loads nothing

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from anonymize.cli import main

if __name__ == "__main__":
    main()
