"""What wrapping changes, as a diff that may be shown: environment, headers, comments and the like are hidden in it.

Client files hold tokens, and some hold the client's whole state, so only what wrapping moves is shown in clear.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ....models.text import clean
from ..facts.names import Names
from ..facts.secrets import names_secret
from .entry import text_of
from .jsonc import Edit, Node, comments, edited, parse, quoted
from .shapes import entries

__all__ = ["HIDDEN", "difference", "shown", "shown_settings"]

HIDDEN = "***"
_CLEAR = frozenset({"true", "false", "null"})
_WIDEST = 400
_TAB = 4
_TAKES_PAIR = frozenset({"-e", "--env", "-H", "--header"})  # options whose value is a name and something to keep
_PAIR = re.compile(r"([\w.-]+)\s*[=:]")
_MARK = "digest:"
_URL = re.compile(r'"(?:https?|unix)://[^"]*"')
_OPAQUE = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_=-]{16,}")  # letters and digits, long
_published = Names(lambda _: "")


def difference(before: str, after: str, title: str, context: int = 2) -> list[str]:
    """Lines of a unified diff, without line ends, for a terminal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), title, title, n=context, lineterm="")
    return [clean(line.expandtabs(_TAB), _WIDEST) for line in lines]


def shown(text: str) -> str:
    """A client's file, line by line as it is, with everything that could be a secret hidden."""
    root = parse(text)
    clear = {edit.start: edit for edit in _names(root)}
    clear |= {edit.start: edit for entry in entries(text) for edit in _of_entry(entry.node)}
    hidden = [clear.get(node.start) or _hidden(text, node) for node in _scalars(root)]
    return edited(text, [*hidden, *(_hidden_comment(text, start, end) for start, end in comments(text))])


def shown_settings(text: str) -> str:
    """Settings of gateways with the URLs in them as a client's file shows them."""
    return _URL.sub(lambda found: quoted(_url(found.group()[1:-1])), text)


def _names(node: Node) -> Iterator[Edit]:
    """Names of members are shown, but for those that a secret was made the name of something."""
    for member in node.members:
        if not _is_hidden(member.name.text):
            yield Edit(member.name.start, member.name.end, quoted(member.name.text))
        yield from _names(member.value)
    for item in node.items:
        yield from _names(item)


def _of_entry(node: Node) -> Iterator[Edit]:
    """What of a server's entry is shown, and how."""
    for name in ("command", "type"):
        value = node.member(name)
        if value is not None and value.kind == "string":
            yield Edit(value.start, value.end, quoted(_argument("", value.text)))
    url, args = node.member("url"), node.member("args")
    if url is not None and url.kind == "string":
        yield Edit(url.start, url.end, quoted(_url(url.text)))
    previous = ""
    for item in args.items if args is not None else ():
        if (text := text_of(item)) is not None:
            yield Edit(item.start, item.end, quoted(_argument(previous, text)))
            previous = text


def _argument(previous: str, text: str) -> str:
    pair = _PAIR.match(text.lstrip("-"))
    if pair and (previous in _TAKES_PAIR or names_secret(pair[1])):
        return text[: text.index(pair[1]) + pair.end()] + HIDDEN
    if previous in _TAKES_PAIR or (previous.startswith("-") and names_secret(previous)):
        return HIDDEN
    if "://" in text:
        return _url(text)
    return HIDDEN if _is_hidden(text) else text


def _url(text: str) -> str:
    """A URL without user, query and fragment, and without the parts of its path that look like a key."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")
    path = "/".join(HIDDEN if _is_hidden(part) or _OPAQUE.fullmatch(part) else part for part in parts.path.split("/"))
    user = f"{HIDDEN}@" if host[1] else ""
    rest = "".join(mark + HIDDEN for mark, part in (("?", parts.query), ("#", parts.fragment)) if part)
    return f"{parts.scheme}://{user}{host[2]}{path}{rest}"


def _is_hidden(name: str) -> bool:
    return _published(name, _WIDEST) == _MARK


def _scalars(node: Node) -> Iterator[Node]:
    if node.kind in ("string", "scalar"):
        yield node
    for member in node.members:
        yield from (member.name, *_scalars(member.value))
    for item in node.items:
        yield from _scalars(item)


def _hidden(text: str, node: Node) -> Edit:
    if node.kind == "scalar" and text[node.start : node.end] in _CLEAR:
        return Edit(node.start, node.end, text[node.start : node.end])
    return Edit(node.start, node.end, quoted(HIDDEN))


def _hidden_comment(text: str, start: int, end: int) -> Edit:
    """A comment by its beginning and its line breaks."""
    return Edit(start, end, text[start : start + 2] + HIDDEN + "\n" * text.count("\n", start, end))
