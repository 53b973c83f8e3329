"""triptych schemas: the Avro schemas of this version, and a schema registry that holds them too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..schemas import Listed

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_STYLES = {"registered": "green", "absent": "yellow", "id taken": "red"}


@app.callback()
def schemas() -> None:
    """Show the schemas of the topics, or register them in a schema registry."""


@app.command("list")
def show(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Print each topic's schema, its id in the manifest and, with a registry, its id there; changes nothing.

    Example: TRIPTYCH_REGISTRY__URL=https://registry:8081 triptych schemas list
    """
    from .. import schemas, worker  # noqa: PLC0415

    _show(schemas.listed(worker.registry(of(context).settings)), as_json)


@app.command()
def register(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Register each topic's current schema under TOPIC-value and read it back. May be repeated.

    Example: TRIPTYCH_REGISTRY__URL=https://registry:8081 triptych schemas register
    """
    from ...models.errors import ConfigError  # noqa: PLC0415
    from .. import schemas, worker  # noqa: PLC0415

    registry = worker.registry(of(context).settings)
    if registry is None:
        raise ConfigError("no schema registry is named", "set registry.url; without one the manifest is enough")
    _show(schemas.register(registry), as_json)


def _show(lines: AsyncIterator[Listed], as_json: bool) -> None:
    import asyncio  # noqa: PLC0415
    from dataclasses import asdict  # noqa: PLC0415

    async def gathered() -> list[Listed]:
        return [line async for line in lines]

    rows = [asdict(line) for line in asyncio.run(gathered())]
    if as_json:
        print_json(rows)
        return
    shown = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    print_table(shown, "state", _STYLES)
