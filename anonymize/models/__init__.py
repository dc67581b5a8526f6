"""The registered weights: their licences, where they are, and whether they are authentic.

`registry.toml` lists them. Nothing here uses the network except `fetch`, which runs only when a person calls it.
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
