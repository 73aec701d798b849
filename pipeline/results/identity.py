"""What makes an image that image: the spec hash, under which it is stored and found again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from neckar.schemas.settings import Settings

ALGORITHM_VERSION = 9  # raised whenever one recipe gives other pixels than before


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: keys sorted, no spaces, ASCII only, shortest floats that read back the same.

    Raises:
        ValueError: NaN or an infinity, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def spec_hash(
    *,
    content_sha256: str | None,
    style_sha256: str | None,
    settings: Settings,
    weights_sha256: str,
    algorithm_version: int,
    init_sha256: str | None = None,
) -> str:
    """sha256, hex, of everything that decides the pixels; where files lie and what pairs are called does not.

    Args:
        content_sha256: of the photograph's file; None for style-only pairs.
        style_sha256: of the artwork's file; None for content-only pairs.
        settings: with the precision resolved: `auto` would hide which one it was.
        weights_sha256: of the network's weights.
        algorithm_version: raised whenever the same settings give other pixels.
        init_sha256: of the start image's file, exactly when `settings.init` is a URI; it takes the URI's place.
    """
    assert settings.precision != "auto"
    assert (init_sha256 is None) == (settings.init_uri is None)
    meaning = settings.canonical()
    if init_sha256 is not None:
        meaning["init"] = f"sha256:{init_sha256}"
    spec = {
        "content_sha256": content_sha256,
        "style_sha256": style_sha256,
        "settings": meaning,
        "weights_sha256": weights_sha256,
        "algorithm_version": algorithm_version,
    }
    return hashlib.sha256(canonical_json(spec).encode()).hexdigest()
