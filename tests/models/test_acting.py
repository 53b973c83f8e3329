from __future__ import annotations

import pytest

from triptych.models.acting import acts, sends, writes
from triptych.models.events import ArgumentFact, Effect
from triptych.models.testing import call

OUTSIDE = Effect(kind="connect", address="198.51.100.66", port=443, destination="outside")


@pytest.mark.parametrize("tool", ["send_mail", "sendMail", "mail.send", "reschedule_event", "HTTPPost"])
def test_a_word_of_the_name_makes_a_call_write(tool: str) -> None:
    assert writes(call(tool))


@pytest.mark.parametrize("tool", ["read_file", "sender_lookup", "get_scheduled", "outputs"])
def test_a_part_of_a_word_does_not(tool: str) -> None:
    assert not acts(call(tool))


def test_an_address_given_or_contacted_makes_a_reading_call_send() -> None:
    assert sends(call("get_page", arguments=(ArgumentFact(pointer="/url", kind="url"),)))
    assert sends(call("get_page", OUTSIDE))
    assert not sends(call("get_page"))


def test_a_call_that_writes_is_not_counted_as_sending_too() -> None:
    one = call("post_page", OUTSIDE)
    assert (writes(one), sends(one), acts(one)) == (True, False, True)
