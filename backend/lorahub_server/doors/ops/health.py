from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from lorahub import __version__
from lorahub_server.doors.deps import OwnHub
from lorahub_server.doors.schemas import ERRORS, example

router = APIRouter(tags=["hub"], responses=ERRORS)


class Health(BaseModel):
    model_config = example({"status": "ok", "version": __version__})

    status: Literal["ok"]
    version: str


@router.get("/api/hub/v1/health", summary="Is the hub well?")
def health(hub: OwnHub) -> Health:
    """Asks the database one question. 503 when it does not answer."""
    hub.db.ping()
    return Health(status="ok", version=__version__)
