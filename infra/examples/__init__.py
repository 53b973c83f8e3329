"""Consumers of four kinds, each the whole of it: copy one and change what it does with a record."""
