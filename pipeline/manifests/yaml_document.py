"""YAML as plain data, by the rules of YAML 1.2's core schema: `1e-3` is a number, `no` is text, tags are refused.

Built from PyYAML's event stream rather than by one of its loaders, whose YAML 1.1 reads `1e-3` as text, keeps the
last of two equal keys, and lets a kilobyte of nested aliases expand to gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import yaml

from neckar.schemas.errors import UserError
from neckar.schemas.wording import shown

DEPTH_MAX = 32  # a manifest needs 7
ALIASED_NODES_MAX = 100_000  # what aliases may add to the nodes as written

# libyaml's parser where PyYAML was built with it: 8 times as fast
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")  # Python's int() ends at 4300 digits
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(text: str) -> Any:
    """The value of an unquoted scalar: null, a truth value, a number, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


@dataclass(slots=True)
class _Open:
    """A collection whose end is still to come."""

    value: dict[Any, Any] | list[Any]
    anchor: str | None
    nodes: int = 1  # in it and below, aliases expanded
    key: Any = None
    has_key: bool = False


@dataclass(slots=True)
class _Builder:
    place: str
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)  # value and number of nodes
    aliased_nodes: int = 0
    documents: int = 0
    value: Any = None

    def take(self, event: Any) -> None:
        """One event of the parser."""
        match event:
            case yaml.ScalarEvent():
                self._refuse_tag(event)
                plain = event.implicit[0]  # without quotes, nor as a block
                self._add(event, scalar(event.value) if plain else event.value, 1, event.anchor)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_tag(event)
                if len(self.open) == DEPTH_MAX:
                    raise self._error(event, f"nested more than {DEPTH_MAX} deep")
                self.open.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                ended = self.open.pop()
                self._add(event, ended.value, ended.nodes, ended.anchor)
            case yaml.AliasEvent():
                self._add_alias(event)
            case yaml.DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise self._error(event, "a second document begins here; write one document a file")

    def _add_alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            raise self._error(event, f"the alias '*{event.anchor}' stands before or inside its anchor")
        value, nodes = self.anchors[event.anchor]
        self.aliased_nodes += nodes
        if self.aliased_nodes > ALIASED_NODES_MAX:
            raise self._error(event, f"aliases expand to more than {ALIASED_NODES_MAX:,} nodes; write values out")
        self._add(event, value, nodes, None)

    def _add(self, event: Any, value: Any, nodes: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (value, nodes)
        if not self.open:
            self.value = value
            return
        parent = self.open[-1]
        parent.nodes += nodes
        if isinstance(parent.value, list):
            parent.value.append(value)
        elif parent.has_key:
            parent.value[parent.key] = value
            parent.has_key = False
        elif not isinstance(value, Hashable):
            raise self._error(event, "a collection cannot be a key")
        elif value in parent.value:
            raise self._error(event, f"the key {shown(value)} stands twice; leave one out")
        else:
            parent.key, parent.has_key = value, True

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(event, f"the tag {shown(tag)} is not read here; write the plain value")

    def _error(self, event: Any, message: str) -> UserError:
        return UserError.at(f"{self.place}: line {event.start_mark.line + 1}", message)


def parse_yaml(text: str, place: str) -> Any:
    """The document's value; an empty document's is None.

    Raises:
        UserError: not YAML, a tag, a key twice, more than one document, nesting or aliases beyond the limits.
    """
    builder = _Builder(place)
    try:
        for event in yaml.parse(text, Loader=_LOADER):  # only events: no object is ever made
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = f": line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError.at(f"{place}{line}", f"not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:  # a character YAML does not allow: the reader gives no line
        raise UserError.at(place, f"not valid YAML: {str(error).splitlines()[0]}") from None
    return builder.value
