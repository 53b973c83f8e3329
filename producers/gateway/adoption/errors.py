"""What goes wrong with the settings of MCP clients. infra/README.md lists the codes."""

from __future__ import annotations

from ....models.errors import ConfigError

__all__ = ["ClientFileError", "FileRefused"]


class ClientFileError(ConfigError):
    """G25 no settings of an MCP client, G26 an entry that was asked for and cannot be wrapped."""

    code = "G25"


class FileRefused(ConfigError):
    """G27 a file that is not ours to replace, G28 one that changed while it was looked at, G29 one that cannot be read
    or written.
    """

    code = "G27"
