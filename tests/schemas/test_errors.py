"""The errors travel between processes and put places together."""

import pickle

from neckar.schemas.errors import ErrorCode, PairError, Problem, UserError


def test_errors_survive_pickling():
    pair_error = pickle.loads(pickle.dumps(PairError(ErrorCode.IMAGE_MISSING, "a.png: no such file")))
    assert (pair_error.code, pair_error.message) == (ErrorCode.IMAGE_MISSING, "a.png: no such file")
    user_error = pickle.loads(pickle.dumps(UserError([Problem("a", "b"), Problem("c", "d")])))
    assert user_error.problems == [Problem("a", "b"), Problem("c", "d")]


def test_places_are_led_by_a_place():
    error = UserError([Problem("alpha", "too small"), Problem("", "unknown key")])
    assert str(error.below("jobs.yaml")) == "jobs.yaml: alpha: too small\njobs.yaml: unknown key"
    assert str(error.below("pairs[3]", ".")) == "pairs[3].alpha: too small\npairs[3]: unknown key"
