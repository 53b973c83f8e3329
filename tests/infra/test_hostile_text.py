"""Whatever the watched side writes, wherever it writes it: every way out of the product gives it back as words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from triptych.infra import view
from triptych.infra.audit import ocsf as audited
from triptych.infra.audit.trail import Trail, lines, summary
from triptych.infra.audit.view import render
from triptych.infra.export import logs, spans
from triptych.models import changes, finding, ocsf, testing
from triptych.models.changes import Change
from triptych.models.detections.engine import Rulebook
from triptych.models.events import Alert, Call, Principal
from triptych.models.incidents import incident, member
from triptych.models.incidents import ocsf as gathered

BOOK = Rulebook.load()
PARTS = (
    "\x1b]0;owned\x07", "\x9b31m", "\r\n{\"severity\":1}", "\u2028", "\u0085", "<img src=x onerror=x>", "[x](https://e.example)",
    "![x][y]", "```", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\uff1d1", "${jndi:x}", "{{7*7}}", "{% x %}", "#{x}",
    "\u202egnp", "\u200b", "\u2066", "\U000e0041", "[red]", "[/]", "\t", "x",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map("".join)
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0001-\U000e007f]")
ACTIVE = re.compile(r"[<>`]|\]\(|\]\[|[${#]\{|\{%")
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def hostile(text: str) -> Call:
    effects = (
        testing.exec_(text, text, text, at_s=0.05),
        replace(testing.read(f"/home/ann/.aws/credentials/{text}", 0.1), comm=text),
        replace(testing.send("203.0.113.7:443", 1200, 0.4), comm=text, address=text),
    )
    principal = Principal(kind="token", id=text, executable=text)
    told: dict[str, Any] = {"server": text, "host": text, "principal": principal, "conversation": text}
    return testing.call(text, *effects, anomalies=(text,), claimed_client=text, **told)


def found(call: Call, text: str) -> Alert:
    turn = testing.turn(call, spans=[testing.span(name=text, agent=text)])
    return finding.assemble(turn, BOOK.evaluate(turn, {}).hits, None, {}, tenant=text)


def texts(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a document; ids of spans are bytes, which JSON writes in base 64."""
    if isinstance(value, str) and key not in ("traceId", "spanId", "parentSpanId"):
        yield value
    for name, item in value.items() if isinstance(value, dict) else ():
        yield from texts(item, name)
    for item in value if isinstance(value, list) else ():
        yield from texts(item)


def documents(text: str) -> Iterator[tuple[str, Any]]:
    """Everything that leaves for software of others."""
    call = hostile(text)
    alert = found(call, text)
    for version in ocsf.VERSIONS:
        yield f"ocsf {version}", orjson.loads(ocsf.render(alert, tenant=text, version=version))
    yield "suppressed", orjson.loads(ocsf.render(alert, tenant=text, suppressed=text))
    for line in audited.render(Trail(calls=(call,), alerts=(alert,)), tenant=text):
        yield "audit", orjson.loads(line)
    change = Change(kind="rule", subject=text, action="refuse", before=text, after=text, reason=text, by=text)
    yield "change", orjson.loads(changes.render(change, tenant=text, version="1.8.0", at_ns=1))
    together = incident.assemble([member.of_alert(alert)], tenant=text)
    yield "incident", orjson.loads(gathered.render(together, tenant=text))
    yield "spans", MessageToDict(spans.request([call]))
    yield "logs", MessageToDict(logs.request([alert]))


@settings(max_examples=40)
@given(TEXTS)
def test_software_of_others_gets_words(text: str) -> None:
    for name, document in documents(text):
        for told in texts(document):
            assert not HIDDEN.search(told), (name, told)
            assert not ACTIVE.search(told), (name, told)
            assert not FORMULA.match(told), (name, told)


@settings(max_examples=40)
@given(TEXTS)
def test_a_terminal_gets_words(text: str) -> None:
    call = hostile(text)
    alert = found(call, text)
    trail = Trail(calls=(call,), alerts=(alert,))
    for shown in (view.render_finding(alert), view.render_line(alert), render(summary(trail), lines(trail), most=99)):
        console = Console(width=160, force_terminal=False)
        with console.capture() as capture:
            console.print(shown)
        assert not HIDDEN.search(capture.get())


@settings(max_examples=40)
@given(TEXTS)
def test_headers_are_one_line_each(text: str) -> None:
    for name, value in ocsf.headers(found(hostile(text), text), tenant=text):
        assert not HIDDEN.search(value.decode()), name
