"""A real Apache Kafka from Maven Central jars."""
