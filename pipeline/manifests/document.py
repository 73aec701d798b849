"""What a user writes by hand, YAML or JSON, read from wherever it is."""

from __future__ import annotations

from typing import Any

from neckar.pipeline.manifests.json_document import NotJson, parse_json
from neckar.pipeline.manifests.yaml_document import parse_yaml
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.storage.store import StoreError, Unavailable
from neckar.schemas.errors import UserError
from neckar.schemas.wording import shown

SIZE_MAX_BYTES = 64 << 20  # some 500,000 listed pairs; more belong into pairs_from


def read_mapping(uri: str, mend: str) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a document and the mapping in it: YAML or, where its name ends in .json, JSON.

    Args:
        uri: local path or `s3://`.
        mend: what to do where it is no mapping.

    Raises:
        UserError: it is neither, no mapping, or not there to be read.
        Unavailable: the store does not answer: nothing to mend in the document.
    """
    try:
        data = read_uri(uri, limit_bytes=SIZE_MAX_BYTES)
    except Unavailable:
        raise
    except StoreError as error:
        raise UserError.at(error.uri, error.message) from None
    value = _parsed(data, uri)
    if not isinstance(value, dict):
        found = "empty" if value is None else shown(value)
        raise UserError.at(uri, f"{found}, not a mapping of keys to values; {mend}")
    return data, value


def _parsed(data: bytes, uri: str) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError.at(f"{uri}: line {line}", "not UTF-8 text; save it as UTF-8") from None
    if not uri.lower().endswith(".json"):
        return parse_yaml(text, uri)
    try:
        return parse_json(text)
    except NotJson as error:
        raise UserError.at(uri, str(error)) from None
