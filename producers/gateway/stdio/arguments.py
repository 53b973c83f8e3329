"""The wrapper's command line. What clients write is read at once; argparse, which takes longer to load than that, only
comes for help and for complaints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["parse"]

_OPTIONS = {  # the setting it gives, its value's name, help
    "--config": ("config", "FILE", "settings, TOML or JSON (or TRIPTYCH_GATEWAY_CONFIG)"),
    "--server": ("server", "NAME", "the operator's name of the server"),
    "--principal": ("principal", "LABEL", "who uses the server; default is the user"),
    "--spool": ("spool_dir", "DIR", "where events wait for the shipper"),
    "--lease": ("lease_socket", "SOCKET", "socket of the node's sensor"),
    "--key-file": ("key_file", "FILE", "digest key shared by all producers"),
}


def parse(argv: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings that are given (None where one is not), and the server's command behind `--`.

    Ends the process with status 0 after --help, 2 after a mistake, as argparse does.
    """
    cut = argv.index("--") if "--" in argv else len(argv)
    options, command = argv[:cut], tuple(argv[cut + 1 :])
    names, values = options[::2], options[1::2]
    given: dict[str, Any] = {setting: None for setting, _, _ in _OPTIONS.values()}
    if len(names) != len(values) or any(name not in _OPTIONS for name in names) or _flags(values):
        return vars(_parser().parse_args(options)), command
    given.update((_OPTIONS[name][0], value) for name, value in zip(names, values, strict=True))
    return given, command


def _flags(values: Sequence[str]) -> bool:
    """Whether a value could be an option whose own value was forgotten."""
    return any(value.startswith("-") for value in values)


def _parser() -> ArgumentParser:
    from argparse import ArgumentParser  # noqa: PLC0415

    parser = ArgumentParser(
        prog="triptych-gateway",
        usage="%(prog)s [options] -- COMMAND [ARGUMENT ...]",
        description="Run an MCP server behind a gateway that forwards every byte and publishes facts about every call.",
        allow_abbrev=False,
    )
    for option, (setting, value, text) in _OPTIONS.items():
        parser.add_argument(option, metavar=value, dest=setting, help=text)
    return parser
