"""triptych gateway init, wrap, unwrap and status: gateways in the settings of MCP clients."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..adoption import Change

__all__ = ["init", "status", "unwrap", "wrap"]

File = Annotated[Path, typer.Argument(help="Settings of an MCP client, such as .mcp.json or ~/.claude.json.")]
Files = Annotated[list[Path] | None, typer.Argument(help="Settings of clients; without one those found here.")]
Servers = Annotated[list[str] | None, typer.Option("--server", help="Only this server; may be repeated.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change and write nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")]
_STYLES = {"wrapped": "green", "left alone": "yellow", "direct": ""}
_DIFF = {"+": "green", "-": "red", "@": "cyan"}


def init(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder for gateway.toml and digest.key.")] = None,
    bootstrap: Annotated[str, typer.Option(help="Kafka, as host:port; gateways then start their shipper.")] = "",
) -> None:
    """Write gateway.toml, with comments, and the digest key; a file that is there stays as it is.

    Example: triptych gateway init --bootstrap broker:9092

    Example: sudo triptych gateway init --dir /etc/triptych
    """
    from ..adoption import begin  # noqa: PLC0415

    for path, made in begin(of(context).loaded, folder, bootstrap):
        typer.echo(f"{path}: {'written' if made else 'is there already'}")


def wrap(
    context: typer.Context,
    file: File,
    *,
    server: Servers = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    force: Annotated[bool, typer.Option("--force", help="Also servers that may use OAuth or run confined.")] = False,
) -> None:
    """Put gateways before the servers in a client's settings; nothing else in the file changes, and twice is once.

    Claude Desktop, Claude Code, VS Code, Cursor and Inspector. Secrets are hidden in the diff.
    Servers with OAuth are left alone: their tokens are tied to the URL that is dialled.

    Example: triptych gateway wrap .mcp.json --dry-run

    Example: triptych gateway wrap ~/.config/Claude/claude_desktop_config.json --server files --yes
    """
    import shlex  # noqa: PLC0415

    from ..adoption import wrapped  # noqa: PLC0415

    change = wrapped(of(context).loaded, file, server or (), force=force)
    if not _made(change, dry_run=dry_run, yes=yes):
        return
    typer.echo("Start the client again to use them.")
    for route in change.routes:
        typer.echo(
            f"Keep its gateway running: triptych gateway http --server {shlex.quote(route.server)}  # {route.listen}"
        )


def unwrap(
    context: typer.Context, file: File, *, server: Servers = None, dry_run: DryRun = False, yes: Yes = False
) -> None:
    """Take the gateways out of a client's settings; what you changed meanwhile stays.

    Example: triptych gateway unwrap .mcp.json

    Example: triptych gateway unwrap .vscode/mcp.json --server search --yes
    """
    from ..adoption import unwrapped  # noqa: PLC0415

    if _made(unwrapped(of(context).loaded, file, server or ()), dry_run=dry_run, yes=yes):
        typer.echo("Start the client again to use it.")


def status(context: typer.Context, file: Files = None, as_json: Annotated[bool, JSON] = False) -> None:
    """Print what waits in the spool, who ships it, whether a sensor answers, and which servers have a gateway.

    Example: triptych gateway status

    Example: triptych gateway status .mcp.json --json
    """
    from ..gateway_status import clients, node  # noqa: PLC0415

    loaded = of(context).loaded
    facts, servers = node(loaded), clients(loaded, file)
    if as_json:
        print_json({"gateway": facts, "servers": servers})
        return
    print_table([{"what": name, "value": value} for name, value in facts.items()], "what", {})
    if servers:
        typer.echo()
        print_table(servers, "state", _STYLES)


def _made(change: Change, *, dry_run: bool, yes: bool) -> bool:
    """Show the change, ask, and make it. False where there is nothing to do, or it was only shown."""
    from ...models.text import clean  # noqa: PLC0415

    rows = [
        {"server": clean(outcome.name), "table": clean(outcome.table), "state": outcome.state, "why": outcome.reason}
        for outcome in change.rewriting.outcomes
    ]
    print_table(rows, "state", _STYLES)
    if not change.rewriting.changed:
        typer.echo("Nothing to do.")
        return False
    _print_diff(change.lines())
    for path in filter(None, (change.key, change.settings if change.settings_text is not None else None)):
        if not path.exists():
            typer.echo(f"New: {path}")
    if dry_run:
        return False
    if not yes:
        typer.confirm(f"Write {change.client.path}?", abort=True)
    typer.echo(f"Backup: {change.make()}")
    return True


def _print_diff(lines: list[str]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(soft_wrap=True, highlight=False)
    for line in ["", *lines, ""]:
        console.print(Text(line, style=_DIFF.get(line[:1], "")))
