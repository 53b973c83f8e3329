"""The sensor and the shim in a server name a call by the same mark."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.producers import shim
from triptych.producers.sensor import marks


@given(st.text(max_size=300), st.text(max_size=32))
def test_both_sides_mark_a_call_alike(request: str, trace_id: str) -> None:
    assert marks.mark(request, trace_id) == shim.mark(request, trace_id)
