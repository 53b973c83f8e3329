"""Tells the kernel sensor which call each thread of a Python MCP server works for, so that effects of calls at the same
time are told apart. Refuses nothing and needs nothing: where no sensor listens, the kernel refuses one cheap prctl.

    python -m triptych.producers.shim server.py --its options      # or, in the server: shim.install()

Only the standard library is used, so this file may also be copied into a server's environment by itself.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import ctypes
import functools
import hashlib
import importlib
import json
import multiprocessing.process
import os
import runpy
import sys
import threading
import types
from collections.abc import Callable, Generator, Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["MAGIC", "call", "install", "main", "mark"]

MAGIC = 0x4D435031  # a prctl that no kernel knows; bpf/ knows it too

_current: ContextVar[int] = ContextVar("triptych_call", default=0)
_told = threading.local()


def mark(request: str, trace_id: str = "") -> int:
    """What a call is told by: 64 bits, never 0, of its JSON-RPC id as JSON text and the trace id of its `_meta`."""
    digest = hashlib.blake2b(f"{request}\n{trace_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) or 1


def _tell(value: int) -> None:
    """This thread works for that call from now on; 0 for none."""
    if getattr(_told, "value", 0) != value:
        _prctl(MAGIC, value, 0, 0, 0)
        _told.value = value


def _unavailable(*_: int) -> int:
    return -1


def _find_prctl() -> Callable[..., int]:
    """Called with the interpreter's lock held, as it takes less than handing the lock over."""
    found: Any = getattr(ctypes.PyDLL(None), "prctl", None) if sys.platform == "linux" else None
    if found is None:
        return _unavailable
    found.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    return found  # type: ignore[no-any-return]


_prctl = _find_prctl()


@contextlib.contextmanager
def call(request_id: int | str | None, traceparent: str | None = None) -> Iterator[None]:
    """What is done in here is done for that request. Servers not built on the reference SDK call it themselves."""
    parts = traceparent.split("-") if isinstance(traceparent, str) else []
    trace_id = parts[1].lower() if len(parts) > 2 else ""
    with _as(mark(json.dumps(request_id, ensure_ascii=False), trace_id)):
        yield


@contextlib.contextmanager
def _as(value: int) -> Iterator[None]:
    token = _current.set(value)
    _tell(value)
    try:
        yield
    finally:
        _current.reset(token)
        _tell(_current.get())


def _carrying(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` for a thread of a pool: it works for the call that hands it over, and then for none."""
    value = _current.get()

    @functools.wraps(function)
    def carried(*args: Any, **kwargs: Any) -> Any:
        with _as(value):
            return function(*args, **kwargs)

    return carried


@types.coroutine
def _stepwise(work: Any) -> Generator[Any, Any, Any]:
    """`work`, told at every step: loops such as uvloop run their tasks without asyncio's Handle."""
    steps, value = work.__await__(), _current.get()
    resume: Callable[[], Any] = functools.partial(steps.send, None)
    while True:
        _tell(value)
        try:
            waits_for = resume()
        except StopIteration as done:
            return done.value
        finally:
            _tell(0)  # what the loop does next is for nobody yet
        try:
            resume = functools.partial(steps.send, (yield waits_for))
        except BaseException as error:
            resume = functools.partial(steps.throw, error)


def install() -> None:
    """Follow calls through asyncio, pools of threads, anyio, and the reference SDK, releases 1 and 2. Idempotent."""
    if hasattr(asyncio.Handle._run, "follows_calls"):
        return
    _patch_handles()
    _patch_pools()
    _release_workers()
    for module, owner, name, wrapped in _SDKS:
        with contextlib.suppress(ImportError, AttributeError):
            holder = getattr(importlib.import_module(module), owner)
            setattr(holder, name, wrapped(getattr(holder, name)))


def _patch_handles() -> None:
    inner: Callable[[asyncio.Handle], None] = asyncio.Handle._run

    def _run(self: Any) -> None:
        _tell(self._context.get(_current, 0))
        inner(self)

    _run.follows_calls = True  # type: ignore[attr-defined]
    asyncio.Handle._run = _run  # type: ignore[method-assign]


def _patch_pools() -> None:
    submit = concurrent.futures.ThreadPoolExecutor.submit

    def submit_carrying(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(self, _carrying(fn), *args, **kwargs)

    concurrent.futures.ThreadPoolExecutor.submit = submit_carrying  # type: ignore[method-assign]
    with contextlib.suppress(ImportError):
        to_thread: Any = importlib.import_module("anyio.to_thread")
        run_sync = to_thread.run_sync

        async def run_carrying(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            return await run_sync(_carrying(func), *args, **kwargs)

        to_thread.run_sync = run_carrying


def _release_workers() -> None:
    """A worker process that one call happens to start serves later ones too: it is born for none."""
    start = multiprocessing.process.BaseProcess.start

    def start_for_none(self: Any) -> None:
        with _as(0):
            start(self)

    multiprocessing.process.BaseProcess.start = start_for_none  # type: ignore[method-assign]


def _sdk_2(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def on_request(self: Any, context: Any, method: str, params: Any) -> Any:
        meta = params.get("_meta") if params else None
        with call(context.request_id, meta.get("traceparent") if isinstance(meta, dict) else None):
            return await _stepwise(inner(self, context, method, params))

    return on_request


def _sdk_1(inner: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def handle_request(self: Any, message: Any, *args: Any, **kwargs: Any) -> Any:
        with call(message.request_id, getattr(message.request_meta, "traceparent", None)):
            return await _stepwise(inner(self, message, *args, **kwargs))

    return handle_request


_SDKS = (
    ("mcp.server.runner", "ServerRunner", "_on_request", _sdk_2),
    ("mcp.server.lowlevel.server", "Server", "_handle_request", _sdk_1),
)


def main() -> None:
    """Run a program with its options as if it had been started by itself, followed."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m triptych.producers.shim PROGRAM.py [OPTION ...] | -m MODULE [OPTION ...]")
    install()
    if __spec__ is not None:  # the program may import this module: then it must be this very one
        sys.modules[__spec__.name] = sys.modules[__name__]
    del sys.argv[0]
    if sys.argv[0] == "-m" and len(sys.argv) > 1:
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        return
    sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))  # noqa: PTH100,PTH120
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
