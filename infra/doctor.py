"""What this machine can do, check by check, each with its fix. It only looks: nothing is installed or repaired."""

from __future__ import annotations

import ctypes
import importlib.metadata
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..models import wire
from ..models.errors import TriptychError
from ..models.text import plural, size
from ..producers.sensor import probe
from . import admin, brokers, gateways, keys, storecheck, stores, topics
from .kafka import jars
from .settings import Settings
from .spool import waiting

__all__ = ["Check", "Result", "checks", "examine"]

Verdict = Literal["ok", "warn", "fail"]

_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES = 256  # struct timex and room to grow; all zero means: only read


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `run` answers it; `fix` is what a person does about a bad answer."""

    name: str
    run: Callable[[], tuple[Verdict, str]]
    fix: str


@dataclass(frozen=True, slots=True)
class Result:
    """One answer. `fix` is empty where nothing is to be done."""

    verdict: Verdict
    check: str
    detail: str
    fix: str


def checks(settings: Settings) -> tuple[Check, ...]:
    """Every check for a machine with these settings. warn: one role lacks something; fail: nothing will work."""
    return (
        Check("python", _python, "use Python 3.11, 3.12 or 3.13"),
        Check("schemas", _schemas, "reinstall triptych: its avro/ folder was changed"),
        *(_sensor_check(finding) for finding in probe.probe()),
        Check("sensor: features", _features, "a newer kernel has more: bpf/README.md, Kernels"),
        Check("PyPI's bcc", _unrelated_bcc, "pip uninstall bcc; the sensor uses the distribution's python3-bpfcc"),
        Check("kafka", lambda: _kafka(settings), "check kafka.bootstrap and kafka.security_protocol"),
        Check("topics", lambda: _topics(settings), "triptych topics plan, then triptych topics apply"),
        Check("redis", lambda: _redis(settings), "mend the Redis server, or name another in redis.url"),
        Check("local kafka", _local_kafka, "apt-get install default-jre-headless maven"),
        Check("local redis", _local_redis, "apt-get install redis-server"),
        Check("digest key", lambda: _key(settings), "triptych keys new, or chmod 600 the file"),
        Check("gateways", lambda: _gateways(settings), "mend the file; triptych gateway init shows how it begins"),
        Check("spool", lambda: _spool(settings), 'triptych gateway ship, or ship = "auto" in gateway.toml'),
        Check("clock", _clock, "run a time service such as chrony"),
    )


def examine(asked: tuple[Check, ...]) -> Iterator[Result]:
    """Run the checks one after the other. An error of ours is an answer too, with its own next step."""
    for check in asked:
        try:
            verdict, detail = check.run()
            fix = "" if verdict == "ok" else check.fix
        except TriptychError as error:
            verdict, detail, fix = "fail", f"{error.code} {error.what}", error.hint or check.fix
        yield Result(verdict, check.name, detail, fix)


def _sensor_check(finding: probe.Finding) -> Check:
    verdict: Verdict = "ok" if finding.ok else "warn"
    return Check(f"sensor: {finding.name}", lambda: (verdict, finding.detail), f"{finding.code} {finding.hint}")


def _features() -> tuple[Verdict, str]:
    try:
        lacking = probe.lacking()
    except OSError as error:
        return "warn", f"cannot be told: {error}"
    told = ", ".join(f"{feature} (no {lack})" for feature, lack in lacking.items())
    return ("warn", f"missing: {told}") if told else ("ok", "this kernel serves all of them")


def _python() -> tuple[Verdict, str]:
    supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    return "ok" if supported else "fail", f"{sys.version.split()[0]} at {sys.executable}"


def _schemas() -> tuple[Verdict, str]:
    wire.bundled()
    return "ok", f"equal to {wire.SCHEMAS / 'manifest.json'}"


def _kafka(settings: Settings) -> tuple[Verdict, str]:
    if settings.kafka.provider != "external":
        return "ok", f"{settings.kafka.provider}: started inside one process when it is needed"
    return "ok", f"{brokers.reach(settings.kafka).bootstrap} answers"


def _topics(settings: Settings) -> tuple[Verdict, str]:
    if settings.kafka.provider != "external":
        return "ok", "made together with the broker"
    wanted = topics.wanted(settings.kafka.partitions)
    changes = admin.inspect(brokers.reach(settings.kafka).client(), wanted)
    missing = {change.topic for change in changes if change.action == "create"}
    different = [f"{change.topic} {change.setting}" for change in changes if change.action not in ("ok", "create")]
    if missing:
        return "fail", f"missing: {', '.join(sorted(missing))}"
    return ("warn", f"not as wanted: {', '.join(different)}") if different else ("ok", f"{len(wanted)} as wanted")


def _redis(settings: Settings) -> tuple[Verdict, str]:
    if settings.redis.provider != "external":
        return "ok", f"{settings.redis.provider}: started inside one process when it is needed"
    store = stores.reach(settings.redis)
    doubts = storecheck.check(store, tenant=settings.findings.tenant, now_s=time.time())
    if doubts:
        return "warn", "; ".join(f"{doubt.what}: {doubt.fix}" for doubt in doubts)
    return "ok", f"{store.address} answers, and keeps what it is told"


def _local_kafka() -> tuple[Verdict, str]:
    try:
        return (
            ("ok", jars.java()) if jars.fetched() or shutil.which("mvn") else ("warn", "no Maven to fetch Kafka with")
        )
    except TriptychError as error:
        return "warn", error.what


def _local_redis() -> tuple[Verdict, str]:
    found = shutil.which("redis-server")
    return ("ok", found) if found else ("warn", "no redis-server; the embedded one serves")


def _key(settings: Settings) -> tuple[Verdict, str]:
    path = settings.digest.key_file
    if not path.exists():
        return "warn", f"none at {path}; every producer needs it"
    readable = stat.S_IMODE(path.stat().st_mode) & 0o077
    key_id = keys.load(path, settings.digest.key_id).key_id
    return ("warn", f"others may read {path}") if readable else ("ok", f"{path}: key {key_id}")


def _gateways(settings: Settings) -> tuple[Verdict, str]:
    path, servers = gateways.file(settings), gateways.servers(settings)
    return "ok", f"{path}: {plural(len(servers), 'section')}" if path.exists() else "no settings of their own"


def _spool(settings: Settings) -> tuple[Verdict, str]:
    folder = Path(gateways.tables(settings).get("spool_dir", settings.gateway.spool_dir)).expanduser()
    found = waiting(folder)
    unshipped = found.octets and not found.shipping
    return "warn" if unshipped else "ok", f"{folder}: {size(found.octets)} wait" + (
        ", nobody ships" if unshipped else ""
    )


def _clock() -> tuple[Verdict, str]:
    state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return (
        ("warn", "not synchronised; layers on several hosts may not join")
        if state == _UNSYNCHRONISED
        else ("ok", "synchronised")
    )


def _unrelated_bcc() -> tuple[Verdict, str]:
    try:
        version = importlib.metadata.version("bcc")
    except importlib.metadata.PackageNotFoundError:
        return "ok", "not installed"
    return "warn", f"version {version} is installed: a lattice library, not the kernel tool"
