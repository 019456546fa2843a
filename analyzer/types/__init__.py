"""The types of values: the algebra, and the questions that are asked of types."""

from analyzer.types.algebra import *  # noqa: F403  (the face of this wing)
from analyzer.types.unions import *  # noqa: F403
