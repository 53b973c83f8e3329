"""One settings file serves gateways of both kinds, and every setting stands in the README's table."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from triptych.models.errors import ConfigError
from triptych.producers.gateway import adoption
from triptych.producers.gateway.config import GatewayConfig, configured, found, load
from triptych.producers.gateway.http.config import HttpConfig

README = Path(adoption.__file__).with_name("README.md").read_text()
START = {"command": ("cat",), "spool_dir": "/spool"}


def test_the_table_has_every_setting_and_no_other() -> None:
    table = README.partition("## gateway.toml")[2].partition("## Errors")[0]
    rows = re.findall(r"^\| (`[^|]*) \| (both|stdio|http) \|", table, re.MULTILINE)
    told = {name: kind for names, kind in rows for name in re.findall(r"`(\w+)`", names)}
    stdio, http = ({item.name for item in fields(kind)} for kind in (GatewayConfig, HttpConfig))
    kinds = {name: "both" if name in stdio & http else "stdio" if name in stdio else "http" for name in stdio | http}
    kinds.pop("command")
    assert told == kinds


def _stdio(tables: dict[str, Any], **given: Any) -> GatewayConfig:
    return configured(GatewayConfig, tables, given, START)


def test_what_only_the_other_kind_knows_is_left_out() -> None:
    tables = {"audience": "https://x", "replicas": 2, "servers": {"s": {"upstream": "http://127.0.0.1:1"}}}
    assert _stdio(tables, server="s").replicas == 2
    assert configured(HttpConfig, tables, {"server": "s"}, {"spool_dir": "/spool"}).audience == "https://x"


def test_a_section_belongs_to_its_server_only() -> None:
    tables = {"principal": "all", "servers": {"a": {"principal": "one", "allow": ["read_*"]}}}
    assert (_stdio(tables, server="a").principal, _stdio(tables, server="a").policy.allow) == ("one", ("read_*",))
    assert (_stdio(tables, server="b").principal, _stdio(tables, server="b").policy.forbids) == ("all", False)


def test_a_server_without_a_name_is_found_by_its_command() -> None:
    tables = {"servers": {"cat": {"principal": "one"}}}
    assert _stdio(tables).principal == "one"


def test_arguments_stand_over_sections() -> None:
    tables = {"servers": {"a": {"principal": "section"}}}
    assert _stdio(tables, server="a", principal="argument").principal == "argument"
    assert _stdio(tables, server="a", principal=None).principal == "section"


@pytest.mark.parametrize("section", [{"principle": "x"}, {"dispatch_mode": "x"}, {"allow": [""]}, {"on_failure": "x"}])
def test_a_wrong_section_is_an_error_of_its_server_only(section: dict[str, Any]) -> None:
    tables = {"servers": {"a": section}}
    with pytest.raises(ConfigError):
        _stdio(tables, server="a")
    assert _stdio(tables, server="b").server == "b"


@pytest.mark.parametrize(
    "setting", [{"allow": "read"}, {"allow": [1]}, {"replicas": "2"}, {"key_file": 3}, {"kafka": 3}, {"ready_ms": True}]
)
def test_a_value_of_the_wrong_type_is_told_with_its_setting(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        _stdio(setting)


def test_a_home_that_nobody_knows_is_told_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 3_999_999)
    assert found({}) in (None, Path("/etc/triptych/gateway.toml"))
    with pytest.raises(ConfigError, match=r"spool_dir .* home"):
        _stdio({"spool_dir": "~/spool"})


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "g.json").write_text('{"servers": {"a": {"principal": "x"}}}')
    (tmp_path / "g.toml").write_text('[servers.a]\nprincipal = "x"\n')
    both = [load(tmp_path / name, {"server": "a"}, START) for name in ("g.json", "g.toml")]
    assert both[0] == both[1]
    assert both[0].principal == "x"


@pytest.mark.parametrize("text", ["[]", "1", "{"])
def test_a_file_that_is_no_table_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path / "g.json", {}, START)


def test_the_file_is_looked_for_where_init_writes_it(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    (tmp_path / "triptych").mkdir()
    (tmp_path / "triptych" / "gateway.toml").write_text("")
    assert found(environment) == tmp_path / "triptych" / "gateway.toml"
    assert found({**environment, "TRIPTYCH_GATEWAY_CONFIG": "/named"}) == Path("/named")
