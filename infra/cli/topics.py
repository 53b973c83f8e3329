"""triptych topics: what a broker holds against what topics.toml wants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..topics import Change

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_STYLES = {"ok": "dim", "create": "green", "alter": "yellow", "grow": "red", "keep": "red"}


@app.callback()
def topics() -> None:
    """Compare the broker's topics with infra/topics.toml, or make them so."""


@app.command("plan")
def show_plan(context: typer.Context, as_json: Annotated[bool, JSON] = False) -> None:
    """Print what apply would do; changes nothing.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych topics plan
    """
    from .. import admin, brokers, topics  # noqa: PLC0415

    section = of(context).settings.kafka
    _show(admin.inspect(brokers.reach(section).client(), topics.wanted(section.partitions)), as_json)


@app.command("apply")
def make_so(
    context: typer.Context,
    as_json: Annotated[bool, JSON] = False,
    grow: Annotated[bool, typer.Option("--grow", help="Also add partitions; keys then move to other ones.")] = False,
) -> None:
    """Create and alter topics, then print what the broker holds. Never deletes a topic or a partition.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych topics apply

    Example: triptych --set kafka.partitions=24 topics apply --grow
    """
    from .. import admin, brokers, topics  # noqa: PLC0415

    section = of(context).settings.kafka
    _show(admin.apply(brokers.reach(section).client(), topics.wanted(section.partitions), grow=grow), as_json)


def _show(changes: Sequence[Change], as_json: bool) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    rows = [asdict(change) for change in changes]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "action", _STYLES)
