"""``kernel invoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kernel.cli.options import EVENTS, INPUT, INPUTS, MANIFEST, VAR_FILE, VARS, output


@click.command("invoke")
@MANIFEST
@click.argument("target", metavar="KIND/NAME")
@VARS
@VAR_FILE
@INPUT
@INPUTS
@EVENTS
@output("text", "json", "yaml")
def command(path: Path, target: str, **options: Any) -> int:
    """Invoke one resource of a manifest.

    Services and Providers of the manifest are up meanwhile. The answer is printed as by
    `kernel apply`.
    """
    from kernel import Kernel, RunResult
    from kernel.cli.running import Request, run
    from kernel.runtime.targets import input_schema

    request = Request(path=path, **options)

    async def work(kernel: Kernel) -> RunResult:
        inputs = request.inputs(input_schema(kernel, target))
        return await kernel.apply(target, inputs)

    return run(request, work)
