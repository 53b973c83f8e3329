"""Shared by all tests: the real broker and store, and one rule for parts that this machine lacks."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import hypothesis
import pytest
import uvicorn
from patience import PATIENCE_S
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from triptych.infra import brokers, stores
from triptych.infra.settings import Kafka, Redis
from triptych.models.errors import TriptychError

pytest_plugins = ("ocsf_validator",)

# Many tests share two cores: how long an example took says nothing.
hypothesis.settings.register_profile(
    "triptych", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("triptych")

# A suite in the background of a shell ignores interrupts, and so would all that it starts.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

P = TypeVar("P")
Require = Callable[[str, str], NoReturn]

REQUIRED = frozenset(filter(None, os.environ.get("TRIPTYCH_REQUIRE", "").split(",")))


def _require(part: str, reason: str) -> NoReturn:
    if part in REQUIRED:
        pytest.fail(f"TRIPTYCH_REQUIRE names {part}, but {reason}", pytrace=False)
    pytest.skip(f"{part}: {reason}")


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(part, reason)` skips for want of a part, or fails where TRIPTYCH_REQUIRE names it."""
    return _require


@pytest.fixture(scope="session", autouse=True)
def _clean_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the developer's own reaches a test, and no test writes into a home."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("TRIPTYCH_") and name != "TRIPTYCH_REQUIRE"]:
            patch.delenv(name)
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real Apache Kafka that holds the topics of topics.toml. For tests marked broker."""
    with _started("broker", brokers.start(Kafka(provider="local"))) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """Address of a real redis-server, shared: take a prefix of your own. For tests marked broker."""
    with _started("broker", stores.start(Redis(provider="local"))) as store:
        yield store.url


@dataclass
class SchemaRegistry:
    """A schema registry with Confluent's answers, over HTTP. `asked` lists the requests that reached it."""

    url: str = ""
    login: str = ""
    broken: Response | None = None
    """What it answers to everything, when it is not well."""
    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, schema_id: int, schema: Any, **facts: str) -> None:
        self.schemas[schema_id] = {"schema": json.dumps(schema), **facts}

    async def answer(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.broken is not None:
            return self.broken
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and request.headers.get("authorization") != wanted:
            return JSONResponse({"error_code": 401, "message": "who are you?"}, 401)
        if "schema_id" in request.path_params:
            return self._found(self.schemas.get(request.path_params["schema_id"]))
        return self._subject(request.path_params["subject"], await request.json(), request.url.path)

    def _subject(self, subject: str, body: dict[str, str], path: str) -> Response:
        held = self.subjects.get(subject)
        same = held is not None and json.loads(self.schemas[held]["schema"]) == json.loads(body["schema"])
        if not path.endswith("/versions"):
            return self._found({"id": held} if same else None)
        if held is not None and not same:
            return JSONResponse({"error_code": 409, "message": "incompatible"}, 409)
        self.subjects[subject] = held or len(self.schemas) + 1
        self.schemas[self.subjects[subject]] = {"schema": body["schema"]}
        return JSONResponse({"id": self.subjects[subject]})

    def _found(self, what: Any) -> Response:
        return JSONResponse(what) if what else JSONResponse({"error_code": 40403, "message": "Schema not found"}, 404)


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    """A schema registry on loopback, empty."""
    ours = SchemaRegistry()
    routes = [
        Route("/schemas/ids/{schema_id:int}", ours.answer),
        Route("/subjects/{subject}", ours.answer, methods=["POST"]),
        Route("/subjects/{subject}/versions", ours.answer, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield ours
        server.should_exit = True
        thread.join(PATIENCE_S)


@contextlib.contextmanager
def _started(part: str, manager: AbstractContextManager[P]) -> Iterator[P]:
    with contextlib.ExitStack() as stack:
        try:
            started = stack.enter_context(manager)
        except TriptychError as error:
            _require(part, str(error))
        yield started
