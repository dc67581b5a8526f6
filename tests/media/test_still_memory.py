"""What a large picture takes of memory, by the command itself."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

LARGE, TINY = (4000, 3000), (64, 48)
PROGRAM = """
from anonymize.cli import main
try:
    main()
finally:
    with open("/proc/self/status") as file:
        print(next(line.split()[1] for line in file if line.startswith("VmHWM:")))
"""
ZONE = "8,8 40,8 40,40 8,40"


def peak(path: Path) -> int:
    """Bytes that anonymising `path` took at most, as the process itself reads them: what `wait4` says is at least what
    the process that started it had taken."""
    target = path.with_name(f"out_{path.name}")
    command = [sys.executable, "-c", PROGRAM, "run", str(path), "-o", str(target)]
    done = subprocess.run([*command, "--targets", "none", "--hide-zone", ZONE], stdout=subprocess.PIPE, check=True)
    assert target.exists()
    return int(done.stdout.split()[-1]) * 1024


def picture(path: Path, size: tuple[int, int]) -> Path:
    """A picture that packs well, so that what is measured is its pixels."""
    across = np.linspace(0, 255, size[0]).astype(np.uint8)
    pixels = np.broadcast_to(across[None, :, None], (size[1], size[0], 3))
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in another unit elsewhere")
@pytest.mark.parametrize(("suffix", "most"), [("jpg", 15), ("tiff", 15), ("png", 12)])
def test_a_large_picture_is_held_few_times_over(tmp_path: Path, suffix: str, most: int) -> None:
    least = peak(picture(tmp_path / f"tiny.{suffix}", TINY))
    taken = peak(picture(tmp_path / f"large.{suffix}", LARGE)) - least
    assert taken / (LARGE[0] * LARGE[1]) < most, "bytes a pixel"
