"""FFmpeg's messages come to Python while somebody listens; whatever other threads do, standard error stays empty."""

import subprocess
import sys

HAMMERED = """
import threading
import av, numpy as np
from anonymize.media.damage.complaints import listening

over = threading.Event()

def warned():
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
    while not over.is_set():
        av.video.reformatter.VideoReformatter().reformat(frame, format="yuvj420p")

threads = [threading.Thread(target=warned) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(200_000):
    with listening():
        pass
over.set()
for thread in threads:
    thread.join()
with listening() as messages:
    av.video.reformatter.VideoReformatter().reformat(av.VideoFrame(16, 16, "rgb24"), format="yuvj420p")
print([text.strip() for _, _, text in messages])
"""


def test_nothing_is_printed_where_another_thread_is_warned_as_nobody_listens_any_more() -> None:
    done = subprocess.run([sys.executable, "-c", HAMMERED], capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    assert "deprecated pixel format" in done.stdout
