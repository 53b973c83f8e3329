"""Join: Faust agents around pure correlators."""

if __name__ == "streams":
    raise ImportError("import triptych.streams, not streams: install the project first (pip install -e .)")
