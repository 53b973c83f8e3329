"""triptych incident: findings that belong together, as a list, or one in full."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..incidents import IncidentInbox

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_PIPED = 110  # columns where there is no terminal to ask


@app.callback()
def incident() -> None:
    """Read incidents from the incidents topic; nothing is committed or changed."""


@app.command("list")
def list_(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Print one line for each incident, the one last heard of at the end.

    Example: triptych incident list

    Example: triptych incident list --json
    """
    inbox = _inbox(context)
    incidents = inbox.read()
    if as_json:
        import orjson  # noqa: PLC0415

        for found in incidents:
            typer.echo(orjson.dumps(found).decode())
    elif incidents:
        from ..incident_view import render_incidents  # noqa: PLC0415

        _print(render_incidents(incidents))
    else:
        typer.echo(f"no incident in {inbox.topic} yet", err=True)
    _say_unreadable(inbox)


@app.command()
def show(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of an incident, or the beginning of one.")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show one incident in full: its findings and one timeline over servers, hosts and clusters.

    One that became a part of another is shown as that one.

    Example: triptych incident show inc-7ae82112bd318adb

    Example: triptych incident show inc-7ae8 --json
    """
    from ..incidents import find, name_of  # noqa: PLC0415

    inbox = _inbox(context)
    asked, found = find(inbox, identifier)
    if asked is not found:
        typer.echo(f"{name_of(asked)} is part of {name_of(found)} by now", err=True)
    if as_json:
        import orjson  # noqa: PLC0415

        typer.echo(orjson.dumps(found).decode())
        return
    from ..incident_view import render_incident  # noqa: PLC0415

    _print(render_incident(found))
    _say_unreadable(inbox)


def _inbox(context: typer.Context) -> IncidentInbox:
    from .. import brokers  # noqa: PLC0415
    from ..incidents import IncidentInbox  # noqa: PLC0415

    return IncidentInbox(brokers.reach(of(context).settings.kafka).client())


def _print(shown: RenderableType) -> None:
    from rich.console import Console  # noqa: PLC0415

    Console(width=None if sys.stdout.isatty() else _PIPED).print(shown)


def _say_unreadable(inbox: IncidentInbox) -> None:
    if inbox.unreadable:
        typer.echo(f"{inbox.unreadable} record(s) in {inbox.topic} are no incident of this version", err=True)
