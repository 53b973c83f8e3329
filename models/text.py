"""Words for people: attacker text made harmless, sizes, counts and paths in one wording.

Names, paths and arguments are chosen by whoever is watched: they pass `clean` before they are shown or published, and
`inert` before they reach software that gives text a meaning.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["clean", "duration", "ellipsis", "endpoint", "inert", "of_sessions", "plural", "short_path", "size"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SELECTORS = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
_LOOKS_EMPTY = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *_SELECTORS)))

# What a page, a chat, a template or a log library takes for more than text: HTML, Markdown's links and code, lookups.
_ACTIVE = re.compile(r"[<>`]|(?<=\])[(\[]|(?<=[${#])\{|(?<=\{)%")
# What a spreadsheet takes for a formula at the beginning of a cell, its wide forms too.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")

_REMEMBERED = 2_048  # texts made inert: most of a finding's are those of the finding before


def clean(text: str, cap: int = 256) -> str:
    """`text` on one line, at most `cap` characters, with everything invisible or active spelled out as an escape.

    Spelled out: control characters and with them terminal escapes, line breaks, bidirectional and zero-width marks, tag
    characters, lone surrogates, private use, and marks that carry hidden data. Cleaning twice changes nothing.
    """
    window = text[: cap + 1]  # a cleaned prefix is at least as long as its source
    if not window.isprintable() or not (window.isascii() or _LOOKS_EMPTY.isdisjoint(window)):
        window = "".join(map(_visible, window))
    return ellipsis(window, cap)


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN and char not in _LOOKS_EMPTY:
        return char if char == " " or not char.isspace() else " "
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inert(text: str, cap: int = 256) -> str:
    """`clean` text that nothing renders or runs: not as HTML, Markdown, a template, a log lookup or a formula.

    Spelled out as escapes: `<`, `>`, backticks, what opens the target of a Markdown link, and the brace of `${`, `{{`,
    `#{` and the sign of `{%`. An apostrophe goes before what a spreadsheet would calculate. Twice changes nothing.
    """
    return _inert(text[: cap + 1], cap)


@lru_cache(_REMEMBERED)
def _inert(window: str, cap: int) -> str:
    window = _ACTIVE.sub(lambda found: f"\\x{ord(found[0]):02x}", window)
    return clean(f"'{window}" if _FORMULA.match(window) else window, cap)


def ellipsis(text: str, cap: int) -> str:
    """`text`, its tail replaced by an ellipsis where it is longer than `cap` characters."""
    return text if len(text) <= cap else text[: max(cap - 1, 0)] + "…"


def short_path(path: str, cap: int = 60) -> str:
    """A path by its ends: `/home/ann/.aws/credentials` becomes `/…/.aws/credentials`. Cleaned."""
    parts = [part for part in path.split("/") if part]
    if len(parts) > 3 and path.startswith("/"):
        path = "/…/" + "/".join(parts[-2:])
    shown = clean(path, 4096)
    return shown if len(shown) <= cap else "…" + shown[len(shown) - cap + 1 :]


def size(octets: int) -> str:
    """`980 B`, `1.2 KB`, `3.4 MB` (powers of ten)."""
    if octets < 1000:
        return f"{octets} B"
    value, unit = octets / 1000, "KB"
    for larger in ("MB", "GB", "TB"):
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """`12 s`, `4 min`, `3 h`, `20 d`: in the unit of which there are two at least."""
    for unit, long in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * long:
            return f"{seconds / long:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def plural(count: int, noun: str) -> str:
    """`1 session`, `2 sessions`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def of_sessions(count: int, total: int) -> str:
    """`0 of 42 sessions`."""
    return f"{count} of {plural(total, 'session')}"


def endpoint(address: str | None, port: int | None) -> str:
    """`192.0.2.1:443`, `[2001:db8::1]:443`, or the address alone. Cleaned."""
    host = clean(address or "unknown address", 64)
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
