"""The process in which one Python rule runs. Standard library only; started with the text of this file, never imported.

It has no environment, no files, no network and no children; memory and file sizes are bounded. This keeps accidents
apart and secrets away. It is no sandbox for hostile code: rules are the operator's own.
"""

from __future__ import annotations

import base64  # noqa: F401 - what rules may import must be there before the doors close
import builtins
import collections  # noqa: F401
import dataclasses  # noqa: F401
import datetime  # noqa: F401
import fnmatch  # noqa: F401
import functools  # noqa: F401
import hashlib  # noqa: F401
import ipaddress  # noqa: F401
import itertools  # noqa: F401
import json
import math  # noqa: F401
import operator  # noqa: F401
import os
import posixpath  # noqa: F401
import re  # noqa: F401
import resource
import statistics  # noqa: F401
import string  # noqa: F401
import sys
import unicodedata  # noqa: F401
import urllib.parse  # noqa: F401
from collections.abc import Callable
from typing import Any, NoReturn

_MEMORY = 256 << 20
_NOBODY = 65_534
_TEXT = 600
_ENTRIES = 20
_OPTIONAL = ("title", "severity", "dedup", "context")
_DENIED = ("socket.", "subprocess.", "os.", "shutil.", "ctypes.", "pty.", "signal.pthread_kill", "webbrowser.")


class View:
    """One record of a call, by attribute; cannot be changed."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        object.__setattr__(self, "_fields", fields)

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_fields")[name]
        except KeyError:
            raise AttributeError(f"a record has no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError("a call cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a call cannot be changed")

    def __repr__(self) -> str:
        return f"View({', '.join(self._fields)})"


def frozen(value: Any) -> Any:
    """JSON as records and tuples."""
    if isinstance(value, dict):
        return View({name: frozen(one) for name, one in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def close_doors() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    sys.addaudithook(_deny)


def _deny(event: str, _: Any) -> None:
    if event == "open":
        raise PermissionError("a rule may open no file, and import only what infra/detections/README.md names")
    if event.startswith(_DENIED) and event != "os.putenv":
        raise PermissionError(f"a rule may not {event}")


def loaded(source: str, name: str) -> dict[str, Callable[[Any], Any]]:
    """The functions of a rule. Raises whatever its text raises."""
    space: dict[str, Any] = {"__name__": name, "__builtins__": builtins}
    exec(compile(source, name, "exec"), space)  # noqa: S102 - this is what the process is for
    if not callable(space.get("rule")):
        raise TypeError("it defines no function rule(call)")
    return {key: space[key] for key in ("rule", *_OPTIONAL) if callable(space.get(key))}


def judged(functions: dict[str, Callable[[Any], Any]], call: Any) -> dict[str, Any]:
    """What a rule says of one call. A hit stays one where what describes it fails."""
    if not functions["rule"](call):
        return {"hit": False}
    answer: dict[str, Any] = {"hit": True}
    for key in _OPTIONAL:
        if key not in functions:
            continue
        try:
            told = functions[key](call)
            answer[key] = _entries(told) if key == "context" else str(told)[:_TEXT]
        except Exception as error:
            answer["error"] = f"{key}: {described(error)}"
    return answer


def _entries(told: Any) -> dict[str, str]:
    return {str(key)[:80]: str(value)[:_TEXT] for key, value in list(dict(told).items())[:_ENTRIES]}


def described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_TEXT]


def main() -> None:
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    sys.stdin = sys.stdout = sys.stderr = open(os.devnull, "w+")  # noqa: SIM115, PTH123 - for as long as the process lives
    os.dup2(sys.stdout.fileno(), 1)

    def answer(value: Any) -> None:
        answers.write(json.dumps(value).encode() + b"\n")
        answers.flush()

    begin = json.loads(asked.readline())
    close_doors()
    try:
        functions = loaded(begin["source"], begin["name"])
    except BaseException as error:
        answer({"error": described(error)})
        return
    answer({"ready": True})
    for line in asked:
        try:
            said = judged(functions, frozen(json.loads(line)))
        except Exception as error:
            said = {"error": described(error)}
        answer(said)


main()
