"""Client of Python's SDK or of FastMCP: `client_python.py sdk|fastmcp MODE TARGET CALL`; prints what it saw."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client


def opened(kind: str, mode: str, target: str) -> Any:
    command = json.loads(target) if target.startswith("[") else None
    if kind == "fastmcp":
        import fastmcp  # noqa: PLC0415
        from fastmcp.client.transports import StdioTransport  # noqa: PLC0415

        transport = StdioTransport(command[0], command[1:], env=dict(os.environ)) if command else target
        return fastmcp.Client(transport, mode=mode)
    if command:
        return Client(
            stdio_client(StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))), mode=mode
        )
    return Client(target, mode=mode)


async def main(kind: str, mode: str, target: str, call: str) -> None:
    wanted = json.loads(call)
    async with opened(kind, mode, target) as client:
        listed = await client.list_tools()
        tools = sorted(tool.name for tool in getattr(listed, "tools", listed))
        results = [await answer(client, one) for one in (wanted, {"name": "no-such-tool", "arguments": {}})]
    print(json.dumps({"tools": tools, "result": results[0], "unknown": results[1]}))


async def answer(client: Any, call: dict[str, Any]) -> Any:
    try:
        result = await client.call_tool(call["name"], call["arguments"])
    except MCPError as error:
        return {"code": error.error.code}
    except Exception as error:  # FastMCP's own
        return {"refused": type(error).__name__}
    content = [block.model_dump(mode="json", exclude_none=True) for block in result.content]
    return {"content": content, "is_error": getattr(result, "is_error", False)}


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
