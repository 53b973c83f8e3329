"""The benchmark of stage 1: calls per CPU second, beside what else would read the same topics."""
