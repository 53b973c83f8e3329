"""Judge: events, baselines, scores, detections, findings. Knows no Kafka, Redis, kernel, clock or environment."""

if __name__ == "models":
    raise ImportError("import triptych.models, not models: install the project first (pip install -e .)")
