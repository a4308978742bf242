"""What scikit-survival and lifelines say of made-up rows: the fixture of `tests/survival.rs`.

    pip install scikit-survival==0.28.0 lifelines==0.30.3
    python make.py > measures.json
"""

import json
import warnings

import numpy
from lifelines import AalenJohansenFitter
from sksurv.metrics import brier_score, concordance_index_censored
from sksurv.nonparametric import cumulative_incidence_competing_risks
from sksurv.util import Surv

N = 250
DAYS = [5.0, 15.0, 30.0, 60.0]


def main():
    random = numpy.random.default_rng(11)
    risk = random.normal(size=N).round(1)
    came = random.exponential(40 / numpy.exp(0.6 * risk))
    sight = random.uniform(5, 120, size=N)
    cause = numpy.where(came <= sight, random.integers(1, 3, size=N), 0)
    days = numpy.minimum(came, sight)
    happened = cause > 0
    observed = Surv.from_arrays(happened, days)
    survival = numpy.exp(-numpy.outer(numpy.exp(0.6 * risk), DAYS) / 45)
    _, brier = brier_score(observed, observed, survival, DAYS)
    johansen_days, johansen = cumulative_incidence_competing_risks(cause, days)
    at = [numpy.searchsorted(johansen_days, day, side="right") - 1 for day in DAYS]
    warnings.simplefilter("ignore")
    lifelines = [AalenJohansenFitter(calculate_variance=False).fit(days, cause, k) for k in (1, 2)]
    # Of one cause: who met the other never meets it.
    never = numpy.where(cause == 2, 1e6, days)
    told = {
        "risk": risk.tolist(),
        "days": days.tolist(),
        "cause": cause.tolist(),
        "at": DAYS,
        "p": (1 - survival).T.tolist(),
        "brier": brier.tolist(),
        "concordance": concordance_index_censored(happened, days, risk)[0],
        "concordance_of_first": concordance_index_censored(cause == 1, never, risk)[0],
        "aalen_johansen": [[float(johansen[k][i]) for i in at] for k in (1, 2)],
        "aalen_johansen_lifelines": [
            [float(fitted.predict(day)) for day in DAYS] for fitted in lifelines
        ],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
