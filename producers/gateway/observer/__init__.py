"""Reads a copy of the bytes: lines, JSON, JSON-RPC, and what each side of a connection says of itself."""
