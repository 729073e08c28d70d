"""The reference for people: one page, made from the OpenAPI document, without outside parts."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lorahub_server.doors.api.reference.samples import sample
from lorahub_server.kit import markdown

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_METHODS = ("get", "post", "put", "patch", "delete")
_KEPT = "public, max-age=300"
_NO_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(slots=True)
class Field:
    name: str
    where: str
    required: bool
    kind: str
    description: str


@dataclass(slots=True)
class Reply:
    status: str
    description: str
    example: str | None


@dataclass(slots=True)
class Operation:
    method: str
    path: str
    anchor: str
    summary: str
    description: str
    fields: list[Field]
    body: str | None
    replies: list[Reply]


@dataclass(slots=True)
class Group:
    name: str
    operations: list[Operation] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return _anchor(self.name)


@router.get("/api/hub/docs")
def show_reference(request: Request) -> Response:
    document = request.app.openapi()
    body = _templates.get_template("page.html").render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        text=_html(document["info"]["description"]),
        groups=groups(document),
    )
    headers = {"Cache-Control": _KEPT}
    return Response(body, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/api/hub/docs.css")
def show_style() -> Response:
    body = (_FOLDER / "page.css").read_bytes()
    headers = {"Cache-Control": _KEPT}
    return Response(body, media_type="text/css; charset=utf-8", headers=headers)


def groups(document: Mapping[str, Any]) -> list[Group]:
    """Return the operations of an OpenAPI document, by their first tag, in its order."""
    found: dict[str, Group] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                name = (item[method].get("tags") or ["hub"])[0]
                group = found.setdefault(name, Group(name))
                group.operations.append(_operation(method, path, item[method], document))
    return list(found.values())


def _operation(
    method: str, path: str, item: Mapping[str, Any], document: Mapping[str, Any]
) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        anchor=_anchor(f"{method} {path}"),
        summary=item.get("summary", ""),
        description=_html(item.get("description", "")),
        fields=[_field(one) for one in item.get("parameters", [])],
        body=_content(item.get("requestBody", {}), document),
        replies=list(_replies(item.get("responses", {}), document)),
    )


def _field(item: Mapping[str, Any]) -> Field:
    schema = item.get("schema", {})
    kinds = [part.get("type") for part in schema.get("anyOf", [schema])]
    return Field(
        name=item["name"],
        where=item["in"],
        required=item.get("required", False),
        kind=" or ".join(kind for kind in kinds if kind and kind != "null"),
        description=item.get("description", schema.get("description", "")),
    )


def _replies(items: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Reply]:
    for status, item in sorted(items.items()):
        shown = "errors" if status == "default" else status
        says = item.get("description", "").replace("Successful Response", "Done")
        yield Reply(shown, says, _content(item, document))


def _content(item: Mapping[str, Any], document: Mapping[str, Any]) -> str | None:
    for kind, content in item.get("content", {}).items():
        if kind != "application/json":
            return "the bytes of the file"
        if content.get("schema"):
            value = content.get("example") or sample(content["schema"], document)
            return json.dumps(value, indent=2, ensure_ascii=False)
    return None


def _html(text: str) -> str:
    return markdown.render(text, link_base="/", raw_base="/")


def _anchor(text: str) -> str:
    return _NO_WORD.sub("-", text.lower()).strip("-")
