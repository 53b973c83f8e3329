"""One page of what the score finds: the figures on AgentDojo and on the lab as plots and tables, in one HTML file that
needs no other, and each plot beside it as SVG."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from .plots import Bar, bars, curves

__all__ = ["read", "write"]

Record = Mapping[str, Any]
_WHOLE = "all three"
_WAYS = {"both": "by both", "score": "by score", "rules": "by rules"}
_SHORT = {"AUC": "AUC", "TPR at 1 % FPR": "TPR at 1 %", "TPR at 5 % FPR": "TPR at 5 %"}
_GATES = ("K", "U", "K without the prompt", "K without any origin")
_STYLE = Path(__file__).with_name("page.css")


def write(folder: Path, agentdojo: Record | None, lab: Record | None) -> Path:
    """The page in a folder, of the records that there are."""
    plots = {**(_plots_of_lab(lab) if lab else {}), **(_plots_of_agentdojo(agentdojo) if agentdojo else {})}
    for name, plot in plots.items():
        (folder / f"detection-{name}.svg").write_text(plot, "utf-8")
    parts = [*_heading(agentdojo, lab)]
    parts += _lab(lab, plots) if lab else ["<p>The lab was not measured: <code>make lab</code>.</p>"]
    parts += _agentdojo(agentdojo, plots) if agentdojo else []
    parts += _foot(agentdojo, lab)
    file = folder / "detection.html"
    file.write_text(_page("\n".join(parts)), "utf-8")
    return file


def read(file: Path) -> Record | None:
    """A record of a benchmark, where there is one."""
    return json.loads(file.read_bytes()) if file.is_file() else None


def _page(body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What the judgement finds</title>\n<style>\n{_STYLE.read_text()}</style>\n"
        f"<main>\n{body}\n</main>\n</html>\n"
    )


def _heading(agentdojo: Record | None, lab: Record | None) -> Iterator[str]:
    yield "<h1>What the judgement finds</h1>"
    yield (
        '<p class="lead">How many attacks are found, at what false alarms, how soon, and by which layers: on attacks '
        "of AgentDojo, and on the lab, where real MCP servers are attacked under gateway, sensor and telemetry. The "
        "judge is the product itself.</p>"
    )
    tiles = [*(_tiles_of_lab(lab) if lab else ()), *(_tiles_of_agentdojo(agentdojo) if agentdojo else ())]
    yield f'<div class="tiles">{"".join(tiles)}</div>'


def _tiles_of_lab(lab: Record) -> Iterator[str]:
    best, value = lab["three_layers_beat_fewer"]["both"]["best_without"]
    whole = lab["shares"][_WHOLE]["both"]["value"]
    told = f"of the lab's attacks at 1 % of honest turns, three layers; the best of fewer ({best}): {_percent(value)}"
    yield _tile(_percent(whole), told)
    if shipped := lab.get("shipped"):
        late = shipped["late"]
        false = 1000 * late["findings"] / max(late["calls"], 1)
        yield _tile(f"{false:.1f}", "false findings in 1,000 honest calls, as it ships")
        seconds = sorted(one["seconds"] for one in shipped["attacks"] if one["seconds"] is not None)
        if seconds:
            yield _tile(f"{seconds[len(seconds) // 2]:.1f} s", "from the attacker's first act to the finding, median")


def _tiles_of_agentdojo(agentdojo: Record) -> Iterator[str]:
    for gate, told in (("K", "tasks known"), ("U", "tasks never seen")):
        row = _row(agentdojo, f"{gate}: TPR at 1 % FPR")
        if row:
            yield _tile(_percent(row["value"]), f"of AgentDojo's attacks at 1 %, model families held out, {told}")


def _tile(value: str, told: str) -> str:
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(told)}</span></div>'


def _plots_of_lab(lab: Record) -> dict[str, str]:
    layers = [
        Bar(
            name=name, value=one["both"]["value"], low=one["both"]["low"], high=one["both"]["high"], best=name == _WHOLE
        )
        for name, one in lab["shares"].items()
    ]
    made = {"layers": bars("Attacks of the lab found at 1 % of honest turns, by set of layers", layers)}
    if lab.get("grown"):
        points = {
            "by both": [(one["sessions"], one["by_both"]) for one in lab["grown"]],
            "rules alone": [(one["sessions"], one["by_rules"]) for one in lab["grown"]],
        }
        made["cold-start"] = curves(
            "Attacks found after so many honest sessions", points, across="honest sessions learned"
        )
    return made


def _plots_of_agentdojo(agentdojo: Record) -> dict[str, str]:
    rows = list(agentdojo["rows"])
    told = []
    for at, row in enumerate(rows):
        gate, _, figure = row["name"].partition(": ")
        if gate in _GATES and figure in _SHORT:
            low, high = (rows[at + more]["value"] for more in (2, 3))
            name = f"{gate}, {_SHORT[figure]}"
            told.append(Bar(name=name, value=row["value"], low=low, high=high, goal=row["bar"], best=row["ok"]))
    return {"agentdojo": bars("AgentDojo: figures with their intervals, and the bars to reach", told, percent=False)}


def _lab(lab: Record, plots: Mapping[str, str]) -> Iterator[str]:
    turns, about = lab["turns"], lab["about"]["amount"]
    yield "<h2>The lab: what each layer finds</h2>"
    yield (
        f"<p>{turns['attacks']} attacks of {len(lab['stories'])} stories and {turns['harmless']} honest turns judged, "
        f"seed {escape(str(about['seed']))}. A turn is found when it ranks above all but 1 % of the honest turns; "
        "lines are 95 % intervals over stories.</p>"
    )
    yield _figure(plots["layers"], "Score and rules together, by what was watching.")
    yield _layers(lab)
    if "cold-start" in plots:
        yield "<h2>From a cold start</h2>"
        yield _figure(plots["cold-start"], "All three layers, the budget of 1 % kept. Rules need no learning.")
    yield from _shipped(lab)
    yield from _poisoned(lab)
    yield from _stories(lab)


def _layers(lab: Record) -> str:
    held = lab.get("held_out") or {}
    heads = ["layers", *_WAYS.values(), *(["by both, family held out"] if held else [])]
    rows = []
    for name, shares in lab["shares"].items():
        cells = [name, *(_share(shares[way], way) for way in _WAYS)]
        rows.append([*cells, _share(held[name]["both"], "both")] if held else cells)
    return _table(heads, rows, strong=_WHOLE)


def _share(one: Record, way: str) -> str:
    told = f"{_percent(one['value'])} ({100 * one['low']:.0f}-{100 * one['high']:.0f})"
    return f"{told}, honest {100 * one['harmless']:.1f} %" if way == "rules" else told


def _shipped(lab: Record) -> Iterator[str]:
    shipped = lab.get("shipped")
    if not shipped:
        return
    yield "<h2>As it ships</h2>"
    yield (
        "<p>All stages from the first minute: nothing taught before, its own training, its own thresholds, findings "
        "as a SIEM gets them.</p>"
    )
    rows = []
    for name, half in (("first half of the honest work", "early"), ("second half", "late")):
        one = shipped[half]
        false = [f"{1000 * one[kind] / max(one['calls'], 1):.1f}" for kind in ("findings", "loud")]
        rows.append([name, f"{one['calls']:,}", *false])
    yield _table(["", "honest calls", "false findings in 1,000", "of severity high or above"], rows)
    yield f"<p>{_soon(shipped['attacks'])}</p>"


def _soon(attacks: Sequence[Record]) -> str:
    found = [one for one in attacks if one["seconds"] is not None]
    loud = sum(one["loud"] for one in attacks)
    told = f"{len(found)} of {len(attacks)} attacks found, {loud} with severity high or above."
    if not found:
        return told
    calls, seconds = (sorted(one[what] for one in found) for what in ("calls", "seconds"))
    half, most = len(found) // 2, min(len(found) - 1, 9 * len(found) // 10)
    return (
        f"{told} From the attacker's first act to the finding: {calls[half]} calls and {seconds[half]:.1f} s at the "
        f"median, {calls[most]} calls and {seconds[most]:.1f} s for nine in ten, the time that calls stay open for "
        "late effects included."
    )


def _poisoned(lab: Record) -> Iterator[str]:
    if lab.get("poisoned"):
        yield "<h2>Poisoning</h2>"
        yield "<p>One principal repeats an attack in 1 % of the sessions that teach. Tries that are found:</p>"
        rows = [
            [one["story"], str(one["repeated"]), _percent(one["clean"]), _percent(one["after"])]
            for one in lab["poisoned"]
        ]
        yield _table(["story", "repeated", "before", "after"], rows)


def _stories(lab: Record) -> Iterator[str]:
    pairs = [name for name in lab["shares"] if " + " in name]
    yield "<h2>Story by story</h2>"
    invisible = ", ".join(lab["invisible"]) or "none"
    yield f"<p>Found in no form: {escape(invisible)}.</p>"
    rows = [
        [one["name"], one["family"], _percent(one["by"][_WHOLE]), *(_percent(one["by"][name]) for name in pairs)]
        for one in lab["stories"]
    ]
    yield _table(["story", "family", _WHOLE, *pairs], rows)


def _agentdojo(agentdojo: Record, plots: Mapping[str, str]) -> Iterator[str]:
    yield "<h2>AgentDojo: families of models held out</h2>"
    yield (
        "<p>Trained on the honest runs of some model families, judged on the runs of the others. <b>K</b>: the judged "
        "tasks occur in training. <b>U</b>: they do not. Dashed: the bar.</p>"
    )
    yield _figure(plots["agentdojo"], "Mean of seeds and both directions; lines are 95 % intervals over tasks.")
    rows = [[row["name"], _value(row), "" if row["bar"] is None else f"{row['bar']:g}"] for row in agentdojo["rows"]]
    yield f"<details><summary>Every figure</summary>{_table(['figure', 'value', 'bar'], rows)}</details>"


def _value(row: Record) -> str:
    told = f"{row['value']:.3g} {row['unit']}".strip()
    return told if row["ok"] else f"{told}, short"


def _foot(agentdojo: Record | None, lab: Record | None) -> Iterator[str]:
    for name, facts in (("AgentDojo", agentdojo), ("lab", lab and lab["about"])):
        if facts:
            machine, versions = facts["machine"], facts["versions"]
            told = {**machine, **versions}
            yield f'<p class="foot">{name}: {escape(", ".join(f"{key} {value}" for key, value in told.items()))}</p>'


def _row(record: Record, name: str) -> Record | None:
    return next((row for row in record["rows"] if row["name"] == name), None)


def _figure(plot: str, told: str) -> str:
    return f"<figure>{plot}<figcaption>{escape(told)}</figcaption></figure>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], strong: str = "") -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join(_line(cells, strong) for cells in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _line(cells: Sequence[str], strong: str) -> str:
    kind = ' class="strong"' if strong and cells[0] == strong else ""
    return f"<tr{kind}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"
