"""From what an entry says to what a worker needs: URIs made absolute, settings merged and fitted to the pair."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neckar.pipeline.manifests.source import LoadedManifest, resolve
from neckar.schemas.condition import LISTED, SELF_TRANSFER, kind_of, layers_of
from neckar.schemas.errors import UserError
from neckar.schemas.fields import SEED_MAX
from neckar.schemas.settings import Settings
from neckar.schemas.wording import shown, validated

CACHED_SETTINGS_MAX = 4096  # some 10 MB
CACHED_URIS_MAX = 65_536

_PLAIN = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")  # a relative path with nothing to resolve: for it, a tenth of the time


@dataclass(frozen=True, slots=True)
class Merged:
    """Settings of a pair.

    Attributes:
        settings: merged, `init` absolute, alpha 0 without a content and beta 0 without a style.
        changes: what the pair itself sets of them, as JSON types.
    """

    settings: Settings
    changes: Mapping[str, Any]


@dataclass(slots=True)
class Resolver:
    """Resolves what the pairs of one manifest say. What repeats is worked out once.

    Attributes:
        loaded: the manifest.
        local: whether the pairs may name files of this machine outside the base.
    """

    loaded: LoadedManifest
    local: bool
    _merged: dict[tuple[str, bool, bool], Merged | UserError] = field(default_factory=dict)
    _uris: dict[str, str] = field(default_factory=dict)

    def uri(self, uri: str, place: str) -> str:
        """Absolute. Raises `UserError` at `place`."""
        found = self._uris.get(uri)
        if found is None:
            base = self.loaded.base.rstrip("/")
            found = f"{base}/{uri}" if _PLAIN.fullmatch(uri) else resolve(base, uri, place, local=self.local)
            if len(self._uris) >= CACHED_URIS_MAX:
                self._uris.clear()
            self._uris[uri] = found
        return found

    def merged(self, overrides: Mapping[str, Any] | Settings, *, content: bool, style: bool) -> Merged:
        """The manifest's settings under a pair's own, fitted to the images the pair has.

        Raises:
            UserError: places like `settings.alpha`.
        """
        written: Any = overrides
        if isinstance(overrides, Settings):
            written = {name: getattr(overrides, name) for name in overrides.model_fields_set}
        seed = written.get("seed") if isinstance(written, dict) else None
        if type(seed) is not int or not 0 <= seed <= SEED_MAX:
            return self._once(written, content=content, style=style)
        # the seed is what differs most often, and what nothing else depends on
        rest = {name: value for name, value in written.items() if name != "seed"}
        found = self._once(rest, content=content, style=style)
        return Merged(found.settings.model_copy(update={"seed": seed}), {**found.changes, "seed": seed})

    def _once(self, written: Any, *, content: bool, style: bool) -> Merged:
        key = (repr(written), content, style)
        found = self._merged.get(key)
        if found is None:
            found = self._work_out(written, content=content, style=style)
            if len(self._merged) >= CACHED_SETTINGS_MAX:
                self._merged.clear()
            self._merged[key] = found
        if isinstance(found, UserError):
            raise UserError(found.problems)
        return found

    def _work_out(self, written: Any, *, content: bool, style: bool) -> Merged | UserError:
        try:
            changes = validated(Settings, written)
            settings = self.loaded.manifest.settings.merged(changes)
            settings = self._fitted(settings, content=content, style=style)
        except UserError as error:
            return error.below("settings", ".")
        return Merged(settings, changes.model_dump(mode="json", include=changes.model_fields_set))

    def _fitted(self, settings: Settings, *, content: bool, style: bool) -> Settings:
        """The settings of a pair that may lack an image."""
        update = self._conditioned(settings, content=content, style=style)
        style = style or settings.condition == SELF_TRANSFER
        if (settings.init, content) == ("content", False) or (settings.init, style) == ("style", False):
            raise UserError.at("init", f"{shown(settings.init)} is no start for a pair without {settings.init}")
        if settings.init_uri is not None:
            update["init"] = self.uri(settings.init_uri, "init")
        if not content:
            update["alpha"] = 0.0
        if not style:
            update["beta"] = 0.0
        settings = settings.model_copy(update=update) if update else settings
        if settings.alpha == 0.0 and settings.beta == 0.0:
            absent, weight = ("style", "alpha") if content else ("content", "beta")
            mend = f"make {weight} positive, or add a {absent}"
            raise UserError.at(weight, f"0 in a pair without {absent} leaves nothing to compute; {mend}")
        return settings

    @staticmethod
    def _conditioned(settings: Settings, *, content: bool, style: bool) -> dict[str, Any]:
        """What a condition sets of a pair's settings. Raises `UserError` where it is made of other images."""
        condition = settings.condition
        name, kind, layers = condition.partition("@")[0], kind_of(condition), layers_of(condition)
        given, needed = {"content": content, "style": style}, {"content": kind.content, "style": kind.style}
        if name not in LISTED:
            for image in ("content", "style"):
                if needed[image] and not given[image]:
                    raise UserError.at("condition", f"{shown(condition)} is made of a {image}; add it to the pair")
                if given[image] and not needed[image]:
                    mend = f"leave the {image} out of the pair"
                    raise UserError.at("condition", f"{shown(condition)} is made without a {image}; {mend}")
        if not layers:
            return {}
        assert kind.layers is not None
        return {kind.layers: getattr(Settings.model_validate({kind.layers: list(layers)}), kind.layers)}
