"""One collection: plays everything under observation, and writes the recording with the truth beside it.

A data set is a folder: `recording/` (Avro, as `triptych record` makes it), `truth.jsonl` (a line a turn), `deeds.jsonl`
(what the desk wrote down itself, by call) and `about.json`. Refuses a machine that cannot be observed.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ...producers.sensor.probe import probe
from .. import keys
from ..bench.machine import machine, versions
from ..conformance import peers
from ..demo.sites import open_sites
from ..demo.stack import Layout
from ..demo.telemetry import send_spans_to
from ..demo.truth import read_truth
from ..demo.world import World, new_canaries, plant
from ..process import tail
from . import servers
from .benign import PRINCIPALS, sessions
from .casting import scripts
from .errors import LabError
from .pen import Pen, Task
from .place import start
from .play import Played, Player
from .script import Script, token_of
from .sites import open_partners, open_resolver
from .stories import Scenario, Story, Work
from .turns import Truth
from .wording import turn_from

__all__ = ["Amount", "collect"]

_TELEMETRY_S = 4.0  # spans and spools are sent in batches
_LINK = "week-30.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much is played: harmless sessions, and rounds of all stories, by so many principals. The same seed asks the
    same again."""

    sessions: int = 420
    rounds: int = 1
    principals: int = len(PRINCIPALS)
    seed: int = 1


def collect(folder: Path, amount: Amount, scenario: Scenario, tell: Callable[[str], None]) -> int:
    """Make a data set in a new folder; how many turns it has. Raises LabError Y01, and TriptychError of a part."""
    if lack := next((need for need in probe() if not need.ok), None):
        raise LabError(f"nothing can be observed here: {lack.detail}", lack.hint)
    peers.install(tell)
    played: list[Played] = []
    work = Path(tempfile.mkdtemp(prefix="triptych-lab-")).resolve()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        world, pen = _world(stack, work, amount.seed)
        folder.mkdir(parents=True)
        place = stack.enter_context(start(work / "run", folder / "recording", tell))
        stack.enter_context(send_spans_to(place.layout.spans))
        player = _player(place.layout, world, place.ledger, scenario.servers, _Heard(played, tell))
        principals = PRINCIPALS[: amount.principals]
        honest = sessions(pen, amount.sessions, principals, _own_work(scenario.work))
        attacks = tuple(scripts(scenario.stories, principals, pen, amount.rounds))
        tell(f"{len(honest)} harmless sessions, {len(attacks)} attacks")
        _play(player, [*honest, *attacks])
        time.sleep(_TELEMETRY_S)
        place.must_live()
        _write_deeds(folder, world)
    _write(folder, played, scenario.stories, amount)
    return len(played)


def _play(player: Player, told: Sequence[Script]) -> None:
    try:
        asyncio.run(player.play(told))
    except ExceptionGroup as group:
        first: Exception = group
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        broke = f"the play broke off: {type(first).__name__} {first}\n{tail(player.log)}"
        raise LabError(broke, "again, on a quieter machine", code="Y04") from group


@dataclass(slots=True)
class _Heard:
    """Keeps what was played, and tells now and then."""

    played: list[Played]
    tell: Callable[[str], None]

    def __call__(self, one: Played) -> None:
        self.played.append(one)
        if len(self.played) % 100 == 0:
            self.tell(f"{len(self.played)} turns played")


def _world(stack: ExitStack, work: Path, seed: int) -> tuple[World, Pen]:
    sites = stack.enter_context(open_sites())
    partners = stack.enter_context(open_partners())
    stack.enter_context(open_resolver())
    world = World(root=work / "world", docs=sites.docs, hub=sites.hub, collector=sites.collector)
    chance = random.Random(seed)  # noqa: S311 - a seed must ask the same again
    plant(world, new_canaries(chance))
    servers.furnish(world)
    (world.workspace / "reports" / _LINK).symlink_to(world.ssh_key)
    world.save(world.root / "world.json")
    return world, Pen(chance, world, partners)


def _own_work(told: Iterable[Work]) -> dict[str, Task]:
    return {work.name: partial(turn_from, work.goal, work.asks) for work in told}


def _player(
    layout: Layout, world: World, ledger: str, own: Mapping[str, Sequence[str]], heard: Callable[[Played], None]
) -> Player:
    digest = keys.load(layout.key).digest

    def launch(server: str, principal: str, release: str, trigger: str) -> list[str]:
        label = digest(token_of(principal))  # what the gateway over HTTP calls whoever has this token
        if server != "desk":
            return layout.gateway(server, label, servers.command(server, world, own))
        truth = world.root / f"truth-{principal}-{release}"
        return layout.gateway(server, label, servers.desk(world, truth, release, trigger))

    environment = {
        "HOME": str(world.home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin",
    }
    return Player(launch, ledger, environment, world.workspace, layout.logs / "servers.log", heard)


def _write_deeds(folder: Path, world: World) -> None:
    deeds = read_truth(world.root.glob("truth-*"))
    _lines(folder / "deeds.jsonl", (asdict(deed) for deed in deeds))


def _write(folder: Path, played: Iterable[Played], stories: tuple[Story, ...], amount: Amount) -> None:
    families = {story.name: story for story in stories}
    truths = [_truth(one, families) for one in played]
    _lines(folder / "truth.jsonl", map(asdict, truths))
    counts = {"turns": len(truths), "attacks": sum(bool(truth.story) for truth in truths), "stories": len(stories)}
    about = {"amount": asdict(amount), "counts": counts, "machine": machine(), "versions": versions(("mcp",))}
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def _truth(one: Played, stories: dict[str, Story]) -> Truth:
    script: Script = one.script
    bad = one.turn == script.bad
    story = stories[script.story].as_form(script.form) if bad else None
    return Truth(
        trace=one.trace,
        conversation=script.conversation,
        principal=script.principal,
        kind=script.kinds[one.turn],
        story=script.story if bad else "",
        family=story.family if story else "",
        form=script.form if bad else "",
        build=script.release,
        agent=script.agent,
        first=script.first if bad else 0,
        seen_by=story.seen_by if story else (),
        verdict=story.verdict if story else "quiet",
    )


def _lines(file: Path, records: Iterable[object]) -> None:
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
