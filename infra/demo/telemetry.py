"""The agent's own telemetry: GenAI spans by the OpenTelemetry SDK, as an instrumented agent runtime sends them.

A turn is one trace: invoke_agent above chat and execute_tool. The MCP SDK puts the current span and the baggage (the
conversation id) into each request's `_meta`, which is how the gateway and the agent layer come to share a trace id.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .story import Session, Step, Turn

__all__ = ["AGENT", "send_spans_to", "span_of_chat", "span_of_tool", "span_of_turn"]

AGENT = "desk-assistant"
_MODEL = "synthetic-1"
_tracer = trace.get_tracer("workbench-agent")


@contextmanager
def send_spans_to(endpoint: str) -> Iterator[None]:
    """Export every span of this process to an OTLP/HTTP endpoint; on leaving, send what is left.

    OpenTelemetry keeps one provider for the life of a process, so this works once.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": "workbench-agent"}))
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=100))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


@contextmanager
def span_of_turn(session: Session, agent: str = AGENT) -> Iterator[str]:
    """The root span of a turn, in a trace of its own. Yields the trace id, 32 hex digits."""
    fresh = baggage.set_baggage("gen_ai.conversation.id", session.conversation, Context())
    token = context.attach(fresh)
    try:
        attributes = _attributes("invoke_agent", session) | {"gen_ai.agent.name": agent}
        with _tracer.start_as_current_span(f"invoke_agent {agent}", attributes=attributes) as span:
            yield trace.format_trace_id(span.get_span_context().trace_id)
    finally:
        context.detach(token)


@contextmanager
def span_of_chat(session: Session, turn: Turn, prompt: str) -> Iterator[None]:
    """One request to the model, with its prompt as content-capturing runtimes send it."""
    attributes = _attributes("chat", session) | {
        "gen_ai.request.model": _MODEL,
        "gen_ai.input.messages": f'[{{"role":"user","parts":[{{"type":"text","content":"{turn.goal} {prompt}"}}]}}]',
        "gen_ai.usage.input_tokens": 200 + len(turn.goal),
        "gen_ai.usage.output_tokens": 20,
    }
    with _tracer.start_as_current_span(f"chat {_MODEL}", attributes=attributes):
        yield


@contextmanager
def span_of_tool(session: Session, step: Step, number: int) -> Iterator[None]:
    """One use of a tool."""
    attributes = _attributes("execute_tool", session) | {
        "gen_ai.tool.name": step.tool,
        "gen_ai.tool.call.id": f"{session.conversation}-{number}",
        "gen_ai.tool.type": "function",
    }
    with _tracer.start_as_current_span(f"execute_tool {step.tool}", attributes=attributes):
        yield


def _attributes(operation: str, session: Session) -> dict[str, str | int]:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "synthetic",
        "gen_ai.conversation.id": session.conversation,
    }
