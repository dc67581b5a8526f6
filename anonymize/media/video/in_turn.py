"""Keep encoders from taking real-time priority."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from av.video.codeccontext import VideoCodecContext


def open_encoder(context: VideoCodecContext) -> None:
    """Open `context` and restore the scheduling policy of all threads of this process.

    As root, for instance in a container, SVT-AV1 makes its threads and the calling one real-time (SCHED_FIFO, priority
    99). They would preempt everything else on the machine, and threads waiting for them could wait forever.
    """
    if sys.platform != "linux":
        context.open()
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    context.open()
    now = os.sched_getscheduler(0), os.sched_getparam(0)
    if now == before:
        return
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended
            if (os.sched_getscheduler(int(thread.name)), os.sched_getparam(int(thread.name))) == now:
                os.sched_setscheduler(int(thread.name), *before)
