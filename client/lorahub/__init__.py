"""LoRAHub's client: fetch adapters from a hub, and publish them.

    import lorahub

    lorahub.pull("alice/my-style", to="comfyui")
    lorahub.push("my-adapter.safetensors", "alice/my-style")
    hub = lorahub.Hub("https://hub.example")     # every call of the hub's API

It needs Python's standard library and nothing else. What goes wrong is raised as
`lorahub.errors.LorahubError`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lorahub import errors as errors
    from lorahub.hub import Hub as Hub
    from lorahub.transfer.pulling import pull as pull
    from lorahub.transfer.pushing import push as push

__version__ = "0.1.0"

__all__ = ["Hub", "__version__", "errors", "pull", "push"]

# What is imported when it is first asked for: importing the package costs nothing.
_HOMES = {
    "Hub": "lorahub.hub",
    "pull": "lorahub.transfer.pulling",
    "push": "lorahub.transfer.pushing",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("lorahub.errors")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
