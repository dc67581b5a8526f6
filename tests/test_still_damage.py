"""Damage in pictures that Pillow shows without a word."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonymize.errors import DamagedInput
from anonymize.media import open_source
from anonymize.media.still_damage import damage
from tests.formats import documented

SIZE = (256, 192)
WAYS = {
    "JPEG": ("JPEG", {"quality": 90}),
    "JPEG in 4:4:4": ("JPEG", {"quality": 90, "subsampling": 0}),
    "progressive JPEG": ("JPEG", {"quality": 90, "progressive": True}),
    "grey JPEG": ("JPEG", {"quality": 90}),
    "PNG": ("PNG", {}),
}


def made(way: str) -> bytes:
    rng = np.random.default_rng(5)
    ground = np.repeat(np.repeat(rng.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), dtype=np.uint8), 8, 0), 8, 1)
    form, options = WAYS[way]
    target = io.BytesIO()
    Image.fromarray(ground).convert("L" if "grey" in way else "RGB").save(target, form, **options)
    return target.getvalue()


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(
            w,
            marks=documented(
                "damage",
                f"a damaged picture: {w}",
                "refused; with `--allow-damaged` it, or what follows the damage, is black",
            ),
        )
        for w in WAYS
    ],
)
def test_a_picture_whose_middle_is_noise_is_refused(way: str, tmp_path: Path) -> None:
    data = bytearray(made(way))
    path = tmp_path / f"a.{WAYS[way][0].lower()}"
    path.write_bytes(data)
    with open_source(path) as whole:
        assert whole.losses == []
    noticed = 0
    for seed in range(6):
        harmed = bytearray(data)
        at = len(data) // 2
        harmed[at : at + 60] = np.random.default_rng(seed).integers(0, 255, 60, dtype=np.uint8).tobytes()
        path.write_bytes(harmed)
        try:
            open_source(path)
        except DamagedInput:
            noticed += 1
            with open_source(path, allow_damaged=True) as source:
                (frame,) = source.frames()
                assert source.losses
                assert frame.bgr(*SIZE).max() < 8 or source.losses[0].startswith("part of")
    assert noticed >= (3 if way == "JPEG" else 5)  # noise in JPEG often is a possible picture


@pytest.mark.parametrize("way", WAYS)
def test_what_follows_the_picture_is_no_damage(way: str) -> None:
    assert damage(made(way) + made(way), WAYS[way][0].lower().replace("jpeg", "jpg")) == ""
