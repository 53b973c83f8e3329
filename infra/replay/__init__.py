"""Topics on disk as Avro object container files, and the worker's own stages over them in virtual time."""
