"""The one derivation of a conversation: gateway and agent telemetry must name the same session with the same digest."""

from __future__ import annotations

from ..models.digest import Keyring

__all__ = ["of_conversation_id", "of_process"]

_ID_LIMIT = 1024


def of_conversation_id(keyring: Keyring, identifier: str) -> str:
    """Digest of a gen_ai.conversation.id, wherever it was read: a span attribute or W3C baggage (already decoded)."""
    return keyring.digest("conversation\0" + identifier.strip()[:_ID_LIMIT])


def of_process(keyring: Keyring, instance: str) -> str:
    """Digest for a wrapper instance, the narrowest session a stdio gateway knows without help from the sender."""
    return keyring.digest("process\0" + instance)
