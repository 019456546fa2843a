"""What a pipeline calls. Here the environments are a file, and a log says what was done."""

import json
from pathlib import Path
from typing import Literal

from kernel import Failure, invocable

HERE = Path(__file__).parent
SITES = HERE / "sites.json"
LOG = HERE / "log.txt"
BROKEN = "v13"

Environment = Literal["staging", "production"]


def sites():
    return json.loads(SITES.read_text()) if SITES.exists() else {}


def log(line):
    with LOG.open("a") as file:
        file.write(line + "\n")


@invocable("Ci.Build", safety="idempotent")
def build(version: str) -> str:
    """Build the image of a version; the same version gives the same image."""
    log(f"build {version}")
    return f"shop:{version}"


@invocable("Ci.Lint", safety="idempotent", errors={"STYLE": {"retryable": False}})
def lint(version: str) -> None:
    """Read the code of a version."""
    log(f"lint {version}")


@invocable("Ci.Test", safety="idempotent", errors={"RED": {"retryable": False}})
def test(image: str) -> int:
    """Run the tests of an image; how many there are."""
    log(f"test {image}")
    if image == "shop:v3":
        raise Failure("2 of 214 tests failed", code="RED")
    return 214


@invocable("Ci.Live", safety="idempotent")
def live(environment: Environment) -> str:
    """Which version is live."""
    return sites().get(environment, "v1")


@invocable("Ci.Switch", safety="idempotent")
def switch(version: str, environment: Environment) -> None:
    """Switch an environment to a version; nothing happens if it is live already."""
    log(f"switch {environment} to {version}")
    SITES.write_text(json.dumps({**sites(), environment: version}))


@invocable("Ci.Health", safety="idempotent", errors={"UNHEALTHY": {"retryable": True}})
def health(environment: Environment) -> None:
    """Ask the live version how it is."""
    log(f"health of {environment}")
    if sites().get(environment) == BROKEN:
        raise Failure("it answers with 503", code="UNHEALTHY")
