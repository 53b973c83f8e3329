"""The gateway in front of an MCP server that listens: a reverse proxy that keeps every byte."""
