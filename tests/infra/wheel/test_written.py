"""The modules that the wheel brings say the same as what a worker makes of the same schemas when it starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from event_strategies import events_of
from hypothesis import given

from triptych.infra.wheel.written import main
from triptych.models import lazy, wire
from triptych.models.events import ExecutionBatch, ProtocolEvent
from triptych.models.lazy import LazyCall

Pair = tuple[Callable[..., Any], Callable[..., Any]]
AVRO = Path(wire.__file__).parents[1] / "avro"
SCHEMAS = [
    json.loads((AVRO / f"triptych.{name}.avsc").read_text()) for name in ("ProtocolEvent", "ExecutionBatch", "Call")
]
TAKEN_OVER = (
    *("event_id", "workload", "call_id", "wall_ns", "mono_ns", "tool", "is_error", "error_code", "anomalies"),
    *("principal", "server", "arguments", "result", "tools"),
)
HEADER = 5  # bytes of framing
CODEC = wire.bundled()


def imported(path: Path) -> Any:
    spec = spec_from_file_location(f"triptych.models.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Pair]:
    """Of each: made here, and imported from the module that was written."""
    folder = tmp_path_factory.mktemp("written")
    main(folder)
    return [
        (one.function(), getattr(imported(folder / f"{one.module}.py"), one.name)) for one in lazy.written(*SCHEMAS)
    ]


@given(message=events_of(ProtocolEvent), batch=events_of(ExecutionBatch))
def test_what_is_read_and_written_is_the_same(
    pairs: Sequence[Pair], message: ProtocolEvent, batch: ExecutionBatch
) -> None:
    of_message, of_arguments, of_envelope, of_call = pairs
    read = same(of_message, CODEC.encode(message)[HEADER:])
    same(of_arguments, read.arguments)
    same(of_envelope, CODEC.encode(batch)[HEADER:])
    call = LazyCall()
    for name in TAKEN_OVER:
        setattr(call, name, getattr(read, name))
    one: list[bytes] = []
    other: list[bytes] = []
    of_call[0](call, one)
    of_call[1](call, other)
    assert one == other


def same(pair: Pair, body: bytes) -> Any:
    made, brought = (read(body, 0) for read in pair)
    assert repr(made) == repr(brought)
    return made[0]
