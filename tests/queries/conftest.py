"""A folder for a run."""

from tests.results.conftest import folder  # noqa: F401  # a fixture
