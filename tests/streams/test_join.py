"""The join of calls: binding, closing, lateness, background, and the laws it keeps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.events import ExecutionBatch, Placement
from triptych.streams.config import JoinTimes

S = 10**9


def effects(call: Any) -> set[str]:
    return {effect.source for effect in call.effects}


def everything(played: Any) -> dict[str, tuple[Any, ...]]:
    """What must not depend on order: of every call its last revision, without how many revisions it took."""
    return {
        call_id: (call.state, call.method, call.started_ns, call.ended_ns, call.binding, call.effects, call.anomalies)
        for call_id, call in played.calls.items()
    }


def test_a_stamped_effect_belongs_to_the_call_of_its_stamp(story: Any) -> None:
    played = story.play(
        story.timeline(
            """
            a  [---o---]
            b    [-o-]
            """
        )
    )
    assert [(len(played[call].effects), played[call].binding, played[call].state) for call in "ab"] == [
        (1, "exact", "complete"),
        (1, "exact", "complete"),
    ]
    assert effects(played["a"]).isdisjoint(effects(played["b"]))


def test_a_call_closes_once_its_grace_has_passed_and_not_before(story: Any) -> None:
    """The reply is at 0.7 s, grace 1 s, disorder 0.5 s: the clocks of both topics must show 2.2 s."""

    def written_when_both_show(column: int) -> bool:
        later = " " * (column - 1)
        events = story.timeline(f"a  [---]\n?{later}h\nb{later}[")
        return "a" in story.play(events, to_the_end=False).calls

    assert (written_when_both_show(21), written_when_both_show(22)) == (False, True)


def test_an_unstamped_effect_goes_to_the_only_call_in_flight(story: Any) -> None:
    played = story.play(
        story.timeline(
            """
            a  [------]
            ?     u
            b               [--]
            """,
            lease="none",
        )
    )
    assert (played["a"].binding, played["a"].effects[0].evidence) == ("window", "interval")
    assert not played["b"].effects


def test_an_unstamped_effect_of_several_calls_is_listed_with_all_of_them(story: Any) -> None:
    played = story.play(
        story.timeline(
            """
            a  [------]
            b    [------]
            ?      u
            """,
            lease="none",
        )
    )
    assert [played[call].effects[0].candidates for call in "ab"] == [("a", "b"), ("a", "b")]
    assert {played[call].binding for call in "ab"} == {"candidates"}


def test_a_call_that_the_gateway_blocked_is_no_candidate(story: Any) -> None:
    drawn = story.timeline(
        """
        a  [------]
        b    [------]
        ?      u
        """,
        lease="none",
    )
    refused = [replace(event, action="blocked") if event.event_id.startswith("b/request") else event for event in drawn]
    played = story.play(refused)
    assert (played["a"].effects[0].binding, played["b"].effects) == ("window", ())


def test_an_argument_narrows_candidates_only_where_exactly_one_names_the_path(story: Any) -> None:
    drawn = story.timeline(
        """
        a  [------]
        b    [------]
        ?      u
        """,
        lease="none",
    )
    named = [
        replace(event, arguments=(story.argument("/srv/app.toml"),))
        if event.event_id.startswith("b/request")
        else event
        for event in drawn
    ]
    played = story.play(named)
    assert not played["a"].effects
    assert (played["b"].effects[0].evidence, played["b"].effects[0].binding) == ("argument-match", "candidates")
    assert played["b"].effects[0].declared


def test_an_unstamped_effect_under_a_lease_is_never_given_to_a_leased_call(story: Any) -> None:
    played = story.play(
        story.timeline(
            """
            a  [------]
            ?     u
            """
        )
    )
    assert not played["a"].effects
    assert [len(call.effects) for call in played.background] == [1]


def test_an_effect_of_no_call_becomes_background_and_keeps_its_workload(story: Any) -> None:
    played = story.play(story.timeline("?  u   u"))
    assert [(call.workload, call.method, len(call.effects)) for call in played.background] == [("w", "", 2)]


def test_a_late_effect_amends_the_call_instead_of_opening_a_second(story: Any) -> None:
    drawn = story.timeline(
        """
        a  [--o--]
        b                                [-]
        ?                                h
        """
    )
    late = story.timeline("a     o")
    played = story.play([*drawn, replace(late[0], event_id="late")])
    revisions = [call for call in played.written if call.call_id == "a"]
    assert [(call.revision, len(call.effects)) for call in revisions] == [(0, 1), (1, 2)]
    assert len({call.event_id for call in revisions}) == 2


def test_a_call_without_a_reply_times_out_after_the_gap(story: Any) -> None:
    played = story.play(story.timeline("a  [--o"), JoinTimes(gap_ns=2 * S))
    assert (played["a"].state, played.counts["timeout"]) == ("timeout", 1)
    assert "no reply" in played["a"].coverage.notes


def test_segments_of_a_long_call_together_have_the_effects_of_the_whole(story: Any) -> None:
    events = story.timeline(
        """
        a  [--o---o---o---o---o---o---o---o---o--]
        ?  h                                                          h
        b                    [
        c                                                             [
        """
    )
    times = JoinTimes(max_call_ns=S, gap_ns=S, grace_ns=S // 2, slack_ns=S // 10)
    played = story.play([replace(event) for event in events], times)
    parts = [call for call in played.written if call.call_id == "a"]
    assert [part.revision for part in parts] == list(range(len(parts)))
    assert set().union(*map(effects, parts)) == effects(story.play(events)["a"])
    assert (parts[0].state, parts[-1].state) == ("segment", "complete")


def test_an_effect_that_comes_before_its_request_waits_for_it(story: Any) -> None:
    request, effect, reply = story.timeline("a  [-o-]")
    played = story.play([effect, request, reply])
    assert [call.revision for call in played.written] == [0]
    assert len(played["a"].effects) == 1


def test_effects_whose_request_never_comes_are_a_part_of_their_call_and_not_background(story: Any) -> None:
    played = story.play(story.timeline("a  o-o"))
    assert (played["a"].state, played["a"].method, len(played["a"].effects)) == ("segment", "", 2)
    assert "request not seen" in played["a"].coverage.notes
    assert not played.background


def test_a_part_never_takes_the_id_of_the_call_itself(story: Any) -> None:
    whole = story.play(story.timeline("a  [-o-]"))
    part = story.play(story.timeline("a     o-o"))
    assert part["a"].call_id == whole["a"].call_id
    assert part["a"].event_id != whole["a"].event_id


def test_a_request_that_comes_after_its_part_takes_the_call_over(story: Any) -> None:
    events = story.timeline(
        """
        a  [--o--]
        b                     [
        ?                     h
        """
    )
    request, reply = (event for event in events if event.event_id.startswith("a/"))
    rest = [event for event in events if event not in (request, reply)]
    played = story.play([*rest, request, reply])
    assert [(call.state, call.revision) for call in played.written if call.call_id == "a"] == [
        ("segment", 0),
        ("complete", 1),
    ]
    assert len(played["a"].effects) == 1


def test_an_error_reply_and_a_transport_incident_fail_the_call(story: Any) -> None:
    failed = story.play(story.timeline("a  [--!"))
    died = story.play([story.timeline("a  [")[0], story.message("a", "transport", story.start + S, anomalies=("eof",))])
    assert (failed["a"].is_error, failed["a"].error_code) == (True, -32000)
    assert (died["a"].state, died["a"].is_error, died["a"].anomalies) == ("complete", True, ("eof",))


@pytest.mark.parametrize("kind", ["notification", "invalid", "response", "transport"])
def test_a_message_of_no_call_stands_for_itself(story: Any, kind: str) -> None:
    odd = story.message("", kind, story.start, method="notifications/message", anomalies=("duplicate-key",))
    played = story.play([odd], to_the_end=False)
    assert [(call.call_id, call.state, call.anomalies) for call in played.written] == [
        (odd.event_id, "complete", ("duplicate-key",))
    ]
    assert not any(pin.held for pin in played.pins)


def test_what_was_declared_and_not_touched_is_named_only_where_the_sensor_watched(story: Any) -> None:
    leased = story.timeline(
        """
        a  [--o--]
        ?           h
        """
    )
    asked = [
        replace(event, arguments=(story.argument("/srv/app.toml"), story.argument("/srv/other", "/other")))
        if event.event_id.startswith("a/request")
        else event
        for event in leased
    ]
    watched = story.play(asked)["a"]
    blind = story.play([event for event in asked if event.event_id.startswith("a/")])["a"]
    assert (watched.unobserved, watched.effects[0].declared) == (("/other",), True)
    assert (blind.unobserved, "sensor silent" in blind.coverage.notes) == ((), True)


def test_losses_count_for_the_calls_they_overlap(story: Any) -> None:
    events = story.timeline(
        """
        a  [-----]
        b                 [-----]
        """
    )
    lossy = story.batch(story.start + 20 * story.step, lost_before=7, lost_from_ns=0, event_id="lossy")
    played = story.play([*events, story.replace(lossy, lost_from_ns=lossy.mono_ns - story.step)])
    assert [played[call].coverage.lost_events for call in "ab"] == [0, 7]


def test_effects_beyond_the_bound_are_counted(story: Any) -> None:
    at = story.start + story.step
    many = [story.opened(at + n, calls=(0,), binding="exact") for n in range(600)]
    request, reply = story.timeline("a  [----]")
    played = story.play([request, story.batch(at, *many, calls=("a",)), reply])
    assert (len(played["a"].effects), played["a"].effects_dropped) == (512, 88)


def test_every_pin_is_released_once_nothing_is_open(story: Any) -> None:
    played = story.play(story.timeline(BUSY, lease="none"))
    assert not any(pin.held for pin in played.pins)
    assert played.levels == {"open": 0, "closed": 0, "kept": 0, "waiting": 0}


def test_a_pin_is_held_while_the_call_it_feeds_is_open(story: Any) -> None:
    played = story.play(story.timeline("a  [--o"), to_the_end=False)
    assert all(pin.held for pin in played.pins)


BUSY = """
    a  [--o--o--]
    b     [--o------o-]
    ?      u      u        u   h
    c             [--!
    d  o                 o
    e                      [-o
"""


@given(st.randoms(use_true_random=False), st.sampled_from(["granted", "none"]))
def test_any_order_within_the_bounds_gives_the_same_calls(story: Any, random: Any, lease: str) -> None:
    events = story.timeline(BUSY, lease=lease)
    delayed = sorted(events, key=lambda event: event.wall_ns + random.randrange(0, 5 * story.step))
    assert everything(story.play(delayed)) == everything(story.play(events))


@given(st.data())
def test_duplicates_change_nothing(story: Any, data: Any) -> None:
    events = story.timeline(BUSY, lease="none")
    again = data.draw(st.lists(st.sampled_from(events), max_size=20))
    positions = [data.draw(st.integers(events.index(event) + 1, len(events))) for event in again]
    repeated = list(events)
    for position, event in sorted(zip(positions, again, strict=True), key=lambda pair: -pair[0]):
        repeated.insert(position, event)
    assert story.play(repeated).written == story.play(events).written


@given(st.randoms(use_true_random=False))
def test_no_effect_is_lost_however_late_it_comes(story: Any, random: Any) -> None:
    events = story.timeline(BUSY, lease="none")
    shuffled = random.sample(events, len(events))
    played = story.play(shuffled)
    told = {f"{event.event_id}#0" for event in events if event.event_id.startswith("batch/") and event.events}
    assert set().union(*(effects(call) for call in played.written)) == told


def test_a_call_says_where_its_server_runs_once_a_sensor_has_named_it(story: Any) -> None:
    events = [
        replace(event, pod="search-1", owner="Deployment/search") if isinstance(event, ExecutionBatch) else event
        for event in story.timeline("a  [---o---]\nb               [-]")
    ]
    assert {call.placement for call in story.play(events).calls.values()} == {
        Placement(pod="search-1", owner="Deployment/search")
    }


def test_a_blinded_sensor_is_told_at_once_and_calls_after_it_are_not_covered(story: Any) -> None:
    events = story.timeline("a  [---o---]\nb               [---o---]\n?            h")
    heartbeat = next(event for event in events if isinstance(event, ExecutionBatch) and event.status == "heartbeat")
    blinded = replace(heartbeat, status="blinded", features=("sys_exit",))
    played = story.play([blinded if event is heartbeat else event for event in events])
    (told,) = [call for call in played.written if call.anomalies == ("sensor-blinded",)]
    assert (told.state, told.coverage.notes) == ("background", ("detached: sys_exit",))
    assert (played["a"].coverage.execution, played["b"].coverage.execution) == (True, False)
    assert "sensor blinded" in played["b"].coverage.notes


FEW = JoinTimes(most_kept=1_000)


def test_calls_beyond_the_bound_are_written_before_their_time_those_that_are_due_first(story: Any) -> None:
    requests = [story.message(f"c{n}", "request", story.start + n * 1_000) for n in range(1_500)]
    played = story.play(requests, FEW, to_the_end=False)
    assert (played.levels["kept"], played.levels["open"], played.counts["crowded"]) == (1_000, 1_000, 500)
    assert {call.call_id for call in played.written} == {f"c{n}" for n in range(500)}
    assert {call.state for call in played.written} == {"segment"}


def test_what_comes_of_a_call_after_it_was_crowded_out_is_told_under_its_id(story: Any) -> None:
    requests = [story.message(f"c{n}", "request", story.start + n * 1_000) for n in range(1_500)]
    reply = story.message("c0", "response", story.start + story.step, is_error=False)
    played = story.play([*requests, reply], FEW)
    assert len(played.calls) == 1_500
    assert [call.ended_ns for call in played.written if call.call_id == "c0"][-1] == reply.wall_ns
    assert not any(pin.held for pin in played.pins)


def test_closed_calls_are_crowded_out_before_any_open_one(story: Any) -> None:
    drawn = story.timeline("a  [--]\n?" + " " * 29 + "h\nb" + " " * 28 + "[", lease="none")
    requests = [story.message(f"c{n}", "request", drawn[-1].wall_ns + n) for n in range(999)]
    played = story.play([*drawn, *requests], FEW, to_the_end=False)
    assert (played.counts["crowded"], played.levels["closed"], played.levels["open"]) == (1, 0, 1_000)
    assert [call.state for call in played.written if call.call_id == "a"] == ["complete"]


def test_effects_that_wait_beyond_the_bound_are_decided_before_their_time_and_none_is_lost(story: Any) -> None:
    at = story.start + story.step
    batches = [story.batch(at + n, *[story.opened(at + n, f"/{n}/{m}") for m in range(10)]) for n in range(200)]
    played = story.play(batches, FEW, to_the_end=False)
    assert played.levels["waiting"] + played.levels["kept"] <= 1_000
    whole = story.play(batches, FEW)
    assert sum(len(call.effects) + call.effects_dropped for call in whole.background) == 2_000


def test_an_effect_of_very_many_calls_is_written_once_with_some_of_them(story: Any) -> None:
    requests = [story.message(f"c{n}", "request", story.start + n, lease="none") for n in range(100)]
    at = story.start + story.step
    played = story.play([*requests, story.batch(at, story.opened(at))])
    [background] = played.background
    assert (background.effects[0].binding, len(background.effects[0].candidates)) == ("candidates", 64)
    assert not any(call.effects for call in played.calls.values() if call is not background)


def test_very_many_calls_hide_no_call_whose_argument_names_the_path(story: Any) -> None:
    requests = [story.message(f"c{n}", "request", story.start + n, lease="none") for n in range(100)]
    requests[90] = replace(requests[90], arguments=(story.argument("/srv/app.toml"),))
    at = story.start + story.step
    played = story.play([*requests, story.batch(at, story.opened(at, "/srv/app.toml"))])
    [effect] = played["c90"].effects
    assert (effect.evidence, len(effect.candidates), effect.candidates[0]) == ("argument-match", 64, "c90")


def test_a_call_that_was_crowded_out_is_no_candidate_any_more(story: Any) -> None:
    requests = [story.message(f"c{n}", "request", story.start + n, lease="none") for n in range(1_001)]
    at = story.start + story.step
    played = story.play([*requests, story.batch(at, story.opened(at))], FEW)
    [background] = played.background
    assert "c2" in background.effects[0].candidates
    assert "c0" not in background.effects[0].candidates


def test_a_bound_that_no_traffic_fits_in_is_refused() -> None:
    with pytest.raises(ConfigError, match="999"):
        JoinTimes(most_kept=999)
