"""Somebody with a browser that runs no scripts: keeps cookies, fills in forms, follows redirects."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from support.asgi import InProcess, Site
from support.http import Answer, Api

REDIRECTS = {301, 302, 303, 307, 308}
Files = Mapping[str, Sequence[tuple[str, bytes]]]


@dataclass
class Form:
    action: str
    method: str = "get"
    enctype: str = "application/x-www-form-urlencoded"
    fields: dict[str, str] = field(default_factory=dict)
    # What each select offers.
    options: dict[str, list[str]] = field(default_factory=dict)


class Page(HTMLParser):
    """What an answer shows: its text, links and forms as they came."""

    def __init__(self, answer: Answer, address: str) -> None:
        super().__init__()
        self.answer, self.address = answer, address
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.words: list[str] = []
        self.title = ""
        self._in: list[str] = []
        self._select: str | None = None
        self._textarea: str | None = None
        self.feed(answer.text)

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def html(self) -> str:
        return self.answer.text

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def form(self, action: str) -> Form:
        """The form that is sent to an address (its path)."""
        found = [form for form in self.forms if form.action.partition("?")[0] == action]
        assert found, f"no form to {action} among {[form.action for form in self.forms]}"
        return found[0]

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self._in.append(tag)
        if tag == "form":
            form = Form(given.get("action", self.address), given.get("method", "get").lower())
            form.enctype = given.get("enctype", form.enctype)
            self.forms.append(form)
        elif tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "img":
            self.images.append(given["src"])
        elif tag in ("input", "textarea", "select", "option") and self.forms:
            self._control(tag, given)

    def _control(self, tag, given):
        fields, name = self.forms[-1].fields, given.get("name", "")
        kind = given.get("type", "text")
        if tag == "select":
            self._select = name
            fields[name] = ""
        elif tag == "textarea":
            self._textarea = name
            fields[name] = ""
        elif tag == "option":
            if self._select:
                self.forms[-1].options.setdefault(self._select, []).append(given.get("value", ""))
            if "selected" in given and self._select:
                fields[self._select] = given.get("value", "")
        elif kind in ("checkbox", "radio"):
            if "checked" in given:
                fields[name] = given.get("value", "on")
        elif name and kind not in ("file", "submit"):
            fields[name] = given.get("value", "")

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = None
        elif tag == "textarea" and self._textarea is not None:
            # As browsers do, without the line break that follows the tag.
            text = self.forms[-1].fields[self._textarea]
            self.forms[-1].fields[self._textarea] = text.removeprefix("\n")
            self._textarea = None
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data):
        if self._textarea is not None:
            self.forms[-1].fields[self._textarea] += data
        if "title" in self._in:
            self.title += data
        elif not {"script", "style"} & set(self._in):
            self.words.append(data)


class Person:
    """Looks at a site in this process, or at the hub that `web` calls."""

    site: Site

    def __init__(self, site: Site | None = None, web: Api | None = None) -> None:
        self.cookies: dict[str, str] = {}
        if web is not None:
            self._web = web
        else:
            assert site is not None
            self.site = site
            self._web = InProcess(site)

    def visit(self, address: str, **headers: str) -> Page:
        return self._follow("GET", address, b"", headers)

    def ask(self, method: str, address: str, body: bytes = b"", **headers: str) -> Answer:
        """One request, redirects not followed. Header names are written with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        if method != "GET":
            sent.setdefault("Origin", self._web.endpoint)
        answer = self._web.call(method, address, body=body or None, headers=sent)
        for line in answer.headers.get_all("set-cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def send(self, form: Form, files: Files | None = None, **changes: str | None) -> Page:
        """Fill in a form and send it as a browser would. None leaves a field out."""
        fields = {**form.fields, **changes}
        given = {name: value for name, value in fields.items() if value is not None}
        if form.enctype == "multipart/form-data":
            kind, body = multipart(given, files or {})
        else:
            kind, body = form.enctype, urlencode(given).encode()
        return self._follow(form.method.upper(), form.action, body, {"Content-Type": kind})

    def sign_up(self, name: str, password: str = "correct-horse-battery-9") -> "Person":
        page = self.send(self.visit("/signup").form("/signup"), name=name, password=password)
        assert page.status == 200, page.text
        return self

    def _follow(self, method: str, address: str, body: bytes, headers: dict[str, str]) -> Page:
        for _ in range(6):
            answer = self.ask(method, address, body, **headers)
            if answer.status not in REDIRECTS:
                return Page(answer, address)
            to = urlsplit(urljoin(self._web.endpoint + address, answer.headers["location"]))
            assert to.netloc == urlsplit(self._web.endpoint).netloc, f"sent away to {to}"
            address = to.path + (f"?{to.query}" if to.query else "")
            if answer.status == 303:
                method, body, headers = "GET", b"", {}
        raise AssertionError(f"redirects in a circle at {address}")


def multipart(fields: Mapping[str, str], files: Files) -> tuple[str, bytes]:
    """The content type and body that browsers send."""
    boundary = f"----WebKitFormBoundary{secrets.token_hex(8)}"
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in fields.items()
    ]
    for name, several in files.items():
        for filename, content in several:
            quoted = filename.replace('"', "%22")
            head = (
                f'Content-Disposition: form-data; name="{name}"; filename="{quoted}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n"
            )
            parts.append(head.encode() + content)
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()
