"""Client files as people have them, and generated ones in every way of writing JSON with comments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from triptych.producers.gateway.adoption.stdio import Launcher

GOLDEN = Path(__file__).with_name("producers") / "gateway" / "adoption" / "golden"
LAUNCHER = Launcher(
    program="/opt/triptych/bin/triptych-gateway",
    config="/home/ann/.config/triptych/gateway.toml",
    spool="/home/ann/.local/state/triptych/spool",
)
SOCKETS = "/run/user/1000/triptych"
SHAPES = sorted(path.name.partition(".")[0] for path in GOLDEN.glob("*.json") if ".wrapped" not in path.name)

_BLANKS = st.sampled_from(["", " ", "\n  ", "\r\n\t", " /* why */ ", "// so\n", "/**/"])
_TEXTS = st.text(max_size=12) | st.sampled_from(["", "-y", "--", "npx", "${input:x}", "//", "/*", "ünï", "\\", '"'])
_NAMES = st.text("abz. é雪-\n", min_size=1, max_size=5) | st.sampled_from(["files", "args", "a b"])
_HOSTS = st.sampled_from(["http://127.0.0.1:3000", "https://api.example.com", "unix:///run/s.sock", "http://localhost"])
_PATHS = st.sampled_from(["", "/", "/mcp", "/mcp?a=b", "/a/b#c", "#/mcp"])


def _members(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=members)


_STDIO = st.builds(
    lambda command, more: {"command": command, **more},
    _TEXTS,
    _members(args=st.lists(_TEXTS, max_size=3), env=st.dictionaries(_TEXTS, _TEXTS, max_size=2), type=st.just("stdio")),
)
_HTTP = st.builds(
    lambda host, path, more: {"url": host + path, **more},
    _HOSTS,
    _PATHS,
    _members(headers=st.just({"Authorization": "Bearer x"}), type=st.sampled_from(["http", "sse", "ws"])),
)
_ODD = st.none() | st.integers() | st.just([]) | st.just({}) | st.just({"command": 1}) | st.just({"type": "sdk"})


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """`value` as JSON with comments, blanks and trailing commas drawn."""
    if isinstance(value, dict):
        parts = [
            f"{draw(written(key))}{draw(_BLANKS)}:{draw(_BLANKS)}{draw(written(one))}" for key, one in value.items()
        ]
    elif isinstance(value, list):
        parts = [draw(written(one)) for one in value]
    else:
        return json.dumps(value, ensure_ascii=draw(st.booleans()))
    body = ",".join(f"{draw(_BLANKS)}{part}{draw(_BLANKS)}" for part in parts) or draw(_BLANKS)
    comma = "," + draw(_BLANKS) if parts and draw(st.booleans()) else ""
    return "{" + body + comma + "}" if isinstance(value, dict) else "[" + body + comma + "]"


@st.composite
def client_files(draw: st.DrawFn) -> str:
    """A file of any client with servers of every kind."""
    servers = draw(st.dictionaries(_NAMES, _STDIO | _HTTP | _ODD, max_size=4))
    shape = draw(
        st.sampled_from(
            [
                {"mcpServers": servers},
                {"inputs": [], "servers": servers},
                {"mcp": {"servers": servers}, "x": 1.5},
                {"projects": {"/srv": {"mcpServers": servers}, "/y": {}}, "mcpServers": {}},
            ]
        )
    )
    return draw(st.sampled_from(["", "\ufeff"])) + draw(_BLANKS) + draw(written(shape)) + draw(_BLANKS)
