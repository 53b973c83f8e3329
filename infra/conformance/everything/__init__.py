"""An MCP server that offers what the conformance suite asks for, in both eras of the protocol."""
