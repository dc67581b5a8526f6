"""Shared memory for raw pictures, which outlives neither of the two processes."""

from __future__ import annotations

import mmap
import os
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.errors import UsageError


class SharedPicture:
    """Anonymous shared memory for one picture: no name in any folder, nothing on disk.

    It is freed with the last process that has it open, however that ends. Pickled to a process being spawned, it maps
    the same memory there.

    Args:
        size: bytes.

    Raises:
        UsageError: this system has no anonymous shared memory.
    """

    def __init__(self, size: int) -> None:
        if not hasattr(os, "memfd_create"):
            raise UsageError(
                "live needs Linux: only there can two processes share memory that has no name in any folder"
            )
        self._descriptor = os.memfd_create("anonymize", os.MFD_CLOEXEC)
        os.ftruncate(self._descriptor, size)
        self.samples = _mapped(self._descriptor, size)
        """(size,) uint8."""

    def close(self) -> None:
        """Close this handle; no further process can map the memory."""
        os.close(self._descriptor)

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (DupFd(self._descriptor), len(self.samples))


def _received(descriptor: Any, size: int) -> NDArray[np.uint8]:
    """The samples in the process that received a `SharedPicture`."""
    opened = descriptor.detach()
    samples = _mapped(opened, size)
    os.close(opened)
    return samples


def _mapped(descriptor: int, size: int) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(descriptor, size), np.uint8)
