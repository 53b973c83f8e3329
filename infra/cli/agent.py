"""triptych agent: the OTLP/HTTP receiver of agent telemetry."""

from __future__ import annotations

import signal

import typer

from .options import of

__all__ = ["app"]

app = typer.Typer()


@app.command()
def agent(context: typer.Context) -> None:
    """Receive GenAI spans by OTLP/HTTP at /v1/traces and publish facts of them; runs until SIGTERM or Ctrl-C.

    Point the agent runtime's OTEL_EXPORTER_OTLP_ENDPOINT here. Prompts and outputs are dropped, digests stay.

    Example: TRIPTYCH_KAFKA__BOOTSTRAP=broker:9092 triptych agent

    Example: triptych --set agent.port=14318 agent
    """
    from ...models.wire import bundled  # noqa: PLC0415
    from ...producers.agent.otlp import server  # noqa: PLC0415
    from ...producers.agent.sending import publishing  # noqa: PLC0415
    from ...producers.publish import Publisher  # noqa: PLC0415
    from .. import assembly, brokers, logs  # noqa: PLC0415

    options = of(context)
    log = logs.configure("agent", debug=options.debug)
    settings = options.settings
    publisher = Publisher(assembly.publish(brokers.reach(settings.kafka), "triptych-agent"))
    receiver, listener = server(assembly.agent(settings), assembly.keyring(settings), publishing(publisher, bundled()))
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has ended
        signal.signal(number, lambda *_: setattr(receiver, "should_exit", True))
    log.info("listening", host=settings.agent.host, port=listener.getsockname()[1])
    receiver.run(sockets=[listener])
    log.info("ended", undelivered=publisher.close())
