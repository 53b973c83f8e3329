"""One Python rule in its process: asked call by call, each within its time, left alone when it fails too often.

Whoever stops waiting ends the process with it: an answer is never taken for the answer to the next question.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from ...models.text import clean

__all__ = ["Budget", "Reply", "Sandbox"]

log = structlog.get_logger(__name__)
_CHILD = Path(__file__).with_name("child.py")
_LINE = 1 << 20
_START_S = 10.0
_PARDON = 1 / 50

Reply = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """`call_s`: for one call, wall time. `failures`: in a row, after which a rule is stopped until its file changes;
    fifty good calls make up for one."""

    call_s: float = 0.25
    failures: int = 3


class Sandbox:
    """`failed` counts calls that the rule could not judge, by why: raised, late, ended."""

    def __init__(self, name: str, source: str, budget: Budget | None = None) -> None:
        self.name = name
        self.failed: dict[str, int] = {}
        self.last_error = ""
        self._source = source
        self._budget = budget or Budget()
        self._strikes = 0.0
        self._closed = False
        self._one_at_a_time = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def stopped(self) -> bool:
        return self._closed or self._strikes >= self._budget.failures

    async def judge(self, calls: Sequence[bytes]) -> list[Reply | None]:
        """What the rule says of each call (JSON); None where it could not say anything."""
        async with self._one_at_a_time:
            return [await self._judge(call) for call in calls]

    async def close(self) -> None:
        """End the process and wait for its end; there is no other after it."""
        self._closed = True
        async with self._one_at_a_time:
            await self._end()

    async def start(self) -> str:
        """Run the file's own text; what it raises, or nothing."""
        async with self._one_at_a_time:
            return await self._begin()

    async def _begin(self) -> str:
        try:
            process = self._process = await self._spawned()
        except OSError as error:
            return f"no process for it: {error.strerror}"
        begin = orjson.dumps({"source": self._source, "name": self.name})
        reply = await self._exchange(process, begin, _START_S)
        return "" if reply.get("ready") else str(reply.get("error") or reply.get("gone"))

    async def _spawned(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-s", "-P", "-S", "-c", _CHILD.read_text("utf-8")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0"},
            cwd="/",
            close_fds=True,
            start_new_session=True,
            limit=_LINE,
        )

    async def _judge(self, call: bytes) -> Reply | None:
        if self.stopped:
            return None
        if (self._process is None or self._process.returncode is not None) and (refusal := await self._begin()):
            await self._fail("ended", refusal)
            return None
        assert self._process is not None  # noqa: S101 - it has begun
        reply = await self._exchange(self._process, call, self._budget.call_s)
        if gone := reply.get("gone"):
            await self._fail(str(reply["why"]), str(gone))
            return None
        if error := reply.get("error"):
            self._strikes += not reply.get("hit")
            self._note("raised", str(error))
            return reply if reply.get("hit") else None
        self._strikes = max(0.0, self._strikes - _PARDON)
        return reply

    async def _exchange(self, process: asyncio.subprocess.Process, line: bytes, seconds: float) -> Reply:
        """One question and its answer; why there is none under `gone`."""
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 - both are pipes
        try:
            async with asyncio.timeout(seconds):
                process.stdin.write(line + b"\n")
                await process.stdin.drain()
                answer = await process.stdout.readline()
            if answer:
                reply: Reply = orjson.loads(answer)
                return reply
            return {"gone": "the process of the rule ended", "why": "ended"}
        except TimeoutError:
            return {"gone": f"no answer within {seconds:g} s", "why": "late"}
        except (OSError, ValueError) as error:
            return {"gone": f"no answer that can be read: {type(error).__name__}", "why": "ended"}
        except asyncio.CancelledError:
            self._process = None
            _kill(process)
            raise

    async def _fail(self, why: str, error: str) -> None:
        self._strikes += 1
        self._note(why, error)
        await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            _kill(process)
            await process.wait()

    def _note(self, why: str, error: str) -> None:
        self.failed[why] = self.failed.get(why, 0) + 1
        self.last_error = clean(error, 300)
        log.warning("custom rule failed", rule=self.name, why=why, error=self.last_error, stopped=self.stopped)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
