"""Calls and findings for whoever speaks OpenTelemetry: spans and logs over OTLP/HTTP, out of the topics."""
