"""Find faces and licence plates in video and redact them before anyone sees the picture.

    import anonymize

    anonymize.run("street.mp4", "street-safe.mp4", anonymize.load_preset("journalist").settings)

Names are imported when they are first used, so that `import anonymize` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to load than all of the command's start, which Ctrl-C would show
if TYPE_CHECKING:
    from typing import Any

    from anonymize._version import __version__ as __version__
    from anonymize.api import load_preset, render_plan, run, write_plan
    from anonymize.errors import AnonymizeError
    from anonymize.report import Report
    from anonymize.settings import Settings

__all__ = ["AnonymizeError", "Report", "Settings", "load_preset", "render_plan", "run", "write_plan"]

_HOMES = {"AnonymizeError": "errors", "Report": "report", "Settings": "settings", "__version__": "_version"}


def __getattr__(name: str) -> Any:
    import importlib

    if name not in (*__all__, "__version__"):
        raise AttributeError(f"module 'anonymize' has no attribute {name!r}")
    home = importlib.import_module(f"anonymize.{_HOMES.get(name, 'api')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
