"""triptych deadletter: what could not be processed, why, and once more."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..deadletters import Filter, Letter, Letters

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_SHOWN = 512  # bytes of a record
_ID = 13

Codes = Annotated[list[str] | None, typer.Option("--code", help="Only with this reason's code; again for more.")]
Origins = Annotated[list[str] | None, typer.Option("--topic", help="Only records of this topic; again for more.")]
Stages = Annotated[list[str] | None, typer.Option("--stage", help="Only what this stage refused; again for more.")]
Since = Annotated[str, typer.Option(help="Buried from this time on: 2026-11-20T10:30Z, or so long ago: 7d, 2h.")]
Until = Annotated[str, typer.Option(help="Buried before this time.")]


@app.callback()
def deadletter() -> None:
    """Records that could not be processed: list them, look at one, send them to their topic again."""


@app.command("list")
def list_(
    context: typer.Context,
    *,
    codes: Codes = None,
    origins: Origins = None,
    stages: Stages = None,
    since: Since = "",
    until: Until = "",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Print one line for each dead letter, oldest first in each partition: when, code, where from, reason, id.

    What was sent again and came back is shown once, as it came back last. To know that, every listing reads the whole
    topic first, --since or not.

    Example: triptych deadletter list --since 1d --code W02

    Example: triptych deadletter list --topic mcp.protocol --json
    """
    from ...models.text import plural  # noqa: PLC0415

    letters = _letters(context)
    rows = [_row(letter) for letter in letters.read(_filter(codes, origins, stages), _span(since, until))]
    if as_json:
        print_json(rows)
    else:
        _print(rows)
        counts = Counter(row["code"] for row in rows)
        told = ", ".join(f"{code} {count}" for code, count in sorted(counts.items()))
        typer.echo(f"{plural(len(rows), 'dead letter')}{told and ': '}{told}", err=True)
    _say_unreadable(letters)


@app.command()
def show(
    context: typer.Context,
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Id of a dead letter, or the beginning of one.")],
    *,
    octets: Annotated[bool, typer.Option("--bytes", help="The record's first 512 bytes too, and its key.")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="All its bytes.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show one dead letter: why, where from, and what its record looks like.

    What no producer of ours wrote may hold what none of them lets out, so its bytes are shown on request only: as hex,
    with what of them is plain text.

    Example: triptych deadletter show 5f3c

    Example: triptych deadletter show 5f3c --bytes
    """
    letter = _letters(context).one(identifier)
    told, value, key = _facts(letter), letter.letter.value, letter.letter.key or b""
    shown = value if whole else value[:_SHOWN] if octets else b""
    if as_json:
        print_json({**told, "key": key.hex(), "value": shown.hex()} if octets or whole else told)
        return
    for name, text in told.items():
        typer.echo(f"{name:>8}  {text}")
    if octets or whole:
        typer.echo("\n".join(("key:", *_dump(key), "value:", *_dump(shown))))
    if len(shown) < len(value):
        typer.echo(
            f"{len(value) - len(shown)} bytes not shown: {'--whole' if octets else '--bytes, --whole'}", err=True
        )


@app.command()
def retry(
    context: typer.Context,
    identifiers: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids; else the options say.")
    ] = None,
    *,
    codes: Codes = None,
    origins: Origins = None,
    stages: Stages = None,
    since: Since = "",
    until: Until = "",
    send: Annotated[bool, typer.Option("--send", help="Do it; without this it only says what it would do.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Send records to the topics they came from again, with the bytes they had: after an upgrade, or a mended registry.

    Without --send nothing is sent. A header counts how often a record came this way; after three times it stays.

    Example: triptych deadletter retry --code W02 --since 2d

    Example: triptych deadletter retry 5f3c --send
    """
    from ...models.errors import ConfigError  # noqa: PLC0415
    from ..deadletters import refusal, resend  # noqa: PLC0415

    if send and not any((identifiers, codes, origins, stages, since, until)):
        raise ConfigError("--send needs ids or a filter", "triptych deadletter retry --code W02 --send")
    letters = _letters(context)
    if identifiers:
        found = [letters.one(identifier) for identifier in identifiers]
    else:
        found = list(letters.read(_filter(codes, origins, stages), _span(since, until)))
    able = [letter for letter in found if not refusal(letter)]
    rows = [{**_row(letter), "again": refusal(letter) or ("sent" if send else "would be sent")} for letter in found]
    sent = resend(letters.client, able) if send else 0
    if as_json:
        print_json({"sent": sent, "letters": rows})
    else:
        _print(rows)
        typer.echo(f"{sent} sent" if send else f"{len(able)} would be sent: --send", err=True)
    raise typer.Exit(0 if len(able) == len(found) else 1)


def _letters(context: typer.Context) -> Letters:
    from .. import brokers  # noqa: PLC0415
    from ..deadletters import Letters  # noqa: PLC0415

    return Letters(brokers.reach(of(context).settings.kafka).client())


def _filter(codes: list[str] | None, origins: list[str] | None, stages: list[str] | None) -> Filter:
    from ..deadletters import Filter  # noqa: PLC0415

    return Filter(codes=codes or (), origins=origins or (), stages=stages or ())


def _span(since: str, until: str) -> Any:
    from .spans import span_of  # noqa: PLC0415

    return span_of(since, until)


def _facts(letter: Letter) -> dict[str, Any]:
    """Everything but the record's content."""
    from ...models.text import clean  # noqa: PLC0415
    from ..deadletters import kind_of  # noqa: PLC0415

    value = letter.letter.value
    return {
        **_row(letter),
        "stage": clean(letter.letter.stage, 40),
        "retries": letter.rounds,
        "bytes": len(value),
        "kind": kind_of(value),
    }


def _row(letter: Letter) -> dict[str, Any]:
    from ...models.text import clean  # noqa: PLC0415
    from ..moments import written  # noqa: PLC0415

    buried = letter.letter
    return {
        "time": written(letter.timestamp),
        "code": clean(buried.code, 8),
        "from": f"{clean(buried.topic, 64)}/{buried.partition}/{buried.offset}",
        "reason": clean(buried.reason, 200),
        "id": clean(buried.event_id, 40),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    """With as much of each id as names it."""
    print_table(
        [{name: str(value) for name, value in {**row, "id": row["id"][:_ID]}.items()} for row in rows], "code", {}
    )


def _dump(value: bytes) -> list[str]:
    """Sixteen bytes a line: offset, hex, and the printable ASCII among them."""
    rows = [(at, value[at : at + 16]) for at in range(0, len(value), 16)]
    return [
        f"{at:08x}  {row.hex(' '):<47}  {''.join(chr(byte) if 32 <= byte < 127 else '.' for byte in row)}"
        for at, row in rows
    ]


def _say_unreadable(letters: Letters) -> None:
    if letters.unreadable:
        typer.echo(f"{letters.unreadable} record(s) in {letters.topic} are no dead letter of this version", err=True)
