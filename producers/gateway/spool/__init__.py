"""Events on disk first, then to Kafka by a process of its own."""
