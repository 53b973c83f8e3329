from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.infra.replay.comparing import compare
from triptych.models.events import Alert, RuleHit

ALERT = Alert(finding_uid="trp-1", severity="high", risk=80.0, sequence=1, wall_ns=5, rules=(RuleHit(id="a"),))


def kinds(before: list[Alert], now: list[Alert]) -> list[str]:
    return [
        one.kind
        for one in compare({alert.finding_uid: alert for alert in before}, {alert.finding_uid: alert for alert in now})
    ]


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"severity": "critical"}, ("severity",)),
        ({"risk": 81.0}, ("risk",)),
        ({"rules": (RuleHit(id="b"),)}, ("rules",)),
        ({"severity": "low", "risk": 10.0}, ("severity", "risk")),
    ],
)
def test_another_verdict_is_a_change_that_names_its_fields(changed: dict[str, object], fields: tuple[str, ...]) -> None:
    (one,) = compare({"trp-1": ALERT}, {"trp-1": replace(ALERT, **changed)})
    assert (one.kind, one.fields, one.matters) == ("changed", fields, True)


def test_another_number_of_revisions_alone_is_told_and_does_not_matter() -> None:
    (one,) = compare({"trp-1": ALERT}, {"trp-1": replace(ALERT, sequence=3, activity="close")})
    assert (one.kind, one.matters) == ("revised", False)


def test_new_and_gone_are_told_in_the_order_of_time() -> None:
    later = replace(ALERT, finding_uid="trp-0", wall_ns=9)
    assert kinds([ALERT], [later]) == ["gone", "new"]
    assert kinds([later], [ALERT]) == ["new", "gone"]


@given(st.lists(st.builds(lambda n: replace(ALERT, finding_uid=f"trp-{n}"), st.integers(0, 9))))
def test_a_set_never_differs_from_itself(alerts: list[Alert]) -> None:
    assert set(kinds(alerts, alerts)) <= {"same"}
