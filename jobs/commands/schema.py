"""`neckar schema`: the manifest's JSON Schema, for editors and for programs that write manifests."""

from __future__ import annotations

import json


def schema() -> None:
    """Print the JSON Schema of a manifest."""
    from neckar.schemas.manifest import Manifest

    print(json.dumps(Manifest.model_json_schema(), indent=2))
