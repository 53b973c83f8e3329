"""Observe: gateways, kernel sensor and agent telemetry publish Avro events to Kafka."""

if __name__ == "producers":
    raise ImportError("import triptych.producers, not producers: install the project first (pip install -e .)")
