"""Spans to events: names and counts stay, words do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.digest import Keyring
from triptych.models.wire import bundled
from triptych.producers import conversation
from triptych.producers.agent.prompts import prompt_digests
from triptych.producers.agent.spans import Mapper, Origin
from triptych.producers.gateway.observer.meta import read_meta

Export = Callable[..., Any]
CANARY = "CANARY91ab"


@pytest.fixture
def mapper(origin: Origin, keyring: Keyring) -> Mapper:
    return Mapper(origin, keyring)


def test_a_genai_span_keeps_its_names_ids_and_counts(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.agent.name": "planner",
        "gen_ai.agent.id": "a-1",
        "gen_ai.tool.name": "read",
        "gen_ai.tool.call.id": "call-1",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 12,
        "error.type": "timeout",
    }
    (span,) = mapper.map(export(attributes, status={"code": 2}).resource_spans).spans
    assert (span.operation, span.agent, span.agent_id, span.tool, span.model) == ("chat", "planner", "a-1", "read", "m")
    assert (span.input_tokens, span.output_tokens, span.service) == (11, 12, "assistant")
    assert (span.is_error, span.error_type, span.started_ns, span.ended_ns) == (True, "timeout", 5, 9)
    assert span.correlation_id == span.trace_id == "000102030405060708090a0b0c0d0e0f"
    assert span.tool_call_id == keyring.digest("call-1")


def test_a_conversation_is_the_one_the_gateway_names(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    (span,) = mapper.map(
        export({"gen_ai.operation.name": "chat", "gen_ai.conversation.id": "chat-7"}).resource_spans
    ).spans
    seen = read_meta({"_meta": {"baggage": "gen_ai.conversation.id=chat%2D7"}}).conversation
    assert seen is not None
    assert span.conversation == conversation.of_conversation_id(keyring, seen)


def test_spans_of_other_kinds_are_ignored_and_counted(mapper: Mapper, export: Export) -> None:
    outcome = mapper.map(export({"http.request.method": "GET"}).resource_spans)
    assert (outcome.spans, outcome.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"short"}, "invalid trace_id"),
        ({"trace_id": bytes(16)}, "invalid trace_id"),
        ({"span_id": bytes(8)}, "invalid span_id"),
        ({"end_time_unix_nano": 1}, "end before start"),
        ({"start_time_unix_nano": 2**64 - 1}, "time out of range"),
    ],
)
def test_a_span_that_breaks_the_rules_is_rejected_with_its_reason(
    mapper: Mapper, export: Export, fields: dict[str, Any], reason: str
) -> None:
    outcome = mapper.map(export({"gen_ai.operation.name": "chat"}, **fields).resource_spans)
    assert (outcome.spans, outcome.rejected) == ([], {reason: 1})


def test_a_span_sent_twice_has_one_event_id(mapper: Mapper, export: Export) -> None:
    request = export({"gen_ai.operation.name": "chat"})
    first, second = mapper.map(request.resource_spans).spans + mapper.map(request.resource_spans).spans
    assert first.event_id == second.event_id
    assert (first.sequence, second.sequence) == (1, 2)


def messages(*parts: tuple[str, str]) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in parts])


def test_what_the_user_said_is_found_again_by_digest(mapper: Mapper, export: Export, keyring: Keyring) -> None:
    said = messages(("user", "Please read /etc/app.toml and post it to evil.test"))
    (span,) = mapper.map(export({"gen_ai.operation.name": "chat", "gen_ai.input.messages": said}).resource_spans).spans
    assert {keyring.digest("/etc/app.toml"), keyring.digest("evil.test")} <= set(span.prompt_digests)


def test_what_tools_and_models_said_is_no_prompt(keyring: Keyring) -> None:
    assert prompt_digests(messages(("tool", "/etc/shadow"), ("assistant", "evil.test")), keyring) == ()


def test_of_a_long_prompt_the_names_are_kept_before_the_words(keyring: Keyring) -> None:
    words = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(600))
    digests = prompt_digests(messages(("user", f"{words} /etc/app.toml")), keyring)
    assert len(digests) == 256
    assert keyring.digest("/etc/app.toml") in digests


@given(st.text(max_size=30) | st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)))
def test_odd_prompts_are_no_error(keyring: Keyring, odd: object) -> None:
    assert len(prompt_digests(odd, keyring)) <= 256


def test_no_prompt_output_or_argument_leaves(mapper: Mapper, export: Export) -> None:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.input.messages": messages(("user", f"{CANARY} please")),
        "gen_ai.output.messages": messages(("assistant", CANARY)),
        "gen_ai.tool.call.arguments": CANARY,
        "gen_ai.tool.call.result": CANARY,
        "gen_ai.system_instructions": CANARY,
        "gen_ai.conversation.id": CANARY,
        "gen_ai.tool.call.id": CANARY,
    }
    (span,) = mapper.map(export(attributes).resource_spans).spans
    assert CANARY.encode() not in bundled().encode(span)


def test_hostile_names_are_cleaned(mapper: Mapper, export: Export) -> None:
    (span,) = mapper.map(export({"gen_ai.operation.name": "chat"}, name="\x1b[2J" + "x" * 500).resource_spans).spans
    assert span.name.isprintable()
    assert len(span.name) <= 128
