"""Contests with other libraries: the wrong are found out, the absent passed over, the page says what came."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("benchmarks.peers.contest")

from benchmarks.peers import contest, laws, loops, mixture, report, steps, targets
from benchmarks.peers.contest import OURS
from benchmarks.peers.training import Careful, Loop, ours, published

ROOT = Path(__file__).parents[2]
TEXTBOOK = loops.numpy_plain(mixture.plain_score)

LOOPS = {"plain": TEXTBOOK, "NumPy": loops.numpy_buffered(), "torch": loops.torch_buffered()}


def quickly(way):
    return mixture.judge(way, chains=20_000, walkers=500, steps=30)


# ---------------------------------------------------------------- the page


def test_the_page_has_the_tables_of_the_committed_results():
    text = report.PAGE.read_text()
    assert report.page(text, json.loads(contest.RESULTS.read_text())) == text


def test_no_result_is_of_a_contestant_that_was_wrong_or_absent():
    for section in json.loads(contest.RESULTS.read_text()).values():
        for each in section["contests"]:
            assert not set(each.get("spent", {})) & {*each["wrong"], *each["absent"]}


def test_each_wrong_contestant_of_the_page_is_one_that_the_comparison_names():
    comparison = (ROOT / "docs/comparison.md").read_text()
    wrong = {who for s in json.loads(contest.RESULTS.read_text()).values() for c in s["contests"] for who in c["wrong"]}
    wrong = {who.split(",")[0] for who in wrong}
    assert wrong <= {"torchebm", "score_models"}
    assert all(who in comparison[comparison.index("## Wrong results") :] for who in wrong)


RESULTS = {
    "samplers": {"contests": [{"case": "a", "spent": {OURS: [1.0, 2.0], "azula": [3.0, 4.0], "blackjax": [3.0, 9.0]}}]},
    "steps": {
        "contests": [
            {"case": "DSM", "what": "step", "d": 2, "spent": {OURS: [1.0], "torchebm": [0.8]}},
            {"case": "DSM", "what": "step", "d": 10, "spent": {OURS: [1.04], targets.SAME_WORK: [1.0]}},
            {"case": "DSM", "what": "gradient", "d": 2, "spent": {OURS: [9.0], "torchebm": [1.0]}},
        ]
    },
}


def test_a_missed_target_is_named_with_its_ratio():
    first, azula, second, torchebm, third = targets.targets(RESULTS).splitlines()
    assert first.endswith("missed by")
    assert second.endswith("missed by")
    assert azula == "  - a, beside azula: 2.40"  # of 1/3 and 1/2; beside blackjax, of 1/3 and 2/9, it is 3.6
    assert torchebm == "  - DSM, d = 2, beside torchebm: 1.25"
    assert third.endswith("met everywhere.")


def test_ratios_are_taken_within_a_round():
    assert report._pair({OURS: [1.0, 20.0, 3.0], "b": [2.0, 10.0, 3.0]}, "b") == "3, 3: 0.50 / 1.00 / 2.00"


# ---------------------------------------------------------------- who enters


def absent():
    raise ImportError("no such library")


def test_the_absent_are_passed_over_and_the_wrong_do_not_race():
    makers = {OURS: lambda: 1, "b": lambda: 2, "c": absent}
    field = contest.admit(makers, lambda entrant: None if entrant == 1 else "gives 2")
    assert field == ({OURS: 1}, {"b": "gives 2"}, ["c"])


def test_nothing_is_raced_when_we_are_wrong():
    with pytest.raises(ArithmeticError, match="scorekit: off"):
        contest.admit({OURS: lambda: 1}, lambda entrant: "off")


def test_a_section_is_written_and_the_others_stay(tmp_path, capsys):
    path = tmp_path / "results.json"
    contest.publish("steps", {"rounds": 1}, path)
    contest.publish("samplers", {"rounds": 2}, path)
    contest.publish("steps", {"rounds": 3}, path)
    assert json.loads(path.read_text()) == {"steps": {"rounds": 3}, "samplers": {"rounds": 2}}


def test_the_surroundings_name_the_machine_and_what_is_installed():
    found = contest.surroundings(("no-such-library",))
    assert set(found) == {"processor", "cores", "versions"}
    assert set(found["versions"]) == {"python", "numpy", "torch"}


# ---------------------------------------------------------------- who is right: samplers


@pytest.mark.parametrize("way", LOOPS.values(), ids=LOOPS.keys())
def test_a_loop_by_hand_is_right(way):
    assert quickly(way) is None


@pytest.mark.parametrize(
    ("way", "fault"),
    [
        (loops.numpy_plain(lambda x: 1.2 * mixture.plain_score(x)), "the drift of one step"),
        (mixture.Way(lambda x, steps, seed: 1.02 * TEXTBOOK.run(x, steps, seed)), "one step"),
        (mixture.Way(lambda x, steps, seed: TEXTBOOK.run(x, 2 * steps, seed)), "one step"),
        (mixture.Way(lambda x, steps, seed: TEXTBOOK.run(x, 1, seed)), "after 30 steps"),
        (mixture.Way(lambda x, steps, seed: x * np.nan), "not finite"),
        (mixture.Way(lambda x, steps, seed: np.repeat(TEXTBOOK.run(x[::2], steps, seed), 2, axis=0)), "one step"),
    ],
    ids=["drift", "scale", "two steps", "stops early", "nan", "half the chains"],
)
def test_a_wrong_sampler_is_found_out(way, fault):
    assert fault in quickly(way)


# ---------------------------------------------------------------- who is right: losses


@pytest.mark.parametrize("title", steps.CASES)
def test_our_loss_has_the_value_and_the_gradient_by_hand(title):
    case = steps.CASES[title]
    assert laws.judge(case.name, ours(case.name, case.kind)(laws.Linear(case.kind)), n=400_000) is None


@pytest.mark.parametrize("title", ["DSM", "SSM", "SSM-VR", "ISM, exact", "NCSN"])
@pytest.mark.parametrize("who", ["published way", targets.SAME_WORK])
def test_a_loss_by_hand_is_right(title, who):
    case = steps.CASES[title]
    assert laws.judge(case.name, case.contestants[who](laws.Linear(case.kind)), n=400_000) is None


def test_a_wrong_loss_is_found_out():
    module = laws.Linear("score")
    assert "loss is" in laws.judge("ISM", Loop(module, lambda x: published("ISM")(module).loss(x) / 2), n=10_000)


def test_a_right_loss_with_a_wrong_gradient_is_found_out():
    module = laws.Linear("score")
    loss = published("ISM")(module).loss
    wrong = Loop(module, lambda x: loss(x).detach() + 0 * module.a)
    assert laws.judge("ISM", wrong, n=10_000).startswith("its gradient is 0.000 where it should be 9.")


# ---------------------------------------------------------------- it runs


def test_a_race_is_run_and_entered(capsys):
    case = steps.CASES["DSM"]
    field = steps.judged(case, 400_000)
    found = steps.timed("DSM", case, field, "step", d=2, rounds=1)
    assert found["spent"].keys() == case.contestants.keys()
    assert all(len(times) == 1 and times[0] > 0 for times in found["spent"].values())


def test_the_careful_loop_and_ours_start_from_the_same_weights():
    first, second = (steps.network("score", 2) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert isinstance(steps.CASES["DSM"].contestants[targets.SAME_WORK](first), Careful)
