"""The Python that reads, passes over or writes one value of each Avro type; specialised.py puts it together.

`data`, `at`: the bytes and the position. `out`: the pieces. `{into}`, `{value}`: the variable. `{inner}`: the source
for what is within. `{name}`: a function or a table. `{depth}` tells variables of nested arrays apart.
"""

from __future__ import annotations

__all__ = ["HEAD", "READ", "READS", "RUN", "SKIP", "WRITE", "WRITES"]

HEAD = '''"""Made by models/specialised.py when the wheel was built."""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from .native import i64
'''
# What local variables are, for a compiler; it takes what is not said as any object.
READS = "n: i64\nbegin: i64\nstart: i64\nend: i64\nitems0: list[Any]\nitem0: Any\nitems1: list[Any]\nitem1: Any\n"
WRITES = "n: int\nnumber: int\nplain: str\ntext: bytes\n"

_READ_VARINT = """
n = data[at]
at += 1
if n > 127:
    n, at = more(data, at, n)
"""
_READ_END = f"""{_READ_VARINT}
if n & 1:
    raise ValueError("a negative length")
end = at + (n >> 1)
"""
_READ_LONG = """
n = data[at]
if n > 127:
    {into}, at = long(data, at)
else:
    {into} = n >> 1 ^ -(n & 1)
    at += 1
"""
READ = {
    "int": _READ_LONG,
    "long": _READ_LONG,
    "boolean": "{into} = data[at] != 0\nat += 1\n",
    "double": "{into} = double(data, at)[0]\nat += 8\n",
    "string": _READ_END + "{into} = data[at:end].decode('utf-8')\nat = end\n",
    "bytes": _READ_END + "{into} = data[at:end]\nat = end\n",
    "enum": "{into} = {name}[data[at]]\nat += 1\n",
    "record": "{into}, at = {name}(data, at)\n",
    "option": """
n = data[at]
at += 1
if n == 2:
    {inner}
elif n:
    raise ValueError("a branch that the union does not have")
else:
    {into} = None
""",
    "array": """
{into} = ()
n = data[at]
at += 1
if n:
    items{depth} = []
    while n:
        if n > 127 or n & 1:
            n, at = block(data, at, n)
        for _ in range(n >> 1):
            {inner}
            items{depth}.append(item{depth})
        n = data[at]
        at += 1
    {into} = tuple(items{depth})
""",
}

# What is cut short is not remembered: it is less than was read.
RUN = """
for run, values in {known}.get({key}, ()):
    end = at + len(run)
    if data[at:end] == run:
        {again}
        at = end
        break
else:
    begin = at
{inner}
    if at <= len(data):
        remember({known}, {key}, data[begin:at], ({values}))
"""

SKIP = {
    "int": "at = past(data, at, 1)\n",
    "long": "at = past(data, at, 1)\n",
    "boolean": "at += 1\n",
    "double": "at += 8\n",
    "string": _READ_END + "data[at:end].decode('utf-8')\nat = end\n",  # refused here, for it may be passed on
    "bytes": _READ_END + "at = end\n",
    "enum": "{name}[data[at]]\nat += 1\n",
    "record": "at = {name}(data, at)\n",
    "option": """
n = data[at]
at += 1
if n == 2:
    {inner}
elif n:
    raise ValueError("a branch that the union does not have")
""",
    "array": """
n = data[at]
at += 1
while n:
    if n > 127 or n & 1:
        n, at = block(data, at, n)
    for _ in range(n >> 1):
        {inner}
    n = data[at]
    at += 1
""",
}

_WRITE_LENGTH = """
n = len({it}) << 1
out.append(ONE[n] if n < 128 else spelt(n))
"""
_WRITE_LONG = """
number = {value}
n = number << 1 ^ number >> 63
out.append(ONE[n] if 0 <= n < 128 else spelt(n))
"""
WRITE = {
    "int": _WRITE_LONG,
    "long": _WRITE_LONG,
    "boolean": "out.append(ONE[1 if {value} else 0])\n",
    "double": "out.append(double({value}))\n",
    "string": "plain = {value}\ntext = plain.encode()\n" + _WRITE_LENGTH.format(it="text") + "out.append(text)\n",
    "bytes": _WRITE_LENGTH.format(it="{value}") + "out.append({value})\n",
    "enum": "out.append({name}[{value}])\n",
    "record": "{name}({value}, out)\n",
    "option": """
if {value} is None:
    out.append(ONE[0])
else:
    out.append(ONE[2])
    {inner}
""",
    "array": _WRITE_LENGTH.format(it="{value}") + """if {value}:
    for item{depth} in {value}:
        {inner}
    out.append(ONE[0])
""",
}  # fmt: skip
