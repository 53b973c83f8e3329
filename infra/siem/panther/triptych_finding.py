"""Passes Triptych findings on as Panther alerts: one a finding, however many revisions come."""

from typing import Any

SEVERITIES = {1: "INFO", 2: "LOW", 3: "MEDIUM", 4: "HIGH", 5: "CRITICAL"}


def rule(event: Any) -> bool:
    return event.get("is_alert") is True and "test" not in event.deep_get("metadata", "labels", default=[])


def title(event: Any) -> Any:
    return event.deep_get("finding_info", "title")


def dedup(event: Any) -> Any:
    return event.deep_get("finding_info", "uid")


def severity(event: Any) -> str:
    return SEVERITIES.get(event.get("severity_id"), "DEFAULT")


def alert_context(event: Any) -> dict[str, Any]:
    return {
        "finding": event.deep_get("finding_info", "uid"),
        "what": event.get("message"),
        "trace": event.deep_get("metadata", "correlation_uid"),
        "server": event.deep_get("unmapped", "mcp", "server", "id"),
        "principal": event.deep_get("unmapped", "mcp", "principal", "id"),
        "tool": event.deep_get("unmapped", "mcp", "gen_ai.tool.name"),
    }
