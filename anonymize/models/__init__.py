"""The registered weights: their licences, where they are, and whether they are authentic.

`registry.toml` lists them. Nothing here uses the network except `fetch`, which runs only when a person calls it.
"""

from anonymize.models.registry import (
    Bodies,
    Model,
    ModelState,
    find,
    list_models,
    locate,
    own,
    own_models,
    read,
    state_of,
    verify,
    weights_of,
    whole_models,
)
from anonymize.models.runtime import Session, Tensor, cores, engine, session
from anonymize.models.store import fetch, import_model, keep_own, remove_model

__all__ = [
    "Bodies",
    "Model",
    "ModelState",
    "Session",
    "Tensor",
    "cores",
    "engine",
    "fetch",
    "find",
    "import_model",
    "keep_own",
    "list_models",
    "locate",
    "own",
    "own_models",
    "read",
    "remove_model",
    "session",
    "state_of",
    "verify",
    "weights_of",
    "whole_models",
]
