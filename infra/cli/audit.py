"""triptych audit: who asked, which tool, where it ran, what it touched, where data went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of

if TYPE_CHECKING:
    from ..audit.gathering import Records
    from ..audit.trail import Trail

__all__ = ["app"]

app = typer.Typer()

_USUALLY = "7d"
_PIPED = 120  # columns where there is no terminal to ask


@app.command()
def audit(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    agent: Annotated[str, typer.Option(help="Only calls of this agent, by its name or id in its spans.")] = "",
    principal: Annotated[str, typer.Option(help="Only calls on behalf of this principal.")] = "",
    server: Annotated[str, typer.Option(help="Only calls to this server.")] = "",
    conversation: Annotated[str, typer.Option(help="Only calls of this conversation.")] = "",
    correlation_id: Annotated[str, typer.Option(help="Only calls of this trace.")] = "",
    since: Annotated[
        str,
        typer.Option(help="From this time on: 2026-11-20T10:30Z, or so long ago: 2h. 7d if none; all of a recording."),
    ] = "",
    until: Annotated[str, typer.Option(help="To before this time.")] = "",
    recording: Annotated[
        Path | None, typer.Option("--from", help="A recording, or files of events, instead of the broker.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="How many lines of the timeline to show, the newest.")] = 200,
    as_json: Annotated[bool, JSON] = False,
    as_ocsf: Annotated[bool, typer.Option("--ocsf", help="Print OCSF events, one line each.")] = False,
) -> None:
    """Put together who asked, which tool, where it ran, what it touched and where data went, from calls, agent spans
    and findings. What is named must all fit. Says what it cannot show; commits nothing and changes nothing.

    Example: triptych audit --agent support-bot --since 7d

    Example: triptych audit --principal ann --server files --since 2026-11-20 --until 2026-11-21 --json

    Example: triptych audit --correlation-id 4bf92f3577b34da6a3ce929d0e0e4736 --from last-week/ --ocsf
    """
    import time  # noqa: PLC0415

    from ..audit.gathering import gather  # noqa: PLC0415
    from ..audit.selection import Selection  # noqa: PLC0415
    from ..moments import moment_ms  # noqa: PLC0415

    now_ms = time.time_ns() // 1_000_000
    since = since or ("" if recording else _USUALLY)
    since_ms = moment_ms(since, now_ms) if since else None
    selection = Selection(
        agent=agent,
        principal=principal,
        server=server,
        conversation=conversation,
        correlation_id=correlation_id,
        since_ns=None if since_ms is None else since_ms * 1_000_000,
        until_ns=moment_ms(until, now_ms) * 1_000_000 if until else None,
    )
    records = _recorded(recording) if recording else _held(context, since_ms)
    trail = gather(records, selection)
    if as_ocsf:
        _print_ocsf(context, trail)
    elif as_json:
        _print_json(trail)
    else:
        _print(trail, last)


def _held(context: typer.Context, since_ms: int | None) -> Records:
    """What the broker holds. A record is never older than what it tells, so only the beginning bounds the reading."""
    from collections.abc import Iterator  # noqa: PLC0415

    from .. import brokers  # noqa: PLC0415
    from ..reading import Reader, Span  # noqa: PLC0415
    from ..replay.recorded import Recorded  # noqa: PLC0415

    client = brokers.reach(of(context).settings.kafka).client()

    def read(topics: Sequence[str]) -> Iterator[Recorded]:
        with Reader(client, topics, Span(since_ms=since_ms)) as reader:
            yield from reader.read()

    return read


def _recorded(path: Path) -> Records:
    from ..replay.recording import Recording  # noqa: PLC0415

    return Recording(path).records


def _print(trail: Trail, last: int) -> None:
    from rich.console import Console  # noqa: PLC0415

    from ..audit.trail import lines, summary  # noqa: PLC0415
    from ..audit.view import render  # noqa: PLC0415

    if not trail.calls:
        typer.echo("no call fits; triptych record and triptych alerts tail show what is there", err=True)
        return
    Console(width=None if sys.stdout.isatty() else _PIPED).print(render(summary(trail), lines(trail), most=last))


def _print_json(trail: Trail) -> None:
    import orjson  # noqa: PLC0415

    from ..audit.trail import lines, summary  # noqa: PLC0415

    told = {"summary": summary(trail), "findings": [one.finding_uid for one in trail.alerts], "timeline": lines(trail)}
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())


def _print_ocsf(context: typer.Context, trail: Trail) -> None:
    from ..audit.ocsf import render  # noqa: PLC0415

    findings = of(context).settings.findings
    for line in render(trail, tenant=findings.tenant, version=findings.ocsf_version):
        typer.echo(line.decode())
