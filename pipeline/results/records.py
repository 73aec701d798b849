"""A run's JSON records on the store: written for people to read, read with every mistake named."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from neckar.pipeline.storage.store import NotFound, Store
from neckar.schemas.errors import UserError
from neckar.schemas.wording import problems_of

JSON_TYPE = "application/json"

Record = TypeVar("Record", bound=BaseModel)


def to_json(record: BaseModel) -> bytes:
    """Indented, one field a line, ending with a newline."""
    return f"{record.model_dump_json(indent=2)}\n".encode()


def from_json(data: bytes, model: type[Record], place: str) -> Record:
    """The record in `data`.

    Raises:
        UserError: it is damaged or of another version; `place` names the object.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise UserError(problems_of(error, model)).below(place) from None


def read_record(store: Store, key: str, model: type[Record]) -> Record | None:
    """The record under a key, None where there is none. Raises `UserError` where it is damaged, and `StoreError`."""
    try:
        data = store.get(key)
    except NotFound:
        return None
    return from_json(data, model, f"{store.uri}/{key}")
