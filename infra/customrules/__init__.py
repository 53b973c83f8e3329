"""Python rules of an operator's own, each file in a process of its own that has nothing and may take no time."""
