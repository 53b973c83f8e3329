"""What every section of the settings is made of: a table that documents itself and refuses what it does not know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

__all__ = [
    "Paths",
    "Port",
    "Positive",
    "PositiveSeconds",
    "Seconds",
    "Section",
    "Words",
    "config_home",
    "run_home",
    "split",
    "state_home",
]

Positive = Annotated[int, Field(gt=0)]
PositiveSeconds = Annotated[float, Field(gt=0)]
Seconds = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65535)]


def config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "triptych"


def state_home() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "triptych"


def run_home() -> Path:
    return Path(os.environ.get("XDG_RUNTIME_DIR") or "/run") / "triptych"


def split(value: Any) -> Any:
    """Words with commas between them as a list; anything else as it is."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(split)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(split)]


class Section(BaseModel):
    """One table of the settings file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)

    @field_validator("*", mode="after")
    @classmethod
    def _expand_home(cls, value: Any) -> Any:
        return value.expanduser() if isinstance(value, Path) else value
