"""What the comparison stands on: exchanges cut out of raw streams, and a changed byte that is seen."""

from __future__ import annotations

import pytest
from peers.wiretap import Exchange, exchanges, same

pytestmark = pytest.mark.peers

POST = b"POST /mcp HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET /mcp HTTP/1.1\r\nHost: h\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"


def test_a_kept_alive_connection_holds_several_exchanges() -> None:
    sent, answered = POST + GET + POST + POST, PLAIN + NOTHING + CHUNKED + EMPTY
    assert [(one.request, one.response) for one in exchanges(sent, answered)] == [
        (POST, PLAIN),
        (GET, NOTHING),
        (POST, CHUNKED),
        (POST, EMPTY),
    ]


def test_what_is_told_in_between_belongs_to_no_exchange() -> None:
    assert [one.response for one in exchanges(POST, b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN)] == [PLAIN]


def test_a_stream_that_its_client_left_may_be_shorter_there_and_nowhere_else() -> None:
    (cut,), (whole,) = exchanges(GET, STREAM[:-4]), exchanges(GET, STREAM)
    assert same(cut, whole)
    assert not same(whole, cut)


@pytest.mark.parametrize("changed", [PLAIN.replace(b"content-length", b"Content-Length"), PLAIN[:-1] + b"d", CHUNKED])
def test_a_changed_byte_is_a_difference(changed: bytes) -> None:
    assert not same(Exchange(POST, PLAIN), Exchange(POST, changed))
    assert not same(Exchange(POST, PLAIN), Exchange(POST.replace(b"h\r", b"g\r"), PLAIN))
