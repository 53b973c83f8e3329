"""Logs go to stderr: lines for people on a terminal, JSON otherwise. What libraries log takes the same way."""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure"]


def configure(part: str, *, debug: bool = False, least: int = logging.INFO) -> structlog.stdlib.BoundLogger:
    """Set logging up for a command; returns its logger. Every line names `part`. `least`: what one that tells its
    outcome by itself has to say beside it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_render(), foreign_pre_chain=shared))
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if debug else least, force=True)
    structlog.contextvars.bind_contextvars(part=part)
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def _render() -> list[structlog.typing.Processor]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if sys.stderr.isatty():
        return [remove, structlog.dev.ConsoleRenderer()]
    return [remove, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
