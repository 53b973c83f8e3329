"""Benchmarks: side by side in one run, each figure with its bar. README.md says how to add one."""
