"""One run of the demo: start everything, play the story, wait for the findings, check them against the ground truth."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from ...models.errors import TriptychError
from ...producers.publish import PublishConfig, Publisher
from ...producers.sensor.probe import SensorUnavailable, probe
from ..settings import Settings
from .act import Act, Outcome
from .collect import TOPICS, Collected
from .errors import DemoError
from .live import Live
from .recorded import Recorded
from .recording import SHIPPED, describe, published, read, write
from .repository import make_repository
from .screen import Screen
from .sites import open_sites
from .stack import Stack, attach, start
from .story import tell
from .tape import Tape
from .telemetry import send_spans_to
from .watch import Watch
from .world import World, new_canaries, plant

__all__ = ["Options", "Outcome", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What can be chosen."""

    kafka: Literal["embedded", "local"] = "embedded"
    join: Settings | None = None  # of a stack that runs already, in place of one of our own
    sessions: int = 48
    seed: int = 1
    keep: bool = False
    record: Path | None = None  # file to keep the story in


def run(options: Options, screen: Screen) -> Outcome:
    """Play it once. Raises TriptychError when a part does not start, dies, or the story stalls."""
    began = time.monotonic()
    screen.headline()
    with _folder(screen, keep=options.keep) as folder:
        with ExitStack() as opened:
            opened.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _end))
            act = _act(opened, folder, options, screen)
            outcome = _play(act, began)
            _close(outcome, act, options.keep)
            records = list(published(act.stack.broker.client())) if options.record else []
        if options.record and outcome.ok:  # by now the sensor has written all it knew
            about = describe(outcome.evidence, folder / "world", options.sessions, options.seed)
            write(options.record, about, folder / "world", act.stack.layout, records)
        return outcome


def _play(act: Act, began: float) -> Outcome:
    try:
        return asyncio.run(act.play(began))
    except ExceptionGroup as group:
        raise _first(group) from group


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The error to act on among those that tasks ended with together."""
    ours, other = group.split(TriptychError)
    error = next(_leaves(ours or other or group))
    if isinstance(error, TriptychError):
        return error
    return DemoError(f"the story broke off: {type(error).__name__} {error}", "triptych --debug demo", code="X03")


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _act(opened: ExitStack, folder: Path, options: Options, screen: Screen) -> Act:
    lack = None if options.join else next((need for need in probe() if not need.ok), None)
    if lack is None:
        return _live(opened, folder, options, screen)
    if options.record:
        raise SensorUnavailable(lack.detail, lack.hint, code=lack.code)
    screen.note(f"{lack.code} {lack.detail}: a recorded story is replayed instead (for a live one: {lack.hint})")
    return _replayed(opened, folder, options, screen)


def _live(opened: ExitStack, folder: Path, options: Options, screen: Screen) -> Act:
    sites = opened.enter_context(open_sites())
    world = World(root=folder / "world", docs=sites.docs, hub=sites.hub, collector=sites.collector)
    canaries = new_canaries(random.Random())  # noqa: S311 - fresh each time, and no secret
    plant(world, canaries)
    make_repository(world.repository, world.home)
    world.save(world.root / "world.json")
    stack = opened.enter_context(_stack(options, folder / "run", screen))
    opened.enter_context(send_spans_to(stack.layout.spans))
    story = tell(world, canaries, sessions=options.sessions, seed=options.seed)
    return Act(Live(world, canaries, stack.layout, story), stack, screen, _watch(opened, stack, canaries.all()))


def _replayed(opened: ExitStack, folder: Path, options: Options, screen: Screen) -> Act:
    recording = read(SHIPPED, folder / "recording")
    about = recording.about
    screen.note(f"recorded on {about.made}, kernel {about.kernel}; times are moved to now")
    stack = opened.enter_context(start(folder / "run", options.kafka, screen.step, parts=("worker",)))
    publisher = Publisher(PublishConfig(bootstrap=stack.broker.bootstrap, client_id="triptych-demo"))
    opened.callback(publisher.close)
    story = tell(World.of(about.world), new_canaries(random.Random(0)), sessions=about.sessions, seed=about.seed)  # noqa: S311
    return Act(Recorded(recording, story, publisher), stack, screen, _watch(opened, stack, {}))


def _watch(opened: ExitStack, stack: Stack, canaries: Mapping[str, str]) -> Watch:
    tape = opened.enter_context(closing(Tape(stack.broker.client(), TOPICS, from_now=True)))
    return Watch(tape, Collected(canaries), stack.parts)


def _end(*_: object) -> NoReturn:
    """SIGTERM leaves like Ctrl-C does: every block is left, every part is stopped."""
    raise KeyboardInterrupt


def _stack(options: Options, folder: Path, screen: Screen) -> AbstractContextManager[Stack]:
    if options.join is not None:
        return attach(folder, options.join, screen.step)
    return start(folder, options.kafka, screen.step, record=options.record is not None)


@contextmanager
def _folder(screen: Screen, *, keep: bool) -> Iterator[Path]:
    """A folder that only we can read; it goes with the run, unless the run failed and is to be looked at. Resolved,
    because the kernel names resolved paths."""
    folder = Path(tempfile.mkdtemp(prefix="triptych-demo-")).resolve()
    with ExitStack() as gone:
        gone.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            yield folder
        except TriptychError:
            if keep:
                gone.pop_all()
                screen.note(f"everything it wrote is left in {folder}")
            raise


def _close(outcome: Outcome, act: Act, keep: bool) -> None:
    screen, stack = act.screen, act.stack
    screen.findings(one for one in outcome.findings if one.finding_uid not in act.shown)
    screen.checks(outcome.checks)
    times = f"first finding after {outcome.first_alert_s:.1f} s, all done after {outcome.total_s:.1f} s"
    look = () if keep else ("to look around in what is left running: triptych demo --keep",)
    screen.farewell((f"ready after {outcome.ready_s:.1f} s, {times}", *look))
    if keep:
        _hold(stack, screen, next((finding.finding_uid for finding in outcome.findings), "UID"))


def _hold(stack: Stack, screen: Screen, uid: str) -> None:
    command = f"triptych --config {stack.layout.settings}"
    screen.farewell(
        (
            f"Kafka is at {stack.broker.bootstrap} until you press Ctrl-C. In another terminal:",
            f"  {command} alerts tail",
            f"  {command} alerts explain {uid}",
            f"  kcat -C -b {stack.broker.bootstrap} -t mcp.alerts.ocsf -o beginning -e",
        )
    )
    try:
        while True:
            time.sleep(1)
            for part in stack.parts:
                part.must_live()
    except KeyboardInterrupt:
        return
