"""Settings of the site that `make docs` builds from these pages."""

from __future__ import annotations

import mermaidx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

project = "RecomAMP pipeline"
html_title = project
extensions = ["myst_parser"]
exclude_patterns = ["requirements.txt", "constraints.txt"]

# Links to a heading are checked against the headings that a page has
myst_heading_anchors = 4

# A placeholder such as {{name}} is not SQL to the highlighter
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "fixed_sidebar": True}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_copy_source = False
html_show_sphinx = False


class DrawMermaid(SphinxTransform):
    """Replace each block of Mermaid text by its drawing.

    GitHub draws these blocks itself. Here they become SVG within the page, so that a reader's
    browser loads no script.
    """

    default_priority = 5

    def apply(self, **kwargs: object) -> None:
        """Draw the blocks of one page."""
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "mermaid":
                drawing = mermaidx.render(block.astext()).svg()
                block.replace_self(nodes.raw("", drawing, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the transform."""
    app.add_transform(DrawMermaid)
    return {"parallel_read_safe": True}
