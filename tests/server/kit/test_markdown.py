"""Markdown from strangers: what comes out is safe, complete enough, and never late."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lorahub_server.kit import markdown
from lorahub_server.kit.markdown import MAX_CHARS, plain_blocks, render
from lorahub_server.kit.markdown_links import Bases, link, picture

LINKS, RAW = "/alice/style/blob/main/", "/alice/style/resolve/main/"
BASES = Bases(LINKS, RAW)
VOID = {"br", "hr", "img", "input", "wbr"}
ATTRIBUTES = {
    "align", "alt", "checked", "class", "colspan", "disabled", "height", "href", "id", "loading",
    "open", "rel", "rowspan", "src", "start", "title", "type", "width",
}  # fmt: skip


def html(text: str) -> str:
    return str(render(text, link_base=LINKS, raw_base=RAW))


class Inspector(HTMLParser):
    """Reads HTML as a browser would and fails on whatever could do harm."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == [], "a tag is left open"

    def handle_starttag(self, tag, attrs) -> None:
        assert tag in markdown._TAGS, tag
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names))
        assert set(names) <= ATTRIBUTES, names
        facts = dict(attrs)
        if "href" in facts:
            self.check_link(tag, facts)
        if "src" in facts:
            assert tag == "img"
            assert facts["src"].startswith(RAW)
            assert "/../" not in facts["src"]
        if "id" in facts:
            assert facts["id"].startswith("card-")
        if "class" in facts:
            assert facts["class"] in {"elsewhere", "task-list-item", ""} or (
                facts["class"].startswith("language-")
            )
        self.found.append((tag, facts))
        if tag not in VOID:
            self.open.append(tag)

    def check_link(self, tag, facts) -> None:
        assert tag == "a"
        target = facts["href"]
        assert target.startswith(("http://", "https://", "mailto:", "/", "#card-")), target
        assert not target.startswith(("//", "/\\"))
        assert not any(character <= " " or character == "\\" for character in target)
        assert facts["rel"] == "nofollow noopener ugc"

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_comment(self, data) -> None:
        raise AssertionError("a comment came through")

    handle_decl = handle_pi = unknown_decl = handle_comment

    def handle_data(self, data) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [facts for name, facts in self.found if name == tag]


XSS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    "<img src='a.png' onerror='alert(1)' onload=alert(2)>",
    '<img """><script>alert("XSS")</script>">',
    "<img src=javascript:alert(1)>",
    "<img src='data:image/svg+xml;base64,PHN2Zz48L3N2Zz4='>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='  javascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt&colon;alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/\\evil.example'>x</a>",
    "<a href='\\\\evil.example'>x</a>",
    "<a href='https:javascript:alert(1)'>x</a>",
    "<a href=x onclick=alert(1) style='position:fixed'>x</a>",
    "<div style='background:url(https://evil.example/x)'>x</div>",
    "<div onmouseover='alert(1)'>x</div>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x></object><embed src=x>",
    "<form action=/logout method=post><button>x</button></form>",
    "<input type=text name=csrf_token autofocus onfocus=alert(1)>",
    "<input type=image src=x onerror=alert(1)>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<style>*{display:none}</style>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><script>alert(1)</script>",
    "<h1 id=csrf name=cookie>clobber</h1>",
    "<a id=location name=location href=x>y</a>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><script>alert(1)</script> -->",
    "<?php echo 1 ?>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JAVASCRIPT:alert(1))",
    "[x](java&#10;script:alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x]( javascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/a)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](%5C%5Cevil.example)",
    '[x](https://e.example/?q="onmouseover=alert(1))',
    "[x](https://e.example 'a\" onmouseover=\"alert(1)')",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "![x](javascript:alert(1))",
    "![x](data:image/png;base64,AAAA)",
    "![x](//evil.example/a.png)",
    "![x](../../../bob/private/resolve/main/a.png)",
    "![x](/logout)",
    '!["onerror=alert(1)](a.png)',
    "![a](a.png 'x\" onerror=\"alert(1)')",
    "<javascript:alert(1)>",
    "<data:text/html,x>",
    "`<script>alert(1)</script>`",
    "    <script>alert(1)</script>",
    '```"><script>alert(1)</script>\nx\n```',
    "```language-x onclick=alert(1)\nx\n```",
    "| <script> | a |\n|---|---|\n| <img src=x onerror=alert(1)> | b |",
    "https://e.example/<script>alert(1)</script>",
    'https://e.example/"onmouseover="alert(1)',
    "http://javascript:alert(1)",
    "</div></div></section></main><h1>outside</h1>",
    "<div><table><tr><td></div>",
    "<p><p><b><i></p></b></i>",
    "<a href='a'><a href='b'>x</a></a>",
    "<b <script>alert(1)</script>>",
    "<img src='x' alt='`'onerror=alert(1)>",
    "\u202e<script>\u202calert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\0<scr\0ipt>alert(1)</scr\0ipt>",
]  # fmt: skip


@pytest.mark.parametrize("text", XSS)
def test_nothing_harmful_comes_through(text):
    seen = Inspector(html(text))
    assert not {"script", "style", "svg", "iframe", "form", "object"} & {t for t, _ in seen.found}


MARKS = [
    "\n", "\n\n", "> ", "- ", "    ", "```\n", "**", "_", "`", "[", "](", ")", "<", ">", "|", "![",
    "<div>", "</div>", "<b>", "</p>", "<td>", "<details>", "<!--", "-->", "\\",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(XSS),
            st.sampled_from(MARKS),
            st.text(max_size=8),
        ),
        max_size=12,
    ).map("".join)
)
def test_no_combination_comes_through(text):
    Inspector(html(text))


def test_what_cards_are_made_of():
    text = """# My *style*

Some **bold** text, ~~old~~ `code`, and
a [page](docs/use.md#How-to), [the site](https://example.com/a?b=c) and https://example.com/x_y.

| a | b |
|:--|--:|
| 1 | 2 |

- [ ] open
- [x] done

```python
print("<hi>")
```

![A cat](images/cat%201.png "Cat")
"""
    seen = Inspector(html(text))
    (heading,) = seen.all("h1")
    assert heading["id"] == "card-my-style"
    assert [a["href"] for a in seen.all("a")] == [
        "/alice/style/blob/main/docs/use.md#card-how-to",
        "https://example.com/a?b=c",
        "https://example.com/x_y",
    ]
    assert [cell.get("align") for cell in seen.all("td")] == ["left", "right"]
    assert [("checked" in box, "disabled" in box) for box in seen.all("input")] == [
        (False, True),
        (True, True),
    ]
    assert seen.all("code")[1]["class"] == "language-python"
    (image,) = seen.all("img")
    assert image == {
        "src": "/alice/style/resolve/main/images/cat%201.png",
        "alt": "A cat",
        "title": "Cat",
        "loading": "lazy",
    }
    assert {"strong", "em", "s", "table"} <= {tag for tag, _ in seen.found}


def test_the_tags_that_cards_use():
    text = """<div align="center">

# Title

<img src="./a.png" width="400" alt="shot"> <br> H<sub>2</sub>O <kbd>Ctrl</kbd>

</div>

<details><summary>More</summary>

Hidden **text**

</details>
<Gallery />
<!-- a comment

over two blocks -->
<video src="x.mp4" autoplay></video> end
"""
    written = html(text)
    seen = Inspector(written)
    assert seen.all("div") == [{"align": "center"}]
    assert seen.all("img")[0]["width"] == "400"
    assert {"br", "sub", "kbd", "details", "summary", "strong", "h1"} <= {t for t, _ in seen.found}
    assert "Gallery" not in seen.text
    assert "comment" not in seen.text
    assert seen.text.split()[-1] == "end"
    assert "<p></p>" not in written


@pytest.mark.parametrize(
    "text", ["<lora:my_style:0.8>", "<s0><s1> dog", "a < b > c", "vector<int>", "<|im_start|>"]
)
def test_prompt_syntax_stays_to_be_read(text):
    assert Inspector(html(f"Use {text} now")).text.strip() == f"Use {text} now"


def test_pictures_elsewhere_become_links():
    seen = Inspector(
        html("![A cat](https://example.com/cat.png)\n\n<img src=http://e.example/x.gif>")
    )
    assert seen.all("img") == []
    assert [a["href"] for a in seen.all("a")] == [
        "https://example.com/cat.png",
        "http://e.example/x.gif",
    ]
    assert "A cat" in seen.text
    assert "picture" in seen.text


def test_a_badge_in_a_link_is_one_link():
    seen = Inspector(html("[![Colab](https://e.example/badge.svg)](https://colab.example/x)"))
    assert [a["href"] for a in seen.all("a")] == ["https://colab.example/x"]
    assert seen.text.strip() == "Colab"


def test_own_pictures_by_their_whole_path():
    assert picture("/alice/style/resolve/main/a.png", BASES) == "/alice/style/resolve/main/a.png"
    assert picture("/bob/other/resolve/main/a.png", BASES) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a.md", LINKS + "a.md"),
        ("./a/../b c.md", LINKS + "b%20c.md"),
        ("b%20c.md?x=1", LINKS + "b%20c.md"),
        ("../x", None),
        ("a/../../x", None),
        ("%2e%2e/x", None),
        ("a%00b", None),
        ("a%0Ab", None),
        ("..", None),
        (".", None),
        ("", None),
        ("#Some Heading!", "#card-some-heading"),
        ("/explore?x=1", "/explore?x=1"),
        ("//evil.example", "https://evil.example"),
        ("mailto:a@example.com", "mailto:a@example.com"),
        ("HTTPS://Example.com/ä", "HTTPS://Example.com/%C3%A4"),
        ("ftp://example.com", None),
        ("lora:x:1", None),
        ("javascript:alert(1)", None),
        ("java\u200bscript:alert(1)", None),
        ("https:evil", None),
        ("x" * 3000, None),
    ],
)
def test_where_links_lead(address, expected):
    assert link(address, BASES) == expected


def test_headings_of_the_same_words_have_names_of_their_own():
    seen = Inspector(html("# Use\n\n# Use\n\n## Über uns\n\n# !!!"))
    assert [h["id"] for _, h in seen.found] == [
        "card-use",
        "card-use-1",
        "card-über-uns",
        "card-section",
    ]


def test_bare_addresses_leave_the_sentence_its_marks():
    seen = Inspector(html("See https://e.example/a_(b), and (https://e.example/c)."))
    assert [a["href"] for a in seen.all("a")] == ["https://e.example/a_(b)", "https://e.example/c"]
    assert seen.text.strip() == "See https://e.example/a_(b), and (https://e.example/c)."


def test_templates_show_it_as_it_is():
    from jinja2 import Environment

    shown = (
        Environment(autoescape=True)
        .from_string("{{ text }}")
        .render(text=render("**a**", link_base="/", raw_base="/"))
    )
    assert shown == "<p><strong>a</strong></p>\n"


def test_plain_blocks_are_without_markup():
    text = "<!-- x -->\n# A *b* `c`\n\n> quoted\n\n- item\n\nFirst **line**\nand [link](x) <b>x</b> ![pic](a.png)\n"
    assert list(plain_blocks(text)) == [
        ("heading", "A b c"),
        ("paragraph", "First line and link x"),
    ]


N = MAX_CHARS
HOSTILE = {
    "quotes": ">" * N,
    "lists": "- " * (N // 2),
    "deep lists": "".join("  " * i + "- a\n" for i in range(300)),
    "brackets": "[" * N,
    "open links": "[a](b" * (N // 5),
    "open links with titles": '[a](b "' * (N // 7),
    "pictures": "![" * (N // 2),
    "closed brackets": "[" * (N // 2) + "]" * (N // 2),
    "stars": "*a " * (N // 3),
    "stars and lines": "*a_ " * (N // 4),
    "strong": "**a *b " * (N // 7),
    "ticks": "`" * N,
    "rising ticks": "".join("`" * i + " " for i in range(440)),
    "less than": "<" * N,
    "open tags": "<a b='" * (N // 6),
    "comments": "<!--" * (N // 4),
    "comment lines": "<!--\n" * (N // 5),
    "script lines": "<script>\n" * (N // 9),
    "addresses": "http://" * (N // 7),
    "address tail": "http://a" + ")" * N,
    "columns": "|a" * (N // 4) + "\n" + "|-" * (N // 4) + "\n" + "|b\n" * 10,
    "rows": "a|b\n-|-\n" + "|\n" * (N // 2),
    "references": "".join(f"[a{i}]: b\n" for i in range(N // 12)),
    "divisions": "<div>\n\n" * (N // 7),
    "tables of tags": "<table><tr><td>" * (N // 15),
    "bold tags": "<b>" * (N // 3),
    "links of tags": '<a href="x">' * (N // 12),
    "headings": "# a\n" * (N // 4),
    "tasks": "- [ ] a\n" * (N // 8),
    "numbers": "1. a\n" * (N // 5),
    "entities": "&" * N,
    "backslashes": "\\" * N,
    "lines": "\n" * N,
    "underlined": "a\n" * (N // 2) + "=",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_no_time(name):
    begin = time.thread_time()
    written = html(HOSTILE[name])
    took = time.thread_time() - begin
    Inspector(written)
    assert took < 3
    begin = time.thread_time()
    list(plain_blocks(HOSTILE[name]))
    assert time.thread_time() - begin < 2


def test_what_takes_too_long_is_shown_as_written(monkeypatch):
    monkeypatch.setattr(markdown, "_BUDGET_S", -1.0)
    markdown.render.cache_clear()
    assert html("<b>x</b> & *y*") == "<pre>&lt;b&gt;x&lt;/b&gt; &amp; *y*</pre>"
    assert list(plain_blocks("# x")) == []
    markdown.render.cache_clear()


def test_longer_texts_are_cut():
    assert "END" not in html("a " * (MAX_CHARS // 2) + "END")


@pytest.mark.parametrize("mark", ["- ", "1. ", "> "])
def test_what_is_nested_too_deeply_is_shown_flat(mark):
    depth = 40
    lines = ["   " * at * (mark != "> ") + mark * (at + 1 if mark == "> " else 1) + f"word{at}"
             for at in range(depth)]  # fmt: skip
    written = html("\n".join([*lines, "", "After it."]))
    Inspector(written)
    assert all(f"word{at}" in written for at in range(depth))
    assert written.count("<ul>") + written.count("<ol>") + written.count("<blockquote>") <= 21
    assert written.rstrip().endswith("<p>After it.</p>")


def test_a_deep_item_does_not_take_what_follows_it():
    deep = "\n".join("  " * at + f"- word{at}" for at in range(12))
    written = html(f"{deep}\n                    - beside\n- first again")
    assert "beside" in written
    assert written.rstrip().endswith("<li>first again</li>\n</ul>")


def test_pictures_are_words_for_those_who_may_not_have_them():
    written = markdown.render("![A glass](a.png) [b](b.md)", link_base="/l/", raw_base=None)
    assert "<img" not in written
    assert "A glass" in written
    assert 'href="/l/b.md"' in written
