"""What the API says and hears of previews."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from lorahub_server.doors import links
from lorahub_server.doors.api import examples
from lorahub_server.doors.api.insight import Problem
from lorahub_server.doors.schemas import Text, Time, example
from lorahub_server.insight.previews.limits import CAPTION_MAX
from lorahub_server.insight.previews.model import Gallery, Made, PictureFacts, Shown
from lorahub_server.repos.tables import Repository

Maturity = Literal["none", "soft", "mature", "explicit", "unrated"]
_RECIPE: dict[str, Any] = {
    "version": 1,
    "task": "image",
    "base": {"id": "sdxl", "digest": examples.SHA256},
    "adapters": [{"sha256": examples.SHA256, "strength": 1.0, "layout": "kohya", "config": None}],
    "prompt": "glasspaint, a cat on a windowsill",
    "negative": "",
    "seed": 37,
    "steps": 20,
    "guidance": 5.0,
    "guidance_rescale": 0.0,
    "scheduler": "",
    "width": 1024,
    "height": 1024,
}
_PICTURE_URL = f"{examples.HUB}/alice/my-style/previews/7.png"
_PICTURE = {
    "url": _PICTURE_URL,
    "small": f"{examples.HUB}/alice/my-style/previews/7/small",
    "sha256": examples.SHA256,
    "media_type": "image/png",
    "size": 1483920,
    "width": 1024,
    "height": 1024,
    "parameters": None,
}
_MADE: dict[str, Any] = {
    "id": examples.SHA256,
    "state": "done",
    "recipe": _RECIPE,
    "facts": {"device": "cuda NVIDIA H100", "dtype": "fp16", "seconds": 2.4},
    "text": None,
    "error": None,
    "picture": _PICTURE,
}
_PREVIEW: dict[str, Any] = {
    "id": 7,
    "group": "samples",
    "position": 0,
    "path": examples.FILE,
    "sha256": examples.SHA256,
    "strength": 1.0,
    "caption": "",
    "maturity": "unrated",
    "rated_by": "none",
    "account": None,
    "is_cover": True,
    "created_at": examples.TIME,
    "made": _MADE,
    "base": None,
    "picture": _PICTURE,
}
_FILE = {
    "url": f"{examples.HUB}/alice/my-style/resolve/main/{examples.FILE}",
    "path": examples.FILE,
}
_PROMPT = {"prompt": "glasspaint, a lighthouse", "negative": None, "seed": 7}


class PictureOut(BaseModel):
    model_config = example(_PICTURE)

    url: str
    small: str = Field(description="A WebP, 480 pixels wide; `?width=` 240 or 960 for another.")
    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    parameters: dict[str, Any] | None = Field(
        description="What an uploaded file says about its making."
    )


class MadeOut(BaseModel):
    model_config = example(_MADE)

    id: str = Field(description="The SHA-256 of the recipe: the same recipe is made once.")
    state: Literal["waiting", "done", "failed"]
    recipe: dict[str, Any]
    facts: dict[str, Any] | None = Field(description="Device, libraries, time.")
    text: str | None
    error: Problem | None
    picture: PictureOut | None


class PreviewOut(BaseModel):
    model_config = example(_PREVIEW)

    id: int
    group: Literal["samples", "sweep", "texts", "uploaded", "kept"]
    position: int
    path: str | None = Field(description="The adapter file that it shows.")
    sha256: str | None
    strength: float | None
    caption: str
    maturity: Maturity
    rated_by: Literal["owner", "worker", "none"]
    account: str | None = Field(description="Who put it there; none: the hub by itself.")
    is_cover: bool
    created_at: Time
    made: MadeOut | None = Field(description="Missing of uploads.")
    base: MadeOut | None = Field(description="The base model alone, same prompt and seed.")
    picture: PictureOut | None


class BaseOut(BaseModel):
    model_config = example({"id": "sdxl", "title": "Stable Diffusion XL", "family": "sdxl"})

    id: str
    title: str
    family: str


class ProgressOut(BaseModel):
    model_config = example(
        {"state": "running", "done": 120, "total": 240, "note": "drawing", "pictures": 5,
         "all_pictures": 13, "error": None}
    )  # fmt: skip

    state: Literal["waiting", "running", "stopped"]
    done: int | None = Field(description="Steps; none before a worker took it up.")
    total: int | None
    note: str
    pictures: int = Field(description="How many are made, texts included.")
    all_pictures: int
    error: Problem | None


class PromptIn(BaseModel):
    model_config = example(_PROMPT)

    prompt: Text = Field(min_length=1, max_length=2000)
    negative: Text | None = Field(None, max_length=2000)
    seed: int | None = Field(None, ge=0, lt=2**63)


class GalleryOut(BaseModel):
    model_config = example(
        {"state": "planned", "family": "sdxl", "code": None, "message": None,
         "base": {"id": "sdxl", "title": "Stable Diffusion XL", "family": "sdxl"}, "bases": [],
         "cover": 7, "progress": None, "prompts": None, "chosen_base": None, "items": [_PREVIEW]}
    )  # fmt: skip

    state: Literal["planned", "no_base", "refused", "none", "off"]
    family: str | None
    code: str | None
    message: str | None = Field(description="Why nothing is rendered.")
    base: BaseOut | None
    bases: list[BaseOut] = Field(description="Those of the family that workers hold.")
    cover: int | None
    progress: ProgressOut | None
    prompts: list[PromptIn] | None = Field(description="For writers: their own prompts, if any.")
    chosen_base: str | None
    items: list[PreviewOut]


class PromptsIn(BaseModel):
    model_config = example({"prompts": [_PROMPT], "base": None})

    prompts: list[PromptIn] | None = Field(
        max_length=6, description="Null: the hub chooses by the card and the trigger words."
    )
    base: Text | None = Field(None, max_length=64, description="Null: the first that is held.")


class CoverIn(BaseModel):
    model_config = example({"preview": 7})

    preview: int | None = Field(ge=0, lt=2**63, description="Null: the hub chooses.")


class PreviewIn(BaseModel):
    model_config = example({"caption": "With a low strength", "maturity": "none"})

    caption: Text | None = Field(None, max_length=CAPTION_MAX)
    maturity: Maturity | None = None


class SwitchIn(BaseModel):
    model_config = example({"enabled": False})

    enabled: bool


class FileOut(BaseModel):
    model_config = example(_FILE)

    url: str
    path: str


class PictureName(BaseModel):
    model_config = example({"sha256": examples.SHA256, "size": 1483920, "url": _PICTURE_URL})

    sha256: str
    size: int
    url: str


class DocumentOut(BaseModel):
    model_config = example(
        {"recipe": _RECIPE, "files": {examples.SHA256: _FILE},
         "base": {"id": "sdxl", "title": "Stable Diffusion XL", "digest": examples.SHA256},
         "picture": {"sha256": examples.SHA256, "size": 1483920, "url": _PICTURE_URL},
         "text": None, "facts": None}
    )  # fmt: skip

    recipe: dict[str, Any]
    files: dict[str, FileOut] = Field(description="By SHA-256; those that the caller may have.")
    base: dict[str, Any]
    picture: PictureName | None
    text: str | None
    facts: dict[str, Any] | None


class Shower:
    """Makes what is shown of the previews of one repository."""

    def __init__(self, base_url: str, repo: Repository) -> None:
        self._base_url = base_url
        self._names = repo.owner.name, repo.name

    def gallery(self, found: Gallery) -> GalleryOut:
        bases = [BaseOut(id=one.id, title=one.title, family=one.family) for one in found.bases]
        base, progress = found.base, found.progress
        return GalleryOut(
            state=found.state,
            family=found.family,
            code=found.code,
            message=found.message,
            base=base and BaseOut(id=base.id, title=base.title, family=base.family),
            bases=bases,
            cover=None if found.cover is None else found.cover.id,
            progress=progress
            and ProgressOut(
                state=progress.state,
                done=progress.done,
                total=progress.total,
                note=progress.note,
                pictures=progress.pictures,
                all_pictures=progress.all_pictures,
                error=progress.error and Problem(**progress.error),
            ),
            prompts=None
            if found.prompts is None
            else [PromptIn.model_validate(one) for one in found.prompts],
            chosen_base=found.chosen_base,
            items=[self.preview(one) for one in found.all],
        )

    def preview(self, one: Shown) -> PreviewOut:
        fields = ("id", "group", "position", "path", "sha256", "strength", "caption", "maturity",
                  "rated_by", "account", "is_cover", "created_at")  # fmt: skip
        return PreviewOut.model_validate(
            {name: getattr(one, name) for name in fields}
            | {
                "made": one.made and self._made(one, one.made, base=False),
                "base": one.base and self._made(one, one.base, base=True),
                "picture": self._picture(one, one.picture, base=False),
            }
        )

    def _made(self, one: Shown, made: Made, *, base: bool) -> MadeOut:
        return MadeOut(
            id=made.id,
            state=made.state,
            recipe=made.recipe,
            facts=made.facts,
            text=made.text,
            error=made.error and Problem(**made.error),
            picture=self._picture(one, made.picture, base=base),
        )

    def _picture(self, one: Shown, found: PictureFacts | None, *, base: bool) -> PictureOut | None:
        if found is None:
            return None
        return PictureOut(
            url=self._base_url + links.preview(*self._names, one.id, base=base),
            small=self._base_url + links.small_preview(*self._names, one.id, base=base),
            sha256=found.sha256,
            media_type=found.media_type,
            size=found.size,
            width=found.width,
            height=found.height,
            parameters=found.parameters,
        )
