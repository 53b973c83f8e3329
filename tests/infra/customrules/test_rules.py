"""What a Python rule may do, and that whatever else it does stops only itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from patience import PATIENCE_S

from triptych.infra.customrules.errors import PythonRuleError
from triptych.infra.customrules.reading import read_source
from triptych.infra.customrules.rules import FAILED, PythonRules
from triptych.infra.customrules.sandbox import Budget
from triptych.models.detections.engine import Hit
from triptych.models.events import Call
from triptych.models.testing import call, connect, read
from triptych.streams.known import revision_key

GOOD = '''"""A tool reads below /srv/secret."""

SEVERITY = "high"

def rule(call):
    return any((effect.path or "").startswith("/srv/secret") for effect in call.effects)

def title(call):
    return f"{call.tool} read what is secret"

def severity(call):
    return "critical" if any(effect.kind == "connect" for effect in call.effects) else "medium"

def dedup(call):
    return call.server.id

def context(call):
    return {"files": len(call.effects)}
'''
SECRET = call("reader", read("/srv/secret/a"))
QUIET = call("reader", read("/srv/open"), at_s=2)
BUDGET = Budget(call_s=PATIENCE_S)


class Folder:
    """Rules in a folder, asked until the test ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rules = PythonRules(())

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / f"{name}.py").write_text(text)
        self.rules = PythonRules.load([self.path], BUDGET)

    def hurry(self, rule: str) -> None:
        """Lets this rule alone have less time than it takes."""
        (sandbox,) = (one.sandbox for one in self.rules._running if one.sandbox.name == rule)
        sandbox._budget = Budget(call_s=0.5)

    async def ask(self, *calls: Call) -> list[tuple[Hit, ...]]:
        found = await self.rules.judge(calls)
        return [found.get(revision_key(one), ()) for one in calls]


@pytest_asyncio.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    folder = Folder(tmp_path)
    yield folder
    await folder.rules.close()


async def test_a_rule_says_title_severity_dedup_and_context(folder: Folder) -> None:
    folder.write(secret_reader=GOOD)
    (hit,), quiet = await folder.ask(SECRET, QUIET)
    assert quiet == ()
    assert (hit.rule.id, hit.rule.title, hit.severity) == (
        "python.secret-reader",
        "reader read what is secret",
        "medium",
    )
    assert hit.matches[0].step == "files"
    assert hit.matches[0].said == ("files: 1",)
    ((worse,),) = await folder.ask(call("reader", read("/srv/secret/a"), connect("203.0.113.7:443", 0.2)))
    assert worse.severity == "critical"


async def test_the_same_calls_give_the_same_hits(folder: Folder) -> None:
    folder.write(secret_reader=GOOD)
    assert await folder.ask(SECRET, QUIET) == await folder.ask(SECRET, QUIET)


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("raise KeyError('x')", "raised"),
        ("while True: pass", "late"),
        ("import os; os._exit(3)", "ended"),
        ("raise SystemExit", "ended"),
        ("return len(bytearray(1 << 33))", "raised"),
        ("return call.nothing_of_the_kind", "raised"),
        ("return open('/etc/hostname').read()", "raised"),
        ("import socket; return socket.socket()", "raised"),
        ("import subprocess; return subprocess.run(['true'])", "raised"),
        ("call.tool = 'other'; return True", "raised"),
    ],
)
async def test_a_rule_that_fails_stops_only_itself_and_visibly(folder: Folder, does: str, why: str) -> None:
    folder.write(good=GOOD, bad=f"def rule(call):\n    {does}\n")
    if why == "late":
        folder.hurry("python.bad")
    hits, quiet = await folder.ask(SECRET, QUIET)
    assert {hit.rule.id for hit in hits} == {"python.good", FAILED}, "the good rule judges, and the failure is told"
    assert quiet == (), "the failure is told once"
    (told,) = (hit for hit in hits if hit.rule.id == FAILED)
    assert told.severity == "low"
    assert "python.bad" in told.rule.title
    assert folder.rules.failures() == {("python.bad", why): 2}


async def test_a_rule_is_left_alone_after_failures_in_a_row(folder: Folder) -> None:
    folder.write(bad="def rule(call):\n    return call.tool.nothing\n")
    await folder.ask(*(call("x", at_s=at_s) for at_s in range(10)))
    assert folder.rules.failures() == {("python.bad", "raised"): 3}


async def test_a_rule_that_fails_at_every_other_call_is_left_alone_too(folder: Folder) -> None:
    folder.write(bad="def rule(call):\n    return call.method if call.tool == 'x' else call.nothing\n")
    await folder.ask(*(call("xy"[at_s % 2], at_s=at_s) for at_s in range(20)))
    assert folder.rules.failures() == {("python.bad", "raised"): 4}


async def test_a_hit_stays_a_hit_where_its_title_fails(folder: Folder) -> None:
    folder.write(bad="TITLE = 'Read'\ndef rule(call):\n    return True\ndef title(call):\n    return call.nothing\n")
    hits = await folder.ask(*(call("x", at_s=at_s) for at_s in range(5)))
    assert [hit.rule.title for (hit,) in hits] == ["Read"] * 5
    assert folder.rules.failures() == {("python.bad", "raised"): 5}


async def test_an_answer_that_nobody_waits_for_is_not_the_answer_to_the_next_call(folder: Folder) -> None:
    folder.write(slow="import time\ndef rule(call):\n    time.sleep(0.3)\n    return call.tool == 'hit'\n")
    first = asyncio.create_task(folder.ask(call("hit")))
    await asyncio.sleep(0.15)
    first.cancel()
    assert [len(hits) for hits in await folder.ask(call("quiet", at_s=1), call("hit", at_s=2))] == [0, 1]


async def test_two_who_ask_at_once_have_their_own_answers(folder: Folder) -> None:
    folder.write(slow="import time\ndef rule(call):\n    time.sleep(0.05)\n    return call.tool == 'hit'\n")
    (quiet,), (hits,) = await asyncio.gather(folder.ask(call("quiet")), folder.ask(call("hit", at_s=1)))
    assert (len(quiet), len(hits)) == (0, 1)


async def test_a_rule_inherits_no_secret_and_no_open_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANARY", "planted")
    with (tmp_path / "canary").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        folder.write(
            curious="import sys\n"
            "def rule(call): return True\n"
            "def context(call):\n"
            "    os = sys.modules['os']\n"
            "    return {'env': sorted(os.environ), 'uid': os.getuid()}\n"
        )
        ((hit,),) = await folder.ask(SECRET)
    assert "CANARY" not in str(hit.matches[0].said)
    assert "uid: 0" not in hit.matches[0].said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (", "cannot be read as Python"),
        ("def other(call): return True", "defines no rule"),
        ("def rule(): return True", "must take one argument"),
        ("SEVERITY = 'loud'\ndef rule(call): return True", "unknown severity"),
        ("TESTS = make()\ndef rule(call): return True", "must be written out"),
        ("TESTS: list = 3\ndef rule(call): return True", "tests is no list"),
        ("TAGS = 3\ndef rule(call): return True", "TAGS must be text"),
    ],
)
def test_a_file_that_is_no_rule_is_refused_without_running_it(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(PythonRuleError, match=said):
        read_source(file)


async def test_a_file_that_fails_when_it_is_loaded_is_found_by_a_check(folder: Folder) -> None:
    folder.write(bad="import nothing_like_this\ndef rule(call): return True\n")
    with pytest.raises(PythonRuleError, match="ModuleNotFoundError"):
        await folder.rules.check()
