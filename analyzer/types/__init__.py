"""The types of values: the algebra, and the questions that are asked of types."""

from analyzer.types.algebra import *  # noqa: F403  (the algebra is the face of this wing)
