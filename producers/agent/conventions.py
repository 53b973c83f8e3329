"""Names of the GenAI and MCP semantic conventions this producer reads (semantic-conventions-genai v0.1.0, Development).

They are unstable, so they stand here and nowhere else.
"""

from __future__ import annotations

__all__ = [
    "AGENT_ID",
    "AGENT_NAME",
    "CONVERSATION_ID",
    "DETAIL_EVENTS",
    "ERROR_TYPE",
    "EVENT_NAME",
    "INPUT_MESSAGES",
    "INPUT_TOKENS",
    "MCP_METHOD",
    "MODEL",
    "OPERATION",
    "OUTPUT_TOKENS",
    "PROMPT_EVENTS",
    "PROMPT_ROLES",
    "SERVICE_NAME",
    "SYSTEM_INSTRUCTIONS",
    "TOOL_CALL_ID",
    "TOOL_NAME",
    "VERSION",
]

VERSION = "semantic-conventions-genai/0.1.0"

OPERATION = "gen_ai.operation.name"
MCP_METHOD = "mcp.method.name"
AGENT_NAME = "gen_ai.agent.name"
AGENT_ID = "gen_ai.agent.id"
CONVERSATION_ID = "gen_ai.conversation.id"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
MODEL = "gen_ai.request.model"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
INPUT_MESSAGES = "gen_ai.input.messages"  # opt-in: [{"role": ..., "parts": [{"type": "text", "content": ...}]}]
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"  # opt-in: [{"type": "text", "content": ...}]
EVENT_NAME = "event.name"  # of log records by senders without the field
ERROR_TYPE = "error.type"
SERVICE_NAME = "service.name"

PROMPT_ROLES = frozenset({"user", "system", "developer"})
DETAIL_EVENTS = frozenset({"gen_ai.client.inference.operation.details"})  # opt-in: the attributes above
PROMPT_EVENTS = frozenset({"gen_ai.user.message", "gen_ai.system.message"})  # one a message, before 2025
