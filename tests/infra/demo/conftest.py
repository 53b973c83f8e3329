from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.infra.demo.sites import Sites, open_sites
from triptych.infra.demo.world import Canaries, World, new_canaries, plant


@pytest.fixture(scope="session")
def sites() -> Iterator[Sites]:
    with open_sites() as opened:
        yield opened


@pytest.fixture
def canaries() -> Canaries:
    return new_canaries(random.Random(7))


@pytest.fixture
def world(tmp_path: Path, sites: Sites, canaries: Canaries) -> World:
    planted = World(root=tmp_path / "world", docs=sites.docs, hub=sites.hub, collector=sites.collector)
    plant(planted, canaries)
    return planted
