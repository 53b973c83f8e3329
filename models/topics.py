"""Names of the topics, as everyone publishes and reads them; infra/topics.toml says how each is kept."""

from __future__ import annotations

__all__ = ["AGENT", "ALERTS", "ALERTS_OCSF", "ALL", "CALLS", "DEADLETTER", "EXECUTION", "INCIDENTS_OCSF", "PROTOCOL"]

PROTOCOL = "mcp.protocol"
EXECUTION = "mcp.execution"
AGENT = "mcp.agent"
CALLS = "mcp.calls"
ALERTS = "mcp.alerts"
ALERTS_OCSF = "mcp.alerts.ocsf"
INCIDENTS_OCSF = "mcp.incidents.ocsf"
DEADLETTER = "mcp.deadletter"
ALL = (PROTOCOL, EXECUTION, AGENT, CALLS, ALERTS, ALERTS_OCSF, INCIDENTS_OCSF, DEADLETTER)
