"""Settings: file < environment < flags, every value with its source, and a wrong one is a single clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.loading import HIDDEN, load, set_flags
from triptych.models.errors import ConfigError

FILE = """
[kafka]
bootstrap = "file:9092"
sasl_username = "file"
[worker]
grace_ms = 700
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "triptych.toml"
    path.write_text(FILE)
    return path


def _shown(config: Path | None = None, *flags: str) -> dict[str, tuple[str, str]]:
    return {value.name: (value.value, value.source) for value in load(config, set_flags(flags)).values()}


def _wrong(*flags: str, config: Path | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(config, set_flags(flags))
    assert caught.value.code == "C01"
    return caught.value


def test_flags_win_over_the_environment_and_that_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_KAFKA__SASL_USERNAME", "env")
    monkeypatch.setenv("TRIPTYCH_WORKER__GRACE_MS", "800")
    shown = _shown(file, "worker.grace_ms=900")
    assert shown["kafka.bootstrap"] == ("file:9092", "file")
    assert shown["kafka.sasl_username"] == ("env", "env")
    assert shown["worker.grace_ms"] == ("900", "flag")
    assert shown["worker.group"] == ("triptych", "default")


def test_an_address_implies_an_external_provider_unless_one_is_named(file: Path) -> None:
    assert _shown(file)["kafka.provider"] == ("external", "implied")
    assert _shown(file, "kafka.provider=local")["kafka.provider"] == ("local", "flag")


@pytest.mark.parametrize("where", ["argument", "environment", "folder", "home"])
def test_the_file_is_found(where: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path if where == "folder" else tmp_path.parent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if where == "environment":
        monkeypatch.setenv("TRIPTYCH_CONFIG", str(file))
    if where == "home":
        (tmp_path / "config" / "triptych").mkdir(parents=True)
        file.rename(tmp_path / "config" / "triptych" / "triptych.toml")
    assert _shown(file if where == "argument" else None)["worker.grace_ms"] == ("700", "file")


def test_lists_are_words_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_NETWORKS__OUTSIDE", "127.0.0.0/8, ::1/128")
    assert load().settings.networks.outside == ("127.0.0.0/8", "::1/128")


def test_secrets_are_hidden_wherever_settings_are_shown() -> None:
    flags = ("kafka.sasl_password=hunter2", "redis.url=redis://:hunter2@cache:6379")
    shown = _shown(None, *flags)
    assert (shown["kafka.sasl_password"], shown["redis.url"]) == ((HIDDEN, "flag"), (HIDDEN, "flag"))
    assert "hunter2" not in repr(load(None, set_flags(flags)).settings)


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("kafka.provider=redpanda", ["kafka.provider = 'redpanda'", "by a flag", "'embedded', 'local' or 'external'"]),
        ("worker.grace_ms=soon", ["worker.grace_ms = 'soon'", "valid integer"]),
        ("networks.outside=10.0.0.1/8", ["networks.outside = '10.0.0.1/8'", "host bits"]),
        ("kafka.provider=external", ["bootstrap must name the server"]),
        ("kafka.partitions=12", ["embedded broker has 4 partitions", "not 12"]),
        ("kafka.security_protocol=sasl_ssl", ["sasl_ssl needs sasl_username and sasl_password"]),
        ("findings.ocsf_version=2.0", ["findings.ocsf_version = '2.0'", "'1.8.0', '1.9.0' or '1.5.0'"]),
    ],
)
def test_a_wrong_value_is_named_with_its_source_and_what_is_allowed(flag: str, says: list[str]) -> None:
    what = _wrong(flag).what
    assert [word for word in says if word not in what] == [], what


def test_a_wrong_secret_is_not_shown() -> None:
    error = _wrong("redis.url=hunter2")
    assert "hunter2" not in str(error)
    assert error.what.startswith(f"redis.url = {HIDDEN}")


@pytest.mark.parametrize(("name", "hint"), [("kafka.bootstrp", "bootstrap"), ("kafak.bootstrap", "kafka")])
def test_a_misspelt_setting_is_answered_with_the_likely_one(name: str, hint: str) -> None:
    assert _wrong(f"{name}=x").hint == f"did you mean {hint}?"


def test_a_misspelt_environment_variable_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPTYCH_KAFAK__BOOTSTRAP", "x")
    assert "TRIPTYCH_KAFAK__BOOTSTRAP" in _wrong().what


def test_the_file_that_holds_a_wrong_value_is_named(file: Path) -> None:
    file.write_text("[worker]\ngrace_ms = -1\n")
    assert str(file) in _wrong(config=file).what


@pytest.mark.parametrize("content", ["[kafka", 'bootstrap = "x"'])
def test_a_file_that_cannot_be_meant_is_named(content: str, file: Path) -> None:
    file.write_text(content)
    assert str(file) in _wrong(config=file).what


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    assert "No such file" in _wrong(config=tmp_path / "none.toml").what


def test_a_flag_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        set_flags(["kafka.bootstrap"])
