"""Errors as pages: what happened, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from fastapi import Request, Response

from lorahub_server.access import Caller
from lorahub_server.access.errors import LoginRequired, RepoGone
from lorahub_server.accounts import sessions
from lorahub_server.doors import links
from lorahub_server.doors.upstream.absent import NotHere
from lorahub_server.doors.web.view import here, page, redirect
from lorahub_server.kit import csrf
from lorahub_server.kit.errors import HubError
from lorahub_server.repos.errors import RepoMoved

_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True)
class _Notice:
    title: str
    message: str
    # The one thing most people will want to do: address and words.
    action: tuple[str, str] = ("/", "Go to the library")


_NOTICES = {
    400: _Notice("That request makes no sense", "Go back and try it another way."),
    401: _Notice(
        "Sign in first", "This page is for people with an account.", ("/login", "Sign in")
    ),
    403: _Notice(
        "This is not for you to change", "Sign in with another account, or ask the owner."
    ),
    404: _Notice(
        "There is nothing here",
        "The address may be mistyped, or what it names is private. Search for it, or sign in with "
        "an account that may see it.",
    ),
    405: _Notice("That can't be done here", "Go back and use the buttons on the page."),
    409: _Notice("That clashes with what is there", "Load the page again and try once more."),
    410: _Notice("This was deleted", "Its owner took it down. Its name stays unused."),
    413: _Notice("That is too large", "Send less at once, or use lorahub push for large files."),
    415: _Notice("The form can't be read", "Go back, load the page again and send it again."),
    422: _Notice("Something in the form is wrong", "Go back and correct it."),
    429: _Notice("Too many tries", "Wait a little, then try again."),
    500: _Notice("Something broke on our side", "It was written down. Try again in a minute."),
    503: _Notice("The hub is busy", "Try again in a minute."),
    507: _Notice("The hub's disk is full", "Tell whoever runs this hub; nothing was lost."),
}


_TOO_OLD = _Notice(
    "That page was too old",
    "It was loaded before you signed in or out, or its form came incomplete. Nothing was changed. "
    "Load the page again and send it again. To copy what you typed, go back first.",
)
_FROM_ELSEWHERE = _Notice("That came from another site", "Open the page on this hub.")


def render_error(request: Request, error: HubError | int) -> Response:
    """Return the page for an error, or for a bare status that the framework raised."""
    is_page = request.method in csrf.SAFE_METHODS
    if isinstance(error, RepoMoved) and is_page:
        return redirect(_moved(request, error), 307)
    if isinstance(error, LoginRequired):
        return redirect(links.login(here(request) if is_page else ""))
    status = error if isinstance(error, int) else error.status
    notice = _notice(request, error, status)
    caller: Caller | None = getattr(request.state, "caller", None)
    stone = error.tombstone if isinstance(error, RepoGone) else None
    return page(
        request,
        "tombstone.html" if stone else "error.html",
        caller=caller,
        status=status,
        title=notice.title,
        message=error.message if _explains(error) else notice.message,
        action=notice.action,
        status_code=status,
        # Forms are proved before anybody asks who sent them.
        may_sign_in=not (
            isinstance(error, csrf.CsrfFailed) and request.cookies.get(sessions.COOKIE)
        ),
        request_id=getattr(request.state, "request_id", None),
        gone=_gone(request) if isinstance(error, RepoGone) else None,
        stone=stone,
        removed_at=_moment(stone, "removed_at"),
        published_at=_moment(stone, "published_at"),
    )


def _notice(request: Request, error: HubError | int, status: int) -> _Notice:
    if isinstance(error, csrf.FromElsewhere):
        return _FROM_ELSEWHERE
    if isinstance(error, csrf.CsrfFailed):
        return _Notice(_TOO_OLD.title, _TOO_OLD.message, _once_more(request))
    if isinstance(error, NotHere):
        host = urlsplit(error.address).netloc
        return _Notice(_NOTICES[404].title, error.message, (error.address, f"Look at {host}"))
    return _NOTICES.get(status) or _NOTICES[_SERVER_FAULT if status >= _SERVER_FAULT else 400]


def _explains(error: HubError | int) -> TypeGuard[HubError]:
    """Tell whether an error's own words are for people with a browser."""
    if isinstance(error, csrf.CsrfFailed):
        return isinstance(error, csrf.FromElsewhere)
    return isinstance(error, HubError)


def _once_more(request: Request) -> tuple[str, str]:
    """Return the way to the page that had the form, if the browser tells which it was."""
    try:
        page_of_form = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return _TOO_OLD.action
    query = f"?{page_of_form.query}" if page_of_form.query else ""
    address = page_of_form.path + query
    return (address, "Load the page again") if links.is_local(address) else _TOO_OLD.action


def _moved(request: Request, error: RepoMoved) -> str:
    """Return the same page of the repository under its present name."""
    address, mark, query = here(request).partition("?")
    rest = address.split("/")[3:]
    return "/".join([links.repo(error.owner, error.name), *rest]) + mark + query


def _gone(request: Request) -> tuple[str, str] | None:
    """Return owner and name of the deleted repository that the address names."""
    owner, name = request.path_params.get("owner"), request.path_params.get("name")
    return (owner, name) if isinstance(owner, str) and isinstance(name, str) else None


def _moment(stone: Mapping[str, Any] | None, name: str) -> datetime | None:
    told = stone.get(name) if stone else None
    return datetime.fromisoformat(told) if told else None
