"""Names of pairs and levels: what is legal, and how one is derived from an image or a value."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

LENGTH_MAX = 128
PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"

_LEGAL = re.compile(PATTERN.removesuffix("$") + r"\Z")  # in Python's regex a $ lets a last newline pass
_ILLEGAL_RUN = re.compile(r"[^A-Za-z0-9._-]+|\.\.+")
_STEM_MAX = 50  # two of them, their joints and the digest stay under LENGTH_MAX
_DIGEST_MAX = 12  # hex digits, 48 bits: a million pairs of one name collide with a chance of 0.2 %


def is_legal(name: str) -> bool:
    """Whether the name can be part of a key, a path and a table anywhere: no slash, no `..`, no blank."""
    return _LEGAL.match(name) is not None and ".." not in name


def mend(noun: str) -> str:
    """The end of the message on an illegal name."""
    rule = f"at most {LENGTH_MAX} letters, digits, '.', '_' and '-', the first a letter or digit, no '..'"
    return f"is not {noun}; use {rule}"


def slug(text: str) -> str:
    """The nearest legal name: accents dropped, every other illegal run a dash."""
    if len(text) <= _STEM_MAX and is_legal(text) and text[-1] not in "._-":
        return text
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _ILLEGAL_RUN.sub("-", plain).strip("._-")[:_STEM_MAX].rstrip(".") or "unnamed"


def stem(uri: str) -> str:
    """The legal name of an image: its file's, without folder and extension."""
    name = re.split(r"[/:]", uri.rstrip("/"))[-1]
    return slug(name.rpartition(".")[0] or name)


def level_name(value: Any) -> str:
    """The legal name of a setting's value: 0.001, 1e-5, white_noise, 256x192, conv1_1-conv2_1."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return re.sub(r"e([+-])0*", r"e\1", repr(value)).removesuffix(".0").replace("e+", "e")
    if isinstance(value, str):
        return stem(value) if "/" in value else slug(value)
    if isinstance(value, Mapping):
        return slug("-".join(f"{key}-{level_name(part)}" for key, part in value.items()))
    if isinstance(value, Sequence):
        joint = "-" if any(isinstance(part, str) for part in value) else "x"
        return slug(joint.join(level_name(part) for part in value))
    return slug(str(value))


def joined(pieces: Sequence[str]) -> str:
    """One id of several legal names; beyond the limit its tail becomes a digest."""
    name = "__".join(pieces)
    if len(name) <= LENGTH_MAX:
        return name
    end = f"__{digest(name)}"
    return name[: LENGTH_MAX - len(end)].rstrip(".") + end


def digest(text: str) -> str:
    """The hex digits that tell two derived ids apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_MAX]
