"""doctor: every check answers, an error of ours is an answer with its next step, and only failures fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra import keys
from triptych.infra.doctor import Check, checks, examine
from triptych.infra.loading import load, set_flags
from triptych.models.errors import ConfigError
from triptych.producers.sensor import probe


def _results(*flags: str) -> dict[str, tuple[str, str]]:
    asked = checks(load(None, set_flags(flags)).settings)
    return {result.check: (result.verdict, result.detail) for result in examine(asked)}


def test_a_machine_that_runs_the_tests_has_no_failure() -> None:
    results = _results()
    assert [name for name, (verdict, _) in results.items() if verdict == "fail"] == []
    assert {
        "python",
        "schemas",
        "sensor: BTF",
        "sensor: CAP_BPF",
        "sensor: features",
        "PyPI's bcc",
        "kafka",
        "topics",
        "redis",
        "gateways",
        "spool",
        "clock",
    } <= {*results}


def test_a_feature_that_the_kernel_lacks_is_a_warning_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "lacking", lambda: {"bytes": "tracepoint sock_send_length"})
    assert _results()["sensor: features"] == ("warn", "missing: bytes (no tracepoint sock_send_length)")


def test_a_kernel_that_does_not_describe_its_types_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "BTF", Path("/nowhere/btf"))
    verdict, detail = _results()["sensor: features"]
    assert verdict == "warn"
    assert "/nowhere/btf" in detail


def test_an_absent_broker_and_store_fail_with_their_next_step() -> None:
    asked = checks(load(None, set_flags(["kafka.bootstrap=127.0.0.1:1", "redis.url=redis://127.0.0.1:1"])).settings)
    wrong = {
        result.check: result for result in examine(tuple(check for check in asked if check.name in {"kafka", "redis"}))
    }
    assert {name: (result.verdict, result.detail[:3]) for name, result in wrong.items()} == {
        "kafka": ("fail", "K01"),
        "redis": ("fail", "R01"),
    }
    assert all(result.fix for result in wrong.values())


def test_an_error_without_a_hint_takes_the_fix_of_its_check() -> None:
    def run() -> tuple[str, str]:
        raise ConfigError("wrong")

    (result,) = examine((Check("x", run, "mend it"),))  # type: ignore[arg-type]
    assert (result.verdict, result.detail, result.fix) == ("fail", "C01 wrong", "mend it")


def test_nothing_is_to_be_done_where_all_is_well() -> None:
    (result,) = examine((Check("x", lambda: ("ok", "fine"), "mend it"),))
    assert result.fix == ""


@pytest.mark.parametrize(("mode", "verdict"), [(0o600, "ok"), (0o644, "warn")])
def test_a_key_that_others_may_read_is_a_warning(mode: int, verdict: str, tmp_path: Path) -> None:
    path = tmp_path / "digest.key"
    keys.new(path)
    path.chmod(mode)
    assert _results(f"digest.key_file={path}")["digest key"][0] == verdict


def test_a_wrong_section_of_a_gateway_fails_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[servers.web]\nupstream = "nowhere"\n')
    assert _results(f"gateway.config={path}")["gateways"][0] == "fail"
    path.write_text('[servers.web]\nupstream = "http://127.0.0.1:1/mcp"\n[servers.files]\nallow = ["read_*"]\n')
    assert _results(f"gateway.config={path}")["gateways"] == ("ok", f"{path}: 2 sections")


def test_a_spool_that_nobody_ships_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "a.spool").write_bytes(b"waits")
    assert _results(f"gateway.spool_dir={tmp_path}")["spool"] == ("warn", f"{tmp_path}: 5 B wait, nobody ships")
