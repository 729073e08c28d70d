"""Whether a card will do, asked before it is sent."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict

from lorahub_server.library import card, licences
from lorahub_server.library.errors import InvalidCard

router = APIRouter(prefix="/api")

_NO_FRONT = "empty or missing yaml metadata in repo card"


class CardIn(BaseModel):
    model_config = ConfigDict(extra="ignore")

    content: str


@router.post("/validate-yaml")
def validate(request: Request, given: CardIn) -> Response:
    """What the commit would refuse is an error, and what breaks the clients that read it later."""
    data = given.content.encode(errors="replace")
    errors, warnings = _faults(data)
    status = 400 if errors else 200
    if request.headers.get("accept", "").startswith("text/plain"):
        lines = [*(f"- Error: {text}" for text in errors)]
        lines += [f"- Warning: {text}" for text in warnings]
        return PlainTextResponse("\n".join(lines), status)
    content = {
        "errors": [{"message": text} for text in errors],
        "warnings": [{"message": text} for text in warnings],
    }
    return JSONResponse(content, status)


def _faults(data: bytes) -> tuple[list[str], list[str]]:
    try:
        card.check(data)
    except InvalidCard as error:
        return [error.message], []
    front = card.parse(data).front
    if not front:
        return [], [_NO_FRONT]
    errors = []
    index = front.get("model-index")
    if index is not None and not isinstance(index, list):
        errors.append('"model-index" must be an array')
    named = front.get("license")
    known = [licence.id for licence in licences.choices()]
    for name in named if isinstance(named, list) else [named]:
        if name is not None and name not in known:
            errors.append(f'"license" must be one of [{", ".join(known)}]')
            break
    return errors, []
