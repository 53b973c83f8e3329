"""A secured Kafka that holds findings, a principal that may read them and nothing else, and consumers of others."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType
from patience import PATIENCE_S
from secured_kafka import Secured, secured
from siem.held import CONFIGS, Held, findings, stories

from triptych.models import ocsf, topics

__all__ = ["secured"]

WHAT = {"--topic": ResourceType.TOPIC, "--group": ResourceType.GROUP}


@pytest.fixture(scope="session")
def held(secured: Secured) -> Held:
    """Findings of every rule's stories in two revisions, one as long as any, and one full of hostile text."""
    grant_as_documented(secured)
    producer = Producer({"bootstrap.servers": secured.inside})
    records = []
    for alert in findings():
        body, headers = ocsf.render(alert, tenant="acme"), ocsf.headers(alert, tenant="acme")
        producer.produce(topics.ALERTS_OCSF, body, alert.finding_uid, headers=list(headers))
        records.append((alert.finding_uid, alert.sequence))
    for topic in (topics.INCIDENTS_OCSF, topics.ALERTS_SUPPRESSED):
        producer.produce(topic, ocsf.render(stories()[0], tenant="acme"), "one")
    assert producer.flush(PATIENCE_S) == 0
    return Held(secured, records)


def grant_as_documented(broker: Secured) -> None:
    """What the README's kafka-acls.sh lines grant."""
    for line in re.findall(r"^kafka-acls\.sh .*$", (CONFIGS / "README.md").read_text(), re.MULTILINE):
        words = shlex.split(line)
        said = dict(zip(words, [*words[1:], ""], strict=True))
        prefixed = said.get("--resource-pattern-type") == "prefixed"
        pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
        operations = [AclOperation[two.upper()] for one, two in pairwise(words) if one == "--operation"]
        for option, kind in WHAT.items():
            if name := said.get(option):
                broker.allow(said["--allow-principal"].removeprefix("User:"), kind, name, *operations, pattern=pattern)


@pytest.fixture(scope="session")
def program(require: Any) -> Callable[[str, str], str]:
    """`program(name, package)`: its path; a test without it is skipped, or fails where the consumers must be there."""

    def found(name: str, package: str) -> str:
        path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        return path or require("siem", f"there is no {name}: apt-get install {package}")

    return found
