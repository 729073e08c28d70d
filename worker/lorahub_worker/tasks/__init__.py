"""The jobs a worker can do, one file each. Importing a file registers its handler."""

import importlib
import pkgutil

# Kinds for the gpu queue import torch, which a cpu worker has no use for and may not have.
GPU = frozenset({"render", "speed"})


def load(queues: frozenset[str]) -> None:
    """Import the task files for these queues."""
    for module in pkgutil.iter_modules(__path__):
        if ("gpu" if module.name in GPU else "cpu") in queues:
            importlib.import_module(f"{__name__}.{module.name}")
