"""Remote files: an address such as ``s3://bucket/folder/clip.mp4`` in place of a path (extra `storage`).

Sources are read in place, piece by piece, into memory; nothing of them is ever written to a disk.
"""

from typing import TYPE_CHECKING

from anonymize.storage.address import is_address, place
from anonymize.storage.private import private_folder, sweep
from anonymize.storage.read import Steady, below, has_sha256, identity, is_folder, kind_of, matching, opened, sha256
from anonymize.storage.write import already, exists, forget, hidden, upload

if TYPE_CHECKING:
    from anonymize.storage.address import Place

__all__ = [
    "Place",
    "Steady",
    "already",
    "below",
    "exists",
    "forget",
    "has_sha256",
    "hidden",
    "identity",
    "is_address",
    "is_folder",
    "kind_of",
    "matching",
    "opened",
    "place",
    "private_folder",
    "sha256",
    "sweep",
    "upload",
]
