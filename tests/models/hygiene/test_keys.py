"""By what findings are the same: what a rule says of itself stands before what is said of all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from triptych.models import testing
from triptych.models.detections.engine import Hit, Rulebook
from triptych.models.detections.engine.dedup import PARTS, Dedup
from triptych.models.events import Call
from triptych.models.hygiene.keys import dedup_keys, lasting

BOOK = Rulebook.load()
STOLEN = (testing.read("/home/ann/.aws/credentials", 0.2), testing.send("203.0.113.7:443", 1200, 0.4))
DAY_NS = 24 * 3_600_000_000_000


def hit(tool: str = "read_config", *, by: tuple[str, ...] = (), **changed: object) -> Hit:
    call = replace(testing.call(tool, *STOLEN), **changed)  # type: ignore[arg-type]
    hits = BOOK.evaluate(testing.turn(call), {}).hits
    found = next(one for one in hits if one.rule.id == "chain.credential-read-then-egress")
    return replace(found, rule=replace(found.rule, dedup=Dedup(by=by, window_ns=DAY_NS) if by else None))


def keys(*hits: Hit) -> tuple[str, ...]:
    calls: list[Call] = [one.matches[-1].subject.call for one in hits]
    return dedup_keys(calls, hits)


def test_two_tools_are_two_findings_unless_the_rule_says_otherwise() -> None:
    assert len(keys(hit("a"), hit("b"))) == 2
    assert len(keys(hit("a", by=("server",)), hit("b", by=("server",)))) == 1


@pytest.mark.parametrize("part", PARTS)
def test_every_part_can_be_named_and_tells_rules_apart(part: str) -> None:
    assert keys(hit(by=(part,))) == keys(hit(by=(part,)))
    assert keys(hit(by=(part,))) != keys(hit())


def test_a_conversation_may_be_what_a_finding_is_about() -> None:
    one, other = (hit(by=("conversation",), conversation=name) for name in ("c1", "c2"))
    assert keys(one) != keys(other)


def test_only_rules_that_say_so_have_a_window_of_their_own() -> None:
    own = hit(by=("server",))
    assert lasting([hit(), own]) == {keys(own)[0]: DAY_NS}
