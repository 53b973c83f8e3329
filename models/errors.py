"""The one family of errors: what happened, where, and what to do, under a stable code."""

from __future__ import annotations

__all__ = ["ConfigError", "TriptychError", "WireError"]


class TriptychError(Exception):
    """An error a person can act on. `code` never changes its meaning; `hint` is the next step."""

    code = "T00"

    def __init__(self, what: str, hint: str = "", *, code: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.code} {self.what}" + (f"\n    try: {self.hint}" if self.hint else "")


class ConfigError(TriptychError):
    """A setting that cannot work, found when it is read and not when it hurts."""

    code = "C01"


class WireError(TriptychError):
    """Bytes that are no event: W01 framing, W02 unknown schema id, W03 body does not fit its schema, W04 wrong type."""

    code = "W01"
