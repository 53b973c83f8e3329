"""The suite's server, asked by the SDK's own client: what it offers in each era."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


def everything() -> StdioServerParameters:
    return StdioServerParameters(
        command=sys.executable, args=["-m", "triptych.infra.conformance.everything", "--stdio"]
    )


@ERAS
async def test_every_listed_thing_can_be_had(mode: Any) -> None:
    async with Client(stdio_client(everything()), mode=mode) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"test_simple_text", "test_error_handling", "test_input_required_result_elicitation"} <= names
        for resource in (await client.list_resources()).resources:
            assert (await client.read_resource(resource.uri)).contents
        plain = [prompt for prompt in (await client.list_prompts()).prompts if not prompt.arguments]
        assert (await client.get_prompt(plain[0].name)).messages


@ERAS
async def test_a_tool_that_fails_says_so_in_its_result(mode: Any) -> None:
    async with Client(stdio_client(everything()), mode=mode) as client:
        assert (await client.call_tool("test_error_handling", {})).is_error
