from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.models.detections.engine import Content
from triptych.models.detections.engine.sightings import Sighting
from triptych.models.sigma.correlation import Correlation, Slot
from triptych.models.sigma.windows import VALUE, measure, occurrences

S = 1_000_000


def counting(count: float, kind: str = "event_count", span_s: int = 60, op: str = "gte") -> Correlation:
    slots = tuple(Slot(rule=name, group_by=(), value=None) for name in ("a", "b"))
    return Correlation(kind=kind, slots=slots, span_us=span_s * S, op=op, count=count, percentile=50, terms=())


def seen(*times: int, step: str = "a") -> tuple[Sighting, ...]:
    return tuple(sorted(Sighting(at * S, step, f"e{number}") for number, at in enumerate(times)))


def ends(correlation: Correlation, held: tuple[Sighting, ...], *mine: Sighting) -> list[int]:
    """The ends of the windows that hold, in whole seconds."""
    return [found.end_us // S for found in occurrences(correlation, Content(held), mine or held)]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.integers(1, 4))
def test_a_window_holds_where_enough_lie_within_the_timespan(times: list[int], count: int) -> None:
    wanted = {end for end in times if sum(end - 60 <= at <= end for at in times) >= count}
    assert ends(counting(count), seen(*times)) == sorted(wanted)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=30), st.data())
def test_whoever_asks_of_one_match_hears_of_every_window_that_it_lies_in(times: list[int], data: st.DataObject) -> None:
    held = seen(*times)
    one = data.draw(st.sampled_from(held))
    around = [end for end in ends(counting(2), held) if one.at_us <= end * S <= one.at_us + 60 * S]
    assert ends(counting(2), held, one) == around


def test_a_window_is_measured_once_however_many_ask() -> None:
    content = Content(seen(1, 2, 3))
    first = list(occurrences(counting(2), content, content.held))
    known = dict(content.verdicts)
    assert list(occurrences(counting(2), content, content.held[:1])) == first
    assert content.verdicts == known


def test_in_order_means_one_after_the_other() -> None:
    ordered = counting(2, "temporal_ordered")
    assert measure(ordered, (*seen(1, step="a"), *seen(2, step="b"))) == 2
    assert measure(ordered, (*seen(1, step="b"), *seen(2, step="a"))) is None
    assert measure(ordered, (*seen(1, step="a"), *seen(1, step="b"))) is None


def test_what_has_no_value_is_not_counted_as_one() -> None:
    told = (Sighting(1, "a", "x", ((VALUE, "one"),)), Sighting(2, "a", "y"))
    assert measure(counting(1, "value_count"), told) == 1
    assert measure(counting(0, "value_sum"), told[1:]) is None
