"""Compile detection rules to predicates and run the tests inside them."""
