"""The settings file that gateways begin with: a template with comments. Pure."""

from __future__ import annotations

from pathlib import Path
from string import Template

from .jsonc import quoted

__all__ = ["settings_text"]

_TEMPLATE = Path(__file__).with_name("gateway.toml")


def settings_text(*, key_file: Path, spool_dir: Path, lease_socket: Path, bootstrap: str = "") -> str:
    """gateway.toml for one machine; where a broker is named, the gateways start their shipper themselves."""
    shipping = (
        f'bootstrap = {quoted(bootstrap)}\nship = "auto"' if bootstrap else '# bootstrap = "broker:9092"\nship = "off"'
    )
    paths = {"key_file": key_file, "spool_dir": spool_dir, "lease_socket": lease_socket}
    values = {name: quoted(str(path)) for name, path in paths.items()}
    return Template(_TEMPLATE.read_text()).substitute(values, shipping=shipping)
