"""The gateway between an MCP client and the server process it launched."""
