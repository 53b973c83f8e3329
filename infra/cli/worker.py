"""triptych worker: the stream worker that joins, judges and publishes findings."""

from __future__ import annotations

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer()


@app.command()
def worker(context: typer.Context) -> None:
    """Join the layers into calls and turns, judge them, publish findings; runs until SIGTERM or Ctrl-C.

    One process uses one core: start as many as you like, up to the number of partitions. A killed worker loses nothing.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 TRIPTYCH_REDIS__URL=redis://cache:6379 triptych worker

    Example: triptych --set worker.stages=calls --set worker.health_port=8080 worker
    """
    from ...streams.app import run  # noqa: PLC0415
    from .. import brokers, logs, stores  # noqa: PLC0415
    from .. import worker as parts  # noqa: PLC0415

    options = of(context)
    log = logs.configure("worker", debug=options.debug)
    settings = options.settings
    broker = brokers.reach(settings.kafka)
    store = stores.reach(settings.redis) if set(settings.worker.stages) - {"calls"} else None
    config = parts.configured(settings, broker, store.url if store else "")
    parts.check(config, broker, log)
    if store is not None:
        parts.check_store(store, settings, log)
        parts.warm(store, settings)
    parts.ask_registry(settings, log)
    log.info("joining", bootstrap=broker.bootstrap, stages=config.stages, group=config.group)
    raise typer.Exit(run(config, parts.stages(settings, config)))
