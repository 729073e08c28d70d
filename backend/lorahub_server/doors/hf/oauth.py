"""`hf auth login`: a program asks for a code, a person approves it at /device, it gets a token.

The client's own id is not looked up anywhere: no program has rights of its own here.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from lorahub_server.accounts import devices
from lorahub_server.accounts.errors import DeviceRefused
from lorahub_server.doors import links
from lorahub_server.doors.deps import OwnHub, base_url

router = APIRouter(prefix="/oauth")

_FORM = "application/x-www-form-urlencoded"
_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FIELDS_MAX = 20
# What has a token or a code in it is kept by nobody on the way.
_NEVER_KEPT = {"Cache-Control": "no-store"}


async def _sent(request: Request) -> dict[str, str]:
    """Return the fields of the body; of a body of another kind, none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        return {}
    form = await request.form(max_fields=_FIELDS_MAX)
    return {name: value for name, value in form.items() if isinstance(value, str)}


Sent = Annotated[dict[str, str], Depends(_sent)]


@router.post("/device")
def begin(request: Request, sent: Sent, hub: OwnHub) -> JSONResponse:
    try:
        begun = devices.begin(
            hub.db,
            hub.settings,
            sent.get("client_id", ""),
            address=request.client.host if request.client else None,
            program=request.headers.get("user-agent", ""),
        )
    except DeviceRefused as error:
        return _refused(error)
    page = base_url(request) + links.device()
    complete = base_url(request) + links.device(begun.user_code)
    content = {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": complete,
        "expires_in": begun.expires_in,
        "interval": devices.INTERVAL_S,
    }
    return JSONResponse(content, headers=_NEVER_KEPT)


@router.post("/token")
def token(sent: Sent, hub: OwnHub) -> JSONResponse:
    try:
        granted = _granted(sent, hub)
    except DeviceRefused as error:
        return _refused(error)
    content: dict[str, object] = {
        "access_token": granted.token,
        "token_type": "bearer",
        "scope": "read write" if granted.can_write else "read",
    }
    if granted.expires_in is not None:
        content["expires_in"] = granted.expires_in
    return JSONResponse(content, headers=_NEVER_KEPT)


def _granted(sent: Sent, hub: OwnHub) -> devices.Granted:
    if sent.get("grant_type") != _GRANT:
        message = f"Here tokens are given out for grant_type {_GRANT} alone, sent as a form."
        raise DeviceRefused("unsupported_grant_type", message)
    client_id, code = sent.get("client_id", ""), sent.get("device_code", "")
    return devices.poll(hub.db, hub.settings, client_id, code)


def _refused(error: DeviceRefused) -> JSONResponse:
    content = {"error": error.reason, "error_description": error.message}
    return JSONResponse(content, 400, headers=_NEVER_KEPT)
