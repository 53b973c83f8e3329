from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models import baseline as base
from triptych.models.baseline import Baseline, BaselineView, Support
from triptych.models.events import ArgumentFact, Server
from triptych.models.testing import call, effect, read, turn


@pytest.mark.parametrize(
    ("sessions", "principals", "state"),
    [(39, 5, "learning"), (400, 1, "learning"), (40, 2, "provisional"), (159, 2, "provisional"), (160, 2, "active")],
)
def test_state_follows_the_evidence(sessions: int, principals: int, state: str) -> None:
    assert BaselineView("files", sessions, principals).state == state


def test_one_principal_repeating_itself_makes_nothing_known() -> None:
    known = Baseline("files")
    known.learn("s0", "ann", ["tool"])
    for number in range(1, 30):
        known.learn(f"s{number}", "mallory", ["tool", "poison"])
    view = known.view(["tool", "poison"])
    assert view.support("poison") == Support(29, 1)
    assert not view.known("poison")
    assert view.count("poison") == 0
    assert view.known("tool")


def test_a_lonely_principal_is_believed() -> None:
    known = Baseline("files")
    known.learn("s0", "ann", ["tool"])
    assert known.view(["tool"]).known("tool")
    assert not known.view(["other"]).known("other")


def test_a_view_without_a_session_has_never_seen_it() -> None:
    known = Baseline("files")
    known.learn("s0", "ann", ["a", "b"])
    known.learn("s1", "ben", ["a"])
    view = known.view(["a", "b"], without={"s0"})
    assert (view.sessions, view.principals) == (1, 1)
    assert view.support("a") == Support(1, 1)
    assert view.support("b") == Support()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz"), st.sets(st.sampled_from("klmn")))))
def test_learning_twice_changes_nothing(history: list[tuple[str, str, set[str]]]) -> None:
    once, twice = Baseline("files"), Baseline("files")
    for session, principal, keys in history:
        once.learn(session, principal, keys)
    for session, principal, keys in history + history:
        twice.learn(session, principal, keys)
    assert once.view("klmn") == twice.view("klmn")


def test_secrets_and_metadata_are_asked_about_and_never_learned() -> None:
    secret = read("/home/ann/.aws/credentials")
    metadata = effect("connect", address="169.254.169.254", port=80)
    one = call("read_config", read("/srv/app/a.toml"), secret, metadata)
    never = set(base.keys_of(one)) - set(base.learned_keys(one))
    assert never == {
        base.path_class_key("read_config", "/home/*/.aws"),
        base.sensitive_key("read_config", "secret.cloud"),
        base.destination_key("read_config", "169.254.169.254", 80),
        base.egress_key("read_config"),
    }


def test_a_key_cannot_pretend_to_be_another() -> None:
    assert base.value_key("a\x1fb", "c", "d") != base.value_key("a", "b\x1fc", "d")
    assert base.tool_key("x" * 1000 + "a") != base.tool_key("x" * 1000 + "b")
    assert len(base.tool_key("x" * 1000)) < 200


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_names_give_different_keys(one: str, other: str) -> None:
    assert (base.tool_key(one) == base.tool_key(other)) == (one == other)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/ann/.aws/credentials", "/home/*/.aws"),
        ("/proc/4121/environ", "/proc/*"),
        ("/tmp/tmpab12cd34/x", "/tmp/*"),
        ("/a/b/c/d/e/f", "/a/b/c/d"),
        ("/file", "/"),
        ("relative/file", "/."),
    ],
)
def test_paths_fall_into_classes_of_directories(path: str, expected: str) -> None:
    assert base.path_class(path) == expected


def test_sizes_climb_a_ladder_that_counts_who_reached_each_rung() -> None:
    assert base.size_keys("in", "t", 0) == ()
    assert len(base.size_keys("in", "t", 1023)) == 10
    assert set(base.size_keys("in", "t", 1000)) < set(base.size_keys("in", "t", 5000))


def test_orders_look_over_servers_and_past_handshakes() -> None:
    here = call("read", at_s=1)
    there = replace(call("send", at_s=2), server=Server(id="mail"))
    listing = replace(call("", at_s=1.5), tool=None, method="tools/list")
    keys = base.turn_keys(turn(here, listing, there).calls, "mail")
    assert any("files:read" in key and "send" in key for key in keys)
    assert not any("edge" in key and "tools/list" in key for key in keys)


def test_values_are_keyed_by_their_place_without_list_positions() -> None:
    assert base.value_key("t", "/to/0", "d") == base.value_key("t", "/to/17", "d")
    one = call("mail", arguments=(ArgumentFact(pointer="/to/0", digests=("d",)),))
    assert base.value_key("mail", "/to/3", "d") in base.keys_of(one)
    assert base.argument_keys(one) == {"to"}


def test_only_contacts_outside_are_egress() -> None:
    inside = call("t", effect("flow", address="10.0.0.8", port=443, bytes_out=9))
    outside = call("t", effect("flow", address="203.0.113.9", port=443, bytes_out=9))
    assert base.egress_key("t") not in base.keys_of(inside)
    assert base.egress_key("t") in base.keys_of(outside)
