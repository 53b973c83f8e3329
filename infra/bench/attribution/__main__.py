"""`make bench-attribution`: whether each effect of a call in flight with others is given to the call that caused it."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from ....models.errors import ConfigError
from ....producers.sensor.probe import probe
from ..run import Measured, Plan, main
from .judge import Asked, Run
from .load import over_http, over_stdio
from .place import Place
from .rows import Case, rows
from .servers import STRAY, WORKERS, Server, furnish, ours, servers
from .table import write
from .tools import AFTER_S
from .watch import Told, sensing

__all__ = ["measure"]

_IN_FLIGHT = (1, 4, 16)
_MANY = 16
_PARTS = ("", "stdio", "http")
_CALLS = {True: 30, False: 120}  # of one run, quick or whole
_MODES = {"passive": "concurrent", "marked": "concurrent", "serialised": "serialised", "pooled": "replica"}


def measure(plan: Plan) -> Measured:
    """Every server under every load, or those of one transport."""
    if plan.only not in _PARTS:
        raise ConfigError(f"there is no part {plan.only!r}", "choose stdio or http")
    if lack := next((f"{finding.code} {finding.detail}" for finding in probe() if not finding.ok), ""):
        return Measured(rows=(), remarks=[f"anything, as no sensor can run here ({lack})"])
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        place = Place(Path(name))
        furnish(place.folder)
        with sensing(place.lease, place.log) as told:
            bench = _Bench(plan, place, told)
            absent = [] if plan.only == "http" else bench.stdio()
            if plan.only != "stdio":
                bench.http()
    if not plan.quick and not plan.only:
        write(bench.runs)
    return Measured(rows=rows(bench.runs), remarks=absent)


class _Bench:
    """Grows `runs` by every case."""

    def __init__(self, plan: Plan, place: Place, told: Told) -> None:
        self._plan, self._place, self._told = plan, place, told
        self.runs: dict[Case, Run] = {}

    def stdio(self) -> list[str]:
        """What could not be asked."""
        found, absent = servers(self._place.folder)
        for server in found:
            for in_flight in _IN_FLIGHT:
                self._stdio(server, "passive", in_flight)
                if server.python:
                    self._stdio(server, "marked", in_flight)
            self._stdio(server, "serialised", _MANY)
        self._stdio(found[0], "pooled", _MANY)
        self._stdio(ours(self._place.folder, WORKERS), "passive", _MANY)
        for in_flight in _IN_FLIGHT:
            self._stdio(ours(self._place.folder, STRAY), "passive", in_flight)
        return absent

    def http(self) -> None:
        for in_flight in _IN_FLIGHT:
            for mode in ("passive", "marked"):
                self._http(mode, in_flight)

    def _stdio(self, server: Server, mode: str, in_flight: int) -> None:
        case = self._begin(server, mode, in_flight)
        with self._place.stdio(server.argv(marked=mode == "marked"), _MODES[mode]) as pipes:
            calls = server.calls(self._calls)
            self._end(case, over_stdio(*pipes, calls, in_flight, modern=mode == "pooled"))

    def _http(self, mode: str, in_flight: int) -> None:
        folder = self._place.folder
        server = ours(folder, port=1)
        case = self._begin(server, mode, in_flight)
        with self._place.http(lambda port: ours(folder, port=port).argv(marked=mode == "marked")) as port:
            self._end(case, over_http(port, server.calls(self._calls), in_flight))

    @property
    def _calls(self) -> int:
        return _CALLS[self._plan.quick]

    def _begin(self, server: Server, mode: str, in_flight: int) -> Case:
        self._plan.tell(f"{server.name}, {mode}, {in_flight} in flight")
        self._told.forget()
        for made in (self._place.folder / "files").glob("call-*.*"):
            made.unlink()
        return Case(server=server.name, mode=mode, in_flight=in_flight)

    def _end(self, case: Case, asked: list[Asked]) -> None:
        time.sleep(4 * AFTER_S)  # for what still acts after its call
        self._told.settle()
        made = {str(path) for path in (self._place.folder / "files").glob("call-*.*")}
        unseen = made - self._told.files()
        self.runs[case] = Run(asked=asked, effects=self._told.effects(case.server), unseen=len(unseen))


if __name__ == "__main__":
    sys.exit(main("attribution", measure, packages=("mcp", "mcp-server-git")))
