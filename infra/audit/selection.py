"""Which calls an audit is about: by agent, principal, server, conversation or correlation id, within a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...models.errors import ConfigError
from ...models.events import AgentSpan, Alert, Call

__all__ = ["Known", "Selection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is named must all fit; times are event time, nanoseconds, from `since_ns` to before `until_ns`."""

    agent: str = ""
    principal: str = ""
    server: str = ""
    conversation: str = ""
    correlation_id: str = ""
    since_ns: int | None = None
    until_ns: int | None = None

    def __post_init__(self) -> None:
        if not any((self.agent, self.principal, self.server, self.conversation, self.correlation_id)):
            raise ConfigError(
                "an audit needs something to be about",
                "--agent, --principal, --server, --conversation or --correlation-id",
            )
        if self.since_ns is not None and self.until_ns is not None and self.since_ns >= self.until_ns:
            raise ConfigError("an audit that ends before it begins", "--since lies before --until")

    def within(self, wall_ns: int) -> bool:
        """Whether that moment is meant."""
        return (self.since_ns is None or wall_ns >= self.since_ns) and (
            self.until_ns is None or wall_ns < self.until_ns
        )

    def named(self, call: Call) -> bool:
        """Whether the call itself fits all that is named, the agent aside."""
        wanted = (
            (self.principal, call.principal.id),
            (self.server, call.server.id),
            (self.conversation, call.conversation),
            (self.correlation_id, call.correlation_id),
        )
        return all(not name or name == value for name, value in wanted)


@dataclass(slots=True)
class Known:
    """What spans and findings tell of an agent: its traces and conversations. A call says of its agent only what the
    client claims."""

    agent: str
    traces: set[str] = field(default_factory=set)
    conversations: set[str] = field(default_factory=set)

    def learn(self, spans: Iterable[AgentSpan], alerts: Iterable[Alert]) -> None:
        """Take what these tell of the agent."""
        for span in spans:
            if self.agent in (span.agent, span.agent_id):
                self._add(span.correlation_id or span.trace_id, span.conversation)
        for alert in alerts:
            if self.agent == alert.agent:
                self._add(alert.correlation_id, alert.conversation)

    def asked(self, call: Call) -> bool:
        """Whether the agent is behind a call: by a trace or a conversation of its own, or as the client it claims."""
        return (
            call.correlation_id in self.traces
            or call.conversation in self.conversations
            or self.agent == call.claimed_client
        )

    def _add(self, trace: str, conversation: str | None) -> None:
        if trace:
            self.traces.add(trace)
        if conversation:
            self.conversations.add(conversation)
