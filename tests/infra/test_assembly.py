"""Settings reach the rooms under the rooms' own names, and what is not set is the room's own default."""

from __future__ import annotations

from dataclasses import fields

import pytest

from triptych.infra import assembly, worker
from triptych.infra.brokers import Broker
from triptych.infra.loading import load, set_flags
from triptych.infra.settings import Settings
from triptych.models.errors import ConfigError
from triptych.streams.config import WorkerConfig

BROKER = Broker("external", "b:1", {"security.protocol": "ssl"})


def _settings(*flags: str) -> Settings:
    return load(None, set_flags(flags)).settings


def test_a_worker_without_settings_is_the_rooms_default() -> None:
    ours = worker.configured(_settings(), BROKER, "")
    default = WorkerConfig(bootstrap="b:1", kafka=BROKER.properties, partitions=4)
    assert {field.name: getattr(ours, field.name) for field in fields(ours)} == {
        field.name: getattr(default, field.name) for field in fields(default)
    }


def test_a_worker_takes_its_section() -> None:
    ours = worker.configured(_settings("worker.group=g", "worker.stages=calls", "worker.grace_ms=700"), BROKER, "")
    assert (ours.group, ours.stages, ours.grace_ms, ours.kafka) == ("g", ("calls",), 700, BROKER.properties)


def test_times_that_contradict_each_other_are_refused_by_the_room() -> None:
    with pytest.raises(ConfigError, match="grace_ms 100"):
        worker.configured(_settings("worker.grace_ms=100"), BROKER, "")


def test_only_the_stages_asked_for_are_made() -> None:
    settings = _settings("worker.stages=calls")
    assert set(worker.stages(settings, worker.configured(settings, BROKER, ""))) == {"calls"}


def test_what_judges_comes_from_the_settings() -> None:
    settings = _settings("findings.rules=/nowhere")
    with pytest.raises(ConfigError, match="/nowhere"):
        worker.stages(settings, worker.configured(settings, BROKER, "redis://x"))


def test_every_producer_tells_the_machine_it_runs_on() -> None:
    settings = _settings("identity.host=node-7", "identity.cluster=blue")
    origin = assembly.agent(settings).origin
    sensor = assembly.sensor(settings)
    assert {(origin.host, origin.cluster), (sensor.host, sensor.cluster)} == {("node-7", "blue")}


def test_publishing_takes_the_brokers_security() -> None:
    assert assembly.publish(BROKER, "id").properties == BROKER.properties


def test_every_stage_that_reads_avro_asks_the_same_registry_where_one_is_named() -> None:
    settings = _settings("registry.url=http://registry:8081")
    stages = worker.stages(settings, worker.configured(settings, BROKER, "redis://x"))
    wirings = [wiring for name, wiring in stages.items() if name != "feedback"]
    assert len({id(wiring.schemas) for wiring in wirings}) == 1
    assert all(wiring.schemas for wiring in wirings)


def test_without_a_registry_no_stage_asks_one() -> None:
    settings = _settings()
    assert not any(
        wiring.schemas for wiring in worker.stages(settings, worker.configured(settings, BROKER, "redis://x")).values()
    )


def test_a_sensor_asks_nobody_for_names_unless_it_is_told_to() -> None:
    named = assembly.identity(_settings())
    assert (named.kubernetes, named.docker, named.wait_s) == (None, None, 2.0)


def test_a_sensor_asks_the_cluster_and_the_engine_it_is_told_of() -> None:
    flags = ["sensor.kubernetes_api=https://kubernetes.default.svc", "sensor.kubernetes_node=node-7"]
    settings = _settings(*flags, "sensor.docker_socket=/run/docker.sock")
    named = assembly.identity(settings)
    assert named.kubernetes
    assert (named.kubernetes.url, named.kubernetes.node) == ("https://kubernetes.default.svc", "node-7")
    assert str(named.docker) == "/run/docker.sock"


def test_a_cluster_without_a_node_is_refused() -> None:
    settings = _settings("sensor.kubernetes_api=https://kubernetes.default.svc")
    with pytest.raises(ConfigError, match="kubernetes_node"):
        assembly.identity(settings)
