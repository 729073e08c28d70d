"""What the parts of the JSON doors share: errors, kinds of text and of parameters."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from lorahub_server.kit.clock import iso


def example(value: dict[str, Any]) -> ConfigDict:
    """Return a model's configuration with the example that the reference shows.

    A field that is not known is a mistake, the caller's or ours.
    """
    return ConfigDict(extra="forbid", json_schema_extra={"example": value})


class ErrorBody(BaseModel):
    """Some errors have further fields, such as `offset` or `head`."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="Stable; for programs.")
    message: str = Field(description="For people: what happened and what to do.")
    place: str | None = Field(None, description="The field, path or tensor at fault.")
    request_id: str = Field(description="Tell it to whoever runs the hub.")


class ErrorOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": {
                    "code": "revision_not_found",
                    "message": "There is no branch, tag or commit dev. Check the spelling.",
                    "place": None,
                    "request_id": "79d55f9a1ff6d109",
                }
            }
        }
    )

    error: ErrorBody


# For every router whose answers are JSON.
ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {"model": ErrorOut, "description": "What went wrong, and what to do"}
}

# For every address that answers with a file.
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes", "content": {"application/octet-stream": {}}},
    206: {"description": "The bytes that the header Range asks for"},
    302: {"description": "Where the hub's object store gives the bytes out"},
    304: {"description": "The client has them (If-None-Match)"},
    416: {"description": "The range lies outside the file"},
}


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("it has a NUL character in it")
    return text


# Every text that comes in: no database takes a NUL.
Text = Annotated[str, AfterValidator(_no_nul)]
Time = Annotated[datetime, PlainSerializer(iso, return_type=str)]
# Files or operations in one request; further ones go into the next.
ITEMS_MAX = 1000
# Ids in addresses: no database takes a larger number.
RowId = Annotated[int, Path(ge=0, lt=2**63)]

Owner = Annotated[str, Path(description="The account that owns it.", examples=["alice"])]
RepoName = Annotated[str, Path(description="The repository's name.", examples=["my-style"])]
Revision = Annotated[
    str,
    Path(
        description="A branch, a tag, or a commit's id or its beginning. A slash is sent as %2F.",
        examples=["main"],
    ),
]
Branch = Annotated[str, Path(description="A slash in it is sent as %2F.", examples=["main"])]
FilePath = Annotated[
    str, Path(description="Where it is in the repository.", examples=["my-style.safetensors"])
]
Cursor = Annotated[Text | None, Query(description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100, description="Items on a page.")]
