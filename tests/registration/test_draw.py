"""The pure draw: fair, strategy-proof, never over capacity, and the same for whoever replays it."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.registration import draw as module
from events.registration.draw import (
    Draw,
    Entry,
    Limit,
    Outcome,
    Place,
    Unreadable,
    differences,
    draw,
    from_file,
    hash_of_entries,
    hash_of_seed,
    in_drawn_order,
    to_file,
)

DAY = dt.datetime(2027, 6, 10, tzinfo=dt.UTC)


def at(hour: int, places: int | None = 1, *, day: int = 0, minutes: int = 60) -> Place:
    starts_at = DAY + dt.timedelta(days=day, hours=hour)
    return Place(starts_at, starts_at + dt.timedelta(minutes=minutes), starts_at.date().isoformat(), places)


def drawn(
    entries: list[Entry], places: dict[str, Place], *, seed: str = "graine", k: int = 1, **more: Any
) -> dict[str, tuple[str, ...]]:
    it = Draw(seed, k, more.pop("most_per_day", None), places, entries, more.pop("limits", {}))
    return {outcome.code: outcome.won for outcome in draw(it)}


def order(codes: str, seed: str = "graine") -> list[str]:
    return [entry.code for entry in in_drawn_order([Entry(code, 1, ()) for code in codes], seed)]


class TestTheWalk:
    def test_the_order_is_that_of_the_hashes_and_known_to_anybody(self) -> None:
        # printf 'graine:a' | sha256sum, and so on, sorted
        assert order("abcd") == ["c", "d", "b", "a"]

    def test_the_first_takes_its_first_wish_and_the_next_the_best_left(self) -> None:
        places = {"1": at(9), "2": at(11)}
        first, second = order("ab")

        won = drawn([Entry("a", 1, ("1", "2")), Entry("b", 1, ("1", "2"))], places)

        assert won == {first: ("1",), second: ("2",)}

    def test_a_party_comes_whole_or_not_at_all(self) -> None:
        assert drawn([Entry("a", 3, ("1", "2"))], {"1": at(9, 2), "2": at(11, 3)}) == {"a": ("2",)}

    def test_at_most_k_wins(self) -> None:
        places = {"1": at(9), "2": at(11), "3": at(13)}

        assert drawn([Entry("a", 1, ("1", "2", "3"))], places, k=2) == {"a": ("1", "2")}

    def test_no_two_wins_at_one_time(self) -> None:
        places = {"1": at(9, minutes=90), "2": at(10), "3": at(11)}

        assert drawn([Entry("a", 1, ("1", "2", "3"))], places, k=3) == {"a": ("1", "3")}

    def test_one_after_the_other_is_not_at_one_time(self) -> None:
        assert drawn([Entry("a", 1, ("1", "2"))], {"1": at(9), "2": at(10)}, k=2) == {"a": ("1", "2")}

    def test_a_slot_without_limit_takes_everybody(self) -> None:
        entries = [Entry(code, 4, ("1",)) for code in "abcd"]

        assert set(drawn(entries, {"1": at(9, None)}).values()) == {("1",)}

    @pytest.mark.parametrize(
        ("limit", "won"),
        [
            (Limit(frozenset({"1"})), ("2", "3")),
            (Limit(most=1), ("1",)),
            (Limit(most=0), ()),
            (Limit(days={"2027-06-10": 1}), ("1", "3")),
            (Limit(days={"2027-06-10": 0}), ("3",)),
        ],
    )
    def test_what_stands_in_the_way_of_one_entry_alone(self, limit: Limit, won: tuple[str, ...]) -> None:
        places = {"1": at(9), "2": at(11), "3": at(9, day=1)}

        assert drawn([Entry("a", 1, ("1", "2", "3"))], places, k=2, limits={"a": limit}) == {"a": won}

    def test_so_many_a_day_for_everybody(self) -> None:
        places = {"1": at(9), "2": at(11), "3": at(9, day=1)}

        assert drawn([Entry("a", 1, ("1", "2", "3"))], places, k=3, most_per_day=1) == {"a": ("1", "3")}

    def test_a_wish_for_nothing_that_is_drawn_is_passed(self) -> None:
        assert drawn([Entry("a", 1, ("9", "1"))], {"1": at(9)}) == {"a": ("1",)}


class TestFairness:
    def test_identical_entrants_have_equal_chances_over_ten_thousand_draws(self) -> None:
        """χ² with 9 degrees of freedom: under 27.88 but once in a thousand (table of Pearson's statistic)."""
        entries = [Entry(f"{number:032x}", 1, ("1",)) for number in range(10)]
        wins = Counter(
            next(iter(draw(Draw(f"graine {number}", 1, None, {"1": at(9)}, entries)))).code
            for number in range(10_000)
        )

        expected = 1000
        chi2 = sum((wins[entry.code] - expected) ** 2 / expected for entry in entries)
        assert chi2 < 27.88

    def test_negative_control_an_order_that_prefers_who_came_early_is_not_fair(self) -> None:
        entries = [Entry(f"{number:032x}", 1, ("1",)) for number in range(10)]
        wins: Counter[str] = Counter()
        for number in range(10_000):
            first, second = in_drawn_order(entries, f"graine {number}")[:2]
            wins[min(first.code, second.code)] += 1

        chi2 = sum((wins[entry.code] - 1000) ** 2 / 1000 for entry in entries)
        assert chi2 > 27.88

    def test_every_rank_is_as_likely_for_a_large_party_as_for_one(self) -> None:
        entries = [Entry("a", 4, ("1",)), Entry("b", 1, ("1",))]
        first = Counter(in_drawn_order(entries, f"graine {number}")[0].code for number in range(10_000))

        assert abs(first["a"] - 5000) < 165  # 3.3 standard deviations of 50


LISTS = [wishes for length in range(4) for wishes in itertools.permutations("123", length)]
"""Every list of none to three of three slots: 16."""


def value(true: tuple[str, ...], won: tuple[str, ...]) -> tuple[int, ...]:
    """What a set of wins is worth by the true list: the best win counts first, then the next.

    Smaller is better; a visit one did not wish for is worth nothing, and so counts as none.
    """
    worst = len(true)
    ranks = sorted(true.index(key) for key in won if key in true)
    return (*ranks, *[worst] * (3 - len(ranks)))


PLACES = [
    {"1": at(9), "2": at(11), "3": at(13)},
    {"1": at(9, 2), "2": at(9), "3": at(13)},
    {"1": at(9, minutes=120), "2": at(10), "3": at(10)},
]


class TestNoMisreportPays:
    @pytest.mark.parametrize("k", [1, 2])
    @pytest.mark.parametrize("places", PLACES, ids=["apart", "two at once", "one over two"])
    def test_no_list_beats_the_true_one(self, places: dict[str, Place], k: int) -> None:
        """Every true list against every other, in every place of the order, whatever two others want."""
        others = [("1", "2", "3"), ("2", "1"), ("3",), ("2", "3", "1")]
        tried = 0
        for wants in itertools.product(others, repeat=2):
            for seed in ("u", "v", "w", "x"):
                rest = [Entry("b", 1, wants[0]), Entry("c", 2, wants[1])]
                won_by = {
                    said: drawn([Entry("a", 1, said), *rest], places, seed=seed, k=k)["a"] for said in LISTS
                }
                for true, said in itertools.product(LISTS, repeat=2):
                    assert value(true, won_by[true]) <= value(true, won_by[said]), (true, said, seed)
                    tried += 1
        assert tried == 16 * 16 * 16 * 4

    def test_the_seeds_put_the_liar_first_second_and_last(self) -> None:
        assert {order("abc", seed).index("a") for seed in ("u", "v", "w", "x")} == {0, 1, 2}

    def test_negative_control_first_choices_first_can_be_gamed(self) -> None:
        """The usual way, all first choices before all second ones, rewards who hides a popular wish."""

        def boston(entries: list[Entry]) -> dict[str, str]:
            left, got = {"1": 1, "2": 1}, {}
            for turn in range(2):
                for entry in entries:
                    key = entry.wishes[turn] if turn < len(entry.wishes) else ""
                    if entry.code not in got and left.get(key):
                        left[key], got[entry.code] = 0, key
            return got

        others = [Entry("b", 1, ("1", "2")), Entry("c", 1, ("2", "1"))]
        honest = boston([*others, Entry("a", 1, ("1", "2"))])
        lying = boston([others[0], Entry("a", 1, ("2", "1")), others[1]])

        assert ("a" in honest, lying["a"]) == (False, "2")


slots = st.dictionaries(
    st.sampled_from("123456"),
    st.builds(at, st.integers(8, 18), st.one_of(st.none(), st.integers(0, 6)), day=st.integers(0, 1)),
    min_size=1,
)
wish_lists = st.lists(st.sampled_from("123456"), unique=True, max_size=5).map(tuple)


class TestWhateverIsAsked:
    @settings(max_examples=150, deadline=None)
    @given(
        places=slots,
        parties=st.lists(st.tuples(st.integers(1, 4), wish_lists), max_size=12),
        k=st.integers(1, 3),
        seed=st.text(max_size=8),
    )
    def test_never_over_capacity_never_two_at_once_and_the_file_replays(
        self, places: dict[str, Place], parties: list[tuple[int, tuple[str, ...]]], k: int, seed: str
    ) -> None:
        entries = [Entry(f"{number}", party, wishes) for number, (party, wishes) in enumerate(parties)]
        it = Draw(seed, k, None, places, entries)

        outcomes = draw(it)

        taken: Counter[str] = Counter()
        by_code = {entry.code: entry for entry in entries}
        for outcome in outcomes:
            entry = by_code[outcome.code]
            assert len(outcome.won) <= k
            assert set(outcome.won) <= set(entry.wishes)
            taken.update(dict.fromkeys(outcome.won, entry.party))
            pairs = itertools.combinations(outcome.won, 2)
            assert not any(places[one].overlaps(places[other]) for one, other in pairs)
        assert all(place.places is None or taken[key] <= place.places for key, place in places.items())
        assert sorted(outcome.rank for outcome in outcomes) == list(range(1, len(entries) + 1))
        assert differences(from_file(json.loads(json.dumps(published(it))))) == []


def published(it: Draw) -> dict[str, Any]:
    return to_file(
        it, seed_hash=hash_of_seed(it.seed), entries_hash=hash_of_entries(it.entries), outcomes=draw(it)
    )


@pytest.fixture
def file() -> dict[str, Any]:
    places = {"1": at(9), "2": at(11, None)}
    entries = [Entry("a", 1, ("1", "2")), Entry("b", 2, ("1",)), Entry("c", 1, ("1",))]
    return published(Draw("graine", 1, 2, places, entries, {"b": Limit(frozenset({"1"}), 1, {"d": 1})}))


class TestReplay:
    def test_the_same_file_gives_the_same_outcome(self, file: dict[str, Any]) -> None:
        assert differences(from_file(file)) == []
        assert from_file(file) == from_file(json.loads(json.dumps(file)))

    @pytest.mark.parametrize(
        ("change", "found"),
        [
            (lambda f: f["entries"][0].__setitem__(2, ["2", "1"]), "entries"),
            (lambda f: f["entries"][1].__setitem__(1, 1), "entries"),
            (lambda f: f["entries"].pop(), "entries"),
            (lambda f: f["entries"].append(["d", 1, ["2"]]), "entries"),
            (lambda f: f["entries"].append(f["entries"][0]), "entries"),
            (lambda f: f.__setitem__("seed", "autre"), "seed"),
            (lambda f: f["outcome"][0].__setitem__(2, []), "entry c"),
            (lambda f: f["outcome"].pop(0), "entry c"),
            (lambda f: f["outcome"].append([4, "z", []]), "entry z"),
            (lambda f: f["slots"]["1"].__setitem__("places", 0), "entry c"),
            (lambda f: f["limits"].__setitem__("c", {"blocked": ["1"]}), "entry c"),
        ],
    )
    def test_a_change_is_found(self, file: dict[str, Any], change: Any, found: str) -> None:
        changed = copy.deepcopy(file)
        change(changed)

        assert next(line.split(":")[0] for line in differences(from_file(changed))) == found

    @pytest.mark.parametrize(
        "said",
        [None, [], {}, {"format": "autre"}, {"format": module.FORMAT}],
    )
    def test_what_is_no_such_file_is_said(self, said: Any) -> None:
        with pytest.raises(Unreadable):
            from_file(said)

    def test_it_replays_without_the_site(self, file: dict[str, Any], tmp_path: Path) -> None:
        (tmp_path / "tirage.json").write_text(json.dumps(file))
        assert module.__file__
        command = [sys.executable, "-I", module.__file__, str(tmp_path / "tirage.json")]

        alone = subprocess.run(command, capture_output=True, text=True, check=False)

        assert (alone.returncode, alone.stdout) == (0, "The draw of 3 entries agrees.\n")
        file["seed"] = "autre"
        (tmp_path / "tirage.json").write_text(json.dumps(file))
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1

    def test_outcomes_are_told_in_words(self, file: dict[str, Any]) -> None:
        file["outcome"][0] = [2, "c", []]

        assert differences(from_file(file)) == [
            "entry c: replayed rank 1, won 1, published rank 2, won nothing"
        ]
        assert Outcome("c", 1, ("1",)) in draw(from_file(file).draw)
