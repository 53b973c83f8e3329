"""From an event to its finding, on a real Kafka and Redis, at half of what one worker carries."""
