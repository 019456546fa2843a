"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings

pytest.register_assert_rewrite("tests.support", "tests.crash.support")

# How long an example takes is the machine's affair; what has to be fast is measured in benchmarks/.
settings.register_profile("fast", deadline=None, max_examples=25)
settings.register_profile("long", deadline=None, max_examples=100)


def pytest_configure(config: pytest.Config) -> None:
    """Decide how often properties are tried: see ``tests/support/properties.py``."""
    settings.load_profile("long" if _is_long(config) else "fast")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long run repeats the properties of the fast suite, with their full number of examples."""
    if not _is_long(config):
        return
    for item in items:
        if isinstance(item, pytest.Function) and (
            is_hypothesis_test(item.obj) or item.get_closest_marker("partial")
        ):
            item.add_marker("long")


def _is_long(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "long")
