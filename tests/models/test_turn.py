"""A turn knows which servers its calls went to."""

from __future__ import annotations

from triptych.models.events import Call, Server
from triptych.models.turn import Turn


def test_servers_stand_once_in_the_order_of_their_first_call() -> None:
    calls = tuple(Call(call_id=str(n), server=Server(id=name)) for n, name in enumerate(["mail", "files", "mail"]))
    assert Turn("t", calls).servers == ("mail", "files")
    assert Turn("t", ()).servers == ()
