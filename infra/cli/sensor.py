"""triptych sensor: the kernel sensor of this machine."""

from __future__ import annotations

from dataclasses import replace

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer()

# While the broker is away the oldest facts wait for it, within these bounds; what finds them full is told as lost.
_WAITING = {
    "message.timeout.ms": "0",
    "queue.buffering.max.messages": "20000",
    "queue.buffering.max.kbytes": "65536",
}


@app.command()
def sensor(context: typer.Context) -> None:
    """Watch, in the kernel, what leased MCP servers do; runs until SIGTERM or Ctrl-C.

    Needs CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, a kernel with BTF and the distribution's BCC: triptych doctor.

    Example: sudo TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych sensor

    Example: triptych --set sensor.recording=story.bin sensor
    """
    from ...models.sensitivity import Sensitivity  # noqa: PLC0415
    from ...producers.publish import Publisher  # noqa: PLC0415
    from ...producers.sensor.identity.assembly import naming  # noqa: PLC0415
    from ...producers.sensor.service import Sensor  # noqa: PLC0415
    from .. import assembly, brokers, logs  # noqa: PLC0415

    options = of(context)
    log = logs.configure("sensor", debug=options.debug)
    settings = options.settings
    config = assembly.publish(brokers.reach(settings.kafka), "triptych-sensor")
    publisher = Publisher(replace(config, properties=_WAITING | dict(config.properties)))
    classes = Sensitivity.load(settings.findings.sensitivity)
    running = Sensor(
        assembly.sensor(settings),
        assembly.keyring(settings),
        publisher.offer,
        sensitive=classes.path,
        written=classes.written,
        naming=naming(
            assembly.identity(settings), lambda reason, what: log.warning("no names", reason=reason, detail=what)
        ),
    )
    log.info("watching", lease_socket=str(settings.sensor.lease_socket), features=running.features)
    for feature, lack in running.missing.items():
        log.warning("not observed on this kernel", feature=feature, lack=lack)
    running.run()
    log.info("ended", undelivered=publisher.close(), failed=publisher.failed, **running.counters)
