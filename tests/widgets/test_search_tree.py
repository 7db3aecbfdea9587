"""SearchTree: the page's rules, network and search against Python's, and every control."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import dlcourse as dl
from dlcourse.architectures.policy_value import PolicyValueNet, value_player
from dlcourse.architectures.self_play import expert_games, learn
from dlcourse.architectures.tree_search import (
    Node,
    TreeSearch,
    combined_evaluator,
    uniform_evaluator,
)
from dlcourse.games import Position, connect_four, random_player, solve, tic_tac_toe
from dlcourse.widgets import SearchTree
from dlcourse.widgets.search_tree import (
    GUIDES,
    PLACES,
    SIMULATIONS,
    pack,
    packed_evaluator,
    position_after,
)
from tests.widgets.hands import says, slide_all

GAME = tic_tac_toe()
TRUTH = solve(GAME)
RUNNING = [position for position in TRUTH if GAME.outcome(position) is None]


@pytest.fixture(scope="module")
def net() -> PolicyValueNet:
    """A network that has learned a little."""
    made = PolicyValueNet(GAME, (16, 12), seed=0)
    learn(
        made, dl.AdamW(made.parameters(), lr=0.01), expert_games(GAME, 60, 0.5, seed=0), 60, seed=0
    )
    return made


@pytest.fixture(scope="module")
def other() -> PolicyValueNet:
    return PolicyValueNet(GAME, (8,), seed=3)


def sample(n: int, seed: int = 0) -> list[Position]:
    rows = np.random.default_rng(seed).choice(len(RUNNING), n, replace=False)
    return [GAME.start, *(RUNNING[i] for i in rows)]


# ---- the Python side --------------------------------------------------------------------------
def test_the_packed_network_answers_like_the_network(net: Any, other: Any) -> None:
    for one in (net, other):
        positions = sample(200)
        priors, values = packed_evaluator(pack(one))(positions)
        expected_priors, expected_values = one.evaluate(positions)
        assert priors == pytest.approx(expected_priors, abs=2e-3)
        assert values == pytest.approx(expected_values, abs=2e-3)


def test_settings_that_are_not_offered_are_refused(net: Any) -> None:
    with pytest.raises(ValueError, match="needs networks"):
        SearchTree({})
    with pytest.raises(ValueError, match="1 networks, net=1"):
        SearchTree({"a": net}, net=1)
    with pytest.raises(ValueError, match=r"guide is one of .* Received: 'luck'"):
        SearchTree({"a": net}, guide="luck")
    with pytest.raises(ValueError, match="simulations is one of"):
        SearchTree({"a": net}, simulations=7)
    with pytest.raises(ValueError, match="begins is one of"):
        SearchTree({"a": net}, begins="nobody")
    with pytest.raises(ValueError, match="move 4 is not possible"):
        SearchTree({"a": net}, moves=[4, 4])
    with pytest.raises(ValueError, match="draws tic-tac-toe"):
        pack(PolicyValueNet(connect_four(4, 4), (4,), seed=0))


def test_static_html_is_deterministic_safe_and_told_in_words(net: Any) -> None:
    make = lambda: SearchTree({"</script>": net}, moves=[0, 4, 8])  # noqa: E731
    text = make().static_html()
    assert text == make().static_html()
    assert text.count("</script>") == 1
    assert len(text) < 20_000
    words = SearchTree({"a & b": net}, moves=[0, 4, 8]).fallback_html()
    assert "X . .\n. O .\n. . X" in words
    assert "a &amp; b" in words
    (root,) = TreeSearch(GAME, packed_evaluator(pack(net)), seed=0).run(
        [position_after([0, 4, 8])], 30
    )
    for child in root.children:
        assert f"<td>{PLACES[child.move]}</td><td>{child.P:.2f}</td><td>{child.N}</td>" in words
    over = SearchTree({"a": net}, moves=[0, 3, 1, 4, 2]).fallback_html()
    assert ". . .\n. . .\n. . ." in over  # nothing to search at the end of a game


def test_a_network_of_the_course_fits_into_a_page() -> None:
    net = PolicyValueNet(GAME, seed=0)
    assert len(SearchTree({"a": net}).static_html()) < 60_000


# ---- the page's own functions -----------------------------------------------------------------
def test_the_rules_are_those_of_games_py(functions: Any) -> None:
    js = functions("search_tree")
    for position in list(TRUTH)[::17]:
        assert js("outcome", position) == GAME.outcome(position)
        moves = GAME.moves(position)
        assert js("movesOf", position) == moves
        for move in moves[:2]:
            assert tuple(js("play", position, move)) == GAME.play(position, move)
    assert js("resultFor", [0, 3, 1, 4, 2], True) == 1
    assert js("resultFor", [0, 3, 1, 4, 2], False) == -1
    assert js("resultFor", [8, 0, 3, 1, 4, 2], True) == -1
    assert js("resultFor", [0, 4, 8], True) is None
    assert js("resultFor", [0, 4, 8, 1, 7, 6, 2, 5, 3], True) == 0


def test_the_network_computes_the_same_numbers(functions: Any, net: Any, other: Any) -> None:
    js = functions("search_tree")
    for one in (net, other):
        data, positions = pack(one), sample(40, seed=1)
        priors, values = packed_evaluator(data)(positions)
        for position, row, value in zip(positions, priors, values, strict=True):
            found = js("evaluate", data, position)
            assert found["priors"] == pytest.approx(row.tolist(), abs=1e-12)
            assert found["value"] == pytest.approx(value, abs=1e-12)


def evaluator(data: Any, guide: str) -> Any:
    even, own = uniform_evaluator(GAME), packed_evaluator(data)
    return {
        "both": own,
        "policy": combined_evaluator(own, even),
        "value": combined_evaluator(even, own),
    }[guide]


def same_tree(node: Node, found: dict[str, Any]) -> None:
    assert (node.N, node.move) == (found["N"], found["move"])
    assert pytest.approx(found["W"], abs=1e-9) == node.W
    assert pytest.approx(found["P"], abs=1e-12) == node.P
    assert [child.move for child in node.children] == [c["move"] for c in found["children"]]
    for child, other in zip(node.children, found["children"], strict=True):
        same_tree(child, other)


@pytest.mark.parametrize("guide", ["both", "policy", "value"])
def test_the_search_grows_the_same_tree(functions: Any, net: Any, guide: str) -> None:
    js, data = functions("search_tree"), pack(net)
    search = TreeSearch(GAME, evaluator(data, guide), seed=0)
    for simulations, positions in ((1, sample(6, 2)), (30, sample(12, 3)), (300, sample(3, 4))):
        settings = {"guide": guide, "simulations": simulations, "c": 1.5, "seed": 1}
        for position in positions:
            (root,) = search.run([position], simulations)
            found = js("think", position, data, settings)
            same_tree(root, found["root"])
            assert found["move"] == search.best_move(root)


def test_without_a_search_the_players_are_those_of_the_package(functions: Any, net: Any) -> None:
    js, data = functions("search_tree"), pack(net)
    own = packed_evaluator(data)

    class Packed:
        """The network with the rounded weights."""

        game = GAME

        def evaluate(self, positions: list[Position]) -> Any:
            return own(positions)

    one_ahead: Any = value_player(Packed())  # type: ignore[arg-type]
    settings = {"simulations": 0, "c": 1.5, "seed": 1}
    for position in sample(60, 5):
        expected = int(own([position])[0][0].argmax())
        for guide in ("both", "policy"):
            assert js("think", position, data, {**settings, "guide": guide})["move"] == expected
        found = js("think", position, data, {**settings, "guide": "value"})["move"]
        assert found == one_ahead(position)
    chosen = {
        js("think", GAME.start, data, {**settings, "guide": "rollouts", "seed": seed})["move"]
        for seed in range(60)
    }
    assert len(chosen) >= 7  # random moves


def chance_value(position: Position) -> float:
    """The exact mean outcome of random play."""
    moves = GAME.moves(position)
    if not moves:
        return float(GAME.outcome(position) or 0)
    return -float(np.mean([chance_value(GAME.play(position, move)) for move in moves]))


def test_rollouts_have_the_mean_of_random_play(functions: Any) -> None:
    js, n = functions("search_tree"), 200
    settings = {"guide": "rollouts", "simulations": 0, "c": 1.5}
    for picture in ("XO. .X. ...", "X.. OXO ..."):
        position = GAME.read(picture)
        results = [
            js("think", position, None, {**settings, "seed": seed})["root"]["value"]
            for seed in range(n)
        ]
        assert set(results) <= {-1, 0, 1}
        assert np.mean(results) == pytest.approx(chance_value(position), abs=4 / np.sqrt(n))


def test_a_smaller_step_shows_the_same_tree_earlier(functions: Any, net: Any) -> None:
    js, data = functions("search_tree"), pack(net)
    position = position_after([0, 4, 8])
    for guide in GUIDES:
        settings = {"guide": guide, "simulations": 100, "c": 1.5, "seed": 5}
        early = js("think", position, data, settings, 20)
        alone = js("think", position, data, {**settings, "simulations": 20})
        assert early["root"] == alone["root"]
        assert early["move"] == js("think", position, data, settings)["move"]


def visited(node: dict[str, Any], path: str = "") -> dict[str, int]:
    found = {}
    for child in node["children"]:
        if child["N"]:
            key = f"{path}/{child['move']}"
            found |= {key: 1} | visited(child, key)
    return found


def test_every_position_has_its_place(functions: Any, net: Any) -> None:
    js, data = functions("search_tree"), pack(net)
    for position in [GAME.start, *sample(5, 6)]:
        settings = {"guide": "both", "simulations": 300, "c": 1.5, "seed": 1}
        root = js("think", position, data, settings)["root"]
        places = js("layout", root)
        assert set(visited(root)) <= set(places)
        assert all(60 <= x <= 470 and 80 <= y <= 360 for x, y in places.values())
        by_level: dict[float, list[float]] = {}
        for x, y in places.values():
            by_level.setdefault(y, []).append(x)
        for across in by_level.values():
            assert min(np.diff(sorted(across)), default=1) > 0.5  # no two at one place


# ---- in the page ------------------------------------------------------------------------------
def stones(page: Any) -> str:
    return "".join(
        text or "." for text in page.locator("[role=group] [role=group] button").all_inner_texts()
    )


def click(page: Any, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_a_game_in_words(page_of: Any, net: Any, faults: Any) -> None:
    page = page_of(SearchTree({"young": net}, simulations=10))
    assert says(page) == "You are X: choose a free cell."
    page.get_by_role("button", name="top left: free").click()
    board = stones(page)
    assert (board[0], board.count("O")) == ("X", 1)
    assert "of 10 simulations went there" in says(page)
    assert "Simulation 10:" in says(page)
    label = page.locator("svg.dlw-paper[role=img]").get_attribute("aria-label")
    assert label.startswith("Tree after 10 simulations: 11 positions")
    page.get_by_role("button", name="top left: X").click()  # taken: nothing happens
    assert stones(page) == board
    click(page, "Take back")
    assert stones(page) == "." * 9
    click(page, "New game: it begins")
    assert stones(page).count("X") == 1
    assert "You are O" in says(page)
    assert faults(page) == []


def test_a_game_to_its_end_is_counted_once(live: Any, net: Any) -> None:
    page = live(SearchTree({"young": net}, simulations=0, guide="rollouts"))
    while not page.evaluate("model.get('games')"):
        page.get_by_role("button", name=": free").first.click()
    (note,) = page.evaluate("model.get('games')")
    assert note.split(":")[0] in ("won", "drawn", "lost")
    assert note.endswith(": young, random games, 0 simulations")
    assert "Your games so far:" in says(page)
    before = page.evaluate("model.get('moves')")
    free = page.get_by_role("button", name=": free")
    if free.count():
        free.first.click()  # the game is over
    assert page.evaluate("model.get('moves')") == before
    click(page, "New game: you begin")
    assert page.evaluate("model.get('moves')") == []
    assert len(page.evaluate("model.get('games')")) == 1


def test_with_another_setting_it_decides_again(live: Any, net: Any, other: Any) -> None:
    page = live(SearchTree({"young": net, "untrained": other}, moves=[0, 4, 8], simulations=0))
    assert "without a search" in says(page)
    position = position_after([0, 4, 8])
    for place, one in enumerate((net, other)):
        page.get_by_label("network", exact=True).fill(str(place))
        for level, simulations in enumerate(SIMULATIONS):
            page.get_by_label("simulations", exact=True).fill(str(level))
            moves = page.evaluate("model.get('moves')")
            assert moves[:3] == [0, 4, 8]
            assert len(moves) == 4
            if simulations:
                search = TreeSearch(GAME, packed_evaluator(pack(one)), seed=0)
                (root,) = search.run([position], simulations)
                assert moves[3] == search.best_move(root)
                assert f"of {simulations} simulations went there" in says(page)


def test_all_guides_play(page_of: Any, net: Any, faults: Any, overlaps: Any) -> None:
    page = page_of(SearchTree({"young": net}, moves=[0, 4, 8], simulations=30))
    told = set()
    for name in ("policy and value", "its policy alone", "its value alone", "random games"):
        page.get_by_label(name).check()
        told.add(says(page).splitlines()[0].split(". ", 1)[-1])
        assert overlaps(page) == []
        page.get_by_label("simulations", exact=True).fill("0")
        assert "without a search" in says(page)
        page.get_by_label("simulations", exact=True).fill("2")
    assert "All moves were equally likely to begin with." in told
    assert faults(page) == []


def test_the_reader_watches_the_tree_grow(page_of: Any, net: Any) -> None:
    page = page_of(SearchTree({"young": net}, moves=[0, 4, 8], simulations=10, step=4))
    picture = page.locator("svg.dlw-paper[role=img]")
    assert "Tree after 4 simulations: 5 positions" in picture.get_attribute("aria-label")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "() => document.querySelector('[role=status]').textContent.includes('Simulation 10:')"
    )
    page.get_by_label("after simulation").fill("0")
    assert "Tree after 0 simulations: 1 positions" in picture.get_attribute("aria-label")
    assert "Simulation" not in says(page)


@pytest.mark.parametrize("where", ["Home", "middle", "End"])
def test_sliders_at_their_ends(
    page_of: Any, net: Any, other: Any, overlaps: Any, faults: Any, where: str
) -> None:
    page = page_of(SearchTree({"a": net, "b": other, "c": net}, moves=[0, 4, 8], net=1))
    slide_all(page, where)
    assert faults(page) == []
    assert overlaps(page) == []


def test_keyboard_alone(page_of: Any, net: Any) -> None:
    page = page_of(SearchTree({"young": net}, simulations=10))
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    assert stones(page)[1] == "X"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "top: X"


def test_python_hears_and_sets(live: Any, net: Any) -> None:
    page = live(SearchTree({"young": net}, simulations=30))
    page.get_by_role("button", name="centre: free").click()
    moves = page.evaluate("model.get('moves')")
    assert (moves[0], len(moves)) == (4, 2)
    page.evaluate("model.set('moves', [0, 4, 8])")
    assert len(page.evaluate("model.get('moves')")) == 4
    page.evaluate("model.set('begins', 'it')")
    assert "You are O" in says(page)
    page.evaluate("model.set('simulations', 100)")
    assert "of 100 simulations" in says(page)


@pytest.mark.parametrize("width", [380, 900])
def test_no_text_overlaps(page_of: Any, net: Any, overlaps: Any, faults: Any, width: int) -> None:
    page = page_of(SearchTree({"a network with a name": net, "b": net}, begins="it"), width=width)
    player = random_player(GAME, seed=1)
    for turn in itertools.count():
        assert overlaps(page) == []
        page.get_by_label("simulations", exact=True).fill("4")
        assert overlaps(page) == []
        free = page.get_by_role("button", name=": free")
        if turn > 3 or not free.count() or "You have" in says(page):
            break
        free.nth(player(GAME.start) % free.count()).click()
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
