"""Schemas from a registry: asked once, kept, refused with a reason, and never confused with a registry that is away."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from dataclasses import asdict, dataclass
from typing import Any

import fastavro
import pytest
from patience import PATIENCE_S
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from triptych.models.errors import ConfigError, WireError
from triptych.models.events import DeadLetter
from triptych.models.wire import SCHEMAS, Codec, bundled
from triptych.streams.registry import (
    RegisteredSchemas,
    Registry,
    RegistryAwayError,
    RegistryConfig,
    RegistryRefusedError,
)

LETTER = json.loads((SCHEMAS / "triptych.DeadLetter.avsc").read_text())
STRANGER = {"type": "record", "name": "Stranger", "namespace": "x", "fields": []}


def framed(schema_id: int, schema: Any, value: dict[str, Any]) -> bytes:
    out = io.BytesIO(struct.pack(">bI", 0, schema_id))
    out.seek(5)
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


@dataclass
class Learner:
    """A codec, and what teaches it."""

    schemas: RegisteredSchemas
    codec: Codec
    now: float = 0.0

    async def learn(self, *ids: int) -> dict[int, WireError]:
        return dict(await self.schemas.teach(self.codec, ids))


def learner(url: str, *, most: int = 10_000, **config: Any) -> Learner:
    registry = Registry(RegistryConfig(url=url, timeout_s=PATIENCE_S, **config))
    ours = Learner(RegisteredSchemas(registry, now=lambda: ours.now, refused_s=60, refused_most=most), bundled())
    return ours


def _login(password: str) -> dict[str, str]:
    return {"username": "ann", "password": password}


async def test_an_unknown_id_is_asked_for_once_whoever_needs_it(registry: Any) -> None:
    registry.add(7, LETTER)
    ours = learner(registry.url)
    assert await asyncio.gather(*(ours.learn(7) for _ in range(5))) == [{}] * 5
    assert registry.asked == ["GET /schemas/ids/7"]
    assert ours.codec.decode(framed(7, LETTER, asdict(DeadLetter(code="W01")))) == DeadLetter(code="W01")


async def test_what_the_manifest_has_is_never_asked_for(registry: Any) -> None:
    assert await learner(registry.url).learn(1501) == {}
    assert registry.asked == []


async def test_an_id_nobody_knows_is_asked_for_again_only_after_a_while(registry: Any) -> None:
    ours = learner(registry.url)
    await ours.learn(7)
    await ours.learn(7)
    assert (len(registry.asked), ours.codec.knows(7)) == (1, False)
    registry.add(7, LETTER)
    ours.now = 61.0
    await ours.learn(7)
    assert (len(registry.asked), ours.codec.knows(7)) == (2, True)


async def test_ids_nobody_knows_do_not_fill_the_memory(registry: Any) -> None:
    ours = learner(registry.url, most=2)
    await ours.learn(7, 8, 9)
    await ours.learn(8, 9)
    await ours.learn(7)
    assert [path.rpartition("/")[2] for path in registry.asked] == ["7", "8", "9", "7"]


@pytest.mark.parametrize(
    ("schema", "facts"),
    [
        (STRANGER, {}),
        ("string", {}),
        (["null", "int"], {}),
        ({**STRANGER, "name": "triptych.Call", "fields": [{"name": "a", "type": "nowhere"}]}, {}),
        ({**LETTER, "type": "error"}, {}),
        (LETTER, {"schemaType": "JSON"}),
    ],
    ids=["another record", "a primitive", "a union", "no type of Avro", "no record", "no Avro"],
)
async def test_a_schema_of_no_event_is_refused_as_another_type(registry: Any, schema: Any, facts: Any) -> None:
    registry.add(7, schema, **facts)
    ours = learner(registry.url)
    assert [(number, error.code) for number, error in (await ours.learn(7)).items()] == [(7, "W04")]
    assert list(await ours.learn(7)) == [7]
    assert len(registry.asked) == 1


async def test_a_name_may_carry_its_namespace(registry: Any) -> None:
    plain = {key: value for key, value in LETTER.items() if key != "namespace"}
    registry.add(7, {**plain, "name": "triptych.DeadLetter"})
    assert await learner(registry.url).learn(7) == {}


async def test_a_foreign_schema_cannot_change_the_types_of_an_event(registry: Any) -> None:
    fields = [{**one, "type": "string", "default": ""} if one["name"] == "wall_ns" else one for one in LETTER["fields"]]
    schema = {**LETTER, "fields": fields}
    registry.add(7, schema)
    ours = learner(registry.url)
    await ours.learn(7)
    with pytest.raises(WireError, match="W03"):
        ours.codec.decode(framed(7, schema, {**asdict(DeadLetter()), "wall_ns": "now"}))


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("later", 503),
        PlainTextResponse("<html>", 200),
        JSONResponse([], 200),
        JSONResponse({"error_code": 404, "message": "no such path"}, 404),
        PlainTextResponse("Not Found", 404),
        RedirectResponse("http://127.0.0.1:1/"),
        JSONResponse({"error_code": 50001, "message": "store"}, 500),
    ],
    ids=["busy", "a page", "no object", "another path", "no registry", "elsewhere", "its store"],
)
async def test_what_is_no_answer_of_a_registry_is_no_refusal(registry: Any, answer: Response) -> None:
    ours = learner(registry.url)
    registry.broken = answer
    with pytest.raises(RegistryAwayError, match="J06"):
        await ours.learn(7)
    registry.broken = None
    registry.add(7, LETTER)
    assert (await ours.learn(7), ours.codec.knows(7)) == ({}, True)


async def test_nobody_listening_is_a_registry_that_is_away() -> None:
    with pytest.raises(RegistryAwayError, match="does not answer"):
        await learner("http://127.0.0.1:1").learn(7)


async def test_a_login_is_sent_and_a_wrong_one_loses_nothing(registry: Any) -> None:
    registry.login = "ann:s3cret"
    registry.add(7, LETTER)
    with pytest.raises(RegistryAwayError, match="401") as caught:
        await learner(registry.url, **_login("wr0ng")).learn(7)
    assert "wr0ng" not in str(caught.value)
    assert await learner(registry.url, **_login("s3cret")).learn(7) == {}


async def test_a_base_path_stays(registry: Any) -> None:
    with pytest.raises(RegistryAwayError):
        await learner(f"{registry.url}/apis/ccompat/v7/").learn(7)
    assert registry.asked == []


async def test_a_registry_that_refuses_a_schema_says_so(registry: Any) -> None:
    client = Registry(RegistryConfig(url=registry.url))
    assert await client.register("t-value", LETTER) == await client.register("t-value", LETTER)
    with pytest.raises(RegistryRefusedError, match=r"J07 .*incompatible"):
        await client.register("t-value", STRANGER)
    assert (await client.id_of("t-value", LETTER), await client.id_of("t-value", STRANGER)) == (1, None)


def test_a_certificate_file_must_hold_one() -> None:
    with pytest.raises(ConfigError, match="/nowhere"):
        Registry(RegistryConfig(url="https://registry", ca_file="/nowhere"))  # type: ignore[arg-type]


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(RegistryConfig(url="http://registry", **_login("s3cret")))
