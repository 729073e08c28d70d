"""Markdown from strangers to HTML that is safe to show, in bounded time.

CommonMark with tables, strikethrough, task lists and bare links. Raw HTML never passes: a short
list of harmless tags is read and written anew (`markdown_rules`), and the result is sanitised. No
styles, scripts, ids or addresses of others come out; pictures are the repository's own files.
"""

import html
import re
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from typing_extensions import override

from lorahub_server.kit import markdown_rules
from lorahub_server.kit.markdown_links import Bases, is_allowed

# Longer texts are cut: nobody reads a card of more, and a page should stay a page.
MAX_CHARS = 100_000
_MAX_PLAIN = 20_000
# What is deeper is shown as plain paragraphs. A list counts twice, for its items too.
_MAX_NESTING = 20
# Processor time for one text. Real cards need a hundredth.
_BUDGET_S = 1.0

_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del",
    "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "input", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "small",
    "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "u",
    "ul", "wbr",
}  # fmt: skip
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "code": {"class"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height", "loading"},
    "input": {"checked", "disabled"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    **{heading: {"id"} for heading in _HEADINGS},
}
_ALIGN = {"left", "center", "right"}
_ALIGNED = ("div", "p", "td", "th", "img", *_HEADINGS)
_VALUES: dict[str, dict[str, set[str]]] = {
    **{tag: {"align": _ALIGN} for tag in _ALIGNED},
    "input": {"type": {"checkbox"}},
}
_CLASSES = {
    "li": {"task-list-item"},
    "a": {"elsewhere"},
}


_EMPTY = re.compile(r"<p>\s*</p>\n?")


class SafeHtml(str):
    """HTML that templates show as it is. Made in this file only, by the sanitiser."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


class _OutOfTimeError(Exception):
    """The text was made to take long."""


class _Parser(MarkdownIt):
    @override
    def validateLink(self, url: str) -> bool:
        # What isn't allowed stays text, such as <lora:name:1>.
        return is_allowed(url)


@lru_cache(maxsize=64)
def render(text: str, *, link_base: str, raw_base: str | None) -> SafeHtml:
    """Return the text as HTML. Relative links lead below `link_base`, pictures below `raw_base`.

    Both are paths on this site that end with a slash. Without a `raw_base` the repository's own
    pictures are their descriptions. Front matter is not for this function.
    """
    text = text[:MAX_CHARS]
    env: dict[str, Any] = {"bases": Bases(link_base, raw_base)}
    try:
        rendered = _PARSER.render(text, _begin(env))
    except (_OutOfTimeError, RecursionError):
        return SafeHtml(f"<pre>{html.escape(text)}</pre>")
    # Raw tags break paragraphs apart and leave empty ones.
    return SafeHtml(_EMPTY.sub("", _clean(rendered)))


def plain_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("heading" or "paragraph", text without markup) of the outermost blocks, in order.

    Looks at the beginning of a text only; a hostile one yields nothing.
    """
    env: dict[str, Any] = {"bases": Bases("/", "/")}
    try:
        tokens = _PARSER.parse(text[:_MAX_PLAIN], _begin(env))
    except (_OutOfTimeError, RecursionError):
        return
    for before, token in pairwise(tokens):
        if token.type == "inline" and before.level == 0:
            if before.type == "heading_open":
                yield "heading", _plain(token.children or [])
            elif before.type == "paragraph_open":
                yield "paragraph", _plain(token.children or [])


def _plain(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type in ("text", "code_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
    return " ".join("".join(parts).split())


def _clean(rendered: str) -> str:
    return nh3.clean(
        rendered,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        tag_attribute_values=_VALUES,
        allowed_classes=_CLASSES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener ugc",
    )


def _attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class":
        return value if markdown_rules.is_language_class(value) else None
    if name in ("width", "height", "colspan", "rowspan", "start"):
        return value if markdown_rules.is_measure(value) else None
    return value


def _begin(env: dict[str, Any]) -> dict[str, Any]:
    env["until"] = time.thread_time() + _BUDGET_S
    return env


def _check_time(state: Any, *_: Any) -> Any:
    """Stand before every rule: a text made to take long ends here."""
    if time.thread_time() > state.env["until"]:
        raise _OutOfTimeError
    return False


def _make_parser() -> _Parser:
    parser = _Parser("commonmark", {"html": False, "maxNesting": _MAX_NESTING + 2})
    parser.enable(["table", "strikethrough"])
    markdown_rules.install(parser, deepest=_MAX_NESTING)
    parser.inline.ruler.before("text", "time", _check_time)
    parser.inline.ruler2.before("balance_pairs", "time", _check_time)
    parser.block.ruler.before("table", "time", _check_time)
    for rule in parser.core.ruler.get_active_rules():
        parser.core.ruler.before(rule, f"time {rule}", _check_time)
    return parser


_PARSER = _make_parser()
