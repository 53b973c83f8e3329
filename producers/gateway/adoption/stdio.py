"""A server that a client launches: its command moves behind the gateway's, byte for byte, and back again. Pure.

Wrapped, `command` is the gateway and the arguments begin with its options, `--` and the command as it was written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

from .entry import Unfit, strings, text_of
from .jsonc import Edit, Node, after_comma, quoted

__all__ = ["Launcher", "is_wrapped", "unwrap", "wrap"]

_PROGRAM = "triptych-gateway"
_LONG_WAY = ("triptych", ["gateway", "stdio"])  # the same wrapper by its other name, as people write it by hand
_OWN_MEMBER = re.compile(r',\s*"args"\s*:\s*\[ ')


@dataclass(frozen=True, slots=True)
class Launcher:
    """How a client starts the gateway: by absolute paths, because a client started from a desktop has a short PATH."""

    program: str
    config: str
    spool: str


def is_wrapped(node: Node) -> bool:
    return _original(node) is not None


def wrap(text: str, node: Node, name: str, launcher: Launcher, *, force: bool = False) -> list[Edit]:
    """The edits that put the gateway before the server `name`. Raises Unfit."""
    command, args = node.member("command"), node.member("args")
    if command is None or not text_of(command):
        raise Unfit("its command is no text")
    if args is not None and strings(args) is None:
        raise Unfit("its args are no list of texts")
    if not force:
        _check_sandbox(node, launcher.spool)
    options = ["--config", launcher.config, "--server", name, "--"]
    ours = ", ".join([*map(quoted, options), text[command.start : command.end]])
    return [Edit(command.start, command.end, quoted(launcher.program)), _arguments(text, node, command, args, ours)]


def unwrap(text: str, node: Node) -> list[Edit]:
    """The edits that take the gateway away again; what else was changed in the entry stays."""
    position = _original(node)
    command, args = node.member("command"), node.member("args")
    if position is None or command is None or args is None:
        return []
    original = args.items[position]
    back = Edit(command.start, command.end, text[original.start : original.end])
    start, comma = args.start + 1, after_comma(text, original.end)
    if position == len(args.items) - 1:
        if (
            comma is None
            and _OWN_MEMBER.fullmatch(text, command.end, args.items[0].start)
            and text[args.end - 2] == " "
        ):
            return [back, Edit(command.end, args.end, "")]
        return [back, Edit(start, comma or original.end, "")]
    end = comma or original.end
    inline = "\n" not in text[start : args.items[0].start]
    return [back, Edit(start, end + (inline and text[end : end + 1] == " "), "")]


def _original(node: Node) -> int | None:
    """Where in the arguments the server's own command stands; None where the entry is not wrapped."""
    command, args = text_of(node.member("command")), strings(node.member("args"))
    if not command or not args or "--" not in args[:-1]:
        return None
    separator = args.index("--")
    program = PurePath(command).name
    long_way = program == _LONG_WAY[0] and [one for one in args[:separator] if one in _LONG_WAY[1]] == _LONG_WAY[1]
    return separator + 1 if program == _PROGRAM or long_way else None


def _arguments(text: str, node: Node, command: Node, args: Node | None, ours: str) -> Edit:
    """Our arguments before the server's, in the way its list is written. unwrap knows each form by its first blank."""
    if args is None:
        before = text[: next(member.name.start for member in node.members if member.name.text == "command")]
        line = before[len(before.rstrip(" \t\r\n")) :]
        own_line = line[line.rfind("\r\n" if "\r\n" in line else "\n") :] if "\n" in line else " "
        return Edit(command.end, command.end, f',{own_line}"args": [ {ours} ]')
    start = args.start + 1
    if not args.items:
        return Edit(start, start, ours)
    rest = text[start : args.end]
    lead = rest[: len(rest) - len(rest.lstrip())]
    return Edit(start, start, f"{lead}{ours}," if "\n" in lead else f"{ours}, ")


def _check_sandbox(node: Node, spool: str) -> None:
    """VS Code confines a server together with its wrapper, which then needs its spool. Widening that is not ours."""
    enabled = node.member("sandboxEnabled")
    if enabled is None or enabled.end - enabled.start != len("true"):
        return
    rules: Node | None = node
    for name in ("sandbox", "filesystem", "allowWrite"):
        rules = rules.member(name) if rules is not None else None
    allowed = [PurePath(path) for path in strings(rules) or ()]
    if not any(PurePath(spool).is_relative_to(path) for path in allowed):
        raise Unfit(f"it runs in a sandbox: add {spool!r} to its sandbox.filesystem.allowWrite, then wrap again")
