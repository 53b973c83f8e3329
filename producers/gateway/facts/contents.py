"""What a message carries, in facts: its arguments or its result, its secrets and its shape.

Nearly every message passes one look at its bytes that rules out secrets, and its values are then read once. Only what
does not pass is walked with a budget, value by value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .budget import CHARACTERS, SCALARS, Budget
from .disguise import disguised
from .marks import spoken
from .secrets import may_hold
from .walk import CONTAINERS, Leaf, survey, walk

if TYPE_CHECKING:
    from ..observer.framing import Frame
    from ..observer.ledger import Call
    from ..observer.observe import Message
    from .fields import EventFields, SecretFields
    from .redact import Redactor

__all__ = ["Contents"]

_WITH_ARGUMENTS = frozenset({"tools/call", "prompts/get"})
_REMEMBERED = frozenset({"tools/call", "resources/read", "prompts/get"})
_REPLIES = frozenset({"response", "error"})
_MOST_ARGUMENTS = 128
_MOST_SECRETS = 32


class Contents:
    """Facts of the messages of one server."""

    def __init__(self, redactor: Redactor) -> None:
        self._redact, self._public = redactor, redactor.named
        self._frame: Frame | None = None
        self._budget: Budget | None = None

    def add(self, message: Message, fields: EventFields) -> None:
        """Put what is known of the content of `message` into the fields of its event."""
        shape = message.shape
        if self._frame is not message.frame:  # one budget and one first look for all the messages of a batch
            self._frame = message.frame
            data = message.frame.data
            self._budget = Budget() if len(data) > CHARACTERS or may_hold(data) else None
        if shape.kind in _REPLIES and not shape.partial:
            self._reply(message, fields)
        elif shape.kind != "invalid" and not shape.partial:
            self._request(message, fields)
        if self._budget is not None and self._budget.exceeded:
            shape.anomalies.add("partly-scanned")

    def _request(self, message: Message, fields: EventFields) -> None:
        params = message.shape.params
        arguments = params.get("arguments") if message.shape.body["method"] in _WITH_ARGUMENTS else None
        if arguments:
            leaves = _scalars(arguments)
            fields["arguments"] = self._redact.arguments(leaves, message.conversation)
            message.shape.anomalies |= disguised(leaves)
        call = message.begins
        if call is not None and call.arguments is not None:
            fields["arguments_digest"] = call.arguments
        self._surveyed(message, fields)
        if self._budget is not None:
            found = self._redact.secrets(self._budget.readable(arguments), "/arguments") if arguments else []
            rest = {name: value for name, value in params.items() if name != "arguments"} if arguments else params
            _secret(found + self._redact.secrets(self._budget.readable(rest)), fields)

    def _reply(self, message: Message, fields: EventFields) -> None:
        body, call = message.shape.body, message.call
        if "error" in body:
            fields["is_error"] = True
            if (code := _code(body["error"])) is not None:
                fields["error_code"] = code
            self._said(message, body["error"], fields, None)
            return
        result = body.get("result")
        if type(result) is not dict:
            fields["is_error"] = False
            return
        fields["is_error"] = result.get("isError") is True
        fields["result"] = self._redact.result(result)
        if "resultType" in result and isinstance(result["resultType"], str):
            fields["result_type"] = self._public(result["resultType"])
        if call is not None and call.method == "tools/list":  # watchers read definitions, and no value stands there
            self._surveyed(message, fields)
        else:
            self._said(message, result, fields, call if call is not None and call.method in _REMEMBERED else None)

    def _said(self, message: Message, content: Any, fields: EventFields, shown_by: Call | None) -> None:
        """The shape and the secrets of a reply's content; what `shown_by` showed is remembered for later arguments."""
        texts = self._surveyed(message, fields)
        if self._budget is not None:
            leaves = self._budget.readable(content)
            texts = [text for _, text, _ in leaves if isinstance(text, str)]
            _secret(self._redact.secrets(leaves), fields)
        if shown_by is not None:
            if tags := spoken(texts):
                fields["text_tags"] = sorted(tags)
            self._redact.origins.remember(shown_by.conversation, shown_by.call_id, texts)

    def _surveyed(self, message: Message, fields: EventFields) -> list[str]:
        """Tell the shape of the whole message; returns its texts without those of its top level."""
        if len(message.frame.data) > CHARACTERS:
            return self._walked(message, fields)
        texts, beside, scalars, depth = survey(message.shape.body)
        fields["shape"] = {"depth": depth, "scalars": scalars, "longest": max(map(len, texts), default=0)}
        return texts[beside:]

    def _walked(self, message: Message, fields: EventFields) -> list[str]:
        """The same of a message so large that it is not read to its end in any case."""
        leaves, depth, whole = walk(message.shape.body, SCALARS)
        texts = [value for _, value, _ in leaves if isinstance(value, str)]
        fields["shape"] = {"depth": depth, "scalars": len(leaves), "longest": max(map(len, texts), default=0)}
        if not whole:
            message.shape.anomalies.add("partly-scanned")
        return texts


def _scalars(arguments: Any) -> list[Leaf]:
    """The first 128."""
    if type(arguments) is dict and CONTAINERS.isdisjoint(map(type, arguments.values())):
        leaves: list[Leaf] = [(name, value, (None, name)) for name, value in arguments.items()]
        return leaves if len(leaves) <= _MOST_ARGUMENTS else leaves[:_MOST_ARGUMENTS]
    return walk(arguments, _MOST_ARGUMENTS).leaves


def _secret(found: list[SecretFields], fields: EventFields) -> None:
    if found:
        fields["secrets"] = found[:_MOST_SECRETS]


def _code(error: object) -> int | None:
    """The error code where it fits the schema's 32 bits."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) and -(2**31) <= code < 2**31 else None
