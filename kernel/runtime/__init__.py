"""Runs: a manifest brought to life, what to start, how it ended."""

from kernel.runtime.kernel import Kernel
from kernel.runtime.loading import load, loads
from kernel.runtime.result import RunResult

__all__ = ["Kernel", "RunResult", "load", "loads"]
