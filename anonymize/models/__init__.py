"""Which weights exist, under which licence, where they are, and whether they are what they claim to be.

`registry.toml` is the list. Nothing here touches the network except `fetch`, which runs only when a person asks for it.
"""

from anonymize.models.registry import Model, ModelState, find, list_models, locate, read, verify, weights_of
from anonymize.models.runtime import Session, cores, engine, session
from anonymize.models.store import fetch, import_model

__all__ = [
    "Model",
    "ModelState",
    "Session",
    "cores",
    "engine",
    "fetch",
    "find",
    "import_model",
    "list_models",
    "locate",
    "read",
    "session",
    "verify",
    "weights_of",
]
