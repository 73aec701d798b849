"""Where everything of a run stands on the store: the only place that spells a key."""

from __future__ import annotations

import re
from typing import NamedTuple

RUN_KEY = "run.json"
LEASE_KEY = "lease.json"
LIVE_KEY = "live.json"
SUCCESS_KEY = "_SUCCESS.json"
SUCCESSORS_PREFIX = "_SUCCESS-"
PARTS_PREFIX = "results/part-"
VOIDS_PREFIX = "results/void-"
IMAGES_PREFIX = "images/"
SET_ASIDE_PREFIX = "damaged/"

_PART = re.compile(r"results/part-(\d{5,})-(\d{6,})\.parquet")
_VOID = re.compile(r"results/void-(\d{5,})\.json")
_SUCCESSOR = re.compile(r"_SUCCESS-(\d{5,})\.json")
_SNAPSHOT = re.compile(r"/[0-9a-f]{64}\.at-(\d{6})\.png$")
_IMAGE = re.compile(r"images/[0-9a-f]{2}/([0-9a-f]{64})\.png")


class PartPlace(NamedTuple):
    """A part's place in the run's history; places compare as the parts were written, epoch by epoch."""

    epoch: int
    sequence: int

    @property
    def key(self) -> str:
        """`results/part-00002-000017.parquet`: zero-padded, so that a listing is in order too."""
        return f"{PARTS_PREFIX}{self.epoch:05d}-{self.sequence:06d}.parquet"

    @classmethod
    def of(cls, key: str) -> PartPlace | None:
        """The place a key names, or None for a foreign file in the folder."""
        match = _PART.fullmatch(key)
        return cls(int(match[1]), int(match[2])) if match else None


def image_key(spec_hash: str) -> str:
    """`images/<hh>/<spec_hash>.png`; 256 folders keep a local run's listings short."""
    return f"images/{spec_hash[:2]}/{spec_hash}.png"


def copy_key(spec_hash: str) -> str:
    """`images/<hh>/<spec_hash>.8bit.png`: beside a picture of 16 bits."""
    return image_key(spec_hash).removesuffix(".png") + ".8bit.png"


def snapshot_key(spec_hash: str, iteration: int) -> str:
    """`images/<hh>/<spec_hash>.at-000050.png`: what a picture was at an evaluation."""
    return f"{snapshots_prefix(image_key(spec_hash))}{iteration:06d}.png"


def snapshots_prefix(key: str) -> str:
    """What the keys of the snapshots of a picture begin with, by its own key."""
    return f"{key.removesuffix('.png')}.at-"


def snapshot_iteration(key: str) -> int | None:
    """The evaluation that a key tells of, wherever its run stands; None where it is no snapshot's key."""
    match = _SNAPSHOT.search(key)
    return int(match[1]) if match else None


def spec_hash_of(key: str) -> str | None:
    """The spec hash an image's key names, or None where it is no image's key."""
    match = _IMAGE.fullmatch(key)
    return match[1] if match else None


def compact_key(epoch: int, sequence: int) -> str:
    """`compact/part-00002-0003.parquet`: the epoch keeps an interrupted compaction out of the next one's way."""
    return f"compact/part-{epoch:05d}-{sequence:04d}.parquet"


def void_key(number: int) -> str:
    """`results/void-00000.json`."""
    return f"{VOIDS_PREFIX}{number:05d}.json"


def void_number(key: str) -> int | None:
    """Which void a key tells of, or None for a foreign file."""
    match = _VOID.fullmatch(key)
    return int(match[1]) if match else None


def success_key(number: int) -> str:
    """`_SUCCESS.json`, and `_SUCCESS-00002.json` for the second end of a run whose failed pairs were tried again."""
    return SUCCESS_KEY if number == 1 else f"{SUCCESSORS_PREFIX}{number:05d}.json"


def success_number(key: str) -> int | None:
    """Which end of the run a key tells of, or None for a foreign file."""
    match = _SUCCESSOR.fullmatch(key)
    return int(match[1]) if match else None
