from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from triptych.infra.bench.detection import page
from triptych.infra.bench.detection.plots import Bar, bars, curves

_SHARE = {"value": 0.69, "low": 0.55, "high": 0.82, "harmless": 0.01}
_FEWER = {"value": 0.4, "low": 0.3, "high": 0.5, "harmless": 0.01}
_ABOUT = {"amount": {"seed": 7}, "machine": {"cores": 2}, "versions": {"python": "3"}}


def _ways(share: dict[str, float]) -> dict[str, Any]:
    return dict.fromkeys(("score", "rules", "both"), share)


_LAB: dict[str, Any] = {
    "about": _ABOUT,
    "turns": {"attacks": 9, "harmless": 90},
    "shares": {"protocol + agent": _ways(_FEWER), "all three": _ways(_SHARE)},
    "three_layers_beat_fewer": {"both": {"holds": True, "best_without": ["protocol + agent", 0.4]}},
    "stories": [{"name": "<script>", "family": "f", "by": {"protocol + agent": 0.0, "all three": 1.0}}],
    "invisible": ["another amount"],
}
_WHOLE = _LAB | {
    "held_out": _LAB["shares"],
    "grown": [{"sessions": 5, "by_both": 0.2, "by_rules": 0.1}, {"sessions": 40, "by_both": 0.6, "by_rules": 0.1}],
    "poisoned": [{"story": "beacon", "repeated": 2, "clean": 1.0, "after": 0.5}],
    "shipped": {
        "early": {"calls": 500, "findings": 4, "loud": 1},
        "late": {"calls": 500, "findings": 1, "loud": 0},
        "attacks": [{"loud": True, "calls": 2, "seconds": 1.5}, {"loud": False, "calls": None, "seconds": None}],
    },
}
_DOJO = {
    "machine": {"cores": 2},
    "versions": {},
    "rows": [
        {"name": "K: TPR at 1 % FPR", "value": 0.77, "unit": "", "bar": 0.68, "ok": True},
        {"name": "  spread over seeds", "value": 0.01, "unit": "", "bar": None, "ok": True},
        {"name": "  95 % interval by task, from", "value": 0.7, "unit": "", "bar": None, "ok": True},
        {"name": "  to", "value": 0.8, "unit": "", "bar": None, "ok": True},
    ],
}


class _Links(HTMLParser):
    """What a page would have to load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href"}]


@pytest.mark.parametrize(("dojo", "lab"), [(_DOJO, _WHOLE), (None, _LAB), (_DOJO, None), (None, None)])
def test_the_page_needs_no_other_file_whatever_was_measured(tmp_path: Path, dojo: Any, lab: Any) -> None:
    text = page.write(tmp_path, dojo, lab).read_text()
    links = _Links()
    links.feed(text)
    assert links.found == []


HOSTILE = "<script>alert(1)</script>"


def hostile(record: Any) -> Any:
    """Every text of a record, names of members too where they are shown, as an attacker would write it."""
    if isinstance(record, dict):
        return {key: hostile(one) for key, one in record.items()} | ({"seed": HOSTILE} if "seed" in record else {})
    if isinstance(record, list):
        return [hostile(one) for one in record]
    return f"{record}{HOSTILE}" if isinstance(record, str) else record


def test_what_comes_from_records_is_text_and_never_markup(tmp_path: Path) -> None:
    named = _WHOLE | {name: {HOSTILE: _ways(_FEWER), **_WHOLE[name]} for name in ("shares", "held_out")}
    about = {**_ABOUT, "machine": {HOSTILE: HOSTILE}}
    text = page.write(tmp_path, hostile(_DOJO), hostile({**named, "about": about})).read_text("utf-8")
    plots = [file.read_text("utf-8") for file in tmp_path.glob("*.svg")]
    assert text.count("&lt;script&gt;") > 8
    assert not any("<script" in one for one in (text, *plots))


def test_the_page_tells_false_findings_delay_and_what_stays_invisible(tmp_path: Path) -> None:
    text = page.write(tmp_path, _DOJO, _WHOLE).read_text()
    for told in ("2.0</b>", "1.5 s</b>", "another amount", "1 of 2 attacks found", "69 % (55-82)"):
        assert told in text


def test_every_plot_lies_beside_the_page(tmp_path: Path) -> None:
    page.write(tmp_path, _DOJO, _WHOLE)
    names = {file.name for file in tmp_path.glob("*.svg")}
    assert names == {"detection-layers.svg", "detection-cold-start.svg", "detection-agentdojo.svg"}


def test_a_record_that_was_never_made_is_none(tmp_path: Path) -> None:
    assert page.read(tmp_path / "none.json") is None
    (tmp_path / "one.json").write_text(json.dumps(_DOJO))
    assert page.read(tmp_path / "one.json") == _DOJO


def _classes(plot: str) -> list[str]:
    return [element.get("class", "") for element in ElementTree.fromstring(plot).iter()]  # noqa: S314  our own


def test_a_bar_below_its_goal_is_drawn_as_short() -> None:
    plot = bars("t", [Bar(name="a & b", value=0.3, goal=0.5), Bar(name="c", value=0.6, goal=0.5, best=True)])
    assert _classes(plot).count("short") == 1
    assert _classes(plot).count("best") == 1


def test_a_curve_has_a_dot_for_every_point() -> None:
    plot = curves("t", {"one": [(5, 0.1), (10, 0.2)], "two": [(5, 0.3)]}, across="sessions")
    assert _classes(plot).count("dot0") == 2
    assert _classes(plot).count("dot1") == 1
