from __future__ import annotations

import random
from dataclasses import replace

from triptych.infra.lab.benign import sessions
from triptych.infra.lab.pen import Pen
from triptych.infra.lab.script import GOOD, NEXT
from triptych.infra.lab.tasks import KINDS, ODD


def _fresh(pen: Pen) -> Pen:
    return replace(pen, chance=random.Random(5))


def test_a_seed_asks_the_same_again(pen: Pen) -> None:
    assert sessions(_fresh(pen), 20) == sessions(_fresh(pen), 20)


def test_several_principals_do_every_kind_of_work_and_rarely_what_is_odd(pen: Pen) -> None:
    made = sessions(pen, 300)
    kinds = [kind for session in made for kind in session.kinds]
    assert len({session.principal for session in made}) >= 4
    assert set(kinds) == {*KINDS, *ODD}
    assert 0 < sum(kind in ODD for kind in kinds) < len(kinds) / 5


def test_the_desk_is_updated_once(pen: Pen) -> None:
    releases = [session.release for session in sessions(pen, 50)]
    assert releases == [GOOD] * 18 + [NEXT] * 32
