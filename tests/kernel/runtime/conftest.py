"""Makes the helper modules of these tests, of invocations and of the journal importable."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "invocation"))
sys.path.insert(0, str(Path(__file__).parents[1] / "journal"))
