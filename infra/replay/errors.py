"""What is wrong with a recording. infra/replay/README.md lists the codes."""

from __future__ import annotations

from ...models.errors import TriptychError

__all__ = ["RecordingError"]


class RecordingError(TriptychError):
    """E01 a file that is no recording, E02 a folder that cannot be used, E03 nothing there to replay."""

    code = "E01"
