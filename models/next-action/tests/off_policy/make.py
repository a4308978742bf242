"""What Open Bandit Pipeline says of a made-up log: the fixture of `tests/off_policy.rs`.

    pip install numpy pandas pyyaml scikit-learn scipy seaborn tqdm mypy_extensions && pip install --no-deps obp==0.4.1
    python make.py > obp.json

The package imports torch for its learners; its estimators do without, so an empty module stands in.
Where it divides infinity by itself (`dr-os` at an endless lambda) null is written.
"""

import json
import sys
from types import ModuleType


class Empty(ModuleType):
    """A module in which every name is a class without anything."""

    def __getattr__(self, name):
        return type(name, (), {})


for name in ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils", "torch.utils.data"):
    sys.modules[name] = Empty(name)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, sys.modules[name])

import numpy
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkage,
    InverseProbabilityWeighting,
    SelfNormalizedDoublyRobust,
    SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobust,
)

N_ROUNDS, N_ACTIONS, N_POSITIONS = 200, 4, 3
SETTINGS = {"tau": [1.0, 5.0, 50.0, numpy.inf], "lambda": [0.0, 1.0, 100.0, numpy.inf]}


def estimators():
    """Names as Percorso tells them, with the setting that each takes."""
    for estimator in (
        DirectMethod(estimator_name="dm"),
        InverseProbabilityWeighting(estimator_name="ipw"),
        SelfNormalizedInverseProbabilityWeighting(estimator_name="snipw"),
        DoublyRobust(estimator_name="dr"),
        SelfNormalizedDoublyRobust(estimator_name="sndr"),
    ):
        yield estimator.estimator_name, None, estimator
    for tau in SETTINGS["tau"]:
        yield "switch-dr", tau, SwitchDoublyRobust(tau=tau)
    for lambda_ in SETTINGS["lambda"]:
        yield "dr-os", lambda_, DoublyRobustWithShrinkage(lambda_=lambda_)


def estimate(logged):
    for name, setting, estimator in estimators():
        with numpy.errstate(invalid="ignore"):
            value = estimator.estimate_policy_value(**logged)
        told = None if setting is None else str(setting)
        yield {"estimator": name, "setting": told, "value": None if numpy.isnan(value) else float(value)}


def made_up(seed):
    """A log by a skewed policy, so that weights lie on both sides of every tau."""
    random = numpy.random.default_rng(seed)
    behaviour = random.dirichlet(numpy.full(N_ACTIONS, 0.2), size=N_ROUNDS) * 0.96 + 0.04 / N_ACTIONS
    action = numpy.array([random.choice(N_ACTIONS, p=row / row.sum()) for row in behaviour])
    target = random.dirichlet(numpy.full(N_ACTIONS, 0.5), size=(N_ROUNDS, N_POSITIONS)).transpose(0, 2, 1)
    return {
        "reward": random.binomial(1, 0.2 + 0.1 * action).astype(float),
        "action": action,
        "pscore": behaviour[numpy.arange(N_ROUNDS), action],
        "action_dist": target,
        "estimated_rewards_by_reg_model": random.uniform(size=(N_ROUNDS, N_ACTIONS, N_POSITIONS)),
        "position": random.integers(N_POSITIONS, size=N_ROUNDS),
    }


def main():
    logged = made_up(4)
    values = list(estimate(logged))
    print(json.dumps({**{key: array.tolist() for key, array in logged.items()}, "values": values}))


if __name__ == "__main__":
    main()
