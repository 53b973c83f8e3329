"""Heads are read as strictly as two parsers in a row need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.http.errors import Refusal
from triptych.producers.gateway.http.head import Heads, RequestHead, addressed, request_head, response_head

LIMIT = 65536
NAMES = st.sampled_from(["Accept", "X-One", "x-one", "Mcp-Method", "Cookie", "Content-Type", "Via", "X_Under"])
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
REFUSED = {
    "both lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
        "smuggling",
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4", "smuggling"),
    "one length twice": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0", "smuggling"),
    "list of lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3", "smuggling"),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3", "smuggling"),
    "hexadecimal length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3", "smuggling"),
    "empty length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:", "smuggling"),
    "huge length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999", "smuggling"),
    "length with an underscore": (b"POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 3", "smuggling"),
    "two codings": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked", "smuggling"),
    "coding twice": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "smuggling",
    ),
    "misspelt coding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked", "smuggling"),
    "vertical tab": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked", "head-invalid"),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked", "smuggling"),
    "folded line": (b"POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n c", "head-invalid"),
    "blank before the colon": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3", "head-invalid"),
    "blank before a name": (b"POST / HTTP/1.1\r\n Host: a", "head-invalid"),
    "no name": (b"POST / HTTP/1.1\r\nHost: a\r\n: b", "head-invalid"),
    "no colon": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length", "head-invalid"),
    "NUL": (b"POST / HTTP/1.1\r\nHost: a\r\nX: a\0b", "head-invalid"),
    "bare CR": (b"POST / HTTP/1.1\r\nHost: a\r\nX: a\rContent-Length: 3", "head-invalid"),
    "bare LF": (b"POST / HTTP/1.1\r\nHost: a\nContent-Length: 3", "head-invalid"),
    "empty line first": (b"\r\nPOST / HTTP/1.1\r\nHost: a", "head-invalid"),
    "two blanks": (b"POST  / HTTP/1.1\r\nHost: a", "head-invalid"),
    "HTTP/2": (b"POST / HTTP/2.0\r\nHost: a", "head-invalid"),
    "HTTP/0.9": (b"GET /", "head-invalid"),
    "small http": (b"POST / http/1.1\r\nHost: a", "head-invalid"),
    "two hosts": (b"POST / HTTP/1.1\r\nHost: a\r\nHost: b", "smuggling"),
    "no host": (b"POST / HTTP/1.1\r\nX: a", "host-missing"),
    "absolute target": (b"POST http://b/ HTTP/1.1\r\nHost: a", "target-form"),
    "tunnel": (b"CONNECT b:1 HTTP/1.1\r\nHost: a", "target-form"),
    "websocket": (b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade", "upgrade"),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a" + b"\r\nX: y" * 300, "head-oversize"),
    "long head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * LIMIT, "head-oversize"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_two_parsers_could_read_in_two_ways_is_refused(name: str) -> None:
    head, anomaly = REFUSED[name]
    with pytest.raises(Refusal) as refused:
        request_head(head + b"\r\n\r\n", LIMIT)
    assert (refused.value.anomaly, refused.value.status) == (anomaly, 400)


def test_a_head_that_ends_its_lines_with_lf_alone_is_refused_before_more_is_awaited() -> None:
    with pytest.raises(Refusal, match="head-invalid"):
        request_head(b"GET / HTTP/1.1\nHost: a\n\n", LIMIT)


@pytest.mark.parametrize("target", ["/", "/mcp?a=b", "/%6dcp", "//mcp", "/\xe9", "/a;b", "*"], ids=ascii)
def test_every_target_of_the_server_itself_passes(target: str) -> None:
    head = request_head(f"OPTIONS {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1"), LIMIT)
    assert head is not None
    assert (head.target, head.path) == (target, target.partition("?")[0])


@pytest.mark.parametrize(
    ("version", "connection", "persistent"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: x\r\nconnection: Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_a_connection_lasts_as_its_version_and_options_say(version: bytes, connection: bytes, persistent: bool) -> None:
    head = request_head(b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, connection), LIMIT)
    assert head is not None
    assert head.persistent is persistent


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.integers(0, 200))
def test_a_head_comes_out_the_same_wherever_its_end_is_awaited(fields: list[tuple[str, str]], cut: int) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    data = f"POST /mcp HTTP/1.1\r\nHost: a\r\n{lines}Content-Length: 2\r\n\r\n".encode("latin-1")
    first = request_head(data[: min(cut, len(data) - 1)], LIMIT)
    whole = request_head(data + b"{}", LIMIT)
    assert first is None
    assert whole is not None
    assert (whole.size, whole.length, whole.method) == (len(data), 2, "POST")
    for name, value in reversed(fields):
        if sum(name.lower() == other.lower() for other, _ in fields) == 1:
            assert whole.text(name.lower().encode()) == value.strip(" \t")
        else:
            assert name.lower().encode() in whole.repeated


class Parsed:
    """What another parser, the one inside Node and uvicorn, makes of the same bytes."""

    def __init__(self, data: bytes) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.complete = 0
        self.parser: Any = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.complete += 1


@given(st.binary(max_size=60), st.binary(max_size=20))
def test_what_we_let_pass_another_parser_ends_at_the_same_byte(value: bytes, body: bytes) -> None:
    data = b"POST /mcp HTTP/1.1\r\nHost: a\r\nX: %b\r\nContent-Length: %d\r\n\r\n" % (value, len(body))
    try:
        head = request_head(data, LIMIT)
    except Refusal:
        return
    assert head is not None
    try:
        other = Parsed(data + body)
    except httptools.HttpParserError:
        return  # it is stricter still: the server refuses
    assert (other.complete, other.body) == (1, body)
    assert dict(other.fields)[b"content-length"] == b"%d" % (head.length or 0)


def test_the_status_of_a_response_is_read_with_and_without_a_reason() -> None:
    for line in (b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.0 200"):
        head = response_head(line + b"\r\nContent-Length: 2\r\n\r\n", LIMIT)
        assert head is not None
        assert (head.status, head.length) == (200, 2)


@pytest.mark.parametrize(
    ("status", "method", "bodiless"),
    [(200, "GET", False), (200, "HEAD", True), (204, "POST", True), (304, "GET", True), (100, "POST", True)],
)
def test_some_responses_have_no_body_whatever_they_say(status: int, method: str, bodiless: bool) -> None:
    head = response_head(b"HTTP/1.1 %d x\r\nContent-Length: 5\r\n\r\n" % status, LIMIT)
    assert head is not None
    assert head.bodiless(method) is bodiless


def test_another_host_changes_the_value_of_that_field_alone() -> None:
    data = b"GET / HTTP/1.1\r\nX-Host: a\r\nhOsT:  a:1 \r\nX: a:1\r\n\r\n{}"
    head = request_head(data, LIMIT)
    assert head is not None
    assert addressed(data, head, b"b") == data.replace(b"hOsT:  a:1 ", b"hOsT:  b ")


@given(
    st.lists(
        st.tuples(st.sampled_from([b"A: b", b"A: c", b"content-length:7"]), st.integers(0, 10**19)),
        min_size=2,
        max_size=8,
    )
)
def test_a_head_that_repeats_the_last_one_is_read_as_if_it_were_the_first(heads: list[tuple[bytes, int]]) -> None:
    remembering = Heads(request_head)
    for line, length in heads:
        data = b"POST /mcp HTTP/1.1\r\nHost: a\r\n%b\r\nContent-Length: %d\r\nX: y\r\n\r\n" % (line, length)
        assert _read(remembering.read, data) == _read(request_head, data)


def test_a_remembered_head_takes_digits_only_and_the_same_rest() -> None:
    remembering = Heads(request_head)
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %b\r\nX: y\r\n\r\n"
    assert _read(remembering.read, head % b"5") != "smuggling"
    for value in (b"", b" 5", b"+5", b"5 5", b"5,5", b"\xb2", b"5\r\nContent-Length: 6", b"1" * 19):
        assert _read(remembering.read, head % value) == _read(request_head, head % value)


def _read(read: Callable[[bytes, int], RequestHead | None], data: bytes) -> object:
    try:
        return read(data, LIMIT)
    except Refusal as refusal:
        return refusal.anomaly
