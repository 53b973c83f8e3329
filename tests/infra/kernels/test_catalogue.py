"""Which package is the newest kernel of a series: the names are Debian's, as they stand side by side on a mirror."""

from __future__ import annotations

import pytest

from triptych.infra.kernels.catalogue import MATRIX, Series, candidates

PACKAGES = [
    "linux-image-5.10.0-9-cloud-amd64",
    "linux-image-5.10.0-46-cloud-amd64",
    "linux-image-6.1.0-0.deb11.52-cloud-amd64",
    "linux-image-6.1.0-50-cloud-amd64",
    "linux-image-6.1-cloud-amd64",
    "linux-image-6.12.107+deb13-cloud-amd64",
    "linux-image-6.12.94+deb13-cloud-amd64",
    "linux-image-7.3.4+deb13-cloud-amd64",
    "linux-binary-7.3.4+deb13-cloud-amd64",
    "linux-image-7.3.4+deb13-cloud-arm64",
    "linux-image-7.9.9-cloud-amd64-dbg",
]


@pytest.mark.parametrize(
    ("name", "abis"),
    [
        ("5.10", ["5.10.0-46", "5.10.0-9"]),
        ("6.1", ["6.1.0-50", "6.1.0-0.deb11.52", "6.1"]),
        ("6.12", ["6.12.107+deb13", "6.12.94+deb13"]),
        ("6.2", []),
    ],
)
def test_kernels_of_a_series_come_newest_first(name: str, abis: list[str]) -> None:
    assert [kernel.abi for kernel in candidates(Series(name, "amd64"), PACKAGES)] == abis


def test_since_the_image_moved_it_is_taken_from_where_it_is() -> None:
    newest = candidates(Series("newest", "amd64"), PACKAGES)[0]
    assert (newest.abi, newest.package) == ("7.3.4+deb13", "linux-binary-7.3.4+deb13-cloud-amd64")


def test_the_matrix_holds_what_the_project_promises() -> None:
    assert {"5.10", "6.1", "6.12", "newest"} <= {each.name for each in MATRIX if each.architecture == "amd64"}
    assert sum(each.architecture == "amd64" for each in MATRIX) >= 5
    assert sum(each.architecture == "arm64" for each in MATRIX) >= 2
