"""Attribute names of what is exported: OpenTelemetry's where it has one, else under `triptych.`. Unstable upstream, so
they stand here; those of the GenAI and MCP conventions are the ones our receiver reads."""

from __future__ import annotations

from ...producers.agent.conventions import (
    AGENT_NAME,
    CONVERSATION_ID,
    ERROR_TYPE,
    MCP_METHOD,
    OPERATION,
    SERVICE_NAME,
    TOOL_NAME,
)

__all__ = [
    "AGENT_NAME", "CONVERSATION_ID", "ERROR_TYPE", "EVENT_NAME", "EXECUTE_TOOL", "FILE_PATH", "HOST_NAME", "MCP_METHOD",
    "NETWORK_ADDRESS", "NETWORK_PORT", "NETWORK_TRANSPORT", "OPERATION", "POD_NAME", "POD_NAMESPACE", "PROCESS_PATH",
    "PROCESS_PID", "RPC_STATUS", "RULE_NAME", "RULE_UUID", "RULE_VERSION", "SERVICE_NAME",
    "SERVICE_NAMESPACE", "THREAT_TECHNIQUES", "TOOL_NAME", "USER_ID",
]  # fmt: skip

EXECUTE_TOOL = "execute_tool"
EVENT_NAME = "triptych.finding"

HOST_NAME = "host.name"
POD_NAME = "k8s.pod.name"
POD_NAMESPACE = "k8s.namespace.name"
SERVICE_NAMESPACE = "service.namespace"
USER_ID = "user.id"
RPC_STATUS = "rpc.response.status_code"
FILE_PATH = "file.path"
PROCESS_PID = "process.pid"
PROCESS_PATH = "process.executable.path"
NETWORK_ADDRESS = "network.peer.address"
NETWORK_PORT = "network.peer.port"
NETWORK_TRANSPORT = "network.transport"
RULE_UUID = "security_rule.uuid"
RULE_NAME = "security_rule.name"
RULE_VERSION = "security_rule.version"
THREAT_TECHNIQUES = "threat.technique.id"
