"""A new rule of an operator's own, in any of the three forms: complete, with tests that hold, ready to be changed."""

from __future__ import annotations

import uuid
from pathlib import Path
from string import Template
from typing import Literal

from ...models.custom import slug
from .errors import DetectionsError

__all__ = ["Form", "write_new"]

Form = Literal["toml", "python", "sigma"]
_SUFFIX: dict[Form, str] = {"toml": ".toml", "python": ".py", "sigma": ".yml"}
_NAMESPACE = uuid.UUID("3b6f6f0e-1f7e-5a51-8f56-3f4d5f8f2d51")

_STORIES = """\
[[tests]]
name = "a tool reads the payroll"
expect = "hit"
calls = [{ tool = "report", effects = [{ read = "/srv/payroll/2026.csv" }] }]

[[tests]]
name = "another tool writes into the payroll"
expect = "hit"
calls = [{ tool = "import", effects = [{ write = "/srv/payroll/2027.csv" }] }]

[[tests]]
name = "a neighbour of the payroll"
expect = "quiet"
calls = [{ tool = "report", effects = [{ read = "/srv/payroll-public/readme" }] }]

[[tests]]
name = "a connection reads nothing"
expect = "quiet"
calls = [{ tool = "report", effects = [{ connect = "203.0.113.7:443" }] }]
"""

_TOML = """\
id = "execution.$name"
version = 1
title = "$title"
severity = "medium"
risk = 50
why = "Say in one or two sentences what an attacker gains, and why a normal tool does not do this."
blind = "Say what this does not see."
false_positives = ["who does this with good reason"]
triage = ["what to look at first", "what to ask whom"]
attacks = ["T1005"]
tags = ["owasp_mcp:MCP10:2025"]
needs.layers = ["execution"]
needs.binding = "window"

[[match]]
step = "touch"
on = "effect"
where.kind = "open"
where.path.starts = "/srv/payroll/"

$stories"""

_PYTHON = '''\
"""$title: say in one or two sentences what an attacker gains, and why a normal tool does not do this."""

TITLE = "$title"
SEVERITY = "medium"
BLIND = "Say what this does not see."
FALSE_POSITIVES = ["who does this with good reason"]
TRIAGE = ["what to look at first", "what to ask whom"]
TAGS = ["attack.t1005"]


def rule(call):
    """`call` has the fields of avro/triptych.Call.avsc and cannot be changed."""
    return any(path.startswith("/srv/payroll/") for path in paths(call))


def title(call):
    return f"{call.tool} touched the payroll"


def dedup(call):
    return f"{call.server.id}/{call.principal.id}"


def context(call):
    return {"files": ", ".join(paths(call))}


def paths(call):
    return [effect.path for effect in call.effects if effect.kind == "open" and effect.path]


TESTS = [
    {
        "name": "a tool reads the payroll",
        "expect": "hit",
        "calls": [{"tool": "report", "effects": [{"read": "/srv/payroll/2026.csv"}]}],
    },
    {
        "name": "another tool writes into the payroll",
        "expect": "hit",
        "calls": [{"tool": "import", "effects": [{"write": "/srv/payroll/2027.csv"}]}],
    },
    {
        "name": "a neighbour of the payroll",
        "expect": "quiet",
        "calls": [{"tool": "report", "effects": [{"read": "/srv/payroll-public/readme"}]}],
    },
    {
        "name": "a connection reads nothing",
        "expect": "quiet",
        "calls": [{"tool": "report", "effects": [{"connect": "203.0.113.7:443"}]}],
    },
]
'''

_SIGMA = """\
title: $title
id: $uuid
status: experimental
description: Say in one or two sentences what an attacker gains, and why a normal tool does not do this.
tags: [attack.t1005]
logsource:
  product: mcp
  category: execution
detection:
  selection:
    effect.kind: open
    file.path|startswith: /srv/payroll/
  condition: selection
falsepositives:
  - who does this with good reason
level: medium
blind: Say what this does not see.
triage:
  - what to look at first
tests:
  - name: a tool reads the payroll
    expect: hit
    calls: [{tool: report, effects: [{read: /srv/payroll/2026.csv}]}]
  - name: another tool writes into the payroll
    expect: hit
    calls: [{tool: import, effects: [{write: /srv/payroll/2027.csv}]}]
  - name: a neighbour of the payroll
    expect: quiet
    calls: [{tool: report, effects: [{read: /srv/payroll-public/readme}]}]
  - name: a connection reads nothing
    expect: quiet
    calls: [{tool: report, effects: [{connect: '203.0.113.7:443'}]}]
"""
_TEXT: dict[Form, str] = {"toml": _TOML, "python": _PYTHON, "sigma": _SIGMA}


def write_new(folder: Path, name: str, form: Form) -> Path:
    """The file written. Raises DetectionsError D23 where one of that name is there."""
    stem = slug(name)
    file = folder / f"{stem.replace('-', '_') if form == 'python' else stem}{_SUFFIX[form]}"
    if file.exists():
        raise DetectionsError(f"{file} is there already", "give the new rule another name", code="D23")
    folder.mkdir(parents=True, exist_ok=True)
    title = stem.replace("-", " ").capitalize()
    values = {"name": stem, "title": title, "uuid": str(uuid.uuid5(_NAMESPACE, stem)), "stories": _STORIES}
    file.write_text(Template(_TEXT[form]).substitute(values), "utf-8")
    return file
