"""What climbs out of its folder or brings a command along is told; how people write names is not."""

from __future__ import annotations

import pytest

from triptych.models.sensitivity import Sensitivity
from triptych.producers.gateway.facts.disguise import disguised, plain

from ..conftest import Watched


def said(key: str, value: str) -> set[str]:
    return disguised([(key, value, None)])


@pytest.mark.parametrize(
    "value",
    [
        "../../../etc/shadow", "..%2f..%2fetc%2fshadow", "%252e%252e%252fetc/shadow", "..\\..\\..\\x", "....//....//x",
        "..%c0%af..%c0%afx", "/srv/a.png%00.txt", "..;/..;/..;/x",
        "../..%2f..%2fetc/shadow", "/srv/a.png\0.txt", "a/%2e%2e",
    ],
)  # fmt: skip
def test_a_way_up_under_a_disguise_is_told(value: str) -> None:
    assert said("path", value) == {"argument-traversal"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", "a.txt; rm -rf /"), ("host", "192.0.2.8 && curl http://x"), ("filename", "x$(whoami).txt"),
        ("path", "`id`"), ("path", "a|/bin/sh"), ("host", "a\nnc b 1"), ("host", "8.8.8.8\n\n\nid\n\n"),
        ("url", "http://x/;cat%20/etc/passwd"), ("url", "http://x/$(whoami)"), ("source", "a; rm -rf /"),
    ],
)  # fmt: skip
def test_a_command_where_a_name_belongs_is_told(key: str, value: str) -> None:
    assert said(key, value) == {"argument-shell"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", "../lib/x.py"), ("path", "../../src/a.py"), ("file", "Report; final.pdf"), ("path", "50% off.txt"),
        ("url", "https://a/b?x=1;y=2&id=5"), ("url", "https://a/?q=a|b&ls=3"), ("content", "see ../../../x; rm -rf /"),
        ("path", "${HOME}/x"), ("command", "ls | sort"), ("command", "/usr/bin/make && cp a b"),
        ("file_text", "#!/bin/sh\nset -e\nrm -rf build\n"), ("file_text", "import a from '../../../lib'"),
        ("fileContent", "a\nls\n"), ("new_source", "cd x\nls -la"), ("old_file_str", "a\nid x"),
        ("pattern", "/cat|dog|node/"), ("regex", "/a|cat/"), ("text", "/help me; kill it"), ("markdown", "./x | cat"),
        ("profile", "I like many\ncat pictures"), ("server_config", "a:\nnode: x"), ("source", "x\nkill(1)"),
        ("url", "https://a/?x=1&id[]=3"), ("url", "https://a/?x=1&id%5B%5D=3"), ("url", "https://a/?v=1%2e%2e"),
        ("url", "https://host/a/b/compare/v1...v2"), ("path", "src/**/*.{ts|js}"), ("path", "foo%2e%2e/bar"),
    ],
)  # fmt: skip
def test_how_people_write_names_and_texts_is_no_disguise(key: str, value: str) -> None:
    assert said(key, value) == set()


def test_percent_signs_are_read_three_times_and_no_more() -> None:
    assert [plain(one) for one in ("%41", "%2541", "%25252541")] == ["A", "A", "%41"]


def test_what_an_argument_names_has_its_class_in_every_spelling(watch: type[Watched]) -> None:
    watched = watch(sensitivity=Sensitivity.load().path)
    hosts = ("http://169.254.169.254/latest", "metadata.google.internal:80", "http://a@docs.example@169.254.169.254/")
    values = ("..%2f..%2fetc%2fshadow", *hosts, "b.txt")
    params = {"name": "get", "arguments": {f"path{number}": value for number, value in enumerate(values)}}
    (event,) = watched.client({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    assert [fact.sensitivity for fact in event.arguments] == ["secret.sys", "metadata", "metadata", "metadata", None]
    assert event.anomalies == ("argument-traversal",)
