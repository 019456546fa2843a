"""A topology: what an engine reads out of the fields of a resource, or the body of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kernel.cel import Template
from kernel.errors import Path
from kernel.structs import field, struct
from kernel.topology import forms
from kernel.topology.callsite import CallSite
from kernel.topology.forms import Steps, all_steps
from kernel.topology.reader import Reader
from kernel.topology.roles import Roles


@struct(eq=False)
class Topology:
    """A resource made of call sites, ready to be walked.

    ``steps`` are those of a sequence; a workflow and a router have one step without a name, whose
    form holds their nodes or entries.
    """

    steps: Steps
    given: Steps | None = None
    """Without ``result`` the topology gives the results of these steps by name; None: the result of
    its last step."""
    result: Template | None = None
    """What the topology gives."""
    result_path: Path = ("result",)
    is_one_form: bool = False
    """The one step is no step of a run: there is only its form."""
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variables that stand for a part of another: ``event`` for ``inputs.event``."""

    def sites(self) -> Iterator[CallSite]:
        """All call sites, in reading order."""
        for step in all_steps(self.steps):
            if isinstance(step.form, forms.Call):
                yield step.form.site


def read_result(reader: Reader, roles: Roles) -> tuple[Template | None, Path]:
    """What the field with the role ``result`` gives, where it is written; null is a value too."""
    if "result" not in roles:
        return None, ("result",)
    path, value = roles["result"]
    return reader.template(value), path
