"""The page: one HTML file with its script, styles and table inside, under a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from bokeh.resources import Resources
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

Mode = Literal["file", "folder", "served"]

# The page's own script, in the order it is read: what stands below may use what stands above.
SCRIPTS = (
    "elements.js",
    "unpacking.js",
    "table.js",
    "pictures.js",
    "state.js",
    "filters.js",
    "tiles.js",
    "grid.js",
    "charts.js",
    "gallery.js",
    "viewer.js",
    "detail.js",
    "compare.js",
    "failures.js",
    "statistics.js",
    "selection.js",
    "live.js",
    "keys.js",
    "main.js",
)
_BOKEH = ["bokeh", "bokeh-api"]
_FOLDER = files("neckar.pipeline.report") / "page"


@dataclass(frozen=True, slots=True)
class Page:
    """What stands in a page.

    Attributes:
        title: of the run.
        told: a line about the run, for those who see no script.
        mode: one file with everything; a page with files beside it; or one that is served.
        blocks: texts by the id of the element that holds them: what `packing.as_text` made, or a script for later.
    """

    title: str
    told: str
    mode: Mode
    blocks: Mapping[str, str] = field(default_factory=dict)


def render(page: Page) -> bytes:
    """The HTML."""
    script = own_script()
    later = [page.blocks[name] for name in ("charts",) if name in page.blocks]
    text: str = _template().render(
        title=page.title,
        told=page.told,
        mode=page.mode,
        policy=_policy(page.mode, [script, *later]),
        style=Markup(_read("page.css")),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own files
        blocks={name: Markup(_inert(block)) for name, block in page.blocks.items()},  # noqa: S704  # base64, Bokeh's
    )
    return text.encode("utf-8", errors="replace")


@cache
def own_script() -> str:
    """All of the page's own script, names in it nobody else's."""
    return "(() => {\n'use strict';\n" + "\n".join(_read(name) for name in SCRIPTS) + "})();\n"


@cache
def charts_script() -> str:
    """Bokeh, as its package has it: read by a browser when the first chart is drawn."""
    raw = Resources(mode="inline", components=_BOKEH).js_raw
    return "\n".join(raw[: len(_BOKEH)])  # after them it sets the level of its log, and says so in the log


def data_script(name: str, block: str) -> bytes:
    """A file that hands a block to the page it stands beside; `block` is of `packing.as_text`."""
    return f'neckarBlock("{name}", "{block}");\n'.encode()


def _policy(mode: Mode, scripts: Sequence[str]) -> str:
    """Content Security Policy. A file's own folder is nobody's origin: `file:` stands for it."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    beside = {"file": "", "folder": "'self' file: ", "served": "'self' "}[mode]
    linked = "" if mode == "served" else "file: "
    rules: dict[str, str] = {
        "default-src": "'none'",
        "script-src": f"{beside}{hashes}",
        "style-src": "'unsafe-inline'",  # Bokeh writes its styles into the elements it makes
        "img-src": f"'self' {linked}data: blob:",
        "connect-src": "'self'" if mode == "served" else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}".rstrip() for name, value in rules.items())


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _inert(block: str) -> str:
    """As it may stand in a script element that nobody runs: nothing in it ends the element."""
    assert "</script" not in block.lower(), "would end its element"
    return block


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(str(_FOLDER)), autoescape=True)
    return environment.get_template("page.html")
