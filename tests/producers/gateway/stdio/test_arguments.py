"""The quick reading of a command line and argparse's are one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.producers.gateway.stdio.arguments import _OPTIONS, _parser, parse

WORDS = st.sampled_from([*_OPTIONS, "files", "a b", "", "x=1"])


@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=3))
def test_what_is_read_quickly_is_what_argparse_reads(options: list[str], command: list[str]) -> None:
    try:
        expected = vars(_parser().parse_args(options))
    except SystemExit:
        with pytest.raises(SystemExit):
            parse([*options, "--", *command])
    else:
        assert parse([*options, "--", *command]) == (expected, tuple(command))


def test_a_value_may_be_joined_by_an_equals_sign() -> None:
    assert parse(["--server=files", "--", "cat"])[0]["server"] == "files"


@pytest.mark.parametrize(("option", "status"), [("--help", 0), ("--unknown", 2), ("--server", 2)])
def test_help_and_mistakes_end_as_everywhere(option: str, status: int) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([option, "--", "cat"])
    assert ended.value.code == status
