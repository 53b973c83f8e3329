"""One gateway in front of one MCP server: forwards bytes, publishes facts."""
