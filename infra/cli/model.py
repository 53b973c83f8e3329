"""triptych model: train, try, promote, roll back, and watch for drift."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ...models.changes import Change
    from ...models.model import Manifest, Model
    from ...streams.modelstore import ModelStore
    from ..reading import Span
    from ..settings import Settings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

T = TypeVar("T")
_LISTED = ("model", "turns", "sessions", "from", "to")
_EVENTS = typer.Option(metavar="FOLDER", help="A recording of what the producers sent.")
_CALLS = typer.Option(metavar="FILE|FOLDER|TOPIC", help="Calls that were joined already, for example mcp.calls.")
_SINCE = typer.Option(help="From this time on: 2026-11-20T10:30Z, or so long ago: 7d.")
_UNTIL = typer.Option(help="To before this time.")
_OUT = typer.Option("--out", metavar="FILE", help="Write it there (.npz, manifest beside), not to the store.")
_NAME = typer.Argument(metavar="[MODEL]", help="Id of a model, or current, previous, candidate.")


@app.callback()
def model() -> None:
    """The models that score turns: which one judges, which one was before, and which one is tried beside it."""


@app.command()
def train(  # noqa: PLR0917  the words of a command line
    context: typer.Context,
    events: Annotated[Path | None, _EVENTS] = None,
    calls: Annotated[str, _CALLS] = "",
    since: Annotated[str, _SINCE] = "",
    until: Annotated[str, _UNTIL] = "",
    seed: Annotated[int, typer.Option(help="Of the forest; many trees make it matter little.")] = 0,
    out: Annotated[Path | None, _OUT] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Train a candidate on history, or on the turns that the workers remember; the same inputs give the same model.

    A candidate judges nothing: workers score live turns with it beside the model in use, until it is promoted.

    Example: triptych model train --calls mcp.calls --since 30d

    Example: triptych model train --events last-month/ --out model.npz
    """
    from ...models.errors import ConfigError  # noqa: PLC0415
    from .. import logs  # noqa: PLC0415
    from ..modelling.training import write  # noqa: PLC0415
    from .spans import span_of  # noqa: PLC0415

    logs.configure("model", debug=of(context).debug)
    if events and calls:
        raise ConfigError("--events and --calls are two histories", "give one of them")
    settings, span = of(context).settings, span_of(since, until)
    made = _trained(settings, events, calls, span, seed)
    if out is not None:
        write(made, out)
        typer.echo(f"{made.manifest.model_id} written to {out}", err=True)
    elif _with_store(settings, lambda store: store.offer(made)):
        typer.echo(f"{made.manifest.model_id} is tried from now on; triptych model show candidate", err=True)
    else:
        typer.echo(f"{made.manifest.model_id} is known already: nothing to try", err=True)
    _print(_about(made.manifest), as_json)


@app.command("list")
def list_(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """List the models that there are and what each is for.

    Example: triptych model list
    """
    found = _with_store(of(context).settings, _listed)
    if as_json:
        print_json(found)
    elif found:
        print_table([{name: str(value) for name, value in row.items()} for row in found], "role", {"current": "bold"})
    else:
        typer.echo("no model yet: a server needs 40 sessions by two principals, or triptych model train", err=True)


@app.command()
def show(
    context: typer.Context, name: Annotated[str, _NAME] = "current", as_json: Annotated[bool, JSON] = False
) -> None:
    """Show where a model comes from, after checking that it loads; of a candidate also how it judges live turns.

    Example: triptych model show candidate
    """

    async def asked(store: ModelStore) -> dict[str, Any]:
        roles = await store.roles()
        wanted = next((held for role, held in roles.items() if role == name), name)
        told = _about((await store.model(wanted)).manifest)
        if roles.get("candidate") == wanted:
            shadow, turns = await store.shadow(wanted)
            told["trial"] = {**asdict(shadow), "sampled": shadow.turns, "turns": turns}
        return told

    _print(_with_store(of(context).settings, asked), as_json)


@app.command()
def promote(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[MODEL]", help="Id of the candidate; it need not be named.")] = "",
    *,
    turns: Annotated[int, typer.Option(help="Live turns that its trial must have judged.")] = 200,
    alert_rate: Annotated[float, typer.Option(help="Share of them that may alert.")] = 0.01,
    force: Annotated[bool, typer.Option("--force", help="Without a trial; it must load and pass its probes.")] = False,
) -> None:
    """Let the candidate judge, if its trial allows it; the model in use is kept for a rollback. An audit event tells.

    Example: triptych model promote

    Example: triptych model promote forest-3f2a9c01d4e5 --force
    """
    from ...models.errors import TriptychError  # noqa: PLC0415
    from ..modelling import auditing  # noqa: PLC0415
    from ..modelling.promoting import Budget  # noqa: PLC0415
    from ..modelling.promoting import promote as let_judge  # noqa: PLC0415

    settings, budget = of(context).settings, Budget(turns=turns, alert_rate=alert_rate)
    roles = _with_store(settings, lambda store: store.roles())
    broker = _reached(settings)
    try:
        done = _with_store(settings, lambda store: let_judge(store, name, budget, force=force))
    except TriptychError as error:
        subject = name or roles.get("candidate", "none")
        _tell(settings, broker, auditing.refused(subject, roles.get("current", ""), error.what))
        raise
    _tell(settings, broker, auditing.promoted(done.name, done.before, forced=force))
    typer.echo(f"{done.name} judges now" + (f", in place of {done.before}" if done.before else ""))


@app.command()
def rollback(context: typer.Context) -> None:
    """Let the model before judge again; the one that did is kept, so a second rollback undoes the first.

    Example: triptych model rollback
    """
    from ..modelling import auditing  # noqa: PLC0415

    settings = of(context).settings
    broker = _reached(settings)
    now, before = _with_store(settings, lambda store: store.rollback())
    _tell(settings, broker, auditing.rolled_back(now, before))
    typer.echo(f"{now} judges again, in place of {before}")


@app.command()
def drift(
    context: typer.Context,
    server: Annotated[str, typer.Option(help="Only this server.")] = "",
    days: Annotated[int, typer.Option(min=1, max=30, help="So many of the latest days.")] = 7,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Tell for each server and day whether its turns still look as before: scores, alerts, new facts, moved features.

    Example: triptych model drift --days 2

    Example: triptych model drift --server files --json
    """
    from ..modelling.drifting import report  # noqa: PLC0415

    settings = of(context).settings
    nominal = 10 ** (-settings.model.alert_risk / 25)
    found = _with_store(settings, lambda store: report(store, nominal=nominal, last=days, server=server))
    if as_json:
        print_json([one.plain() for one in found])
        return
    print_table([_drifted(one.plain()) for one in found], "drifted", {"yes": "yellow"})


def _drifted(plain: dict[str, Any]) -> dict[str, str]:
    moved = ", ".join(f"{shift['feature']} {shift['before']:.2g} -> {shift['now']:.2g}" for shift in plain["moved"][:3])
    return {
        "server": plain["server"],
        "day": plain["day"],
        "turns": str(plain["turns"]),
        "drifted": "yes" if plain["drifted"] else "no",
        "scores": f"{plain['scores']:.3f}",
        "alerts": f"{plain['alert_rate']:.2%} of {plain['nominal']:.2%}",
        "new facts": f"{plain['unseen']:.2%} ({plain['unseen_before']:.2%} before)",
        "moved": moved,
    }


def _trained(settings: Settings, events: Path | None, calls: str, span: Span, seed: int) -> Model:
    from .. import stores  # noqa: PLC0415
    from ..modelling.training import from_history, from_store  # noqa: PLC0415
    from ..replay.recording import Recording  # noqa: PLC0415
    from ..replay.replaying import History  # noqa: PLC0415
    from ..replay.sources import Sources  # noqa: PLC0415
    from .telling import counting  # noqa: PLC0415

    if not events and not calls:
        return from_store(settings, stores.reach(settings.redis).url, span, seed=seed)
    with ExitStack() as stack:
        tell = stack.enter_context(counting("records read"))
        recording = Sources(settings, span, stack, tell).calls(calls) if calls else Recording(events or Path())
        history = History(recording=recording, joined=bool(calls), since_ms=span.since_ms, until_ms=span.until_ms)
        return from_history(settings, history, seed=seed, tell=tell)


async def _listed(store: ModelStore) -> list[dict[str, Any]]:
    rows = []
    for role, name in (await store.roles()).items():
        manifest = await store.manifest(name)
        about = _about(manifest) if manifest else {"model": name}
        rows.append(
            {"role": role} | {part: about.get(part, "") for part in ("model", "turns", "sessions", "from", "to")}
        )
    return rows


def _about(manifest: Manifest) -> dict[str, Any]:
    told = asdict(manifest)
    begin, end = (_moment(told.pop(name)) for name in ("trained_from", "trained_to"))
    return {"model": told.pop("model_id"), "from": begin, "to": end, **told}


def _moment(nanoseconds: str) -> str:
    if not nanoseconds.isdigit():
        return nanoseconds
    return datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC).isoformat(timespec="seconds")


def _print(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        typer.echo(f"{name:>14}  {value}")


def _with_store(settings: Settings, ask: Callable[[ModelStore], Awaitable[T]]) -> T:
    from ...streams.modelstore import ModelStore  # noqa: PLC0415
    from .. import stores  # noqa: PLC0415

    url = stores.reach(settings.redis).url

    async def asked() -> T:
        store = ModelStore(url, tenant=settings.findings.tenant)
        try:
            return await ask(store)
        finally:
            await store.close()

    return asyncio.run(asked())


def _reached(settings: Settings) -> Any:
    """The broker, before anything is changed: what cannot be told is not done."""
    from .. import brokers  # noqa: PLC0415

    return brokers.reach(settings.kafka)


def _tell(settings: Settings, broker: Any, change: Change) -> None:
    from ..modelling.auditing import tell  # noqa: PLC0415

    tell(broker, settings, change)
