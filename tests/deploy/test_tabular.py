import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from companion.deploy.tabular import Classifier


def classifier(**changes):
    parts = {
        "names": ("a", "b"),
        "classes": ("no", "yes"),
        "mean": np.array([1.0, 2.0]),
        "scale": np.array([0.5, 2.0]),
        "weights": np.array([3.0, -1.0]),
        "bias": 0.25,
    }
    return Classifier(**parts | changes)


def test_equals_scikit_learn():
    rng = np.random.default_rng(0)
    rows = rng.lognormal(size=(200, 2))
    labels = (rows[:, 0] > rows[:, 1] + 0.3 * rng.normal(size=200)).astype(int)
    line = make_pipeline(FunctionTransformer(np.log1p), StandardScaler(), LogisticRegression())
    line.fit(rows, labels)
    ours = classifier(
        mean=line[1].mean_,
        scale=line[1].scale_,
        weights=line[2].coef_[0],
        bias=line[2].intercept_[0],
    )
    assert np.allclose(ours.probability(rows), line.predict_proba(rows)[:, 1], atol=1e-12)
    assert (ours.predict(rows) == np.array(["no", "yes"])[line.predict(rows)]).all()
    one = [float(ours.probability(row)) for row in rows]
    assert np.allclose(one, ours.probability(rows), atol=1e-14)


def test_extreme_rows_do_not_overflow():
    with np.errstate(all="raise"):
        chances = classifier(weights=np.array([1e6, 0.0])).probability(np.array([[0, 0], [9e9, 0]]))
    assert chances.tolist() == [0.0, 1.0]


def test_there_and_back():
    one = classifier()
    other = Classifier.of(one.tensors() | {"more": np.ones(3)}, one.facts() | {"more": 1})
    assert other.names == one.names and other.classes == one.classes and other.bias == one.bias
    assert all((other.tensors()[name] == one.tensors()[name]).all() for name in one.tensors())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"classes": ("yes", "yes")}, "classes"),
        ({"names": ("a", "a")}, "names"),
        ({"names": ()}, "names"),
        ({"mean": np.zeros(3)}, "mean"),
        ({"weights": np.array([np.nan, 0])}, "weights"),
        ({"scale": np.array([1.0, 0])}, "scale"),
        ({"bias": np.inf}, "bias"),
    ],
)
def test_bad_parts(changes, named):
    with pytest.raises(ValueError, match=named):
        classifier(**changes)


def test_what_is_no_classifier():
    with pytest.raises(ValueError, match="no saved Classifier"):
        Classifier.of({}, {"names": ["a"], "classes": ["no", "yes"]})
