"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes is the machine's affair; what has to be fast is measured in benchmarks/.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
