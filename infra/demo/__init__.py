"""The story that `triptych demo` plays on the real parts."""
