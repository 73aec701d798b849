"""Perceptual hashes, against the library that defines them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image
from skimage import data

from neckar.pipeline.stimuli.duplicates import near_duplicates, phash

PICTURES = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]


def test_the_hash_is_imagehashs():
    imagehash = pytest.importorskip("imagehash", reason="imagehash is not installed (pip install imagehash)")
    for picture in PICTURES:
        assert phash(picture) == int(str(imagehash.phash(Image.fromarray(picture))), 16)


def test_a_picture_and_its_noisy_copy_are_near_and_others_are_not():
    noisy = np.clip(PICTURES[0] + np.random.default_rng(0).normal(0, 4, PICTURES[0].shape), 0, 255).astype(np.uint8)
    hashes = {str(i): phash(picture) for i, picture in enumerate([*PICTURES, noisy])}
    assert near_duplicates(hashes) == {"0": ["4"], "4": ["0"]}


def test_all_within_four_bits_are_found_and_no_others():
    chance = random.Random(0)
    hashes = {}
    for i in range(60):
        value = chance.getrandbits(64)
        hashes[f"{i}"] = value
        for bits in range(1, 7):
            flipped = value
            for bit in chance.sample(range(64), bits):
                flipped ^= 1 << bit
            hashes[f"{i}+{bits}"] = flipped
    expected = {
        a: sorted(b for b in hashes if b != a and (hashes[a] ^ hashes[b]).bit_count() <= 4) for a in sorted(hashes)
    }
    assert near_duplicates(hashes) == {name: others for name, others in expected.items() if others}
