"""Agent telemetry: OTLP GenAI spans to agent events."""
