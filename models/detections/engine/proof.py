"""Running the tests that stand inside the rules."""

from __future__ import annotations

from ... import testing
from .rule import Rule, RuleTest
from .rulebook import Evaluation, Rulebook

__all__ = ["prove"]


def prove(rule: Rule) -> list[str]:
    """What the rule's own tests find wrong with it, a sentence each; empty when all its claims hold."""
    alone = Rulebook([rule])
    return [f"{rule.id}: {test.name!r} {problem}" for test in rule.tests if (problem := _run(alone, test))]


def _run(book: Rulebook, test: RuleTest) -> str:
    try:
        turn, views = testing.story(test.story)
    except (TypeError, KeyError, ValueError, StopIteration) as error:
        return f"cannot be told: {error!r}"
    evaluation = book.evaluate(turn, views)
    if (verdict := _verdict(evaluation)) != test.expect:
        reasons = "".join(f" ({entry.reason})" for entry in evaluation.not_judged)
        return f"expects {test.expect}, the rule says {verdict}{reasons}"
    if test.severity and evaluation.hits[0].severity != test.severity:
        return f"expects severity {test.severity}, the rule says {evaluation.hits[0].severity}"
    return ""


def _verdict(evaluation: Evaluation) -> str:
    return "hit" if evaluation.hits else "not judged" if evaluation.not_judged else "quiet"
