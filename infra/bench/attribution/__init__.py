"""The benchmark of attribution: effects whose call is known, against what the sensor and naive joins say of them."""
