"""triptych alerts: findings, one line each, or one explained in full."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of

if TYPE_CHECKING:
    from ...models.events import Alert
    from ..alerts import Inbox

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_PIPED = 100  # columns where there is no terminal to ask


class Verdict(StrEnum):
    """What a finding turned out to be."""

    true = "true"
    false = "false"


@app.callback()
def alerts() -> None:
    """Read findings from the alerts topic, and tell what they turned out to be; no offset is committed."""


@app.command()
def tail(
    context: typer.Context,
    as_json: Annotated[bool, JSON] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more; end with Ctrl-C.")] = False,
    count: Annotated[int, typer.Option("--count", "-n", min=0, help="How many of the newest to begin with.")] = 10,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="All that the topic holds.")] = False,
) -> None:
    """Print one line for each finding, oldest first: time, severity, risk, id, server and tool, what happened.

    A finding that the topic holds in several revisions is shown once, in its newest one. With --follow every revision
    that comes has a line of its own, which says whether it creates, updates or closes the finding.

    Example: triptych alerts tail

    Example: triptych alerts tail --follow --count 0

    Example: triptych alerts tail --from-beginning --json
    """
    inbox = _inbox(context)
    try:
        for alert in inbox.read(last=None if from_beginning else count, follow=follow):
            _print_line(alert, as_json, revision=follow)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    finally:
        _say_unreadable(inbox)


@app.command()
def explain(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a finding, or the beginning of one.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show one finding in full: why, the three layers in event time, what was declared and what was observed.

    Example: triptych alerts explain trp-7ae82112bd318adb

    Example: triptych alerts explain trp-7ae8 --json
    """
    from ..alerts import find  # noqa: PLC0415

    inbox = _inbox(context)
    alert = find(inbox, identifier)
    if as_json:
        _print_line(alert, as_json)
        return
    from rich.console import Console  # noqa: PLC0415

    from ..view import render_finding  # noqa: PLC0415

    Console(width=None if sys.stdout.isatty() else _PIPED).print(render_finding(alert))
    _say_unreadable(inbox)


@app.command()
def verdict(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a finding, or the beginning of one.")],
    is_true: Annotated[Verdict, typer.Argument(metavar="true|false", help="Whether it was what it says.")],
    reason: Annotated[str, typer.Option(help="Why, for whoever looks next.")],
) -> None:
    """Tell the workers what a finding turned out to be: a false one may be learned from, a true one never is.

    Example: triptych alerts verdict trp-7ae8 false --reason "planned migration, change 4711"
    """
    from .. import brokers, verdicts  # noqa: PLC0415
    from ..alerts import Inbox, find  # noqa: PLC0415

    client = brokers.reach(of(context).settings.kafka).client()
    alert = find(Inbox(client), identifier)
    verdicts.publish(client, alert.finding_uid, is_true.value, reason)
    typer.echo(f"{alert.finding_uid} {is_true.value}: {alert.title}")


def _inbox(context: typer.Context) -> Inbox:
    from .. import brokers  # noqa: PLC0415
    from ..alerts import Inbox  # noqa: PLC0415

    return Inbox(brokers.reach(of(context).settings.kafka).client())


def _print_line(alert: Alert, as_json: bool, *, revision: bool = False) -> None:
    if as_json:
        import orjson  # noqa: PLC0415

        typer.echo(orjson.dumps(alert).decode())
        return
    from rich.console import Console  # noqa: PLC0415

    from ..view import render_line  # noqa: PLC0415

    line = render_line(alert, revision=revision)
    Console(width=None if sys.stdout.isatty() else _PIPED).print(line, no_wrap=True, overflow="ellipsis")
    sys.stdout.flush()


def _say_unreadable(inbox: Inbox) -> None:
    if inbox.unreadable:
        typer.echo(f"{inbox.unreadable} record(s) in {inbox.topic} are no alert of this version", err=True)
