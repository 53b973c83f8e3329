"""How the store is asked for baselines: one command a server, answered by one string of numbers.

A pair of SCARD for each key would be as right and twenty times slower, nearly all of it in the client. The script
builds the names it reads, so it serves one Redis server with or without replicas, not a Redis cluster.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from ..models.baseline import BaselineView, Support
from .redisclient import Pipeline

__all__ = ["ask", "view_of"]

_BETWEEN = "\n"  # stands in no key: keys.key_of leaves no control character in them
_PAIR = struct.Struct(">II")
_SCRIPT = """
local base, out = ARGV[1], {}
local function count(one, other)
  out[#out + 1] = struct.pack('>II', redis.call('SCARD', base .. one), redis.call('SCARD', base .. other))
end
count(':sessions', ':principals')
for key in string.gmatch(ARGV[2], '[^\\n]+') do count(':s:' .. key, ':p:' .. key) end
return table.concat(out)
"""


def ask(pipe: Pipeline, base: str, keys: Sequence[str]) -> None:
    """Ask for the totals of the baseline under the name `base`, and for the support of these keys."""
    pipe.eval(_SCRIPT, 0, base, _BETWEEN.join(keys))


def view_of(server: str, keys: Sequence[str], answer: bytes) -> BaselineView:
    """The view in an answer: totals first, then the keys as they were asked."""
    (sessions, principals), *supports = _PAIR.iter_unpack(answer)
    found = {key: Support(*pair) for key, pair in zip(keys, supports, strict=True)}
    return BaselineView(server, sessions, principals, found)
