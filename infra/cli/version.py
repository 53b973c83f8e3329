"""triptych version: what to name in a report."""

from __future__ import annotations

import typer

__all__ = ["app"]

app = typer.Typer()


@app.command()
def version() -> None:
    """Print the versions that matter in a report.

    Example: triptych version
    """
    import platform  # noqa: PLC0415
    from importlib import metadata  # noqa: PLC0415

    typer.echo(f"triptych {metadata.version('triptych')}")
    typer.echo(f"python {platform.python_version()}, kernel {platform.release()}")
    for package in ("confluent-kafka", "faust-streaming", "fastavro", "scikit-learn", "redis"):
        typer.echo(f"{package} {metadata.version(package)}")
