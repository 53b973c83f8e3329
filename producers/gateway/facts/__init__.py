"""Messages to facts that may leave the producer: kinds, sizes, keyed digests, families; never a value."""
