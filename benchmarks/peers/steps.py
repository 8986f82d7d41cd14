"""An optimizer step, and a loss with its gradient, beside other libraries and beside loops by hand.

    python -m pip install --no-deps -r benchmarks/peers/requirements.txt    # what is missing is passed over
    OPENBLAS_NUM_THREADS=1 python benchmarks/peers/steps.py                 # about two minutes; --quick for seconds

Each loss must first give the value and the gradient that it has by hand for the score −a x; who does not is shown with
what came, and is not timed. Then all take turns on one core, from networks of one size (3 × 128), 128 samples, float32;
processor time. What a step contains:

- scorekit: the learner of ``sk.fit`` with its defaults: loss and gradient checked for inf and NaN, the gradient
  clipped, fused Adam, an average of the weights.
- torchebm, azula: zero_grad, their loss, backward, ``torch.optim.Adam``, as their READMEs show it.
- score_models: the body of the loop in its ``fit``: the same with an average of the weights (torch_ema), and the loss
  read out.
- published way: the loss as the papers' code takes it, written here from the papers, in the loop of a README.
- by hand, the same work: the best loss that we know of any network, in a loop that does all that our learner does.

The network is a plain ``nn.Sequential``, of which nobody knows more than its values; "of our MLP" is the same one as
this package's own network, which knows how its layers push a tangent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.peers import laws, with_azula, with_score_models, with_torchebm
from benchmarks.peers.contest import OURS, Field, admit, announce, one_core, options, publish, race, surroundings
from benchmarks.peers.training import Loop, careful, ours, published
from benchmarks.timing import repeated
from benchmarks.torch_steps import data, plain_network

PEERS = ("torchebm", "azula", "score_models")
DIMENSIONS = (2, 10, 100)
WHAT = {"step": Loop.step, "gradient": Loop.gradient}


class Case(NamedTuple):
    """A loss of a kind of network, and how each contestant trains one."""

    name: str
    kind: str
    rivals: dict[str, Callable[[nn.Module], Loop]]
    view: str | None = None
    """How our objective sees the network, where that is not by its kind."""

    @property
    def contestants(self) -> dict[str, Callable[[nn.Module], Loop]]:
        return {OURS: ours(self.name, self.view or self.kind), **self.rivals}


def beside_hands(name: str, **rivals: Callable) -> dict[str, Callable]:
    return {**rivals, "published way": published(name), "by hand, the same work": careful(name)}


CASES = {
    "DSM": Case("DSM", "score", beside_hands("DSM")),
    "SSM": Case("SSM", "score", beside_hands("SSM")),
    "SSM-VR": Case("SSM-VR", "score", beside_hands("SSM-VR", score_models=with_score_models.sliced)),
    "ISM, exact": Case("ISM", "score", beside_hands("ISM")),
    "SSM-VR of our MLP": Case(
        "SSM-VR",
        "score",
        {"score_models": with_score_models.sliced, "published way": published("SSM-VR")},
        "score, ours",
    ),
    "ISM, exact, of our MLP": Case("ISM", "score", {"published way": published("ISM")}, "score, ours"),
    "NCSN": Case("NCSN", "levels", beside_hands("NCSN", score_models=with_score_models.denoising)),
    "EDM": Case("EDM", "levels, EDM", {"azula": with_azula.karras}),
    "DSM of an energy": Case("DSM", "energy", {"torchebm": with_torchebm.trainer("DSM")}),
    "SSM of an energy": Case("SSM", "energy", {"torchebm": with_torchebm.trainer("SSM")}),
    "ISM of an energy, exact": Case("ISM", "energy", {"torchebm": with_torchebm.trainer("ISM")}),
    "ISM of an energy, estimated": Case(
        "ISM, estimated", "energy", {"torchebm": with_torchebm.trainer("ISM, estimated")}
    ),
    "NCSN of an energy": Case("NCSN", "levels, energy", {"score_models": with_score_models.denoising_energy}),
}


class Conditional(nn.Module):
    """The network of the losses with many levels: log sigma is one more coordinate. ``flat``: one number a sample."""

    def __init__(self, d: int, out: int, flat: bool = False) -> None:
        super().__init__()
        hidden = [part for a, b in pairwise([d + 1, 128, 128, 128]) for part in (nn.Linear(a, b), nn.GELU("tanh"))]
        self.net, self.flat = nn.Sequential(*hidden, nn.Linear(128, out)), flat

    def forward(self, x, log_sigma):
        out = self.net(torch.cat([x, log_sigma.view(-1, 1)], dim=1))
        return out[:, 0] if self.flat else out


def energy_network(d: int) -> nn.Module:
    hidden = [part for a, b in pairwise([d, 128, 128, 128]) for part in (nn.Linear(a, b), nn.Softplus())]
    return nn.Sequential(*hidden, nn.Linear(128, 1), nn.Flatten(0))


NETWORKS = {
    "score": plain_network,
    "energy": energy_network,
    "levels": lambda d: Conditional(d, d),
    "levels, EDM": lambda d: Conditional(d, d),
    "levels, energy": lambda d: Conditional(d, 1, flat=True),
}


def network(kind: str, d: int) -> nn.Module:
    """The same weights for each contestant."""
    torch.manual_seed(0)
    return NETWORKS[kind](d)


def judged(case: Case, n: int) -> Field:
    """Who is right on the linear score."""
    makers = {who: lambda train=train: train(laws.Linear(case.kind)) for who, train in case.contestants.items()}
    return admit(makers, lambda trainer: laws.judge(case.name, trainer, n))


def timed(title: str, case: Case, field: Field, what: str, d: int, rounds: int) -> dict:
    """Milliseconds a step, or a loss with its gradient: as often in a turn as the first needs for 40 ms."""
    x, trainers = data(d), {who: case.contestants[who](network(case.kind, d)) for who in field.right}
    act = {who: lambda t=trainer: getattr(t, what)(x) for who, trainer in trainers.items()}
    _, times = repeated(act[OURS], 0.04)
    runs = {who: lambda one=one: [one() for _ in range(times)] for who, one in act.items()}
    spent = race(f"{what}, d = {d}", runs, 1e3 / times, rounds)
    return {"case": title, "what": what, "d": d, "wrong": field.wrong, "absent": field.absent, "spent": spent}


def main(arguments: list[str] | None = None) -> None:
    chosen = options(__doc__, "two rounds, d = 2 and 10", 9, arguments)
    rounds, dimensions = (2, DIMENSIONS[:2]) if chosen.quick else (chosen.rounds, DIMENSIONS)
    one_core()
    torch.set_num_threads(1)
    contests = []
    for title, case in CASES.items():
        field = judged(case, 1_000_000)
        announce(f"{title}: ms, min / median / max of {rounds}", field)
        if len(field.right) == 1:  # nobody to race with: say who was wrong or absent
            contests.append({"case": title, "wrong": field.wrong, "absent": field.absent})
            continue
        contests += [timed(title, case, field, what, d, rounds) for what in WHAT for d in dimensions]
    publish("steps", {**surroundings(PEERS), "rounds": rounds, "contests": contests}, chosen.out)


if __name__ == "__main__":
    main()
