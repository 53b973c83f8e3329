"""How the workbench reads a configuration file, release 1.4.2: it reads that file."""

from __future__ import annotations

import tomllib
from typing import Any

from .world import World

__all__ = ["read"]


def read(world: World, path: str) -> dict[str, Any]:
    """The settings in a TOML file."""
    with world.locate(path).open("rb") as file:
        return tomllib.load(file)
