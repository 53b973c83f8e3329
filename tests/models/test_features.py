from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from triptych.models import features
from triptych.models.acting import acts
from triptych.models.baseline import (
    BaselineView,
    Support,
    destination_key,
    habit_key,
    listen_key,
    size_keys,
    tool_key,
    turn_keys,
    value_key,
)
from triptych.models.events import ArgumentFact, Coverage, ExecutionDetail, Principal, SqlFact
from triptych.models.features import FEATURES, NAMES, measured, rows
from triptych.models.features_protocol import order_surprise, source_surprise
from triptych.models.history import from_json, reduced, to_json
from triptych.models.statements import statement_key
from triptych.models.testing import call, effect, exec_, read, span, turn, write
from triptych.models.testing_traffic import learned, sessions, theft, views
from triptych.models.turn import Turn

COLLECTOR = {"address": "198.51.100.66", "port": 9911}


def row(one: Turn, view: BaselineView | None = None) -> dict[str, float]:
    """The last row of a turn, by name."""
    found = rows(measured(one), {view.server: view} if view else {})
    return dict(zip(NAMES, found[-1], strict=True))


def fact(value: str, **values: object) -> ArgumentFact:
    return ArgumentFact(**{"pointer": "/to", "digests": (value,), "origin": "prompt", **values})  # type: ignore[arg-type]


def test_names_are_unique_and_the_hash_speaks_for_the_table() -> None:
    assert len(set(NAMES)) == len(FEATURES) == 22
    assert len(features.FEATURE_HASH) == 16


def test_a_layer_that_did_not_watch_is_unknown_and_not_quiet() -> None:
    blind = call("read", coverage=Coverage(protocol=True))
    found = row(turn(blind))
    for feature in FEATURES:
        # one needs the agent's prompt, one a principal that was seen before
        told = feature.layer == "protocol" and feature.name not in {"unprompted_source", "new_habits"}
        assert math.isnan(found[feature.name]) == (not told)


def test_a_moment_keeps_what_earlier_calls_did() -> None:
    thief = call("read", read("/home/ann/.ssh/id_rsa"), effect("connect", **COLLECTOR))
    found = rows(turn(call("list", at_s=-1), thief, call("list", at_s=9)), {})[:, NAMES.index("secret_opens")]
    assert found.tolist() == [0, 1, 1]


def test_effects_nobody_asked_for_are_counted() -> None:
    thief = call(
        "read",
        read("/home/ann/.ssh/id_rsa"),
        effect("connect", **COLLECTOR),
        effect("flow", bytes_out=5000, **COLLECTOR),
        exec_("/bin/sh"),
        write("/srv/x/y"),
    )
    view = BaselineView("files", 50, 3, {tool_key("read"): Support(50, 3)})
    found = row(turn(thief), view)
    assert found["secret_opens"] == found["new_destinations"] == found["new_children"] == 1
    assert found["undeclared_actions"] == math.log2(3)
    assert found["sent_outside"] > 13


def test_what_an_argument_names_is_not_undeclared() -> None:
    honest = call("read", read("/home/ann/.ssh/id_rsa", declared=True), effect("connect", declared=True, **COLLECTOR))
    found = row(turn(honest))
    assert found["secret_opens"] == found["undeclared_actions"] == 0
    assert found["new_destinations"] == 1


def test_new_values_count_where_they_act() -> None:
    reading = row(turn(call("read_mail", arguments=(fact("a"),))))
    sending = row(turn(call("send_mail", arguments=(fact("a", origin="result"),))))
    assert reading["acting_new_values"] == reading["acting_foreign_values"] == 0
    assert sending["acting_new_values"] == sending["acting_foreign_values"] == 1
    assert reading["new_values"] == sending["new_values"] == 1


def test_a_value_known_elsewhere_on_the_server_is_new_here_and_not_foreign() -> None:
    sending = turn(call("send_mail", arguments=(fact("a", origin="result"),)))
    found = row(sending, BaselineView("files", 9, 2, {value_key("", "", "a"): Support(9, 2)}))
    assert (found["acting_new_values"], found["acting_foreign_values"]) == (1, 0)


def test_a_value_of_the_prompt_makes_a_write_the_users_own() -> None:
    for origin, expected in (("prompt", 0), ("result", 1), ("none", 1)):
        facts = (fact("a", origin=origin), fact("b", pointer="/text", origin="result"))
        found = row(turn(call("send_mail", arguments=facts)))
        assert found["unprompted_alone"] == expected
        assert bool(found["unprompted_order"]) == bool(found["unprompted_source"]) == bool(expected)


def test_what_nobody_could_tell_is_a_mask_and_rules_nothing_out() -> None:
    found = row(turn(call("send_mail", arguments=(fact("a", origin="unknown"),))))
    assert math.isnan(found["unprompted_source"])
    assert found["unprompted_alone"] == found["acting_new_values"] == 1


def test_an_unusual_origin_is_the_more_surprising_the_oftener_it_was_another() -> None:
    usual = [call("send_mail", arguments=(fact(f"v{n}"),), conversation=f"c{n}", at_s=n) for n in range(20)]
    known = learned([turn(one, key=f"t{n}") for n, one in enumerate(usual)])
    odd = call("send_mail", arguments=(fact("x", origin="result"),))
    view = known.view(turn_keys([odd], "files"))
    assert source_surprise(odd, view) > 3
    assert source_surprise(odd, BaselineView("files")) == pytest.approx(math.log2(3))


def test_a_write_that_uses_a_value_of_an_earlier_call_is_not_alone() -> None:
    def found(value: str) -> dict[str, float]:
        search = call("search", at_s=-1, arguments=(fact("a", size=3),))
        return row(turn(search, call("send_mail", arguments=(fact(value, size=3, origin="result"),))))

    assert found("a")["write_alone"] == found("a")["unprompted_alone"] == 0
    assert found("b")["write_alone"] == found("b")["unprompted_alone"] == 1


def test_reading_after_a_write_is_told_and_writing_after_a_read_is_not() -> None:
    write_, read_ = call("send_mail", at_s=1), call("read_mail", at_s=2)
    assert row(turn(write_, read_))["read_after_write"] == 1
    assert row(turn(replace(read_, started_ns=0), write_))["read_after_write"] == 0


def test_new_values_sent_without_a_write_add_up() -> None:
    pages = [
        call("get_page", at_s=n, arguments=(fact(f"u{n}", kind="url", origin="result", size=9),)) for n in range(3)
    ]
    assert row(turn(*pages))["sent_values"] == 2
    asked = [replace(one, arguments=(replace(one.arguments[0], origin="prompt"),)) for one in pages]
    assert row(turn(*asked))["sent_values"] == 0


def test_size_counts_doublings_beyond_the_largest_known() -> None:
    supports = {tool_key("put"): Support(50, 3)} | dict.fromkeys(size_keys("in", "put", 1000), Support(50, 3))
    view = BaselineView("files", 50, 3, supports)
    usual, large, huge = (
        row(turn(call("put", request_size=size, arguments=(fact("a", origin="none"),))), view)["unprompted_size"]
        for size in (900, 3000, 90_000)
    )
    assert usual < 0.1
    assert large < huge
    assert huge - large == pytest.approx(5)


def known_to(*keys: str, sessions: int = 50, principals: int = 3) -> BaselineView:
    return BaselineView("files", sessions, principals, dict.fromkeys(keys, Support(sessions, principals)))


def test_a_destination_the_user_named_is_not_new_and_one_a_page_named_is() -> None:
    def found(origin: str) -> float:
        address = fact("u", pointer="/url", kind="url", origin=origin)
        page = call("get_page", effect("connect", declared=True, **COLLECTOR), arguments=(address,))
        return row(turn(page))["new_destinations"]

    assert (found("prompt"), found("result"), found("none")) == (0, 1, 1)


def test_a_table_nobody_asks_is_new_whatever_stands_beside_it() -> None:
    usual, union = (
        call("query", sql=(SqlFact(statement="select", statements=1, tables=tables),))
        for tables in (("orders",), ("orders", "staff"))
    )
    view = known_to(tool_key("query"), statement_key("query", "select", "orders"))
    assert row(turn(usual), view)["new_statements"] == 0
    assert row(turn(union), view)["new_statements"] == 1
    stacked = replace(usual, sql=(replace(usual.sql[0], statements=2),))
    assert row(turn(stacked), view)["new_statements"] == 1


def test_what_only_others_do_is_no_habit_once_a_principal_has_habits() -> None:
    ann = Principal(kind="configured", id="ann")
    one = turn(call("pay", principal=ann))

    def found(own_sessions: int, *own: str) -> float:
        supports = {tool_key("pay"): Support(50, 3), habit_key("ann"): Support(own_sessions, 1)}
        view = BaselineView("files", 50, 3, supports | {habit_key("ann", tool): Support(5, 1) for tool in own})
        return row(one, view)["new_habits"]

    assert math.isnan(found(9))
    assert (found(10, "read"), found(10, "pay")) == (1, 0)
    assert math.isnan(row(turn(replace(one.calls[0], principal=Principal())), known_to(tool_key("pay")))["new_habits"])


def test_doors_inside_and_waiting_for_callers_are_new_until_others_did_so() -> None:
    inside = {"address": "127.0.0.5", "destination": "inside"}
    scan = call("search", *(effect("connect", port=port, **inside) for port in (22, 6379)), effect("listen", **inside))
    assert row(turn(scan))["new_doors"] == 2
    known = destination_key("search", "127.0.0.5", 22), destination_key("search", "127.0.0.5", 6379)
    assert row(turn(scan), known_to(*known))["new_doors"] == 1
    assert row(turn(scan), known_to(*known, listen_key("search")))["new_doors"] == 0


def test_more_files_changed_than_ever_are_counted_in_doublings() -> None:
    usual = known_to(tool_key("tidy"), *size_keys("changed", "tidy", 2))
    gone = effect("change", detail=ExecutionDetail(operation="unlink"), path="/srv/x/a")
    few, many = (call("tidy", *(one for _ in range(times) for one in (write("/srv/x/a"), gone))) for times in (1, 32))
    assert row(turn(few), usual)["changed_files"] == 0
    assert row(turn(many), usual)["changed_files"] == pytest.approx(math.log2(51) + 5)


def test_an_order_is_the_more_surprising_the_rarer_it_is() -> None:
    turns = sessions(30)
    known = learned(turns)
    usual = next(one for one in turns if [c.tool for c in one.calls][:2] == ["list_dir", "search"])
    strange = replace(usual, calls=(usual.calls[0], replace(usual.calls[1], tool="send_report")))
    surprise = [order_surprise(one, 1, views(one, known)["files"]) for one in (usual, strange)]
    assert surprise[0] + 2 < surprise[1]


def test_a_call_is_unannounced_only_once_the_agent_told_of_later_work() -> None:
    told = [span("execute_tool", 0, 0.1, tool="list", span_id="a")]
    late = span("execute_tool", 9, 1, tool="list", span_id="b")
    calls = (call("list", at_s=0), call("steal", at_s=1))
    assert row(turn(*calls, spans=told))["unannounced_calls"] == 0
    assert row(turn(*calls, spans=[*told, late]))["unannounced_calls"] == 1
    whole = span("invoke_agent", -1, 20, span_id="c")
    assert row(turn(*calls, spans=[*told, whole]))["unannounced_calls"] == 0


def test_effects_without_a_call_and_handshakes_are_not_measured() -> None:
    background = replace(call("", read("/x/y")), state="background", tool=None, method="")
    listing = replace(call(""), tool=None, method="tools/list")
    assert measured(turn(background, listing)).calls == ()
    assert rows(measured(turn(background)), {}).shape == (0, len(FEATURES))


def test_a_name_can_make_a_call_act_and_nothing_hides_an_action() -> None:
    assert acts(call("sendMail"))
    assert acts(call("harmless_lookup", effect("connect", **COLLECTOR)))
    assert not acts(call("read_file"))


def with_details(one: Turn) -> Turn:
    """The turn with SQL, an error and files that went, in its first call."""
    gone = effect("change", detail=ExecutionDetail(operation="unlink", other_path="/srv/x/b"), path="/srv/x/a")
    sql = SqlFact(pointer="/q", statement="select", statements=1, tables=("orders",), rows=3)
    first = one.calls[0]
    written = (write("/srv/x/y"), write("/srv/x/z"))
    changed = replace(first, sql=(sql,), is_error=True, effects=(*first.effects, gone, *written, gone))
    return replace(one, calls=(changed, *one.calls[1:]))


@pytest.mark.parametrize("change", [theft, lambda one: one])
def test_a_remembered_turn_measures_the_same(change: object) -> None:
    turns = sessions(12)
    known = learned(turns)
    for one in map(with_details, turns):
        original: Turn = change(one) if any(c.tool == "search" for c in one.calls) else one  # type: ignore[operator]
        again = from_json(to_json(reduced(original)))
        assert np.array_equal(rows(again, views(again, known)), rows(original, views(original, known)), equal_nan=True)


def test_memory_holds_no_file_name() -> None:
    diary = "/home/ann/diary-of-1999.txt"
    gone = effect("change", detail=ExecutionDetail(operation="unlink"), path=diary)
    one = Turn("t", (call("read", read(diary), write(diary), gone, read("/home/ann/.ssh/id_rsa")),))
    assert b"diary" not in to_json(reduced(one))
    assert b"id_rsa" not in to_json(reduced(one))


def test_values_stay_in_their_range() -> None:
    wild = call("send", effect("flow", bytes_out=2**62, **COLLECTOR), request_size=2**62)
    found = rows(turn(wild), {})
    high = np.array([feature.high for feature in FEATURES])
    assert ((found >= 0) & (found <= high) | np.isnan(found)).all()
