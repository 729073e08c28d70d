"""Rules that the Markdown parser gets on top of CommonMark, each with bounded work."""

import html
import re
from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from lorahub_server.kit import markdown_links

_VOID = frozenset({"br", "hr", "img", "wbr"})
_PAIRED = frozenset(
    {
        "a", "abbr", "b", "blockquote", "caption", "center", "cite", "code", "dd", "del", "details",
        "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "i",
        "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "small", "span", "strong", "sub",
        "summary", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
    }
)  # fmt: skip
# Known, of no use here, and no text for people: left out. A tag that is on neither list is text.
_DROPPED = frozenset(
    {
        "article", "audio", "body", "button", "dfn", "embed", "font", "footer", "form", "gallery",
        "head", "header", "html", "iframe", "input", "label", "link", "main", "meta", "nav",
        "noscript", "object", "option", "param", "picture", "section", "select", "source", "strike",
        "svg", "textarea", "title", "track", "video",
    }
)  # fmt: skip
_KEPT: dict[str, tuple[str, ...]] = {
    "a": ("href", "title"),
    "abbr": ("title",),
    "details": ("open",),
    "ol": ("start",),
    "td": ("align", "colspan", "rowspan"),
    "th": ("align", "colspan", "rowspan"),
}
_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,15})"
    r"(?P<attributes>(?:\s+[A-Za-z_:][A-Za-z0-9_.:-]{0,60}"
    r"(?:\s*=\s*(?:[^\s\"'=<>`]{1,2000}|'[^']{0,2000}'|\"[^\"]{0,2000}\"))?){0,20})\s*/?>"
)
_ATTRIBUTE = re.compile(r"([A-Za-z_:][A-Za-z0-9_.:-]*)(?:\s*=\s*('[^']*'|\"[^\"]*\"|[^\s\"'>]+))?")
_HIDDEN = re.compile(r" {0,3}<(?:(!--)|(script|style)(?=[\s>]|$))", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"'`\x00-\x20]{3,2000}")
# A paper's name, as people write it: arXiv:2106.09685 or arXiv:hep-th/9901001.
_PAPER = re.compile(
    r"(?<![\w./-])arxiv:\s?(\d{4}\.\d{4,5}(?:v\d{1,2})?|[a-z-]{2,10}/\d{7})(?![\w/])", re.IGNORECASE
)
_MAYBE_LINKS = re.compile(r"://|arxiv:", re.IGNORECASE)
_MEASURE = re.compile(r"\d{1,4}(?:%|px)?")
_LANGUAGE = re.compile(r"language-[A-Za-z0-9+#._-]{1,30}")
_ALIGN = re.compile(r"text-align:\s*(left|center|right)")
_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_TASK = re.compile(r"\[([ xX])\](?=\s)")
_NO_COMMENT_END = -1
_MAX_TAGS, _MAX_OPEN = 2000, 30


def install(parser: MarkdownIt, *, deepest: int) -> None:
    parser.inline.ruler.before("html_inline", "tag", _tag)
    parser.block.ruler.before("html_block", "hidden", _hidden, {"alt": ["paragraph"]})
    parser.block.ruler.before("table", "flat", partial(_flat, deepest=deepest))
    parser.core.ruler.push("addresses", _addresses)
    parser.core.ruler.push("headings", _headings)
    parser.core.ruler.push("tasks", _tasks)


def is_measure(value: str) -> bool:
    return _MEASURE.fullmatch(value) is not None


def is_language_class(value: str) -> bool:
    return _LANGUAGE.fullmatch(value) is not None


def _tag(state: StateInline, silent: bool) -> bool:
    """Read one HTML tag or comment; write the harmless part of it anew."""
    if state.src[state.pos] != "<":
        return False
    if state.src.startswith("<!--", state.pos):
        return _comment(state)
    found = _TAG.match(state.src, state.pos)
    if found is None:
        return False
    name = found["name"].lower()
    if name not in _VOID and name not in _PAIRED and name not in _DROPPED:
        return False
    if not silent:
        _write(state, name, found)
    state.pos = found.end()
    return True


def _comment(state: StateInline) -> bool:
    # From here on there is no end, as an earlier look found; that look is not repeated.
    if state.pos >= state.cache.get(_NO_COMMENT_END, len(state.src)):
        return False
    end = state.src.find("-->", state.pos + 4)
    if end < 0:
        state.cache[_NO_COMMENT_END] = state.pos
        return False
    state.pos = end + 3
    return True


def _write(state: StateInline, name: str, found: re.Match[str]) -> None:
    env = state.env
    env["tags"] = env.get("tags", 0) + 1
    if name in _DROPPED or env["tags"] > _MAX_TAGS:
        return
    if name in _VOID:
        if not found["close"]:
            _push(state, name, found["attributes"])
        return
    is_open = env.get("open", 0)
    if found["close"]:
        if is_open:
            env["open"] = is_open - 1
            state.push("html_inline", "", 0).content = f"</{name}>"
    elif is_open < _MAX_OPEN:
        env["open"] = is_open + 1
        _push(state, name, found["attributes"])


def _push(state: StateInline, name: str, written: str) -> None:
    token = state.push("html_inline", "", 0)
    attributes = _attributes(written)
    if name == "img":
        token.type = "image"
        token.attrs = {k: v for k, v in attributes.items() if k in ("src", "title", "align")}
        token.attrs |= {
            k: attributes[k] for k in ("width", "height") if is_measure(attributes.get(k, ""))
        }
        token.content = attributes.get("alt", "")
        token.children = []
        return
    token.meta = {"tag": name}
    if name == "a":
        token.attrs = {k: v for k, v in attributes.items() if k in _KEPT["a"]}
        return
    kept = _KEPT.get(name, ("align",))
    token.content = _opening(name, {k: attributes[k] for k in kept if k in attributes})


def _attributes(written: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(written):
        value = match[2] or ""
        if value[:1] in ("'", '"'):
            value = value[1:-1]
        found.setdefault(match[1].lower(), html.unescape(value))
    return found


def _opening(name: str, attributes: dict[str, str]) -> str:
    written = "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>"


def _hidden(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Leave out a block that is a comment, script or style, blank lines and all."""
    begin = state.bMarks[start] + state.tShift[start]
    found = _HIDDEN.match(state.src, begin, state.eMarks[start])
    if found is None or state.is_code_block(start):
        return False
    mark = "-->" if found[1] else f"</{found[2].lower()}"
    lower = _lower(state)
    last = state.env.setdefault("last", {})
    if mark not in last:
        last[mark] = lower.rfind(mark)
    # Without an end it would swallow the rest of the text.
    if last[mark] < found.end():
        return False
    ends_at = lower.find(mark, found.end(), state.eMarks[end - 1])
    if ends_at < 0:
        return False
    if not silent:
        state.line = bisect_right(state.bMarks, ends_at, start, end)
    return True


def _flat(state: StateBlock, start: int, end: int, silent: bool, *, deepest: int) -> bool:
    """Show what is nested too deeply as one paragraph, line by line: the parser would drop it."""
    if silent or state.level < deepest:
        return False
    lines = []
    at = start
    while at < end and (state.isEmpty(at) or state.sCount[at] >= state.blkIndent):
        lines.append(state.getLines(at, at + 1, state.blkIndent, keepLastLF=False).strip())
        at += 1
    state.line = at
    state.push("paragraph_open", "p", 1).map = [start, at]
    text = state.push("inline", "", 0)
    # Two spaces at its end keep a line by itself.
    text.content = "  \n".join(line for line in lines if line)
    text.map, text.children = [start, at], []
    state.push("paragraph_close", "p", -1)
    return True


def _lower(state: StateBlock) -> str:
    kept = state.env.get("lower")
    if kept is None or len(kept) != len(state.src):
        # ASCII only: other letters may change the length, and with it every position.
        kept = state.env["lower"] = state.src.translate(_TO_LOWER)
    return str(kept)


def _addresses(state: StateCore) -> None:
    """Lead links and pictures to where they may lead; make bare addresses links."""
    bases: markdown_links.Bases = state.env["bases"]
    depth = 0
    for token in state.tokens:
        if token.type in ("th_open", "td_open"):
            align = _ALIGN.search(str(token.attrs.pop("style", "")))
            if align:
                token.attrs["align"] = align[1]
        if token.type != "inline" or not token.children:
            continue
        written: list[Token] = []
        for child in token.children:
            depth += _depth(child)
            written += _addressed(child, bases, in_link=depth > 0)
        token.children = written


def _depth(child: Token) -> int:
    if child.type == "link_open" or (child.meta or {}).get("tag") == "a":
        return 1
    return -1 if child.type == "link_close" or child.content == "</a>" else 0


def _addressed(child: Token, bases: markdown_links.Bases, *, in_link: bool) -> list[Token]:
    if child.type == "text" and not in_link and _MAYBE_LINKS.search(child.content):
        return _with_links(child)
    if child.type == "image":
        return [_picture(child, bases, in_link=in_link)]
    if child.type == "link_open":
        target = markdown_links.link(str(child.attrs.pop("href", "")), bases)
        if target is not None:
            child.attrs["href"] = target
    elif child.meta.get("tag") == "a":
        target = markdown_links.link(str(child.attrs.pop("href", "")), bases)
        attributes = {key: str(value) for key, value in child.attrs.items()}
        if target is not None:
            attributes["href"] = target
        child.content = _opening("a", attributes)
    return [child]


def _picture(child: Token, bases: markdown_links.Bases, *, in_link: bool) -> Token:
    """A picture of the repository, or a link to one elsewhere, or its description."""
    source = str(child.attrs.get("src", ""))
    described = _described(child)
    token = Token("html_inline", "", 0)
    own = markdown_links.picture(source, bases)
    if own is not None:
        attributes = {"src": own, "alt": described, "loading": "lazy"}
        for key in ("title", "width", "height", "align"):
            if child.attrs.get(key):
                attributes[key] = str(child.attrs[key])
        token.content = _opening("img", attributes)
        return token
    target = markdown_links.link(source, bases)
    token.content = html.escape(described)
    if target is not None and not in_link:
        opening = _opening("a", {"href": target, "class": "elsewhere"})
        token.content = f"{opening}{html.escape(described or 'picture')}</a>"
    return token


def _described(child: Token) -> str:
    if child.children:
        return " ".join(part.content for part in child.children if part.content)[:500]
    return child.content[:500]


def _with_links(child: Token) -> list[Token]:
    found: list[Token] = []
    at = 0
    for start, text, address in _named(child.content):
        target = markdown_links.link(address, markdown_links.Bases("/", "/"))
        # A paper's name inside an address is a part of it.
        if target is None or start < at:
            continue
        found.append(_text(child.content[at:start]))
        found.append(Token("link_open", "a", 1, attrs={"href": target}))
        found.append(_text(text))
        found.append(Token("link_close", "a", -1))
        at = start + len(text)
    found.append(_text(child.content[at:]))
    return found


def _named(content: str) -> list[tuple[int, str, str]]:
    """Return where addresses and papers stand, as they are written, and where they lead."""
    found = []
    for match in _ADDRESS.finditer(content):
        address = _trimmed(match[0])
        found.append((match.start(), address, address))
    found += [
        (match.start(), match[0], f"https://arxiv.org/abs/{match[1]}")
        for match in _PAPER.finditer(content)
    ]
    return sorted(found)


def _trimmed(address: str) -> str:
    """Leave the punctuation of the sentence out, as far as it belongs to the sentence."""
    while True:
        last = address[-1]
        if last in ".,:;!?*_~|]" or (last == ")" and address.count(")") > address.count("(")):
            address = address[:-1]
        else:
            return address


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _headings(state: StateCore) -> None:
    """Give headings names that links can lead to, each another."""
    used: dict[str, int] = {}
    for token, after in pairwise(state.tokens):
        if token.type == "heading_open":
            name = markdown_links.slug(_words(after.children or [])) or "section"
            count = used.get(name, 0)
            used[name] = count + 1
            token.attrs["id"] = markdown_links.ID_PREFIX + (f"{name}-{count}" if count else name)


def _tasks(state: StateCore) -> None:
    """Show `- [ ] do it` as a box, ticked or not, that nobody can tick."""
    tokens = state.tokens
    for at in range(2, len(tokens)):
        token = tokens[at]
        is_item = (
            tokens[at - 1].type == "paragraph_open" and tokens[at - 2].type == "list_item_open"
        )
        if token.type != "inline" or not is_item or not token.children:
            continue
        first = token.children[0]
        found = _TASK.match(first.content) if first.type == "text" else None
        if found is None:
            continue
        first.content = first.content[found.end() :]
        box = Token("html_inline", "", 0)
        checked = "" if found[1] == " " else " checked"
        box.content = f'<input type="checkbox" disabled{checked}>'
        token.children.insert(0, box)
        tokens[at - 2].attrs["class"] = "task-list-item"


def _words(children: Sequence[Any]) -> str:
    return "".join(child.content for child in children if child.type in ("text", "code_inline"))
