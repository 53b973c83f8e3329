from __future__ import annotations

from pathlib import Path

import pytest

from triptych.infra.lab import stories
from triptych.infra.lab.casting import scripts
from triptych.infra.lab.errors import LabError
from triptych.infra.lab.pen import Pen
from triptych.infra.lab.script import NEXT, Ask

_SEEDS = {
    "credential harvesting",
    "unexpected egress",
    "injection chain",
    "capability drift",
    "over-read",
    "parameter manipulation",
    "session hijack",
    "schema probing",
    "rug pull",
    "poisoned update",
    "probing loop",
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "stories.toml"
    path.write_text(text)
    return path


def _own(folder: Path, text: str) -> tuple[stories.Story, ...]:
    """The stories of a file, without those of the lab."""
    return stories.load(_file(folder, text)).stories[len(stories.load().stories) :]


def _told(name: str = "one", ask: str = '{ tool = "read_file", path = "{report}" }', more: str = "") -> str:
    return f'[[story]]\nname = "{name}"\nfamily = "f"\nseen_by = ["execution"]\ngoal = "g"\nasks = [{ask}]\n{more}\n'


def test_at_least_twenty_five_stories_cover_every_scenario_of_the_founding_document() -> None:
    found = stories.load().stories
    assert len(found) >= 25
    assert {story.family for story in found} == _SEEDS


def test_every_story_is_played_easily_and_mixed_and_stealthily_where_it_can_be(pen: Pen) -> None:
    found = stories.load().stories
    made = list(scripts(found, ["ada", "grace"], pen, 1))
    assert len(made) == 2 * len(found) + sum(bool(story.stealthy) for story in found)


def test_a_script_has_one_bad_turn_and_says_what_every_other_turn_is(pen: Pen) -> None:
    for script in scripts(stories.load().stories, ["ada"], pen, 1):
        assert script.bad is not None
        assert len(script.kinds) == len(script.turns)


def test_mixing_keeps_the_order_of_an_attack(pen: Pen) -> None:
    story = next(story for story in stories.load().stories if story.name == "injected page")
    _, _, mixed = scripts([story], ["ada"], pen, 1)
    tools = [step.tool for step in mixed.turns[-1].steps]
    assert len(tools) > 3
    at = max(number for number, step in enumerate(mixed.turns[-1].steps) if "troubleshooting" in str(step.arguments))
    assert tools[at : at + 3] == ["fetch_page", "read_file", "post_report"]


def test_a_placeholder_stands_for_the_same_throughout_a_turn(pen: Pen, tmp_path: Path) -> None:
    two = '{ tool = "read_file", path = "{report}" }, { tool = "read_file", path = "{report}" }'
    (easy, _) = scripts(_own(tmp_path, _told(ask=two)), ["ada"], pen, 1)
    first, second = easy.turns[-1].steps[-2:]
    assert first.arguments == second.arguments != {"path": "{report}"}


def test_what_is_said_of_a_call_is_no_argument_of_it(pen: Pen, tmp_path: Path) -> None:
    ask = '{ tool = "pay_invoice", server = "ledger", number = 5, session = "foreign", announced = false }'
    (easy, _) = scripts(_own(tmp_path, _told(ask=ask)), ["ada"], pen, 1)
    expected = Ask("pay_invoice", {"number": 5}, "ledger", announced=False, session="foreign")
    assert easy.turns[-1].steps[-1] == expected
    assert easy.release == NEXT


@pytest.mark.parametrize(
    "text",
    [
        _told(more='build = "unheard of"'),
        _told(more='like = ["juggling"]'),
        _told(name="rug pull"),
        _told(ask='{ tool = "read_file", server = "nowhere" }'),
        _told(ask='{ path = "x" }'),
        _told() + _told(),
        _told(more='colour = "red"'),
        '[[story]]\nname = "no more than a name"',
        "[[stroy]]",
        "story = 3",
        '[[server]]\nname = "mine"',
        "[[story",
    ],
)
def test_a_story_that_cannot_be_played_is_refused_at_once(text: str, tmp_path: Path) -> None:
    with pytest.raises(LabError) as refused:
        stories.load(_file(tmp_path, text))
    assert refused.value.code == "Y02"


def test_a_placeholder_that_stands_for_nothing_is_refused(pen: Pen, tmp_path: Path) -> None:
    told = _own(tmp_path, _told(ask='{ tool = "read_file", path = "{moon}" }'))
    with pytest.raises(LabError, match="moon"):
        list(scripts(told, ["ada"], pen, 1))


_MINE = """
[[server]]
name = "mine"
command = ["node", "mine.js", "{workspace}"]

[[work]]
name = "ask mine"
goal = "What is the price of {query}?"
asks = [{ server = "mine", tool = "price", of = "{query}" }]

[[story]]
name = "mine asks back"
family = "injection chain"
seen_by = ["protocol"]
like = ["ask mine"]
goal = "What is the price?"
asks = [{ server = "mine", tool = "price", of = "{home}" }]
"""


def test_a_file_brings_servers_and_honest_work_of_its_own(pen: Pen, tmp_path: Path) -> None:
    told = stories.load(_file(tmp_path, _MINE))
    assert told.servers == {"mine": ("node", "mine.js", "{workspace}")}
    assert [work.name for work in told.work] == ["ask mine"]
    (easy, _) = scripts(told.stories[-1:], ["ada"], pen, 1)
    assert easy.turns[-1].steps[-1] == Ask("price", {"of": str(pen.world.home)}, "mine")


def test_a_message_names_the_file_the_story_and_what_is_known(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"stories.toml: 'one' names a server that is not there: nowhere") as refused:
        stories.load(_file(tmp_path, _told(ask='{ tool = "read_file", server = "nowhere" }')))
    assert "ledger" in refused.value.hint


def test_the_first_act_of_an_implant_is_the_call_beside_which_it_acts(pen: Pen) -> None:
    story = next(story for story in stories.load().stories if story.name == "poisoned dependency")
    for script in scripts([story], ["ada"], pen, 3):
        assert script.bad is not None
        assert script.turns[script.bad].steps[script.first].tool == story.on
