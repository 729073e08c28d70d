"""What an administrator says of a base model, checked."""

import re
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lorahub.adapters.families import names

SCHEDULERS = (
    "", "ddim", "euler", "euler_a", "dpmpp_2m", "dpmpp_2m_karras", "unipc", "heun", "lcm",
)  # fmt: skip
_REPO = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}")


class NewBase(BaseModel):
    """`source` is a folder or a `.safetensors` file on the workers, `owner/name` of this hub, or
    the address of a repository on another: `https://host/owner/name`.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    title: str = Field("", max_length=120)
    family: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,31}$")
    task: Literal["image", "text"] | None = None  # None: what the family makes
    source: str = Field(min_length=1, max_length=500)
    revision: str = Field("", max_length=100)
    dtype: Literal["auto", "fp32", "fp16", "bf16"] = "auto"
    scheduler: str = ""
    steps: int = Field(20, ge=1, le=150)
    guidance: float = Field(5.0, ge=0, le=30)
    guidance_rescale: float = Field(0.0, ge=0, le=1)
    width: int = Field(512, ge=64, le=2048, multiple_of=8)
    height: int = Field(512, ge=64, le=2048, multiple_of=8)
    negative: str = Field("", max_length=1000)
    license: str | None = Field(None, max_length=64)

    @field_validator("family")
    @classmethod
    def _known(cls, value: str) -> str:
        if not names.is_known(value):
            raise ValueError(
                "there is no such family; pages of adapters and `lorahub inspect` name theirs"
            )
        return value

    @field_validator("scheduler")
    @classmethod
    def _one_of_ours(cls, value: str) -> str:
        if value not in SCHEDULERS:
            raise ValueError(f"unknown scheduler; known are {', '.join(SCHEDULERS[1:])}")
        return value

    @model_validator(mode="after")
    def _found_somewhere(self) -> Self:
        self.place()
        return self

    def place(self) -> tuple[str, str, str]:
        """Return the kind of source, the source, and where it is asked for."""
        if self.source.startswith(("http://", "https://")):
            parts = urlsplit(self.source)
            path = parts.path.strip("/")
            if not parts.hostname or "@" in parts.netloc or not _REPO.fullmatch(path):
                raise ValueError("the address of a repository is https://host/owner/name")
            return "repo", path, f"{parts.scheme}://{parts.netloc}"
        if self.source.startswith(("/", "~")):
            return ("file" if self.source.endswith(".safetensors") else "folder"), self.source, ""
        if _REPO.fullmatch(self.source):
            return "repo", self.source, ""
        raise ValueError(
            "a source is an absolute path on the workers, owner/name of this hub, or the address "
            "of a repository on another"
        )

    def columns(self) -> dict[str, Any]:
        """Return the columns of the registry's row."""
        kind, source, endpoint = self.place()
        told = self.model_dump(exclude={"source", "title", "task"})
        task = self.task or ("text" if names.makes(self.family) == "text" else "image")
        return {
            **told, "title": self.title or self.id, "task": task, "kind": kind, "source": source,
            "endpoint": endpoint,
        }  # fmt: skip
