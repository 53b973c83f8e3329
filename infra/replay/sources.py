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
from .errors import RecordingError
from .folder import Folder
from .recorder import record
from .recording import Recording

__all__ = ["Sources"]


class Sources:
    """Opens histories; what it had to fetch for that goes when `stack` is closed."""

    def __init__(
        self, settings: Settings, span: Span, stack: ExitStack, tell: Callable[..., None], *, salvage: bool = False
    ) -> None:
        self._settings = settings
        self._span = span
        self._stack = stack
        self._tell = tell
        self._salvage = salvage
        self._opened: list[Recording] = []

    @property
    def damaged(self) -> tuple[str, ...]:
        """What was salvaged from the files read so far, each once."""
        return tuple(dict.fromkeys(what for recording in self._opened for what in recording.damaged))

    def calls(self, name: str) -> Recording:
        """Calls in a file or a folder, or those of a topic with the agent spans beside it."""
        return self._open(name, (name, topics.AGENT))

    def events(self, folder: Path) -> Recording:
        """What the producers sent."""
        return self._file(folder)

    def findings(self, name: str) -> Recording:
        """Findings in a file or a folder, or those of a topic."""
        return self._open(name, (name,))

    def _open(self, name: str, wanted: tuple[str, ...]) -> Recording:
        """Raises RecordingError, BrokerError."""
        path = Path(name)
        if path.exists():
            return self._file(path)
        client = brokers.reach(self._settings.kafka).client()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="triptych-replay-")))
        out = Folder(folder)
        record(client, wanted, out, self._span, tell=self._tell)
        if name not in out.counts:
            raise RecordingError(f"{name} holds no record in that span", "--since and --until", code="E03")
        return Recording(folder)

    def _file(self, path: Path) -> Recording:
        recording = Recording(path, salvage=self._salvage)
        self._opened.append(recording)
        return recording
