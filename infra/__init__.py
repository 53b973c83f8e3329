"""Run: settings, command line, providers, demo. Imports every other package, imported by none."""

if __name__ == "infra":
    raise ImportError("import triptych.infra, not infra: install the project first (pip install -e .)")
