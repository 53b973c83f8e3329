"""What of an argv may leave the node: programs, option names, plain words, paths. What may be a secret does not.

Refuses to be clever: what cannot be told from a secret is masked, with its length where that is all there is to say.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from ...models.text import clean

__all__ = ["MASK", "arguments"]

MASK = "[redacted]"

_MOST = 32
_LONGEST = 256
_LONGEST_VALUE = 64
_NAME = (
    r"(?:pass(?:w(?:or)?d|phrase)?|pwd|secret|token|credential|cookie|authorization|bearer|signature"
    r"|(?:api|access|private|auth|secret|account)[-_.]?key)"
)
# Every repetition is bounded: the text is an attacker's, and backtracking must not become a way to stall the sensor.
_SECRET_OPTION = re.compile(
    rf"--?(?:[\w.-]{{0,40}}{_NAME}[\w.-]{{0,40}}"
    r"|(?:[\w.]{1,40}-){0,4}(?:key|auth|user|header|data|form|body|json|pin|otp)(?:-[a-z]{1,16})?)|(?-i:-[upaHUdFb])",
    re.IGNORECASE,
)
_GLUED = re.compile(r"(-[upHUdFb])(?!-)(.+)|(-a)(?![a-z]{1,4}$)(.+)", re.DOTALL)
_WORDS = frozenset({"-path", "-perm", "-print", "-print0", "-printf", "-prune", "-user", "-ua", "-depth", "-delete"})
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]{0,40})(?:=(.*))?", re.DOTALL)
_ASSIGNED = re.compile(
    rf"({_NAME}[\w.-]{{0,40}}\s{{0,4}}[=:]\s{{0,4}})(?:(?:bearer|basic)\s{{1,4}})?(\"[^\"]*\"|'[^']*'|[^\s&;,\"']+)",
    re.IGNORECASE,
)
_BODY = re.compile(r"((?:data|body|payload|content|form|json|input|key|auth|user)=)(.+)", re.IGNORECASE | re.DOTALL)
_PAIR = re.compile(r"([\w.@+-]{1,64}:\s{0,4})(?!//|\d{1,5}$)(.+)", re.DOTALL)  # user:secret, or a header
_USERINFO = re.compile(r"(\w[\w+.-]{0,20}://)[^/\s@]+@")
_QUERY = re.compile(r"(\w[\w+.-]{0,20}://[^\s?#]*+)(?:([?#])\S*)?")  # whole addresses, so that none is read twice
_KNOWN = re.compile(
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS access key id
    r"|gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|sk-[\w-]{16,}|[rs]k_live_\w{16,}|AIza[\w-]{35}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON Web Token
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*"
)
# Long runs of one alphabet are keys or encoded data; a path or a sentence has separators far more often.
_OPAQUE = re.compile(
    r"(?<![\w+/=-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{32,}={0,2}(?![\w+/-])"
    r"|(?<![\w+/=-])(?=[\w+/]*\d)(?=[\w+/]*[a-z])(?=[\w+/]*[A-Z])[A-Za-z0-9+/]{40,}={0,2}(?![\w+/-])"
)
_DENSE = re.compile(r"(?=\S*\d)(?=\S*[A-Za-z])[^\s/.\[\]]{8,}")  # letters and digits in one piece, and no file's name
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "fish"})
_INLINE = frozenset({"-c", "-lc", "-ec", "-xc", "-e", "-r", "--eval"})
_INTERPRETERS = re.compile(r"(?:python|perl|ruby|node|php|lua)[\d.]*")
_VARIABLE = re.compile(r"\w{1,64}=")
_SEPARATOR = re.compile(r"[;|&()<>]+")
_REDIRECTION = re.compile(r"[<>]")  # what follows is a file or a text, not a program


def arguments(argv: tuple[bytes, ...]) -> tuple[str, ...]:
    """At most 32 arguments of at most 256 characters, secrets masked, control characters spelled out."""
    texts = [raw.decode("utf-8", "replace") for raw in argv[:_MOST]]
    return tuple(clean(text, _LONGEST) for text in _command(texts))


def _command(words: Sequence[str], *, strict: bool = False) -> Iterator[str]:
    """A program and its arguments. `strict` keeps no argument but options."""
    program = posixpath.basename(words[0]) if words else ""
    yield from (_masked(word) for word in words[:1])
    before = program
    for word in words[1:]:
        if before in _INLINE and program in _SHELLS:
            yield _script(word)
        elif before in _INLINE and _INTERPRETERS.fullmatch(program):
            yield _length(word)
        elif _SECRET_OPTION.fullmatch(before) and not _OPTION.fullmatch(word):
            yield MASK
        else:
            yield _argument(word, strict=strict)
        before = word


def _argument(word: str, *, strict: bool) -> str:
    glued = None if word in _WORDS or _SECRET_OPTION.fullmatch(word) else _GLUED.fullmatch(word)
    if glued and "=" not in word[:2]:
        return (glued[1] or glued[3]) + MASK
    option = _OPTION.fullmatch(word)
    if option is None:
        return _unnamed(word) if strict else _value(word)
    name, value = option[1], option[2]
    if _KNOWN.search(name) or value is None:
        return _masked(word)
    secret = _SECRET_OPTION.fullmatch(name)
    return f"{name}={MASK if secret else _length(value) if strict else _value(value)}"


def _value(text: str) -> str:
    """A value under no telling name."""
    if named := _BODY.fullmatch(text) or (None if "://" in text[:24] else _PAIR.fullmatch(text)):
        return named[1] + MASK
    masked = re.sub(r"\S+", lambda word: _length(word[0]) if _DENSE.fullmatch(word[0]) else word[0], _masked(text))
    is_path = text.startswith(("/", "./", "../")) and not any(map(str.isspace, text))
    return masked if is_path or len(masked) <= _LONGEST_VALUE else _length(text)


def _script(text: str) -> str:
    """A shell's command line: the programs it names and their options."""
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
        lexer.commenters = ""
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return _length(text)
    told: list[str] = []
    command: list[str] = []
    for word in words[:_LONGEST]:  # each tells one character at least
        if _SEPARATOR.fullmatch(word) and not _REDIRECTION.search(word):
            told += [*_simple(command), word]
            command = []
        else:
            command.append(word)
    return " ".join([*told, *_simple(command)])


def _simple(words: list[str]) -> list[str]:
    """One command, variables set for it first."""
    assigned = 0
    while assigned < len(words) and _VARIABLE.match(words[assigned]):
        assigned += 1
    names = [_unnamed(word) for word in words[:assigned]]
    command = words[assigned:]
    if command and not re.fullmatch(r"[\w./+\[-]{1,64}", command[0]):
        command = [_length(command[0]), *command[1:]]
    return [*names, *_command(command, strict=True)]


def _masked(text: str) -> str:
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _QUERY.sub(lambda found: f"{found[1]}?{MASK}" if found[2] else found[0], text)
    text = _ASSIGNED.sub(rf"\1{MASK}", text)
    text = _KNOWN.sub(MASK, text)
    return _OPAQUE.sub(MASK, text)


def _unnamed(text: str) -> str:
    """All that is told of a word in a shell's line that is no option: the variable it sets, or its length."""
    if _SEPARATOR.fullmatch(text):
        return text
    variable = _VARIABLE.match(text)
    return variable[0] + MASK if variable else _length(text)


def _length(text: str) -> str:
    return f"[{len(text)} chars]"
