"""The triptych command. A command's module is imported when it is asked for, and imports what it needs when it runs."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from ...models.errors import ConfigError, TriptychError
from .options import Options

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    "demo",
    "alerts",
    "incident",
    "detections",
    "model",
    "audit",
    "export",
    "gateway",
    "sensor",
    "agent",
    "worker",
    "record",
    "replay",
    "deadletter",
    "topics",
    "schemas",
    "keys",
    "config",
    "doctor",
    "bench",
    "version",
)


class _Commands(TyperGroup):
    """Commands by the names of their modules; each module offers its `app`."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        command = get_command(importlib.import_module(f".{cmd_name}", __package__).app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Commands,
    help="What was asked, what really happened, and why: stream-processing detection for MCP tool servers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _shared(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).", envvar="TRIPTYCH_CONFIG")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="One setting; wins over all others.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    options = context.ensure_object(Options)
    options.config, options.assignments, options.debug = config, assignments or [], debug


def main() -> None:
    """Run the command line. An error a person can act on is its code, what happened and the next step: exit 1 or 2."""
    options = Options()
    try:
        app(obj=options)
    except TriptychError as error:
        if options.debug:
            raise
        typer.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


if __name__ == "__main__":
    main()
