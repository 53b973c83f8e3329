"""The kernel sensor: which process did what, and for which tool call."""
