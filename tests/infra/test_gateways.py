"""Settings of gateways: a flag wins over the environment, that over gateway.toml, that over triptych.toml."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from triptych.infra import gateways, keys
from triptych.infra.errors import BrokerError
from triptych.infra.loading import Loaded, load, set_flags
from triptych.infra.settings import Settings
from triptych.models.errors import ConfigError
from triptych.producers.gateway.config import GatewayConfig
from triptych.producers.gateway.http.config import HttpConfig

OWN = """\
spool_dir = "~/spool"
principal = "file"
bootstrap = "own:9092"

[servers.files]
principal = "section"
dispatch_mode = "serialised"

[servers.web]
upstream = "http://127.0.0.1:3000/mcp"
listen = "127.0.0.1:0"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(OWN)
    return path


def _loaded(own: Path | None = None, *flags: str, config: Path | None = None) -> Loaded:
    named = [f"gateway.config={own}"] if own else []
    return load(config, set_flags([*named, *flags]))


def _names() -> set[str]:
    return {item.name for kind in (GatewayConfig, HttpConfig) for item in fields(kind)}


def test_every_common_name_is_one_of_the_gateways_and_of_the_settings() -> None:
    assert gateways.NAMES.keys() - _names() == set()
    known = {f"{section}.{key}" for section, one in Settings() for key in type(one).model_fields}
    assert set(gateways.NAMES.values()) - known == set()
    assert {name for name in known if name.startswith("gateway.")} - set(gateways.NAMES.values()) == {"gateway.config"}


def test_a_servers_section_stands_over_the_general_settings(own: Path) -> None:
    config = gateways.stdio(_loaded(own), ["cat"], "files")
    assert (config.principal, config.dispatch_mode, config.spool_dir) == (
        "section",
        "serialised",
        Path.home() / "spool",
    )
    other = gateways.stdio(_loaded(own), ["cat"], "other")
    assert (other.principal, other.dispatch_mode) == ("file", "concurrent")


def test_the_order_of_the_sources(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    common = tmp_path / "triptych.toml"
    common.write_text('[gateway]\nprincipal = "common"\n')

    def principal(given: str = "", *flags: str) -> str:
        return gateways.stdio(_loaded(own, *flags, config=common), ["cat"], "", given).principal

    own.write_text("")
    assert principal() == "common"
    own.write_text('principal = "own"')
    assert principal() == "own"
    monkeypatch.setenv("TRIPTYCH_GATEWAY__PRINCIPAL", "environment")
    assert principal() == "environment"
    assert principal("", "gateway.principal=flag") == "flag"
    assert principal("argument", "gateway.principal=flag") == "argument"


def test_without_a_file_the_common_settings_do(tmp_path: Path) -> None:
    key = tmp_path / "digest.key"
    keys.new(key)
    config = gateways.stdio(_loaded(None, f"digest.key_file={key}", "gateway.server=files"), ["cat", "-u"])
    assert (config.command, config.server, config.key_file, config.ship) == (("cat", "-u"), "files", key, "off")
    assert config.host
    assert gateways.stdio(_loaded(), ["cat"]).key_file is None, "a gateway runs without a key"


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        gateways.stdio(_loaded(tmp_path / "absent.toml"), ["cat"])


def test_the_file_is_found_where_init_writes_it(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "triptych").mkdir(parents=True)
    own.rename(tmp_path / "config" / "triptych" / "gateway.toml")
    assert gateways.stdio(_loaded(), ["cat"]).principal == "file"


def test_a_listening_server_is_taken_from_its_section(own: Path) -> None:
    config = gateways.http(_loaded(own), "web")
    assert (config.upstream, config.listen, config.server_id) == ("http://127.0.0.1:3000/mcp", "127.0.0.1:0", "web")
    assert config.spool_dir == Path.home() / "spool"
    other = gateways.http(_loaded(own), "", "http://127.0.0.1:4000", "127.0.0.1:1")
    assert (other.upstream, other.listen) == ("http://127.0.0.1:4000", "127.0.0.1:1")


def test_a_server_without_an_address_is_answered_with_one_that_has(own: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        gateways.http(_loaded(own), "files")
    assert caught.value.hint == "--server web"


def test_a_misspelt_setting_is_named(own: Path) -> None:
    own.write_text('principle = "ann"')
    with pytest.raises(ConfigError, match="unknown gateway setting 'principle'"):
        gateways.stdio(_loaded(own), ["cat"])


@pytest.mark.parametrize(
    "text", ["servers = 1", "[servers]\nfiles = 1", '[servers.files]\nserver = "x"', "[servers.files.servers]"]
)
def test_a_section_that_is_none_is_told(own: Path, text: str) -> None:
    own.write_text(text)
    with pytest.raises(ConfigError, match=r"files|servers"):
        gateways.stdio(_loaded(own), ["cat"], "files")


@pytest.mark.parametrize("text", ["spool_dir = 5", "allow = 5", 'ready_ms = "1"', "ready_ms = true", "on_failure = 1"])
def test_a_value_of_another_type_is_told(own: Path, text: str) -> None:
    own.write_text(text)
    with pytest.raises(ConfigError):
        gateways.stdio(_loaded(own), ["cat"])


def test_the_shipper_takes_the_gateways_spool_and_broker(own: Path) -> None:
    ours = gateways.shipper(_loaded(own))
    assert (ours.bootstrap, ours.spool_dir) == ("own:9092", Path.home() / "spool")
    flagged = gateways.shipper(_loaded(own, "kafka.bootstrap=b:1", "kafka.security_protocol=ssl"))
    assert (flagged.bootstrap, flagged.properties) == ("b:1", {"security.protocol": "ssl"})


def test_shipping_to_no_broker_is_refused() -> None:
    with pytest.raises(BrokerError, match="K11"):
        gateways.shipper(_loaded())
