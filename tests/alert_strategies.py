"""Any finding whatever, for laws that hold for all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from triptych.models.events import Alert, Coverage, Effect, Principal, Reason, RuleHit, Score, Server, TimelineEntry

TEXT = st.text(max_size=30)


def alerts(text: st.SearchStrategy[str] = TEXT) -> st.SearchStrategy[Alert]:
    """Findings whose every free text is one of `text`."""
    return st.builds(
        Alert,
        event_id=text,
        workload=text,
        wall_ns=st.integers(0, 2**62),
        started_ns=st.integers(0, 2**62),
        ended_ns=st.integers(0, 2**62),
        finding_uid=text,
        sequence=st.integers(1, 9),
        activity=st.sampled_from(["create", "update", "close"]),
        title=text,
        message=text,
        severity=st.sampled_from(["unknown", "informational", "low", "medium", "high", "critical"]),
        risk=st.floats(0, 100),
        confidence=st.integers(0, 100),
        principal=st.builds(Principal, id=text),
        server=st.builds(Server, id=text, claimed_name=st.none() | text, claimed_version=st.none() | text),
        tool=st.none() | text,
        agent=st.none() | text,
        call_ids=st.lists(text, max_size=3).map(tuple),
        rules=st.lists(_hits(text), max_size=3).map(tuple),
        score=st.none() | st.builds(Score, risk=st.floats(0, 100), p=st.floats(0, 1)),
        reasons=st.lists(st.builds(Reason, fact=text), max_size=3).map(tuple),
        coverage=st.builds(Coverage, protocol=st.booleans(), agent=st.booleans(), notes=st.just(("sensor silent",))),
        timeline=st.lists(
            st.builds(
                TimelineEntry,
                wall_ns=st.integers(0, 2**62),
                layer=st.sampled_from(["agent", "protocol", "execution"]),
                title=text,
                source=text,
                call_id=text,
                notable=st.booleans(),
            ),
            max_size=4,
        ).map(tuple),
        effects=st.lists(_effects(text), max_size=4).map(tuple),
        unobserved=st.lists(text, max_size=2).map(tuple),
        labels=st.sampled_from([(), ("test",)]),
    )


def _effects(text: st.SearchStrategy[str]) -> st.SearchStrategy[Effect]:
    return st.builds(
        Effect,
        kind=st.sampled_from(["exec", "fork", "exit", "open", "connect", "flow"]),
        wall_ns=st.integers(0, 2**62),
        pid=st.integers(0, 2**22),
        comm=text,
        path=st.none() | text,
        address=st.none() | text | st.ip_addresses().map(str),
        port=st.none() | st.integers(-5, 70_000),
        protocol=st.sampled_from([None, "tcp", "udp", "sctp"]),
        arguments=st.lists(text, max_size=3).map(tuple),
        sensitivity=st.none() | text,
        destination=st.sampled_from([None, "inside", "outside", "metadata"]),
        source=text,
    )


def _hits(text: st.SearchStrategy[str]) -> st.SearchStrategy[RuleHit]:
    return st.builds(
        RuleHit,
        id=text,
        title=text,
        severity=st.sampled_from(["low", "critical"]),
        attacks=st.just(("AML.T0086", "T1552.001", "T0000")),
        tags=st.just(("owasp_asi:ASI02", "nothing")),
    )
