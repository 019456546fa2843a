"""The types of values: the algebra, and the questions that are asked of types."""

from analyzer.types.algebra import *  # noqa: F403  (the public names of this package)
from analyzer.types.unions import *  # noqa: F403
