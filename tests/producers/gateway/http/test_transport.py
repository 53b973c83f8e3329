"""Bytes through the gateway: the same on both sides, in both directions, however they come."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import PATIENCE_S, until
from raw_http import OK, answering, post, replying, request_of

from triptych.producers.gateway.http.head import request_head

Benches = Callable[..., contextlib.AbstractAsyncContextManager[Any]]

CHUNKED = b"POST /a HTTP/1.1\r\nhOST: localhost\r\nTransfer-Encoding: Chunked\r\nTrailer: X-T\r\n\r\n"
REQUESTS = {
    "order, case, duplicates, unknown fields": post(
        b'{"id": 1}', b"x-B:2", b"X-a:  1 ", b"X-A: \xe9", b"x-b:", b"ETag: x"
    ),
    "no body": b"GET /mcp?token=x#y HTTP/1.1\r\nHost: localhost:1\r\n\r\n",
    "chunks, extensions, trailers": CHUNKED + b'5;a="b"\r\nhello\r\n1\r\n!\r\n0\r\nX-T: y\r\n\r\n',
    "HTTP/1.0": b"POST / HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc",
    "hop-by-hop fields": post(
        b"", b"Connection: keep-alive, X-Hop", b"X-Hop: 1", b"TE: trailers", b"Keep-Alive: timeout=5"
    ),
    "upgrade to h2c": post(b"{}", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA"),
    "other methods": b"PATCH /%2e%2e//x HTTP/1.1\r\nHost: [::1]\r\ncontent-length: 1\r\n\r\n\0",
    "no JSON": post(bytes(range(256))),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_arrives_as_it_was_sent(bench: Benches, name: str) -> None:
    async with bench(answering) as gateway:
        assert await gateway.exchange(REQUESTS[name], len(OK)) == OK
        assert gateway.received == [REQUESTS[name]]


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_arrives_as_it_was_sent_when_it_comes_byte_by_byte(bench: Benches, name: str) -> None:
    async with bench(answering) as gateway:
        reader, writer = await gateway.dial()
        for byte in REQUESTS[name]:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await asyncio.wait_for(reader.readexactly(len(OK)), PATIENCE_S) == OK
        assert gateway.received == [REQUESTS[name]]


RESPONSES = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nX-b: 1\r\nx-B: 2\r\n\r\nabc",
    "no reason": b"HTTP/1.1 299\r\nContent-Length: 0\r\n\r\n",
    "chunks and trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nA: b\r\n\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
    "coded": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x00\x01",
    "event stream": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"7\r\ndata: a\r\n2\r\n\n\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("step", [1, 3, 10_000])
@pytest.mark.parametrize("name", RESPONSES)
async def test_a_response_arrives_as_it_was_sent_and_the_connections_live_on(
    bench: Benches, name: str, step: int
) -> None:
    response = RESPONSES[name]
    parts = [response[at : at + step] for at in range(0, len(response), step)]
    async with bench(replying(*parts)) as gateway:
        reader, writer = await gateway.dial()
        for _ in range(3):
            writer.write(post())
            assert await asyncio.wait_for(reader.readexactly(len(response)), PATIENCE_S) == response
        assert gateway.received == [post() * 3]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_response_without_length_ends_with_the_connection(bench: Benches, version: bytes) -> None:
    response = b"HTTP/%b 200 OK\r\n\r\nabc" % version
    async with bench(replying(response, close=True)) as gateway:
        assert await gateway.exchange(post()) == response
        assert [name for name, _ in gateway.seen[0].told][-1] == "finish"


async def test_the_response_to_head_has_no_body(bench: Benches) -> None:
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    head = b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n"
    async with bench(replying(response)) as gateway:
        assert await gateway.exchange(head * 2, 2 * len(response)) == response * 2


async def test_requests_that_come_at_once_are_answered_one_after_the_other(bench: Benches) -> None:
    bodies = [b"%d" % number for number in range(20)]
    in_flight = 0

    async def one_at_a_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal in_flight
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                body = (await request_of(reader)).rpartition(b"\n")[2]
                in_flight += 1
                await asyncio.sleep(0.001)
                assert in_flight == 1
                in_flight -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    expected = b"".join(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body) for body in bodies)
    async with bench(one_at_a_time) as gateway:
        assert await gateway.exchange(b"".join(map(post, bodies)), len(expected)) == expected
        assert gateway.received == [b"".join(map(post, bodies))]


async def test_a_connection_to_the_server_is_used_again_but_never_by_two_at_a_time(bench: Benches) -> None:
    async with bench(answering) as gateway:
        await asyncio.gather(*(gateway.exchange(post(), len(OK)) for _ in range(8)))
        first = len(gateway.received)
        for _ in range(8):
            await gateway.exchange(post(), len(OK))
        assert first <= 8
        assert len(gateway.received) == first
        assert sorted(bytes(data).count(b"POST") for data in gateway.received)[-1] >= 8


async def test_a_connection_that_the_server_closed_while_idle_is_not_used(bench: Benches) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(OK)  # says nothing of closing, and closes
        writer.close()

    async with bench(once) as gateway:
        for _ in range(5):
            assert await gateway.exchange(post(), len(OK)) == OK
        assert gateway.received == [post()] * 5


async def test_a_call_that_was_sent_is_never_sent_again(bench: Benches) -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.close()

    async with bench(dies) as gateway:
        assert await gateway.exchange(post()) == b""
        assert gateway.received == [post()]
        assert gateway.seen[0].named("incident") == ["server-disconnected"]


async def test_a_server_that_does_not_listen_is_a_502(bench: Benches) -> None:
    async with bench(answering) as gateway:
        gateway.proxy._pool._upstream = type(gateway.proxy._pool._upstream)("127.0.0.1", 1, False, "")
        assert (await gateway.exchange(post())).startswith(b"HTTP/1.1 502 ")
        assert gateway.seen[0].named("incident") == ["server-unreachable"]


async def test_a_body_is_asked_for_where_the_client_waits_for_that(bench: Benches) -> None:
    async def inviting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await reader.readexactly(2)
        writer.write(OK)

    request = post(b"{}", b"Expect: 100-continue")
    async with bench(inviting) as gateway:
        reader, writer = await gateway.dial()
        writer.write(request[:-2])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert gateway.seen[0].told == []
        writer.write(request[-2:])
        assert await reader.readexactly(len(OK)) == OK
        assert gateway.received == [request]
        assert gateway.seen[0].told[:2] == [("request", (b"{}", 2)), ("dispatch", "none")]


async def test_a_server_may_refuse_a_body_before_it_comes(bench: Benches) -> None:
    refusal = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)

    async with bench(refusing) as gateway:
        assert await gateway.exchange(post(b"x" * 10, b"Expect: 100-continue")[:-10]) == refusal


async def test_a_stream_is_forwarded_event_by_event_before_it_is_observed(bench: Benches) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    go_on = asyncio.Event()

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head)
        for number in range(3):
            writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
            await go_on.wait()
            go_on.clear()
        writer.write(b"0\r\n\r\n")

    async with bench(slowly) as gateway:
        reader, writer = await gateway.dial()
        writer.write(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(len(head)), PATIENCE_S) == head
        for number in range(3):  # the next one is only sent once this one has arrived
            assert await asyncio.wait_for(reader.readexactly(14), PATIENCE_S) == b"9\r\ndata: %d\n\n\r\n" % number
            go_on.set()
        assert await reader.readexactly(5) == b"0\r\n\r\n"


async def test_a_client_that_leaves_ends_the_request_at_the_server_at_once(bench: Benches) -> None:
    ended = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        assert await reader.read() == b""
        ended.set()
        writer.close()

    async with bench(waits) as gateway:
        _, writer = await gateway.dial()
        writer.write(post())
        await until(lambda: gateway.received and gateway.received[0])
        writer.transport.abort()
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
        await until(lambda: gateway.seen[0].named("incident") == ["client-disconnected"])


async def test_a_client_that_only_ends_its_sending_gets_its_response(bench: Benches) -> None:
    ended: list[bytes] = []

    async def answers_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        ended.append(await reader.read())
        writer.write(OK)
        writer.close()

    async with bench(answers_at_the_end) as gateway:
        reader, writer = await gateway.dial()
        writer.write(post())
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == OK
        assert ended == [b""]


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc"])
async def test_a_response_that_breaks_off_breaks_off_for_the_client(bench: Benches, framing: bytes) -> None:
    part = b"HTTP/1.1 200 OK\r\n" + framing
    async with bench(replying(part, close=True)) as gateway:
        assert await gateway.exchange(post()) == part
        assert gateway.seen[0].named("incident") == ["server-disconnected"]


BAD_RESPONSES = {
    "both lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "no HTTP": b"SSH-2.0-server\r\n\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
    "switch of protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
async def test_a_response_of_two_readings_is_not_passed_on(bench: Benches, name: str) -> None:
    async with bench(replying(BAD_RESPONSES[name])) as gateway:
        answer = await gateway.exchange(post())
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert gateway.seen[0].named("incident")[0].startswith("response-")


async def test_what_follows_a_response_unasked_is_no_answer_to_the_next_request(bench: Benches) -> None:
    async with bench(replying(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")) as gateway:
        reader, writer = await gateway.dial()
        for _ in range(3):
            writer.write(post())
            assert await asyncio.wait_for(reader.readexactly(len(OK)), PATIENCE_S) == OK
        assert gateway.received == [post()] * 3
        assert gateway.seen[0].named("incident") == ["response-surplus"]


SMUGGLED = {
    "both lengths": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nabcde",
    "folded": b"Content-Length: 0\r\nX: a\r\n b\r\n\r\n",
    "bad chunk": b"Transfer-Encoding: chunked\r\n\r\n5;\n\r\nabcde\r\n0\r\n\r\n",
    "late bad chunk": b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\nx\r\n\r\n",
    "bad trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
    "NUL": b"X: \0\r\n\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
async def test_a_request_of_two_readings_is_refused_before_a_byte_goes_on(bench: Benches, name: str) -> None:
    request = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n" + SMUGGLED[name] + post(b"smuggled")
    async with bench(answering) as gateway:
        answer = await gateway.exchange(request)
        assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert answer.count(b"HTTP/1.1") == 1
        assert gateway.received == []
        assert len(gateway.refused) + sum(len(seen.named("incident")) for seen in gateway.seen) == 1


@pytest.mark.parametrize("field", [b"Host: evil.test", b"Origin: http://evil.test"])
async def test_names_of_other_sites_are_refused_with_403(bench: Benches, field: bytes) -> None:
    request = post(b"{}", field) if field.startswith(b"Origin") else post().replace(b"Host: 127.0.0.1", field)
    async with bench(answering) as gateway:
        assert (await gateway.exchange(request)).startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert gateway.received == []


async def test_a_forbidden_request_gets_its_error_and_never_reaches_the_server(bench: Benches) -> None:
    async with bench(answering) as gateway:
        gateway.forbidden = b'{"error":1}'
        answer = await gateway.exchange(post())
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert answer.endswith(b'\r\n\r\n{"error":1}')
        assert gateway.received == []


async def test_a_body_beyond_the_bound_flows_unchanged_and_is_told_in_part(bench: Benches) -> None:
    body = random.Random(1).randbytes(3_000_000)
    async with bench(answering, inspect_bytes=1000) as gateway:
        assert await gateway.exchange(post(body), len(OK)) == OK
        assert gateway.received == [post(body)]
        (kept, size), *_ = gateway.seen[0].named("request")
        assert kept == body[:1000]
        assert size >= 1000


async def test_all_bodies_together_stay_within_their_bound(bench: Benches) -> None:
    half = post(b"x" * 60_000)
    async with bench(answering, held_bytes=100_000) as gateway:
        writers = [(await gateway.dial())[1] for _ in range(4)]
        for writer in writers:
            writer.write(half[:30_000])
            await asyncio.sleep(0.01)
            writer.write(half[30_000:50_000])
        await until(lambda: len(gateway.received) >= 2)
        for writer in writers:
            writer.write(half[50_000:])
        await until(lambda: sorted(map(len, gateway.received)) == [len(half)] * 4)
        assert gateway.proxy._means.memory._left == 100_000


async def test_the_framing_of_held_bodies_counts_as_they_do(bench: Benches) -> None:
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with bench(answering, held_bytes=10_000) as gateway:
        _, writer = await gateway.dial()
        writer.write(head + b"1\r\nx\r\n")
        await asyncio.sleep(0.01)
        writer.write(b"1\r\nx\r\n" * 2000)  # 2,000 bytes of content in 12,000
        await until(lambda: gateway.received and gateway.received[0])
        writer.write(b"0\r\n\r\n")
        await until(lambda: gateway.received[0].endswith(b"0\r\n\r\n"))
        assert gateway.proxy._means.memory._left == 10_000
        writer.close()


async def test_a_slow_reader_does_not_fill_the_memory(bench: Benches) -> None:
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            writer.write(b"x" * 100_000)
            sent += 100_000
            await writer.drain()

    async with bench(floods) as gateway:
        _, writer = await gateway.dial()
        writer.transport.pause_reading()
        writer.write(post())
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 30_000_000  # what the sockets' buffers took
        writer.transport.abort()


async def test_two_hundred_calls_at_a_time_each_get_their_own_answer(bench: Benches) -> None:
    async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                body = (await request_of(reader)).rpartition(b"\r\n")[2]
                await asyncio.sleep(0.01)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    async def call(number: int) -> bytes:
        return (await gateway.exchange(post(b"%06d" % number), 44))[-6:]

    async with bench(echoes) as gateway:
        answers = await asyncio.gather(*map(call, range(200)))
        assert answers == [b"%06d" % number for number in range(200)]


async def test_a_result_of_ten_megabytes_arrives_whole(bench: Benches) -> None:
    body = random.Random(2).randbytes(10_000_000)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with bench(replying(response)) as gateway:
        assert await gateway.exchange(post(), len(response)) == response


async def test_host_is_rewritten_where_a_setting_says_so_and_nothing_else(bench: Benches) -> None:
    async with bench(answering, host_header="upstream") as gateway:
        assert await gateway.exchange(post(b"{}", b"X: Host: 127.0.0.1"), len(OK)) == OK
        expected = post(b"{}", b"X: Host: 127.0.0.1").replace(b"Host: 127.0.0.1", b"Host: server.test", 1)
        assert gateway.received == [expected]


async def test_stopping_waits_for_what_is_in_flight_and_takes_nothing_new(bench: Benches) -> None:
    go_on = asyncio.Event()

    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await go_on.wait()
        writer.write(OK)

    async with bench(waits) as gateway:
        idle, _ = await gateway.dial()
        reader, writer = await gateway.dial()
        writer.write(post())
        await until(lambda: bool(gateway.received))
        stopping = asyncio.ensure_future(gateway.proxy.stop())
        assert await asyncio.wait_for(idle.read(), PATIENCE_S) == b""
        assert await asyncio.wait_for((await gateway.dial())[0].read(), PATIENCE_S) == b""
        go_on.set()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == OK
        assert await stopping == 0


async def test_a_head_that_never_ends_is_given_up(bench: Benches) -> None:
    async with bench(answering, head_ms=50) as gateway:
        assert (await gateway.exchange(b"POST /mcp HT")).startswith(b"HTTP/1.1 408 ")
        assert gateway.refused == ["head-slow"]


async def test_more_connections_than_allowed_are_closed(bench: Benches) -> None:
    async with bench(answering, connections=2) as gateway:
        kept = [await gateway.dial() for _ in range(2)]
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for((await gateway.dial())[0].read(), PATIENCE_S) == b""
        assert gateway.refused == ["too-many-connections"]
        for reader, writer in kept:
            writer.write(post())
            assert await reader.readexactly(len(OK)) == OK


FIELDS = st.tuples(
    st.from_regex(rb"X-[A-Za-z_-]{1,8}", fullmatch=True),
    st.binary(max_size=12).filter(lambda value: not any(byte < 32 or byte == 127 for byte in value)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(st.tuples(st.lists(FIELDS, max_size=4), st.binary(max_size=300)), min_size=1, max_size=3),
    st.lists(st.integers(0, 1500), max_size=10),
)
async def test_any_requests_cut_anywhere_arrive_as_they_were_sent(
    bench: Benches, requests: list[tuple[list[tuple[bytes, bytes]], bytes]], cuts: list[int]
) -> None:
    data = b"".join(post(body, *(name + b":" + value for name, value in fields)) for fields, body in requests)
    assert request_head(data, 1 << 16) is not None
    async with bench(answering) as gateway:
        reader, writer = await gateway.dial()
        for first, last in itertools.pairwise([0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]):
            writer.write(data[first:last])
            await asyncio.sleep(0)
        assert await asyncio.wait_for(reader.readexactly(len(OK) * len(requests)), PATIENCE_S) == OK * len(requests)
        assert gateway.received == [data]


async def test_what_was_asked_before_the_end_of_sending_is_answered(bench: Benches) -> None:
    async with bench(answering) as gateway:
        reader, writer = await gateway.dial()
        writer.write(post(b"1") + post(b"2") + post(b"3"))
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == OK * 3
        assert b"".join(bytes(one) for one in gateway.received).count(b"POST") == 3


async def test_the_end_of_sending_inside_a_later_request_ends_the_connection(bench: Benches) -> None:
    async with bench(answering) as gateway:
        reader, writer = await gateway.dial()
        writer.write(post(b"1") + post(b"22")[:-1])
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == OK
