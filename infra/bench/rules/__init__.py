"""The benchmark of the detection rules."""
