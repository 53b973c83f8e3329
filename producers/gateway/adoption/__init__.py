"""Puts gateways into the settings of MCP clients, and takes them out again."""
