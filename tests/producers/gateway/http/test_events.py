"""What the gateway tells of HTTP traffic: the whole gateway in this process, raw bytes in, events out of its spool."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE_S, until
from raw_http import OK, Handler, post, replying, request_of, serving

from triptych.models.events import ProtocolEvent
from triptych.producers.gateway.http.assembly import Gateway
from triptych.producers.gateway.http.client import ClientConnection
from triptych.producers.gateway.http.config import HttpConfig
from triptych.producers.gateway.http.place import ServerPlace
from triptych.producers.gateway.spool.writer import Spool

Body = dict[str, Any] | list[Any]
CANARY = "CANARY7b3e"
PRESENTED = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lzcy50ZXN0Iiwic3ViIjoiYW5uIiwiYXVkIjoieCIsImV4cCI6MTAwfQ.c2ln"
INITIALIZE: Body = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}},
}


def _call(number: int | str = 1, tool: str = "read", **arguments: Any) -> Body:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def _result(number: int | str = 1, **result: Any) -> Body:
    return {"jsonrpc": "2.0", "id": number, "result": result or {"content": []}}


def _sent(body: Body, *fields: bytes, target: bytes = b"/mcp") -> bytes:
    return post(json.dumps(body).encode(), b"Content-Type: application/json", *fields, target=target)


def _answer(body: Body | bytes, *fields: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json") -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = b"".join(b"\r\n" + field for field in (b"Content-Type: " + kind, *fields))
    return b"HTTP/1.1 %b\r\nContent-Length: %d%b\r\n\r\n%b" % (status, len(data), lines, data)


def _stream(*events: Body, fields: bytes = b"") -> bytes:
    data = b"".join(b"event: message\r\nid: 1\r\ndata: %b\r\n\r\n" % json.dumps(event).encode() for event in events)
    return _answer(data, *([fields] if fields else []), kind=b"text/event-stream")


def _by_method(**answers: bytes) -> Handler:
    """A server that answers by a word of the body."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = (await request_of(reader)).decode("latin-1")
                writer.write(next((answer for word, answer in answers.items() if word in request), OK))
        writer.close()

    return handle


@dataclass
class Running:
    """A gateway and what it has spooled."""

    port: int
    gateway: Gateway
    spooled: Callable[[], list[ProtocolEvent]]

    async def exchange(self, data: bytes, answer: bytes) -> None:
        """Sends `data` on a connection of its own and expects `answer`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        assert await asyncio.wait_for(reader.readexactly(len(answer)), PATIENCE_S) == answer
        writer.close()

    async def events(self, count: int) -> list[ProtocolEvent]:
        """All events, once there are as many."""
        await until(lambda: len(self.spooled()) >= count)
        found = self.spooled()
        assert len(found) == count
        return found


Runs = Callable[..., contextlib.AbstractAsyncContextManager[Running]]


@pytest.fixture
def run(tmp_path: Path, spooled: Callable[[], list[ProtocolEvent]]) -> Runs:
    """`async with run(handler, **settings) as gateway`."""
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)

    @contextlib.asynccontextmanager
    async def build(handler: Handler, endpoint: str = "/mcp", **settings: Any) -> AsyncIterator[Running]:
        async with serving(handler, []) as port:
            config = HttpConfig(
                upstream=f"http://127.0.0.1:{port}{endpoint}",
                server="files",
                spool_dir=tmp_path / "spool",
                key_file=key,
                **settings,
            )
            spool = Spool(config.spool_dir, "instance", config.spool_bytes)
            gateway = Gateway(config, spool, "instance")
            loop = asyncio.get_running_loop()
            front = await loop.create_server(lambda: ClientConnection(gateway.proxy), "127.0.0.1", 0)
            yield Running(front.sockets[0].getsockname()[1], gateway, spooled)
            front.close()
            await gateway.stop()
            spool.close()
            assert gateway.failures == {}

    return build


async def test_a_call_and_its_reply_are_two_events_of_one_call(run: Runs) -> None:
    answer = _answer(_result(text="fine"))
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(path="/srv/a"), b"User-Agent: test/1"), answer)
        request, reply = await gateway.events(2)
    assert (request.kind, reply.kind) == ("request", "response")
    assert (request.method, request.tool, reply.method) == ("tools/call", "read", "tools/call")
    assert request.call_id == reply.call_id != ""
    assert request.connection_id == reply.connection_id
    assert [fact.pointer for fact in request.arguments] == ["/path"]
    assert (reply.latency_ns or 0) > 0
    assert request.http is not None
    assert request.peer is not None
    assert (request.http.method, request.http.path, request.http.status) == ("POST", "/mcp", None)
    assert (request.http.user_agent, request.http.host) == ("test/1", "127.0.0.1")
    assert reply.http is not None
    assert (reply.http.status, reply.http.streamed) == (200, False)
    assert request.peer.address == "127.0.0.1"
    assert request.upstream is not None
    assert request.upstream == reply.upstream
    assert request.upstream.local_port > 0
    assert request.server.id == "files"
    assert (request.conversation_source, request.principal.kind) == ("peer", "peer")


async def test_the_request_is_on_disk_before_the_server_has_it(run: Runs) -> None:
    at_receipt: list[int] = []
    answer = _answer(_result())

    async def looks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        at_receipt.append(len(gateway.spooled()))
        writer.write(answer)

    async with run(looks) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        assert at_receipt == [1]


async def test_the_process_behind_the_server_is_found_and_names_the_workload(run: Runs) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, _ = await gateway.events(2)
    assert request.server.pid > 0
    assert request.server.executable is not None
    assert not request.workload.startswith("server:")


async def test_events_of_a_stream_are_told_one_by_one_with_their_call(run: Runs) -> None:
    progress = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}
    answer = _stream(progress, _result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, note, reply = await gateway.events(3)
    assert (note.kind, note.method) == ("notification", "notifications/progress")
    assert (reply.kind, reply.call_id) == ("response", request.call_id)
    assert reply.http is not None
    assert reply.http.streamed


async def test_a_session_joins_what_both_sides_ask_over_several_exchanges(run: Runs) -> None:
    session = b"Mcp-Session-Id: 5f2d8c1e-0000-4000-8000-000000000001"
    opened = _answer(_result(0, protocolVersion="2025-06-18", capabilities={}), session)
    asks = {"jsonrpc": "2.0", "id": 9, "method": "sampling/createMessage", "params": {}}
    stream = _stream(asks)
    server = _by_method(initialize=opened, GET=stream)
    accepted = OK
    async with run(server) as gateway:
        await gateway.exchange(_sent(INITIALIZE), opened)
        await gateway.exchange(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + session + b"\r\n\r\n", stream)
        await gateway.exchange(_sent(_result(9, role="user"), session, b"MCP-Protocol-Version: 2025-06-18"), accepted)
        init, opening, listening, asked, told = await gateway.events(5)
    assert (init.method, opening.kind) == ("initialize", "response")
    assert (listening.kind, listening.anomalies) == ("transport", ())
    assert (asked.kind, asked.direction) == ("request", "server_to_client")
    assert (told.kind, told.call_id) == ("response", asked.call_id)
    assert {event.conversation_source for event in (listening, asked, told)} == {"session_header"}
    assert len({event.conversation for event in (listening, asked, told)}) == 1
    assert (told.era, told.protocol_version, told.claimed_client) == ("legacy", "2025-06-18", "c 1")
    assert all(event.http and event.http.session_digest for event in (listening, asked, told))


async def test_a_session_that_nobody_opened_here_is_an_anomaly(run: Runs) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(), b"Mcp-Session-Id: stolen"), answer)
        request, _ = await gateway.events(2)
    assert "session-unknown" in request.anomalies


async def test_an_old_pair_of_stream_and_post_is_one_session(run: Runs) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    announce = b"event: endpoint\r\ndata: /messages?session_id=1\r\n\r\n"
    reply = b"event: message\r\ndata: %b\r\n\r\n" % json.dumps(_result(7)).encode()
    accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"
    posted = asyncio.Event()

    async def pair(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await request_of(reader)).startswith(b"GET"):
            writer.write(head + announce)
            await posted.wait()
            writer.write(reply)
        else:
            writer.write(accepted)
            posted.set()
        await writer.drain()
        writer.close()

    async with run(pair, endpoint="") as gateway:
        stream, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await stream.readexactly(len(head + announce))
        await gateway.exchange(_sent(_call(7), target=b"/messages?session_id=1"), accepted)
        assert await asyncio.wait_for(stream.read(), PATIENCE_S) == reply
        opened, request, answered = await gateway.events(3)
    assert opened.kind == "transport"
    assert request.kind == "request"
    assert (answered.kind, answered.call_id) == ("response", request.call_id)


async def test_an_announced_address_on_another_host_is_an_anomaly(run: Runs) -> None:
    answer = _answer(b"event: endpoint\ndata: http://evil.test/x\n\n", kind=b"text/event-stream")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", answer)
        _, elsewhere = await gateway.events(2)
    assert elsewhere.anomalies == ("endpoint-elsewhere",)


async def test_two_clients_with_one_token_and_one_id_keep_their_calls_apart(run: Runs) -> None:
    answer = _answer(_result())
    both = asyncio.Barrier(2)

    async def together(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await both.wait()
        writer.write(answer)

    async with run(together) as gateway:
        await asyncio.gather(*(gateway.exchange(_sent(_call()), answer) for _ in range(2)))
        events = await gateway.events(4)
    requests = [event for event in events if event.kind == "request"]
    assert len({event.call_id for event in events}) == 2
    assert all(event.anomalies == () for event in events)
    assert len(requests[1].in_flight) == 2


async def test_a_refusal_of_the_server_ends_the_call_and_tells_what_is_asked_for(run: Runs) -> None:
    challenge = b'WWW-Authenticate: Bearer error="insufficient_scope", scope="files:write files:read"'
    answer = _answer(b"no", challenge, status=b"403 Forbidden", kind=b"text/plain")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(), b"Authorization: Bearer " + PRESENTED.encode()), answer)
        request, refusal = await gateway.events(2)
        assert gateway.gateway._scopes.active == {}
    assert (refusal.kind, refusal.call_id, refusal.anomalies) == ("transport", request.call_id, ("http-status-403",))
    assert refusal.http is not None
    assert (refusal.http.status, refusal.http.challenge_error) == (403, "insufficient_scope")
    assert refusal.http.challenge_scopes == ("files:read", "files:write")
    assert request.authorization is not None
    assert (request.authorization.issuer, request.authorization.format) == ("https://iss.test", "jwt")
    assert "token-expired" in request.anomalies
    assert (request.principal.kind, request.conversation_source) == ("token", "token")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200 OK"),
        (b"DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: a\r\n\r\n", b"200 OK"),
        (b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405 Method Not Allowed"),
        (post(b"grant_type=x&client_secret=" + CANARY.encode(), target=b"/token"), b"200 OK"),
        (post(b'{"client_name":"x","client_secret":"y"}', target=b"/register"), b"201 Created"),
    ],
)
async def test_what_is_no_message_is_one_transport_event(run: Runs, request_bytes: bytes, status: bytes) -> None:
    answer = _answer(b'{"access_token":"' + CANARY.encode() + b'"}', status=status)
    async with run(replying(answer)) as gateway:
        await gateway.exchange(request_bytes, answer)
        (event,) = await gateway.events(1)
    assert event.kind == "transport"
    assert event.http is not None
    assert event.http.status == int(status[:3])
    refused = (f"http-status-{int(status[:3])}",) if int(status[:3]) >= 400 else ()
    assert event.anomalies == refused


@pytest.mark.parametrize("target", [b"/MCP", b"//mcp", b"/%6dcp", b"/other"])
async def test_a_call_on_another_path_than_the_endpoint_is_seen_and_marked(run: Runs, target: bytes) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(), target=target), answer)
        request, reply = await gateway.events(2)
    assert (request.tool, reply.call_id) == ("read", request.call_id)
    assert "off-endpoint" in request.anomalies


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"Content-Encoding: gzip", gzip.compress(json.dumps(_call()).encode())),
        (b"Content-Type: application/json; charset=utf-16", json.dumps(_call()).encode("utf-16")),
    ],
)
async def test_a_coded_request_hides_no_call(run: Runs, coding: bytes, body: bytes) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(post(body, coding), answer)
        request, _ = await gateway.events(2)
    assert request.tool == "read"
    assert any(anomaly.startswith("content-") for anomaly in request.anomalies)
    assert request.size == len(body)


async def test_a_compressed_reply_is_read(run: Runs) -> None:
    answer = _answer(gzip.compress(json.dumps(_result()).encode()), b"Content-Encoding: gzip")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        _, reply = await gateway.events(2)
    assert (reply.kind, reply.is_error) == ("response", False)


async def test_a_compressed_bomb_is_counted_and_not_unpacked(run: Runs) -> None:
    answer = _answer(gzip.compress(b"[" + b" " * 20_000_000), b"Content-Encoding: gzip")
    async with run(replying(answer), inspect_bytes=100_000) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, missing = await gateway.events(2)
    assert (missing.kind, missing.call_id, missing.anomalies) == ("transport", request.call_id, ("reply-missing",))


async def test_what_a_server_says_unasked_is_told_and_answers_nobody(run: Runs) -> None:
    answer, unasked, answered = _answer(_result()), _answer(_result(2)), asyncio.Event()

    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(answer)
        await answered.wait()
        writer.write(unasked)
        await writer.drain()

    async with run(talks) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        answered.set()
        *_, surplus = await gateway.events(3)
        answered.clear()
        await gateway.exchange(_sent(_call()), answer)
    assert surplus.anomalies == ("response-surplus",)


async def test_streams_together_keep_no_more_than_their_bound(run: Runs) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: "

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(head + b"x" * 100_000)
        await reader.read()
        writer.close()

    async with run(endless, held_bytes=150_000) as gateway:
        dialled = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(3)]
        for reader, writer in dialled:
            writer.write(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert len(await asyncio.wait_for(reader.readexactly(len(head) + 100_000), PATIENCE_S)) > 100_000
        memory = gateway.gateway.proxy._means.memory
        assert 0 <= memory._left < 60_000
        for _, writer in dialled:
            writer.transport.abort()
        await until(lambda: memory._left == 150_000)


async def test_a_trace_among_the_headers_counts_where_the_message_has_none(run: Runs) -> None:
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(), f"traceparent: 00-{trace}-{span}-01".encode()), answer)
        request, reply = await gateway.events(2)
    assert {event.correlation_id for event in (request, reply)} == {trace}
    assert (request.trace_source, request.parent_span_id) == ("header", span)


async def test_headers_that_say_something_else_than_the_body_are_an_anomaly(run: Runs) -> None:
    answer = _answer(_result())
    headers = (b"MCP-Protocol-Version: 2026-07-28", b"Mcp-Method: tools/call", b"Mcp-Name: harmless")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(tool="rm"), *headers), answer)
        request, _ = await gateway.events(2)
    assert "header-mismatch" in request.anomalies


@pytest.mark.parametrize(
    ("request_bytes", "anomaly"),
    [
        (b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "smuggling"),
        (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n", "smuggling"),
        (post(b"{}", b"Origin: http://evil.test"), "origin-not-allowed"),
        (b"GET /mcp HTTP/1.1\r\nHost: evil.test\r\n\r\n", "host-not-allowed"),
        (b"garbage\r\n\r\n", "head-invalid"),
    ],
)
async def test_what_is_refused_is_an_event(run: Runs, request_bytes: bytes, anomaly: str) -> None:
    async with run(replying(OK)) as gateway:
        await gateway.exchange(request_bytes, b"HTTP/1.1 40")
        (event,) = await gateway.events(1)
    assert (event.kind, event.action, event.anomalies) == ("transport", "blocked", (anomaly,))
    assert event.peer is not None


async def test_a_server_that_goes_away_ends_its_call_with_an_incident(run: Runs) -> None:
    async def dies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.close()

    async with run(dies) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(_sent(_call()))
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        request, incident = await gateway.events(2)
    assert (incident.kind, incident.call_id) == ("transport", request.call_id)
    assert incident.anomalies == ("server-disconnected",)


async def test_a_client_that_leaves_is_an_incident_of_its_call(run: Runs) -> None:
    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await reader.read()
        writer.close()

    async with run(waits) as gateway:
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(_sent(_call()))
        await gateway.events(1)
        writer.transport.abort()
        request, incident = await gateway.events(2)
    assert incident.call_id == request.call_id
    assert incident.anomalies == ("client-disconnected",)


async def test_a_forbidden_tool_is_answered_by_the_gateway_and_told_as_blocked(run: Runs) -> None:
    async with run(replying(OK), allow=("read",)) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(_sent(_call("x-1", tool="rm")))
        head, _, body = (await asyncio.wait_for(reader.read(), PATIENCE_S)).partition(b"\r\n\r\n")
        request, error = await gateway.events(2)
    answer = json.loads(body)
    assert head.startswith(b"HTTP/1.1 403 ")
    assert answer["id"] == "x-1"
    assert not -32768 <= answer["error"]["code"] <= -32000
    assert (request.action, request.policy, request.tool) == ("blocked", ("tool-not-allowed",), "rm")
    assert (error.action, error.kind, error.call_id) == ("blocked", "error", request.call_id)


async def test_an_allowed_tool_passes_the_policy(run: Runs) -> None:
    answer = _answer(_result())
    async with run(replying(answer), allow=("read",)) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, _ = await gateway.events(2)
    assert (request.action, request.policy) == ("forwarded", ())


async def test_a_body_beyond_the_bound_is_told_as_far_as_it_was_read(run: Runs) -> None:
    answer = _answer(_result())
    request_bytes = _sent(_call(text="x" * 100_000))
    async with run(replying(answer), inspect_bytes=5000) as gateway:
        await gateway.exchange(request_bytes, answer)
        request, *_ = await gateway.events(2)
    assert "oversize" in request.anomalies
    assert (request.tool, request.inspected) == ("read", 5000)
    assert request.size > 100_000


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_reply_beyond_the_bound_ends_its_call_wherever_its_id_stands(run: Runs, streamed: bool) -> None:
    reply = {"result": {"content": [{"type": "text", "text": "x" * 100_000}]}, "jsonrpc": "2.0", "id": 1}
    answer = _stream(reply) if streamed else _answer(reply)
    async with run(replying(answer), inspect_bytes=5000) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, response = await gateway.events(2)
        assert gateway.gateway._scopes.active == {}
    assert (response.kind, response.call_id) == ("response", request.call_id)
    assert "oversize" in response.anomalies
    assert response.is_error is None


async def test_a_batch_is_told_message_by_message(run: Runs) -> None:
    answer = _answer([_result(1), _result(2)])
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent([_call(1), _call(2, tool="rm")]), answer)
        events = await gateway.events(4)
    assert [event.tool for event in events] == ["read", "rm", "read", "rm"]
    assert all("batch" in event.anomalies for event in events)


async def test_a_local_client_is_named_where_that_is_asked_for(run: Runs) -> None:
    answer = _answer(_result())
    async with run(replying(answer), identify_peers=True) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        await until(lambda: [client for client in gateway.gateway.proxy._clients if client.known.peer.pid])
        writer.write(_sent(_call()))
        assert await asyncio.wait_for(reader.readexactly(len(answer)), PATIENCE_S) == answer
        request, _ = await gateway.events(2)
    assert request.peer is not None
    assert request.peer.pid == os.getpid()


async def test_what_cannot_be_observed_passes_and_is_counted(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr("triptych.producers.gateway.http.observation.ExchangeWatch", None)
            await gateway.exchange(_sent(_call()), answer)
        failures = gateway.gateway.failures
        assert failures == {"TypeError": 1}
        failures.clear()
        await gateway.exchange(_sent(_call()), answer)
        request, _ = await gateway.events(2)
    assert request.lost_before == 1


async def test_a_request_that_cannot_be_described_is_told_as_it_was_announced(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = _answer(_result())
    monkeypatch.setattr(ServerPlace, "of", lambda place, pid: setattr(place, "cwd", None))
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call(path="notes/a.txt")), answer)
        request, response = await gateway.events(2)
    assert "undescribed" in request.anomalies
    assert (request.tool, request.upstream is not None, request.arguments) == ("read", True, ())
    assert response.call_id == request.call_id


async def test_what_cannot_be_judged_is_forbidden_where_anything_is(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    async with run(replying(OK), allow=("read",)) as gateway:
        with monkeypatch.context() as patch:
            patch.setattr("triptych.producers.gateway.http.observation.ExchangeWatch", None)
            await gateway.exchange(_sent(_call()), b"HTTP/1.1 403 Forbidden")
        gateway.gateway.failures.clear()


async def test_no_planted_text_is_in_any_event(run: Runs, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = CANARY.encode()
    answer = _answer(_result(1, content=[{"type": "text", "text": CANARY}]), b"X-Secret: " + secret)
    fields = (b"Authorization: Bearer " + secret, b"Cookie: " + secret, b"Mcp-Session-Id: " + secret)
    odd = b"GET /mcp?access_token=" + secret + b" HTTP/1.1\r\nHost: localhost\r\nX: " + secret + b"\r\n\r\n"
    async with run(replying(answer)) as gateway:
        await gateway.exchange(
            _sent(_call(path="/" + CANARY, token=CANARY), *fields, b"Mcp-Param-A: " + secret), answer
        )
        await gateway.exchange(odd, answer)
        await gateway.exchange(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n bad: " + secret + b"\r\n\r\n", b"HTTP/1.1 4")
        await gateway.events(4)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "spool").iterdir())
    assert b"tools/call" in kept
    assert secret not in kept
    assert CANARY not in "".join(capfd.readouterr())


WIDE = json.dumps(_call(tool="rm")).encode("utf-16-le")
ESCAPED = json.dumps(_call(tool="rm")).encode().replace(b"jsonrpc", b"json\\u0072pc")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (WIDE, b"Content-Type: application/json"),
        (WIDE, b"Content-Type: application/json; charset=utf-16be"),
        (b"\xef\xbb\xbf" + ESCAPED, b"Content-Type: application/json"),
        (ESCAPED, b"Content-Type: application/json; charset=utf-16"),
        (ESCAPED, b"Content-Encoding: br"),
        (ESCAPED, b"Content-Encoding: gzip"),
        (ESCAPED, b"Content-Encoding: none"),
    ],
)
async def test_a_call_is_seen_as_it_stands_whatever_a_header_says_of_it(run: Runs, body: bytes, field: bytes) -> None:
    answer = _answer(_result())
    async with run(replying(answer)) as gateway:
        await gateway.exchange(post(body, field), answer)
        request, reply = await gateway.events(2)
    assert (request.kind, request.tool, reply.call_id) == ("request", "rm", request.call_id)
    assert any(anomaly.startswith("content-") for anomaly in request.anomalies)


@pytest.mark.parametrize("endpoint", ["/mcp", ""])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        (WIDE, b"Content-Type: application/json, form"),
        (b"\xef\xbb\xbf" + ESCAPED, b"Content-Type: application/json, form"),
        (ESCAPED.replace(b"{}", b'{"a": NaN}'), b"Content-Type: application/json, form"),
        (b"[" + b"1," * 64 + ESCAPED + b"]", b"Content-Type: application/json"),
        (b"[[" + ESCAPED + b"]]", b"Content-Type: application/json"),
        (ESCAPED.replace(b"method", b"Method").replace(b"json\\u0072pc", b"x"), b"Content-Type: application/json"),
        (ESCAPED, b"Content-Encoding: gzip, br"),
    ],
)
async def test_no_spelling_of_path_and_body_hides_a_call_from_the_policy(
    run: Runs, endpoint: str, body: bytes, field: bytes
) -> None:
    async with run(replying(OK), endpoint=endpoint, allow=("read",)) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post(body, field, target=b"/%6dcp"))
        assert (await asyncio.wait_for(reader.read(), PATIENCE_S)).startswith(b"HTTP/1.1 403 ")
        writer.close()


async def test_a_body_of_two_readings_is_judged_by_both(run: Runs) -> None:
    body = json.dumps(_call(tool="read", a="+AFw-")).encode()
    async with run(replying(OK), allow=("read",)) as gateway:
        await gateway.exchange(post(body, b"Content-Type: application/json; charset=utf-8"), OK)
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(post(body, b"Content-Type: application/json; charset=utf-7"))
        assert (await asyncio.wait_for(reader.read(), PATIENCE_S)).startswith(b"HTTP/1.1 403 ")
        writer.close()


@pytest.mark.parametrize(
    "kind",
    [b"text/event-stream, x", b"text/event-streamX", b"application/json; x=text/event-stream", b"Text/Event-Stream"],
)
async def test_events_are_read_under_every_type_that_some_client_takes_for_theirs(run: Runs, kind: bytes) -> None:
    data = b"data: %b\n\n" % json.dumps(_result()).encode()
    async with run(replying(_answer(data, kind=kind))) as gateway:
        await gateway.exchange(_sent(_call()), _answer(data, kind=kind))
        request, reply = await gateway.events(2)
    assert (reply.kind, reply.call_id) == ("response", request.call_id)


async def test_a_body_under_a_type_of_events_is_read_as_a_body(run: Runs) -> None:
    answer = _answer(_result(), kind=b"application/json; x=text/event-stream")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(_sent(_call()), answer)
        request, reply = await gateway.events(2)
    assert (reply.kind, reply.call_id) == ("response", request.call_id)


async def test_what_answers_the_get_of_a_stream_is_read_as_one(run: Runs) -> None:
    data = b'data: {"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}\n\n'
    answer = _answer(data, kind=b"text/plain")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", answer)
        _, asked = await gateway.events(2)
    assert (asked.kind, asked.method) == ("request", "sampling/createMessage")


@pytest.mark.parametrize("secret", [b"ghp_" + b"0123456789abcdef" * 2 + b"0123", b"AKIAIOSFODNN7EXAMPLQ"])
async def test_names_that_a_sender_chose_are_hidden_where_they_look_secret(run: Runs, secret: bytes) -> None:
    answer = _answer(_result())
    fields = [b"Mcp-Protocol-Version: 2026-07-28", *[b"Mcp-Param-" + secret + b": 1"] * 2]
    request_bytes = _sent(_call(), *fields).replace(b"POST", secret, 1)
    async with run(replying(answer)) as gateway:
        await gateway.exchange(request_bytes, answer)
        events = await gateway.events(2)
    assert "header-mismatch" in events[0].anomalies
    assert secret.decode().lower() not in repr(events).lower()


async def test_sessions_without_end_do_not_end_the_calls_of_others(run: Runs) -> None:
    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await until(lambda: done)
        writer.write(answer)

    done: list[bool] = []
    answer = _answer(_result())
    async with run(waits) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(_sent(_call(), b"Mcp-Session-Id: mine"))
        await until(gateway.spooled)
        scopes = gateway.gateway._scopes
        for number in range(5000):
            scopes.of(f"session\0{number}", session=True)
        assert len(scopes.active) == 1
        done.append(True)
        assert await asyncio.wait_for(reader.readexactly(len(answer)), PATIENCE_S) == answer
        request, reply = await gateway.events(2)
        writer.close()
    assert reply.call_id == request.call_id


async def test_a_stream_gives_only_so_many_addresses(run: Runs) -> None:
    data = b"".join(b"event: endpoint\ndata: /post?n=%d\n\n" % number for number in range(100))
    answer = _answer(data, kind=b"text/event-stream")
    async with run(replying(answer)) as gateway:
        await gateway.exchange(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n", answer)
        await gateway.events(1)
        scopes = gateway.gateway._scopes
        known = [number for number in range(100) if scopes.announced(f"/post?n={number}")]
    assert known == list(range(8))
