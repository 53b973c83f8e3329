"""One run of the demo: start everything, play the story, wait for the findings, check them against the ground truth."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..settings import Settings
from .act import Act, Outcome
from .collect import TOPICS, Collected
from .live import Live
from .repository import make_repository
from .screen import Screen
from .sites import open_sites
from .stack import Stack, attach, start
from .story import tell
from .tape import Tape
from .telemetry import send_spans_to
from .watch import Watch
from .world import Canaries, World, new_canaries, plant

__all__ = ["Options", "Outcome", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen."""

    kafka: Literal["embedded", "local"] = "embedded"
    join: Settings | None = None  # of a stack that runs already, in place of one of our own
    sessions: int = 48
    seed: int = 1
    keep: bool = False


def run(options: Options, screen: Screen) -> Outcome:
    """Play it once. Raises TriptychError when a part does not start, dies, or the story stalls."""
    began = time.monotonic()
    with ExitStack() as opened:
        folder = opened.enter_context(_folder())
        sites = opened.enter_context(open_sites())
        world = World(root=folder / "world", docs=sites.docs, hub=sites.hub, collector=sites.collector)
        canaries = new_canaries(random.Random())  # noqa: S311 - fresh each time, and no secret
        _furnish(world, canaries)
        screen.headline()
        stack = opened.enter_context(_stack(options, folder / "run", screen))
        story = tell(world, canaries, sessions=options.sessions, seed=options.seed)
        opened.enter_context(send_spans_to(stack.layout.spans))
        tape = opened.enter_context(closing(Tape(stack.broker.client(), TOPICS)))
        live = Live(world, canaries, stack.layout, story)
        act = Act(live, stack, screen, Watch(tape, Collected(canaries.all()), stack.parts), began)
        outcome = asyncio.run(act.play())
        _close(outcome, stack, screen, options.keep)
        return outcome


def _stack(options: Options, folder: Path, screen: Screen) -> AbstractContextManager[Stack]:
    folder.mkdir()
    if options.join is not None:
        return attach(folder, options.join, screen.step)
    return start(folder, options.kafka, screen.step)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only we can read; it goes with the run. Resolved, because the kernel names resolved paths."""
    folder = Path(tempfile.mkdtemp(prefix="triptych-demo-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _furnish(world: World, canaries: Canaries) -> None:
    plant(world, canaries)
    make_repository(world.repository, world.home)
    world.save(world.root / "world.json")


def _close(outcome: Outcome, stack: Stack, screen: Screen, keep: bool) -> None:
    screen.findings(outcome.findings)
    screen.checks(outcome.checks)
    screen.farewell(
        (
            f"ready after {outcome.ready_s:.1f} s, first finding after {outcome.first_alert_s:.1f} s, "
            f"all done after {outcome.total_s:.1f} s",
        )
    )
    if keep:
        _hold(stack, screen)


def _hold(stack: Stack, screen: Screen) -> None:
    command = f"triptych --config {stack.layout.settings}"
    uid = "FINDING"
    screen.farewell(
        (
            f"Kafka is at {stack.broker.bootstrap} until you press Ctrl-C. In another terminal:",
            f"  {command} alerts tail",
            f"  {command} alerts explain {uid}",
            f"  kcat -b {stack.broker.bootstrap} -t mcp.alerts.ocsf -o beginning -e",
        )
    )
    try:
        while True:
            time.sleep(1)
            for part in stack.parts:
                part.must_live()
    except KeyboardInterrupt:
        return
