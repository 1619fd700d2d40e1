"""How Sphinx builds the site: strictly, without a network, and with nothing loaded from elsewhere.

`make docs` builds it. A page that a link misses, a name that the reference does not have and a
page that is in no table of contents are warnings, and a warning fails the build. A built page that
would load a script, a font, a stylesheet or an image from another host fails it too, and so does
one with a link, by whatever means it was written, to a file or a part of a page that is not there.
"""

import re
from html.parser import HTMLParser
from importlib.metadata import version as installed
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

logger = getLogger(__name__)

project = "Amazon Lambda Runtime for Python"
version = release = installed("amazon-lambda-runtime")

# The extra `durable` is not among those of the site.
autodoc_mock_imports = [
    "aws_durable_execution_sdk_python",
    "aws_durable_execution_sdk_python_testing",
]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["_build"]

# Pages are read on GitHub, too: plain Markdown, and an <img> where a width is needed.
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 3

# A docstring's `name` is code, as in Markdown.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# How a handler class calls its hook is between it and the dispatcher.
autodoc_default_options = {"exclude-members": "call"}
nitpicky = True
# Only the public import paths have to resolve: types of other distributions would need a network,
# and internal ones are not in the reference.
nitpick_ignore_regex = [("py:.*", r"(?!amazon_lambda_runtime(\.(events|testing))?\.\w+$).*")]

# What is indented is typed into a shell, or comes out of it.
highlight_language = "text"

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

# What a page loads by itself; a link (<a href>) is followed only by a click.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=[\"']?(?:https?:)?//[^\s>]*"
    r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^>]*"
    r"|(?:@import|url\()\s*[\"']?(?:https?:)?//[^\s)]*"
)


def refuse_other_hosts(app: Sphinx, error: Exception | None) -> None:
    """Fail the build for each page or stylesheet that loads something from another host."""
    if error is not None or app.builder.format != "html":
        return
    for file in sorted(Path(app.outdir).rglob("*")):
        if file.suffix in (".html", ".css"):
            for found in _LOADED.finditer(file.read_text()):
                logger.warning("%s loads from another host: %s", file, found[0][:120])
                # The warnings were counted before.
                app.statuscode = 1


class _Page(HTMLParser):
    """The ids of a built page, and what it points to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            elif name in ("href", "src"):
                self.targets.append(value or "")


def refuse_dead_links(app: Sphinx, error: Exception | None) -> None:
    """Fail the build for each link within the site whose file or part of a page is not there."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir).resolve()
    pages = {file: _Page(file.read_text()) for file in sorted(folder.rglob("*.html"))}
    for file, page in pages.items():
        for target in dict.fromkeys(page.targets):
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            to = (file.parent / unquote(url.path)).resolve() if url.path else file
            part = unquote(url.fragment)
            if not to.is_file() or (part and to in pages and part not in pages[to].ids):
                logger.warning("%s: a link leads nowhere: %s", file.relative_to(folder), target)
                app.statuscode = 1


def escape_prose(
    app: Sphinx, what: str, name: str, subject: object, options: object, lines: list[str]
) -> None:
    """Take a docstring as its source reads: outside of `code`, an asterisk is an asterisk."""
    for number, line in enumerate(lines):
        parts = line.split("`")
        parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
        lines[number] = "`".join(parts)


def show_examples_as_code(app: Sphinx, context: object, lines: list[str]) -> None:
    """Show the examples under a command's help as code, which sphinx-click takes for prose."""
    if len(lines) > 1 and lines[0].startswith("| ") and lines[1].startswith("|  "):
        lines[:] = [f"{lines[0][2:]}:", "", *(line.removeprefix("|") for line in lines[1:])]


def keep_signs(app: Sphinx, context: object, lines: list[str]) -> None:
    """Have a line begin with + or - without being an item of a list; an @ makes no address."""
    lines[:] = [re.sub(r"^([-+*]) ", r"\\\1 ", line).replace("@", r"\@") for line in lines]


def setup(app: Sphinx) -> None:
    app.connect("sphinx-click-process-description", keep_signs)
    app.connect("sphinx-click-process-epilog", show_examples_as_code)
    app.connect("autodoc-process-docstring", escape_prose)
    app.connect("build-finished", refuse_other_hosts)
    app.connect("build-finished", refuse_dead_links)
