"""Configurations for SIEMs: each parses, and names only fields that a finding has."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import ocsf_validator
import pytest
import yaml

from triptych.infra import siem
from triptych.infra.siem import golden
from triptych.models import ocsf

HERE = Path(siem.__file__).parent
FOLDERS = sorted(path.parent for path in HERE.glob("*/README.md"))
WORD = r"[a-z_][a-z_0-9]*"


@cache
def finding() -> dict[str, Any]:
    return json.loads(golden.FILE.read_bytes())  # type: ignore[no-any-return]


def text(name: str) -> str:
    return (HERE / name).read_text()


def exists(path: str) -> bool:
    """Whether a finding has the field, now or by OCSF's schema; `unmapped` is ours alone."""
    parts = [part for part in re.split(r"[.\[\]'\"{}]+", path.replace("gen_ai.tool.name", "gen_ai_tool_name")) if part]
    parts = [part for part in parts if not part.isdecimal() and part != "*"]
    return _in_golden([finding()], parts) or _in_schema("detection_finding", parts)


def _in_golden(values: list[Any], parts: list[str]) -> bool:
    for part in parts:
        name = part.replace("gen_ai_tool_name", "gen_ai.tool.name")
        values = [one for value in values for one in (value if isinstance(value, list) else [value])]
        values = [value[name] for value in values if isinstance(value, dict) and name in value]
    return bool(values)


def _in_schema(kind: str, parts: list[str]) -> bool:
    schema = ocsf_validator.schema(ocsf.DEFAULT)
    for part in parts:
        attributes = (schema["classes"].get(kind) or schema["objects"].get(kind) or {"attributes": {}})["attributes"]
        if part not in attributes:
            return False
        kind = attributes[part]["type"]
    return bool(parts)


def bracketed(config: str) -> Iterator[str]:
    """`[metadata][uid]`, as Logstash writes it."""
    for found in re.findall(rf"(?:\[{WORD}\])+", config):
        yield found.replace("][", ".").strip("[]")


def properties(tree: dict[str, Any], at: str = "") -> Iterator[str]:
    """The fields of a mapping of Elasticsearch or OpenSearch."""
    for name, known in tree.items():
        if name != "@timestamp":
            yield f"{at}{name}"
            yield from properties(known.get("properties", {}), f"{at}{name}.")


def columns(fields: list[dict[str, Any]], at: str = "") -> Iterator[str]:
    """The fields of a Panther schema."""
    for field in fields:
        yield f"{at}{field['name']}"
        yield from columns(field.get("fields", []), f"{at}{field['name']}.")


def splunk() -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    for name in ("props", "transforms"):
        parser.read_string(text(f"splunk/{name}.conf"))
    for name, value in parser.items("ocsf:triptych:finding"):
        if name.startswith("FIELDALIAS-"):
            yield value.partition(" AS ")[0]
        elif name.startswith("EVAL-"):
            yield from re.findall(r"'([^']+)'", value)
    yield from re.findall(r"\b((?:finding_info|metadata)\.[a-z_]+)", text("splunk/savedsearches.conf"))


def elastic() -> Iterator[str]:
    processors = json.loads(text("elastic/ingest-pipeline.json"))["processors"]
    yield from (one["set"]["copy_from"] for one in processors if "copy_from" in one.get("set", {}))
    yield from (one["date"]["field"] for one in processors if "date" in one)
    yield from properties(json.loads(text("elastic/index-template.json"))["template"]["mappings"]["properties"])
    yield from bracketed(text("elastic/logstash.conf").replace("[@metadata][id]", ""))


def sentinel() -> Iterator[str]:
    rule = json.loads(text("sentinel/dcr.json"))["properties"]
    declared = [one["name"] for one in rule["streamDeclarations"]["Custom-TriptychFindings"]["columns"]]
    yield from declared
    transform = re.sub(r"\['(\w+)'\]", r".\1", rule["dataFlows"][0]["transformKql"])
    used = re.findall(rf"\b({WORD}(?:\.{WORD})+)", transform)
    assert {path.partition(".")[0] for path in used} <= set(declared)
    yield from used
    yield from (f"unmapped.mcp.{path}" for path in re.findall(r"Mcp\.([a-z_.]+)", text("sentinel/findings.kql")))
    yield from (f"observables.{name}" for name in re.findall(r"Observable\.([a-z_]+)", text("sentinel/findings.kql")))


def secops() -> Iterator[str]:
    yield from bracketed(text("secops/parser.conf").replace("[not_json]", ""))
    yield from re.findall(r"%\{([a-z_.]+)\}", text("secops/parser.conf"))


def panther() -> Iterator[str]:
    yield from columns(yaml.safe_load(text("panther/schema.yml"))["fields"])
    for call in re.findall(r"deep_get\(([^)]*)\)", text("panther/triptych_finding.py")):
        yield ".".join(re.findall(r'"([a-z_.]+)"', call))


def wazuh() -> Iterator[str]:
    for element in ElementTree.fromstring(text("wazuh/rules.xml")).iter("field"):  # noqa: S314 - our own
        yield element.attrib["name"]
    yield from re.findall(r"\$\(([a-z_.]+)\)", text("wazuh/rules.xml"))


def graylog() -> Iterator[str]:
    yield from (path.replace("[*]", "") for path in re.findall(r'"\$\.([a-z_.\[*\]]+)"', text("graylog/finding.rule")))


def opensearch() -> Iterator[str]:
    prepper = text("opensearch/data-prepper.yaml")
    yield from (path.replace("/", ".") for path in re.findall(r"from_key: ([a-z_/]+)", prepper))
    yield from (path.replace("/", ".") for path in re.findall(r"\$\{/([a-z_/]+)\}", prepper))
    yield from properties(json.loads(text("opensearch/index-template.json"))["template"]["mappings"]["properties"])
    monitor = text("opensearch/monitor.json")
    yield from re.findall(r'"(?:term|field|range)": \{?"((?!@)[a-z_.]+)"', monitor)


def vector() -> Iterator[str]:
    source = yaml.safe_load(text("vector/vector.yaml"))["transforms"]["alerts"]["source"]
    set_here = {"timestamp", "finding", "rule", "trace"}
    yield from (path for path in re.findall(rf"(?<![\w)])\.({WORD}(?:\.{WORD})*)", source) if path not in set_here)


def fluentbit() -> Iterator[str]:
    yield from re.findall(r"\$([a-z_]+(?:\['[a-z_]+'\])+)", text("fluentbit/fluent-bit.yaml"))


def tenzir() -> Iterator[str]:
    yield from re.findall(
        rf"^({WORD}(?:\.{WORD})*) = ", text("tenzir/triptych.tql").replace("this = ", ""), re.MULTILINE
    )


USED: dict[str, Callable[[], Iterator[str]]] = {
    "splunk": splunk, "elastic": elastic, "sentinel": sentinel, "secops": secops, "panther": panther, "wazuh": wazuh,
    "graylog": graylog, "opensearch": opensearch, "vector": vector, "fluentbit": fluentbit, "tenzir": tenzir,
}  # fmt: skip


def test_the_golden_finding_is_what_we_write_today(ocsf_problems: Any) -> None:
    assert golden.line() == golden.FILE.read_bytes(), "python -m triptych.infra.siem.golden"
    assert ocsf_problems(finding(), ocsf.DEFAULT) == []


@pytest.mark.parametrize("name", USED)
def test_every_field_that_a_configuration_names_exists(name: str) -> None:
    used = set(USED[name]())
    assert len(used) >= 1
    assert sorted(path for path in used if not exists(path)) == []


@pytest.mark.parametrize("path", ["finding_info.uuid", "metadata.uid.x", "unmapped.mcp.nothing", "evidences[].nope"])
def test_a_field_that_does_not_exist_is_found(path: str) -> None:
    assert not exists(path)


@pytest.mark.parametrize("path", sorted(HERE.glob("*/*.json")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_json_parses(path: Path) -> None:
    assert json.loads(path.read_text())


@pytest.mark.parametrize("path", sorted(HERE.glob("*/*.y*ml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_yaml_parses(path: Path) -> None:
    assert yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", sorted(HERE.glob("*/*.xml")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_xml_parses(path: Path) -> None:
    assert len(ElementTree.parse(path).getroot())  # noqa: S314 - our own


@pytest.mark.parametrize("path", sorted(HERE.glob("*/*.conf")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_braces_are_closed(path: Path) -> None:
    bare = re.sub(r'"[^"]*"', "", path.read_text())
    assert all(bare.count(one) == bare.count(other) for one, other in ("{}", "()") if "splunk" not in path.parts)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_page_has_five_steps(folder: Path) -> None:
    steps = re.findall(r"^(\d)\. ", (folder / "README.md").read_text(), re.MULTILINE)
    assert steps == ["1", "2", "3", "4", "5"]


GROUP = re.compile(r"(?:group[._]id|groupId|group_id|consumergroup|group\.id)\W+(?:env\()?[\"']?(siem-[a-z]+)")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_whoever_reads_kafka_has_a_group_that_the_principal_may_use(folder: Path) -> None:
    config = "".join(path.read_text() for path in folder.iterdir() if path.suffix not in (".md", ".txt"))
    if "mcp.alerts.ocsf" in config and folder.name not in ("wazuh", "kafkajs"):
        assert set(GROUP.findall(config)) == {f"siem-{folder.name}"}


def test_no_configuration_holds_a_secret() -> None:
    held = re.compile(r"(?i)(?:password|secret|token|api_key)\W{1,4}(?!\$|%|env|.file|true)[a-z0-9]{12,}")
    configs = [path for folder in FOLDERS for path in folder.iterdir() if path.name != "package-lock.json"]
    assert [str(path) for path in configs if held.search(path.read_text())] == []


def test_splunk_finds_the_time_where_it_stands() -> None:
    prefix = re.search(r"^TIME_PREFIX = (.*)$", text("splunk/props.conf"), re.MULTILINE)
    assert prefix is not None
    line = golden.line().decode()
    found = re.match(prefix[1], line)
    assert found is not None
    assert int(line[found.end() : found.end() + 13]) == finding()["time"]
    assert re.search(r'"labels":\["test', line), "transforms.conf routes tests by this"


def _panther() -> ModuleType:
    spec = importlib.util.spec_from_file_location("triptych_finding", HERE / "panther" / "triptych_finding.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Event(dict[str, Any]):
    """As much of Panther's event as its documentation promises."""

    def deep_get(self, *keys: str, default: Any = None) -> Any:
        value: Any = self
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return default if value is None else value


TESTS = yaml.safe_load(text("panther/triptych_finding.yml"))["Tests"]


@pytest.mark.parametrize("case", TESTS, ids=[case["Name"] for case in TESTS])
def test_panther_s_rule_does_what_its_tests_say(case: dict[str, Any]) -> None:
    assert _panther().rule(Event(case["Log"])) is case["ExpectedResult"]


def test_panther_s_rule_reads_a_finding() -> None:
    module, event = _panther(), Event(finding())
    assert (module.dedup(event), module.severity(event)) == (finding()["finding_info"]["uid"], "CRITICAL")
    assert module.alert_context(event)["tool"] == "read_config"
    assert None not in module.alert_context(event).values()
