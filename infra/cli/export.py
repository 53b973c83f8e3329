"""triptych export: calls and findings to tools that do not read Kafka."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def export() -> None:
    """Carry calls and findings from the broker to other tools, in a consumer group of their own."""


@app.command()
def otlp(  # noqa: PLR0917 - typer makes options of them
    context: typer.Context,
    endpoint: Annotated[
        str, typer.Option(envvar="OTEL_EXPORTER_OTLP_ENDPOINT", help="Address of the collector, without /v1/...")
    ] = "http://127.0.0.1:4318",
    headers: Annotated[
        str, typer.Option(envvar="OTEL_EXPORTER_OTLP_HEADERS", help="NAME=VALUE,... that let us in.")
    ] = "",
    signal: Annotated[
        list[str] | None, typer.Option(metavar="spans|logs", help="Calls as spans, findings as logs; both if none.")
    ] = None,
    group: Annotated[str, typer.Option(help="Consumer group; each collector needs its own.")] = "triptych-otlp",
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="What the topics hold, too.")] = False,
) -> None:
    """Send calls as spans and findings as logs by OTLP/HTTP; runs until SIGTERM or Ctrl-C.

    A collector that is away is waited for. What it has not taken is sent again after a crash, under the same ids.

    Example: triptych export otlp --endpoint http://collector:4318

    Example: OTEL_EXPORTER_OTLP_HEADERS=authorization=... triptych export otlp --signal logs --group soc-logs
    """
    import signal as signals  # noqa: PLC0415
    import threading  # noqa: PLC0415

    from .. import brokers, logs  # noqa: PLC0415
    from ..export.otlp import ExportConfig, Exporter  # noqa: PLC0415
    from ..export.sending import Collector, headers_of  # noqa: PLC0415

    options = of(context)
    log = logs.configure("export", debug=options.debug)
    config = ExportConfig(
        collector=Collector(endpoint=endpoint, headers=headers_of(headers)),
        group=group,
        signals=tuple(signal or ("spans", "logs")),
        from_beginning=from_beginning,
    )
    stop = threading.Event()
    for number in (signals.SIGTERM, signals.SIGINT):
        signals.signal(number, lambda *_: stop.set())
    exporter = Exporter(brokers.reach(options.settings.kafka).client(), config, stop)
    log.info("exporting", endpoint=endpoint, signals=config.signals, group=group)
    exporter.run()
    log.info("ended", **{name.replace(" ", "_"): count for name, count in exporter.counts.items()})
