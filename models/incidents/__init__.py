"""Findings that belong together, told as one incident. Pure: sets of findings in, incidents out, whatever the order."""
