"""triptych record: topics into Avro object container files, for replay and for every other Avro tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..replay.folder import Folder

__all__ = ["app"]

app = typer.Typer()


@app.command()
def record(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder for the recording.")],
    *,
    topics: Annotated[
        list[str] | None, typer.Option("--topic", metavar="NAME", help="A topic; again for more. All of ours if none.")
    ] = None,
    since: Annotated[str, typer.Option(help="From this time on: 2026-11-20T10:30Z, or so long ago: 7d, 2h.")] = "",
    until: Annotated[str, typer.Option(help="To before this time.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes; end with Ctrl-C.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Copy topics into a folder: one file for each topic, partition and schema, with time, offset, key and headers.

    Ends where the topics ended when it began. Commits nothing and changes nothing on the broker. The files hold what
    the topics hold, so they are readable by you alone.

    Example: triptych record --since 7d last-week/

    Example: triptych record --topic mcp.calls --topic mcp.alerts --follow live/
    """
    from ...models.topics import ALL  # noqa: PLC0415
    from .. import brokers  # noqa: PLC0415
    from ..replay.folder import Folder  # noqa: PLC0415
    from ..replay.recorder import record as copy  # noqa: PLC0415
    from .spans import span_of  # noqa: PLC0415
    from .telling import counting  # noqa: PLC0415

    span = span_of(since, until)
    broker = brokers.reach(of(context).settings.kafka)
    folder = Folder(out)
    try:
        with counting("records") as tell:
            copy(broker.client(), topics or ALL, folder, span, follow=follow, tell=tell)
    except KeyboardInterrupt:
        if not follow:
            raise typer.Exit(130) from None
    _show(folder, as_json)


def _show(folder: Folder, as_json: bool) -> None:
    if as_json:
        print_json({"folder": str(folder.path), "records": folder.counts, "no_events": folder.raw})
        return
    rows = [
        {"topic": topic, "records": str(count), "of them no event": str(folder.raw.get(topic, 0) or "")}
        for topic, count in folder.counts.items()
    ]
    print_table(rows or [{"topic": "nothing", "records": "0", "of them no event": ""}], "topic", {})
