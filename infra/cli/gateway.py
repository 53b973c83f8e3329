"""triptych gateway: the process between an MCP client and its server, the shipper of what it spooled, and adoption."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import adoption
from .options import of, print_table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

Command = Annotated[list[str] | None, typer.Argument(metavar="-- COMMAND [ARGUMENT]...", help="The MCP server to run.")]
Server = Annotated[str, typer.Option(help="Your name of the server; its section of gateway.toml is used.")]


@app.callback()
def gateway() -> None:
    """Stand between an MCP client and its server, and ship what was seen.

    Settings are those of gateway.toml, which triptych gateway init writes; producers/gateway/adoption/README.md.
    """


app.command()(adoption.init)
app.command()(adoption.wrap)
app.command()(adoption.unwrap)
app.command()(adoption.status)


@app.command(context_settings={"allow_interspersed_args": False})
def stdio(
    context: typer.Context,
    command: Command = None,
    server: Server = "",
    principal: Annotated[str, typer.Option(help="Who uses it; gateway.principal wins when empty.")] = "",
) -> None:
    """Run an MCP server behind the gateway: every byte is forwarded unchanged, facts about each call are spooled.

    Clients start it in place of the server. `triptych-gateway --config FILE` does the same and starts quicker.

    Example: triptych gateway stdio --server files -- npx @modelcontextprotocol/server-filesystem /srv

    Example: triptych --config /etc/triptych/triptych.toml gateway stdio -- python server.py
    """
    from ...producers.gateway.stdio.child import StartError  # noqa: PLC0415
    from ...producers.gateway.stdio.main import run  # noqa: PLC0415
    from .. import gateways  # noqa: PLC0415

    config = gateways.stdio(of(context).loaded, command or [], server, principal)
    try:
        raise typer.Exit(run(config))
    except StartError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.status) from None


@app.command()
def http(
    context: typer.Context,
    server: Server = "",
    upstream: Annotated[str, typer.Option(help="URL of the server, or unix:///path; the section's when empty.")] = "",
    listen: Annotated[str, typer.Option(help="HOST:PORT or unix:/path to listen on; the section's when empty.")] = "",
) -> None:
    """Stand before an MCP server that listens, as a reverse proxy that keeps every byte; runs until SIGTERM or Ctrl-C.

    Example: triptych gateway http --server tickets

    Example: triptych gateway http --upstream http://127.0.0.1:3000/mcp --listen 127.0.0.1:8931
    """
    from ...producers.gateway.http.main import run  # noqa: PLC0415
    from .. import gateways  # noqa: PLC0415

    raise typer.Exit(run(gateways.http(of(context).loaded, server, upstream, listen)))


@app.command(context_settings={"allow_interspersed_args": False})
def pin(
    context: typer.Context,
    command: Command = None,
    *,
    server: Server = "",
    client: Annotated[Path | None, typer.Option(help="Settings of a client that has this server.")] = None,
    pins: Annotated[Path | None, typer.Option(help="File to write; the section's, or NAME.pins.json.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Approve without asking.")] = False,
) -> None:
    """Start or dial a server, and approve its tools as they are now; only digests are kept.

    Example: triptych gateway pin --server files -- npx @modelcontextprotocol/server-filesystem /srv

    Example: triptych gateway pin --server tickets --client .mcp.json --yes
    """
    from rich.console import Console  # noqa: PLC0415

    from .. import pinning  # noqa: PLC0415

    with Console(stderr=True).status("asking the server for its tools"):
        pinned = pinning.live(of(context).loaded, server, client, pins, command or [])
    print_table(pinned.changes(), "state", {"new": "green", "changed": "red", "gone": "yellow", "same": "dim"})
    if not yes:
        typer.confirm(f"Approve {len(pinned.pins.tools)} tools of {pinned.pins.server}?", abort=True)
    pinned.file.parent.mkdir(parents=True, exist_ok=True)
    pinned.pins.save(pinned.file)
    typer.echo(f"{pinned.file}: written")
    if not pinned.named:
        typer.echo(f'Name it under [servers.{pinned.pins.server}] of gateway.toml: pins = "{pinned.file}"')


@app.command()
def ship(context: typer.Context) -> None:
    """Bring what the gateways of this machine spooled to Kafka; runs until SIGTERM or Ctrl-C.

    One a spool folder: a second one ends at once. While the broker is away the spool keeps everything.

    Example: triptych gateway ship

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych gateway ship
    """
    from ...producers.gateway.spool.ship import run  # noqa: PLC0415
    from .. import gateways  # noqa: PLC0415

    raise typer.Exit(run(gateways.shipper(of(context).loaded)))
