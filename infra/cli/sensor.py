"""triptych sensor: the kernel sensor of this machine."""

from __future__ import annotations

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer()


@app.command()
def sensor(context: typer.Context) -> None:
    """Watch, in the kernel, what leased MCP servers do; runs until SIGTERM or Ctrl-C.

    Needs CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, a kernel with BTF and the distribution's BCC: triptych doctor.

    Example: sudo TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych sensor

    Example: triptych --set sensor.recording=story.bin sensor
    """
    from ...producers.publish import Publisher  # noqa: PLC0415
    from ...producers.sensor.service import Sensor  # noqa: PLC0415
    from .. import assembly, brokers, logs  # noqa: PLC0415

    options = of(context)
    log = logs.configure("sensor", debug=options.debug)
    settings = options.settings
    publisher = Publisher(assembly.publish(brokers.reach(settings.kafka), "triptych-sensor"))
    running = Sensor(assembly.sensor(settings), assembly.keyring(settings), publisher.send)
    log.info("watching", lease_socket=str(settings.sensor.lease_socket), features=running.features)
    for feature, lack in running.missing.items():
        log.warning("not observed on this kernel", feature=feature, lack=lack)
    running.run()
    log.info("ended", undelivered=publisher.close(), **running.counters)
