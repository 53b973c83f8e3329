"""What a person names as history, a file, a folder or a topic, as a recording. A topic is recorded for the while."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ...models import topics
from .. import brokers
from ..reading import Span
from ..settings import Settings
from .folder import Folder
from .recorder import record
from .recording import Recording

__all__ = ["Sources"]


class Sources:
    """Opens histories; what it had to fetch for that goes when `stack` is closed."""

    def __init__(self, settings: Settings, span: Span, stack: ExitStack, tell: Callable[..., None]) -> None:
        self._settings = settings
        self._span = span
        self._stack = stack
        self._tell = tell

    def calls(self, name: str) -> Recording:
        """Calls in a file or a folder, or those of a topic with the agent spans beside it."""
        return self._open(name, (name, topics.AGENT))

    def findings(self, name: str) -> Recording:
        """Findings in a file or a folder, or those of a topic."""
        return self._open(name, (name,))

    def _open(self, name: str, wanted: tuple[str, ...]) -> Recording:
        """Raises RecordingError, BrokerError."""
        path = Path(name)
        if path.exists():
            return Recording(path)
        client = brokers.reach(self._settings.kafka).client()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="triptych-replay-")))
        record(client, wanted, Folder(folder), self._span, tell=self._tell)
        return Recording(folder)
