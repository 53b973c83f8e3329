from __future__ import annotations

import json
from dataclasses import asdict

from triptych.infra.demo.story import CARRIED, PRINCIPALS, tell
from triptych.infra.demo.world import Canaries, World


def test_a_seed_tells_the_same_story_again(world: World, canaries: Canaries) -> None:
    first, again = (tell(world, canaries, sessions=48, seed=3) for _ in range(2))
    assert first == again != tell(world, canaries, sessions=48, seed=4)


def test_every_principal_has_its_share_of_the_harmless_sessions(world: World, canaries: Canaries) -> None:
    story = tell(world, canaries, sessions=48, seed=1)
    counts = [sum(session.principal == name for session in story.benign) for name in PRINCIPALS]
    assert counts == [8] * 6
    assert len({session.conversation for session in story.benign}) == 48


def test_harmless_sessions_touch_neither_the_home_folder_nor_the_collector(world: World, canaries: Canaries) -> None:
    told = json.dumps([asdict(session) for session in tell(world, canaries, sessions=48, seed=1).benign])
    assert "~" not in told
    assert world.collector not in told
    assert world.hub in told and world.docs in told


def test_a_token_stands_in_an_argument_of_some_harmless_call(world: World, canaries: Canaries) -> None:
    story = tell(world, canaries, sessions=48, seed=1)
    arguments = [step.arguments for session in story.benign for turn in session.turns for step in turn.steps]
    assert sum(canaries.argument_token in json.dumps(each) for each in arguments) == 3


def test_the_attacks_are_one_poisoned_call_and_one_chain_in_one_turn(world: World, canaries: Canaries) -> None:
    poisoned, injected = tell(world, canaries, sessions=48, seed=1).attacks
    assert poisoned.session.release == "1.4.3"
    assert [step.tool for step in poisoned.session.turns[poisoned.bad_turn].steps].count("read_config") == 1
    chain = injected.session.turns[injected.bad_turn].steps
    assert [step.tool for step in chain] == ["fetch_page", "read_file", "post_report"]
    assert chain[-1].arguments == {"url": f"http://{world.collector}/", "text": CARRIED}
