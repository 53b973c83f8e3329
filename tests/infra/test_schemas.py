"""The schemas command: what is registered is what this version writes, read back and compared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from triptych.infra import schemas
from triptych.infra.cli.main import app
from triptych.infra.topics import wanted
from triptych.models.errors import ConfigError, TriptychError
from triptych.models.wire import releases, schema_fingerprint
from triptych.streams.registry import Registry, RegistryConfig, RegistryRefusedError

OURS = {release.name: release for release in releases() if release.current}
TOPICS = {topic.name: OURS[topic.value] for topic in wanted(1) if topic.value in OURS}


def _run(url: str, *arguments: str) -> Result:
    flags = ["--set", f"registry.url={url}"] if url else []
    return CliRunner().invoke(app, [*flags, "schemas", *arguments])


def _states(result: Result) -> dict[str, tuple[int | None, str]]:
    return {row["topic"]: (row["registry_id"], row["state"]) for row in json.loads(result.stdout)}


def test_every_schema_of_the_manifest_travels_on_a_topic() -> None:
    assert {release.name for release in TOPICS.values()} == OURS.keys()


def test_without_a_registry_the_manifest_is_listed() -> None:
    result = _run("", "list")
    assert result.exit_code == 0
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:]] == [
        [topic, release.name, str(release.id)] for topic, release in TOPICS.items()
    ]


def test_without_a_registry_there_is_nothing_to_register_in() -> None:
    assert isinstance(_run("", "register").exception, ConfigError)


def test_registering_twice_is_registering_once(registry: Any) -> None:
    first = _states(_run(registry.url, "register", "--json"))
    again = _states(_run(registry.url, "register", "--json"))
    assert first == again == {topic: (number, "registered") for number, topic in enumerate(TOPICS, 1)}
    assert registry.subjects.keys() == {f"{topic}-value" for topic in TOPICS}
    held = {number: schema_fingerprint(json.loads(entry["schema"])) for number, entry in registry.schemas.items()}
    assert held == {number: release.fingerprint for number, release in enumerate(TOPICS.values(), 1)}


def test_listing_registers_nothing(registry: Any) -> None:
    assert set(_states(_run(registry.url, "list", "--json")).values()) == {(None, "absent")}
    assert registry.subjects == {}
    _run(registry.url, "register")
    assert set(_states(_run(registry.url, "list", "--json")).values()) == {(n, "registered") for n in range(1, 7)}


def test_another_schema_under_an_id_of_the_manifest_is_shown(registry: Any) -> None:
    registry.add(TOPICS["mcp.calls"].id, {"type": "record", "name": "Stranger", "fields": []})
    assert [
        topic for topic, (_, state) in _states(_run(registry.url, "list", "--json")).items() if state != "absent"
    ] == ["mcp.calls"]


async def test_a_registry_that_gives_another_schema_back_is_not_believed(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_found", lambda what: type(registry)._found(registry, {"schema": '"string"'}))
    with pytest.raises(RegistryRefusedError, match=r"J07 mcp\.protocol-value: id 1 "):
        async for _ in schemas.register(Registry(RegistryConfig(url=registry.url))):
            pass


def test_a_registry_that_is_away_is_an_error_with_a_next_step() -> None:
    error = _run("http://127.0.0.1:1", "register").exception
    assert isinstance(error, TriptychError)
    assert (error.code, "registry.url" in error.hint) == ("J06", True)
