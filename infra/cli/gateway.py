"""triptych gateway: the process between an MCP client and its server, and the shipper of what it spooled."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """Stand between an MCP client and its server, and ship what was seen."""


@app.command(context_settings={"allow_interspersed_args": False})
def stdio(
    context: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND [ARGUMENT]...", help="The MCP server to run.")
    ] = None,
    server: Annotated[str, typer.Option(help="Your name of the server; gateway.server wins when empty.")] = "",
    principal: Annotated[str, typer.Option(help="Who uses it; gateway.principal wins when empty.")] = "",
) -> None:
    """Run an MCP server behind the gateway: every byte is forwarded unchanged, facts about each call are spooled.

    Clients start it in place of the server. `triptych-gateway --config FILE` starts
    quicker and reads a file of its own, because clients pass no environment on (producers/gateway/README.md).

    Example: triptych gateway stdio --server files -- npx @modelcontextprotocol/server-filesystem /srv

    Example: triptych --config /etc/triptych/triptych.toml gateway stdio -- python server.py
    """
    from dataclasses import replace  # noqa: PLC0415

    from ...producers.gateway.stdio.child import StartError  # noqa: PLC0415
    from ...producers.gateway.stdio.main import run  # noqa: PLC0415
    from .. import assembly  # noqa: PLC0415

    config = assembly.gateway(of(context).settings, command or [])
    config = replace(config, server=server or config.server, principal=principal or config.principal)
    try:
        raise typer.Exit(run(config))
    except StartError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.status) from None


@app.command()
def ship(context: typer.Context) -> None:
    """Bring what the gateways of this machine spooled to Kafka; runs until SIGTERM or Ctrl-C.

    One a spool folder: a second one ends at once. While the broker is away the spool keeps everything.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych gateway ship
    """
    from ...producers.gateway.spool.ship import run  # noqa: PLC0415
    from .. import assembly, brokers  # noqa: PLC0415

    settings = of(context).settings
    raise typer.Exit(run(assembly.shipper(settings, brokers.external(settings.kafka))))
