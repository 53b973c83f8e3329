"""Tools that answer with a question, as servers of 2026-07-28 do: the client calls again and brings the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .shapes import Context, Handler, Json, Tool, form, text, told

__all__ = ["TOOLS", "prompt"]

_ROOTS: Json = {"method": "roots/list", "params": {}}


def _asked(state: str | None = None, **requests: Json) -> Json:
    """A result that asks."""
    question: Json = {"resultType": "input_required", "inputRequests": requests}
    return question if state is None else question | {"requestState": state}


def _sample(words: str) -> Json:
    return {
        "method": "sampling/createMessage",
        "params": {"messages": [{"role": "user", "content": text(words)}], "maxTokens": 100},
    }


def _answers(context: Context) -> Json:
    found = (context.params or {}).get("inputResponses")
    return found if isinstance(found, dict) else {}


def _state(context: Context) -> str | None:
    return (context.params or {}).get("requestState")


def _member(answer: Any, name: str) -> Any:
    content = answer.get("content") if isinstance(answer, dict) else None
    return content.get(name) if isinstance(content, dict) else None


def _once(key: str, request: Json, reply: Callable[[Any], str | None], state: str | None = None) -> Handler:
    """Asks for `key` until it is answered as `reply` wants it, with the same state."""

    async def run(context: Context, arguments: Json) -> Json:
        said = reply(_answers(context).get(key)) if state in (None, _state(context)) else None
        return told(said) if said else _asked(state, **{key: request})

    return run


def _greeting(answer: Any) -> str | None:
    name = _member(answer, "name")
    return f"Hello, {name}!" if isinstance(name, str) else None


def _roots(answer: Any) -> str | None:
    return f"{len(answer['roots'])} roots" if isinstance(answer, dict) and "roots" in answer else None


async def _several(context: Context, arguments: Json) -> Json:
    if {"user_name", "greeting", "client_roots"} <= _answers(context).keys():
        return told("All three were answered.")
    name = form("What is your name?", name="string")
    return _asked("several", user_name=name, greeting=_sample("Generate a greeting"), client_roots=_ROOTS)


async def _three_rounds(context: Context, arguments: Json) -> Json:
    known = json.loads(_state(context) or "{}")
    answers = _answers(context)
    if known.get("round") == 1 and (name := _member(answers.get("step1"), "name")):
        color = form("Step 2: What is your favorite color?", color="string")
        return _asked(json.dumps({"round": 2, "name": name}), step2=color)
    if known.get("round") == 2 and (color := _member(answers.get("step2"), "color")):
        return told(f"{known['name']} likes {color}.")
    return _asked(json.dumps({"round": 1}), step1=form("Step 1: What is your name?", name="string"))


async def _offered(context: Context, arguments: Json) -> Json:
    """Asks only for what the client can do."""
    can = context.session.client_capabilities
    requests: Json = {}
    if can is None or can.sampling is not None:
        requests["sample"] = _sample("Say hello")
    if can is None or can.elicitation is not None:
        requests["ask"] = form("What is your name?", name="string")
    return _asked("offered", **requests)


async def prompt(context: Context) -> Json:
    """The prompt that asks before it is given."""
    wanted = _member(_answers(context).get("user_context"), "context")
    if wanted is None:
        return _asked(user_context=form("What is it about?", context="string"))
    return {"messages": [{"role": "user", "content": text(f"Keep in mind: {wanted}")}]}


_NAME = form("What is your name?", name="string")
_SURE = form("Please confirm", ok="boolean")
_ROUNDS = tuple(
    Tool(f"test_input_required_result_{name}", "Asks before it answers.", run)
    for name, run in {
        "elicitation": _once("user_name", _NAME, _greeting),
        "sampling": _once("capital_question", _sample("What is the capital of France?"), lambda said: str(said or "")),
        "list_roots": _once("client_roots", _ROOTS, _roots),
        "request_state": _once("confirm", _SURE, lambda said: "state-ok" if said else None, "a state"),
        "multiple_inputs": _several,
        "multi_round": _three_rounds,
        "tampered_state": _once("confirm", _SURE, lambda said: "state-ok" if said else None, "another state"),
        "capabilities": _offered,
    }.items()
)
TOOLS = (*_ROUNDS, Tool("test_streaming_elicitation", "The same.", _once("user_name", _NAME, _greeting)))
