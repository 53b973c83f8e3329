"""Names of the topics, as everyone publishes and reads them; infra/topics.toml says how each is kept."""

from __future__ import annotations

__all__ = [
    "AGENT",
    "ALERTS",
    "ALERTS_OCSF",
    "ALERTS_SUPPRESSED",
    "ALL",
    "AUDIT",
    "CALLS",
    "DEADLETTER",
    "EXECUTION",
    "INCIDENTS_OCSF",
    "PROTOCOL",
    "VERDICTS",
]

PROTOCOL = "mcp.protocol"
EXECUTION = "mcp.execution"
AGENT = "mcp.agent"
CALLS = "mcp.calls"
ALERTS = "mcp.alerts"
ALERTS_OCSF = "mcp.alerts.ocsf"
INCIDENTS_OCSF = "mcp.incidents.ocsf"
ALERTS_SUPPRESSED = "mcp.alerts.suppressed"
VERDICTS = "mcp.verdicts"
AUDIT = "mcp.audit"
DEADLETTER = "mcp.deadletter"
ALL = (
    PROTOCOL,
    EXECUTION,
    AGENT,
    CALLS,
    ALERTS,
    ALERTS_OCSF,
    INCIDENTS_OCSF,
    ALERTS_SUPPRESSED,
    VERDICTS,
    AUDIT,
    DEADLETTER,
)
