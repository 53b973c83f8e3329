"""The public MCP conformance suite, run against a server directly and through the gateway, and compared."""
