"""Documentation site: `make docs`, or `sphinx-build -W docs OUT`.

The pages are plain Markdown that can be read in the repository. What the code says itself (the
commands, the study file) is written into `docs/reference/` when the site is built.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent

project = "gansearch"
author = "The gansearch authors"
copyright = "2026, The gansearch authors"
version = release = installed_version("gansearch")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["cluster", "_build"]
html_theme = "furo"
html_title = f"gansearch {release}"
default_role = "code"
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"exclude-members": "model_config, model_fields, former_names"}
suppress_warnings = ["myst.header"]  # pages begin with one heading, and some have none below

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def _stay_inside(app: Sphinx, name: str, content: list[str]) -> None:
    """Name what a link shows in the repository, where it leads to no page of the site."""
    page = HERE / f"{name}.md"

    def mended(match: re.Match[str]) -> str:
        picture, text, link = match.groups()
        place = (page.parent / link.partition("#")[0]).resolve()
        if picture or link.startswith(("http", "#")) or place.is_relative_to(HERE):
            return match[0]
        return f"{text} (`{place.relative_to(HERE.parent)}`)"

    content[0] = LINK.sub(mended, content[0])


def setup(app: Sphinx) -> None:
    """Write the generated pages before the sources are read."""
    sys.path.insert(0, str(HERE))
    import reference_pages

    reference_pages.write(HERE / "reference")
    app.connect("source-read", _stay_inside)
