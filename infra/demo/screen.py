"""What the demo shows while it runs and when it is done. On a terminal bars move; elsewhere each step is a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from ...models.events import Alert
from ..view import render_finding
from .check import Check

__all__ = ["Bars", "Screen"]


class Bars:
    """Progress of learning: counts against what is expected, and one word about the model."""

    def __init__(self, progress: Progress, tasks: dict[str, TaskID]) -> None:
        self._progress = progress
        self._tasks = tasks

    def at(self, name: str, count: int) -> None:
        self._progress.update(self._tasks[name], completed=count)


class Screen:
    """Writes to one console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def headline(self) -> None:
        self._console.print()
        self._console.print("[bold]Triptych[/]  what was asked, what really happened, and why", highlight=False)
        self._console.print()

    def step(self, text: str, detail: str = "") -> None:
        """One thing that is ready or done."""
        line = Text("  ✓ ", style="green").append(text, style="default")
        self._console.print(line.append(f"  {detail}" if detail else "", style="dim"))

    def note(self, text: str) -> None:
        """Something the reader must know."""
        self._console.print(Text("  ! ", style="yellow").append(text, style="default"))

    @contextmanager
    def bars(self, totals: dict[str, int]) -> Iterator[Bars]:
        """Bars that go when the block ends; one for each name, up to its total."""
        columns = (TextColumn("    {task.description:<22}"), BarColumn(bar_width=32), MofNCompleteColumn())
        with Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        ) as progress:
            yield Bars(progress, {name: progress.add_task(name, total=total) for name, total in totals.items()})

    def findings(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._console.print()
            self._console.print(render_finding(alert))

    def checks(self, checks: Sequence[Check]) -> None:
        """The list of the assertion step."""
        self._console.print()
        for check in checks:
            mark = Text("  ✓ ", style="green") if check.ok else Text("  ✗ ", style="bold red")
            self._console.print(mark.append(f"{check.name:<48}", style="default").append(check.detail, style="dim"))

    def farewell(self, lines: Iterable[str]) -> None:
        self._console.print()
        for line in lines:
            self._console.print(f"  {line}", highlight=False, markup=False)
        self._console.print()
