"""triptych replay: the rules and models of today over the history of yesterday."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ...models.events import Alert
    from ..reading import Span
    from ..replay.comparing import Difference
    from ..replay.replaying import History, Judges
    from ..replay.sources import Sources
    from ..replay.virtual import Findings
    from ..settings import Settings

__all__ = ["app"]

app = typer.Typer()

OWN = "recorded"
_STYLES = {"new": "red", "gone": "yellow", "changed": "cyan", "revised": "dim", "same": "dim"}
_PIPED = 110  # columns where there is no terminal to ask

_EVENTS = typer.Option(metavar="FOLDER", help="A recording of what the producers sent: join it, judge it.")
_CALLS = typer.Option(metavar="FILE|FOLDER|TOPIC", help="Calls that were joined already: only judge them.")
_SINCE = typer.Option(help="Records from this time on: 2026-11-20T10:30Z, or so long ago: 7d.")
_UNTIL = typer.Option(help="Records to before this time.")
_RULES = typer.Option(metavar="DIR", help="Rules beside the built-in ones, instead of findings.rules.")
_MODEL = typer.Option(metavar="FILE|ID", help="Judge by this model; without one, train as a worker does.")
_LIVE = typer.Option("--live", help="Baselines and model of the workers' store; never written.")
_DIFF = typer.Option(metavar="FILE|FOLDER|TOPIC", help="Hold the findings against these; `recorded`: the own ones.")
_DIFF_RULES = typer.Option(metavar="DIR", help="Hold the findings against those of these rules.")
_SALVAGE = typer.Option("--salvage", help="Take a damaged file up to where it is cut, and say so.")
_EXPECT_NONE = typer.Option("--expect-none", help="End with 1 where anything is found.")


@app.command()
def replay(  # noqa: PLR0917  the words of a command line
    context: typer.Context,
    events: Annotated[Path | None, _EVENTS] = None,
    calls: Annotated[str, _CALLS] = "",
    since: Annotated[str, _SINCE] = "",
    until: Annotated[str, _UNTIL] = "",
    rules: Annotated[list[Path] | None, _RULES] = None,
    model: Annotated[str, _MODEL] = "",
    live: Annotated[bool, _LIVE] = False,
    diff: Annotated[str, _DIFF] = "",
    diff_rules: Annotated[list[Path] | None, _DIFF_RULES] = None,
    salvage: Annotated[bool, _SALVAGE] = False,
    expect_none: Annotated[bool, _EXPECT_NONE] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run the worker's stages over recorded history and print the findings and incidents that come of it.

    Needs no broker for files and no Redis: baselines begin empty and are learned on the way, as a worker learns them.
    With --diff or --diff-rules, prints what is new, gone or judged in another way, and ends with 1 where there is any.

    Example: triptych replay --events last-week/ --rules my-rules/

    Example: triptych replay --events last-week/ --diff recorded --json

    Example: triptych replay --calls mcp.calls --since 7d --diff-rules old-rules/ --rules new-rules/
    """
    from .. import logs  # noqa: PLC0415
    from .spans import span_of  # noqa: PLC0415

    logs.configure("replay", debug=of(context).debug, least=logging.ERROR)  # what cannot be read is told in the end
    _check(events, calls, diff, diff_rules)
    span, settings = span_of(since, until), of(context).settings
    with ExitStack() as stack:
        sources = _sources(settings, span, stack, salvage=salvage)
        history = _history(sources, calls, events, span)
        judges = _judges(settings, model, live=live)
        found = _judged(settings, history, judges, rules or settings.findings.rules)
        before = _recorded(sources, history, diff) if diff else None
        if diff_rules:
            before = _judged(settings, history, judges, diff_rules).alerts
    _say_damaged(sources.damaged)
    if before is not None:
        _show_differences(before, found, as_json=as_json)
    else:
        _show_findings(found, as_json=as_json)
        raise typer.Exit(1 if expect_none and found.alerts else 0)


def _check(events: Path | None, calls: str, diff: str, diff_rules: list[Path] | None) -> None:
    from ...models.errors import ConfigError  # noqa: PLC0415

    if bool(events) == bool(calls):
        raise ConfigError("one of --events and --calls says what to replay", "triptych replay --events FOLDER")
    if diff and diff_rules:
        raise ConfigError("--diff and --diff-rules are two comparisons", "make one after the other")


def _recorded(sources: Sources, history: History, name: str) -> dict[str, Alert]:
    """The findings to compare with: those in the history itself, or others by their name."""
    from ..replay.replaying import findings_in  # noqa: PLC0415

    recording = history.recording if name == OWN else sources.findings(name)
    return findings_in(recording, history.since_ms, history.until_ms)


def _sources(settings: Settings, span: Span, stack: ExitStack, *, salvage: bool) -> Sources:
    from ..replay.sources import Sources  # noqa: PLC0415
    from .telling import counting  # noqa: PLC0415

    return Sources(settings, span, stack, stack.enter_context(counting("records fetched")), salvage=salvage)


def _history(sources: Sources, calls: str, events: Path | None, span: Span) -> History:
    from ..replay.replaying import History  # noqa: PLC0415

    recording = sources.calls(calls) if calls else sources.events(events or Path())
    return History(recording=recording, joined=bool(calls), since_ms=span.since_ms, until_ms=span.until_ms)


def _judges(settings: Settings, model: str, *, live: bool) -> Judges:
    from .. import stores  # noqa: PLC0415
    from ..replay.replaying import Judges  # noqa: PLC0415

    asked = live or bool(model and not Path(model).is_file() and settings.redis.url.get_secret_value())
    return Judges(model=model, store=stores.reach(settings.redis).url if asked else "", live=live)


def _judged(settings: Settings, history: History, judges: Judges, rules: Sequence[Path]) -> Findings:
    from ..replay.replaying import replay as judge  # noqa: PLC0415
    from .telling import counting  # noqa: PLC0415

    with counting("records replayed") as tell:
        return judge(settings, history, replace(judges, rules=tuple(rules)), tell)


def _show_findings(found: Findings, *, as_json: bool) -> None:
    if as_json:
        findings = [_brief(alert) for alert in found.in_order()]
        print_json({**_read(found), "findings": findings, "incidents": found.incidents})
        return
    rows = [{name: str(value) for name, value in _brief(alert).items()} for alert in found.in_order()]
    print_table(rows, "severity", {"critical": "red", "high": "red"})
    _show_incidents(found.incidents)
    _say(found)


def _show_incidents(incidents: Sequence[Mapping[str, Any]]) -> None:
    if not incidents:
        return
    from rich.console import Console  # noqa: PLC0415

    from ..incident_view import render_incidents  # noqa: PLC0415

    Console(width=None if sys.stdout.isatty() else _PIPED).print(render_incidents(incidents))


def _show_differences(before: Mapping[str, Alert], found: Findings, *, as_json: bool) -> None:
    """Print what differs; ends with 1 where a verdict does."""
    from ..replay.comparing import compare  # noqa: PLC0415

    differences = compare(before, found.alerts)
    if as_json:
        print_json({**_read(found), "differences": [_told(one) for one in differences]})
    else:
        print_table([_row(one) for one in differences if one.kind != "same"], "difference", _STYLES)
        _say(found)
        same = sum(one.kind == "same" for one in differences)
        typer.echo(f"{same} of {len(differences)} findings are the same", err=True)
    raise typer.Exit(1 if any(one.matters for one in differences) else 0)


def _read(found: Findings) -> dict[str, Any]:
    return {"records": found.records, "calls": found.calls, "dead_letters": found.dead}


def _say_damaged(damaged: Sequence[str]) -> None:
    for what in damaged:
        typer.echo(f"salvaged: {what}", err=True)


def _say(found: Findings) -> None:
    from ...models.text import plural  # noqa: PLC0415

    dead = ", ".join(f"{code} {count}" for code, count in sorted(found.dead.items()))
    told = f"{plural(len(found.alerts), 'finding')}, {plural(len(found.incidents), 'incident')}"
    text = f"{found.records:,} records read, {told}"
    typer.echo(text + (f"; not readable: {dead}" if dead else ""), err=True)


def _brief(alert: Alert) -> dict[str, Any]:
    """A finding in a line; names chosen by the watched side are cleaned where it is made."""
    return {
        "time": datetime.fromtimestamp(alert.wall_ns / 1e9, UTC).isoformat(timespec="seconds"),
        "severity": alert.severity,
        "risk": round(alert.risk),
        "finding": alert.finding_uid,
        "revision": alert.sequence,
        "server": alert.server.id,
        "tool": alert.tool or "",
        "rules": ", ".join(hit.id for hit in alert.rules) or "score",
    }


def _told(one: Difference) -> dict[str, Any]:
    return {
        "difference": one.kind,
        "fields": list(one.fields),
        "before": _brief(one.before) if one.before else None,
        "now": _brief(one.now) if one.now else None,
    }


def _row(one: Difference) -> dict[str, str]:
    brief = _brief(one.alert)
    both = [_brief(alert) for alert in (one.before, one.now) if alert is not None]
    changed = {
        name: " -> ".join(dict.fromkeys(str(side[name]) for side in both))
        for name in ("severity", "risk", "revision", "rules")
    }
    return {"difference": one.kind, **{name: str(value) for name, value in {**brief, **changed}.items()}}
