"""What a form sends: read, and proved to come from a page of this site, before anything else."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from lorahub_server.accounts import sessions
from lorahub_server.doors.deps import base_url
from lorahub_server.doors.web.view import settings_of
from lorahub_server.kit import csrf
from lorahub_server.kit.errors import BadRequest, HubError

_FIELDS_MAX = 60
_FILES_MAX = 20
_FIELD_BYTES = 512 * 1024
_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(slots=True)
class Form:
    """The fields of a form, and its files if it has any."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, list[UploadFile]] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        return self.fields.get(name, default)

    def line(self, name: str, default: str = "") -> str:
        """Return a field's value on one line, without spaces around it."""
        return " ".join(self.text(name, default).split())

    def has(self, name: str) -> bool:
        """Tell whether a box was checked."""
        return bool(self.text(name))


class BadForm(BadRequest):
    code = "bad_form"


async def posted(request: Request) -> Form:
    """Read the form of a POST; raises CsrfFailed for one that another site made."""
    check_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise BadForm("This address takes a form. Go back, load the page again and send it again.")
    data = await request.form(
        max_files=_FILES_MAX, max_fields=_FIELDS_MAX, max_part_size=_FIELD_BYTES
    )
    form = _sorted(data)
    check_token(request, form.text(csrf.FIELD))
    return form


Posted = Annotated[Form, Depends(posted)]


def check_origin(request: Request) -> None:
    csrf.check_origin(
        [base_url(request)],
        origin=request.headers.get("origin"),
        sec_fetch_site=request.headers.get("sec-fetch-site"),
    )


def check_token(request: Request, token: str | None) -> None:
    csrf.check(
        settings_of(request).secret_key(),
        token,
        request.cookies.get(csrf.COOKIE),
        request.cookies.get(sessions.COOKIE, ""),
    )


def no_faults() -> defaultdict[str, str]:
    """Return what templates ask for the fault of a field; every field is fine."""
    return defaultdict(str)


def faults_of(error: HubError, *places: str) -> tuple[str, defaultdict[str, str]]:
    """Return what is wrong with the form as a whole, and with single fields of it by name.

    An error that names a place which the form doesn't show is about the whole.
    """
    faults = no_faults()
    if error.place in places and error.place is not None:
        faults[error.place] = error.message
        return "", faults
    return error.message, faults


def _sorted(data: FormData) -> Form:
    form = Form()
    for name, value in data.multi_items():
        if isinstance(value, str):
            if "\0" in value or "\0" in name:
                raise BadForm("The form has a NUL character in it. Remove it and send it again.")
            form.fields.setdefault(name, value)
        elif value.filename:
            form.files.setdefault(name, []).append(value)
    return form
