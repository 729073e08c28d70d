"""What the framework can't know about the API when it writes the OpenAPI document."""

from typing import Any

_TEXT = """The REST API of a LoRAHub: publish adapters, find them, fetch them.

A token is sent as `Authorization: Bearer TOKEN`; public things need none. People make tokens in
their settings, operators with `lorahub-server accounts add NAME --password-stdin --token`.

Errors are objects with a stable `code`, a `message` that says what to do, the `place` at fault and
a `request_id`. Within a version fields and codes are added, never removed. Times are ISO-8601 in
UTC. A slash inside a revision, branch or tag is sent as `%2F`; those in a file's path stay.
Lists go on with the `cursor` that `next` holds.
"""
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lh_ and 42 characters",
        "description": "A personal token, with the scope `read` or `write`.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "lh_session",
        "description": "A browser that signed in. Changes also need the header `X-CSRF-Token`.",
    },
}


def described(document: dict[str, Any]) -> dict[str, Any]:
    """Add what the API is, how callers prove who they are, and the groups in their order."""
    document["info"]["description"] = _TEXT
    document["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    document["security"] = [{"bearer": []}, {"session": []}, {}]
    return document
