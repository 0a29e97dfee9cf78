"""What models write, as they meant it to look; what it contains is never obeyed.

HTML in it stays text, pictures are not fetched, links lead only to web and mail addresses and do not tell where they
were clicked. markdown-it-py escapes everything else, and gives up on nesting deeper than twenty.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from query_api.ui.formats import shown

_SCHEMES = frozenset({"http", "https", "mailto"})
_OWN_DIRECTION = frozenset({"paragraph_open", "heading_open", "th_open", "td_open"})


def markdown(text: str) -> Markup:
    tokens = _parser().parse(shown(text))
    return Markup(_parser().renderer.render(tokens, _parser().options, {}))  # noqa: S704 - every leaf is escaped


@cache
def _parser() -> MarkdownIt:
    parser = _Parser("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    return parser.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802
        return _is_safe(url)


def _is_safe(address: str) -> bool:
    """Relative ones are out too: they would be addresses of ours."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return False
    return parts.scheme.lower() in _SCHEMES and (parts.netloc != "" or parts.scheme.lower() == "mailto")


class _Renderer(RendererHTML):
    def renderToken(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:  # noqa: N802
        token = tokens[idx]
        _align(token)
        if token.type in _OWN_DIRECTION:
            token.attrSet("dir", "auto")
        if token.type == "link_open":
            token.attrSet("rel", "noopener noreferrer nofollow")
            token.attrSet("target", "_blank")
        if token.type in ("heading_open", "heading_close"):
            token.tag = _lowered(token.tag)
        return super().renderToken(tokens, idx, options, env)


def _align(token: Token) -> None:
    """The policy of the pages forbids styles in attributes."""
    style: Any = token.attrs.pop("style", None)
    if isinstance(style, str) and style.startswith("text-align:"):
        token.attrSet("class", f"to-{style.removeprefix('text-align:')}")


def _lowered(tag: str) -> str:
    """The page has headings of its own: what is said begins at the fourth."""
    return f"h{min(int(tag[1]) + 3, 6)}"
