"""What venn-abers, crepes and MAPIE say of made-up rows: the fixture of `tests/calibration.rs`.

    pip install venn-abers==1.5.4 crepes==0.9.1 mapie==1.6.0 scikit-learn==1.6.1
    python make.py > libraries.json
"""

import json

import numpy
from crepes import ConformalClassifier
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from venn_abers import VennAbers

N = 238
N_ASKED = 40
COVERAGE = 0.9


class AsTold(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are its probabilities already."""

    def __init__(self, n_classes):
        self.n_classes = n_classes

    def fit(self, _rows, _classes):
        self.classes_ = numpy.arange(self.n_classes)
        self.is_fitted_ = True
        return self

    def predict_proba(self, rows):
        return rows

    def predict(self, rows):
        return rows.argmax(axis=1)


def of_two_classes(random):
    score = random.uniform(0.02, 0.98, size=N + N_ASKED)
    leaves = (random.uniform(size=N) < score[:N] ** 1.5).astype(int)
    told = numpy.column_stack([1 - score, score])
    _, ends = VennAbers().fit(told[:N], leaves).predict_proba(told[N:])
    return {"p": score[:N].tolist(), "y": leaves.tolist(), "asked": score[N:].tolist(), "ends": ends.tolist()}


def of_four_classes(random):
    told = random.dirichlet([0.9, 0.7, 0.5, 0.3], size=N + N_ASKED)
    came = numpy.array([random.choice(4, p=0.75 * row + 0.25 / 4) for row in told[:N]])
    wrongness = 1 - told
    sets_of_crepes = ConformalClassifier().fit(wrongness[numpy.arange(N), came]).predict_set(
        wrongness[N:], confidence=COVERAGE, smoothing=False
    )
    learner = AsTold(4).fit(None, None)
    mapie = SplitConformalClassifier(learner, confidence_level=COVERAGE, conformity_score="lac", prefit=True)
    _, sets_of_mapie = mapie.conformalize(told[:N], came).predict_set(told[N:])
    return {
        "p": told[:N].tolist(),
        "y": came.tolist(),
        "asked": told[N:].tolist(),
        "crepes": numpy.asarray(sets_of_crepes).astype(bool).tolist(),
        "mapie": sets_of_mapie[:, :, 0].astype(bool).tolist(),
    }


def main():
    random = numpy.random.default_rng(5)
    print(json.dumps({"venn_abers": of_two_classes(random), "sets": of_four_classes(random)}))


if __name__ == "__main__":
    main()
