"""triptych detections: rules of your own, from the first line to a pinned folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import JSON, of, print_json, print_table

if TYPE_CHECKING:
    from ..detections.ruleset import Aside, Ruleset
    from ..settings import Settings

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

_STYLES = {"critical": "red", "high": "red", "ok": "dim", "wrong": "red"}
Folders = Annotated[
    list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Folders with rules; else findings.rules.")
]


@app.callback()
def detections() -> None:
    """Write, try, explain and convert detections: TOML, Python and Sigma alike."""


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="What it will be called: reads-payroll.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where it will stand; made where it is not there.")] = Path("my-rules"),
    python: Annotated[bool, typer.Option("--python", help="A function rule(call).")] = False,
    sigma: Annotated[bool, typer.Option("--sigma", help="A Sigma rule.")] = False,
) -> None:
    """Write a rule that works, with tests that hold, to begin from; TOML unless said otherwise.

    Example: triptych detections new reads-payroll --python --folder my-rules
    """
    from ...models.errors import ConfigError  # noqa: PLC0415
    from ..detections.scaffold import write_new  # noqa: PLC0415

    if python and sigma:
        raise ConfigError("--python and --sigma are two forms of a rule", "choose one")
    typer.echo(write_new(folder, name, "python" if python else "sigma" if sigma else "toml"))


@app.command()
def test(
    context: typer.Context,
    folders: Folders = None,
    *,
    calls_to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep the calls of your tests there, for triptych replay.")
    ] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run the tests that stand inside the rules, shipped and own; ends with 1 where a claim does not hold.

    Example: triptych detections test my-rules

    Example: triptych detections test my-rules --calls-to my-calls
    """
    from ..detections.proving import keep_calls, prove_all  # noqa: PLC0415

    rules = _rules(of(context).settings, folders)
    proofs = prove_all(rules)
    rows = [one.row for one in proofs]
    if as_json:
        print_json([{**row, "problems": one.problems} for row, one in zip(rows, proofs, strict=True)])
    else:
        mine = {rule.id for rule in rules.own}
        shown = [one.row for one in proofs if one.rule.id in mine or one.problems] if mine else rows
        print_table(shown, "verdict", _STYLES)
        if others := len(rows) - len(shown):
            typer.echo(f"{others} shipped rules hold what their tests claim", err=True)
    for problem in (problem for one in proofs for problem in one.problems):
        typer.echo(problem, err=True)
    if calls_to is not None:
        typer.echo(f"{keep_calls(rules, calls_to)} calls kept in {calls_to}", err=True)
    raise typer.Exit(1 if any(one.problems for one in proofs) else 0)


@app.command()
def lint(context: typer.Context, folders: Folders = None) -> None:
    """Say what is missing in rules and exceptions; ends with 1 where anything is.

    Example: triptych detections lint my-rules
    """
    from ...models.hygiene import Exemptions  # noqa: PLC0415
    from ..detections.linting import lint as look  # noqa: PLC0415
    from ..detections.linting import lint_exceptions  # noqa: PLC0415

    settings, said = of(context).settings, list[str]()
    rules = _rules(settings, folders, lambda _, error: said.append(str(error)))
    entries = Exemptions.load(settings.findings.exceptions).entries
    said += (line for rule in rules.own for line in look(rule))
    said += lint_exceptions(entries, rules.every, time.time_ns())
    for line in said:
        typer.echo(line)
    typer.echo(f"{len(rules.own)} rules and {len(entries)} exceptions looked at", err=True)
    raise typer.Exit(1 if said else 0)


@app.command("list")
def list_(
    context: typer.Context,
    folders: Folders = None,
    *,
    fields: Annotated[bool, typer.Option("--fields", help="The fields of Sigma's log source mcp instead.")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List all rules, shipped and own, or the published fields.

    Example: triptych detections list my-rules

    Example: triptych detections list --fields
    """
    from ..detections.telling import listed  # noqa: PLC0415

    if fields:
        from ...models.sigma.fields import FIELDS  # noqa: PLC0415

        rows = [{"category": category, "field": field} for category in FIELDS for field in sorted(FIELDS[category])]
    else:
        rules = _rules(of(context).settings, folders)
        rows = listed(rules.every)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "category" if fields else "severity", _STYLES)


@app.command()
def explain(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="Id of a rule, or the beginning of one.")],
    folders: Folders = None,
    *,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Show one rule in full: why, what it needs, what it cannot see, what to do when it fires.

    Example: triptych detections explain chain.silent-side-effect
    """
    from ..detections.telling import explained, find  # noqa: PLC0415

    rules = _rules(of(context).settings, folders)
    told = explained(find(rules.every, rule))
    if as_json:
        print_json(dict(told))
        return
    for heading, text in told:
        typer.secho(heading, bold=True)
        typer.echo("\n".join(f"  {line}" for line in text.splitlines()))


@app.command()
def coverage(context: typer.Context, folders: Folders = None, *, as_json: Annotated[bool, JSON] = False) -> None:
    """List the techniques of ATT&CK and ATLAS that rules speak of.

    Example: triptych detections coverage --json
    """
    from ..detections.telling import coverage as covered  # noqa: PLC0415

    rows = covered(_rules(of(context).settings, folders).every)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "rules", {})


@app.command()
def convert(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="Id of a TOML rule, or the beginning of one.")],
    folders: Folders = None,
    *,
    to: Annotated[str, typer.Option(help="The other form: sigma.")] = "sigma",
) -> None:
    """Print a rule in another form, or say why that form cannot express it.

    Example: triptych detections convert execution.cloud-metadata --to sigma
    """
    from ...models.errors import ConfigError  # noqa: PLC0415
    from ..detections.converting import to_sigma  # noqa: PLC0415
    from ..detections.telling import find  # noqa: PLC0415

    if to != "sigma":
        raise ConfigError(f"rules cannot be converted to {to!r}", "--to sigma")
    typer.echo(to_sigma(find(_rules(of(context).settings, folders).book.rules, rule)), nl=False)


@app.command()
def pin(folder: Annotated[Path, typer.Argument(help="A folder with rules.")]) -> None:
    """Pin the rules of a folder by their hashes: from then on a worker takes no other.

    Example: triptych detections pin my-rules
    """
    from ..detections.ruleset import PINS, digests, pins_of  # noqa: PLC0415

    pins = pins_of(folder, digests([folder]))
    aside = folder / f".{PINS}"
    aside.write_bytes(pins)
    aside.replace(folder / PINS)  # a worker reads the old ones or the new ones
    typer.echo(f"{len(pins.splitlines())} rules pinned in {folder / PINS}")


def _rules(settings: Settings, folders: list[Path] | None, aside: Aside | None = None) -> Ruleset:
    from ..detections.ruleset import Ruleset  # noqa: PLC0415

    return Ruleset.load(folders or settings.findings.rules, aside=aside)
