"""What a controller gets for a field that calls something: a call site that it can invoke."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kernel.cel import compile_template
from kernel.invocation.calls.call import Bound, current_call
from kernel.invocation.context import EvaluationContext
from kernel.invocation.run import Caller, Run, RunBody
from kernel.manifest import Document
from kernel.registry.scope import ModuleScope
from kernel.run_paths import numbered
from kernel.topology.callsite import CallSite
from kernel.topology.context import is_wanted

_KEY = "callersKey"
"""The variable that holds the idempotency key of a caller, beside those of the manifest."""


class BoundCallSite(Bound, Mapping[str, Any]):
    """A call site of a resource's own fields (``x-kernel-call``), or a reference to an invocable.

    It is the mapping of the node's other fields, and can be invoked. Inside an invocation its
    calls belong to that run; from outside each call is a run of its own, which ``execute`` does,
    with a name that people know it by.
    ``is_atomic``: what it calls takes effect together with the call around it, or not at all.
    """

    __slots__ = (
        "_document", "_execute", "_fields", "_keyed", "_new_run", "_scope", "_site", "is_atomic",
        "takes_inputs",
    )  # fmt: skip

    def __init__(
        self,
        site: CallSite,
        fields: Mapping[str, Any],
        scope: ModuleScope,
        document: Document | None,
        new_run: Callable[[], Run],
        *,
        execute: Callable[[Run, RunBody, str], Awaitable[Any]],
        takes_inputs: bool = False,
        is_atomic: bool = False,
    ) -> None:
        self._site = site
        self._keyed: CallSite | None = None
        self._fields = fields
        self._scope = scope
        self._document = document
        self._new_run = new_run
        self._execute = execute
        self.is_atomic = is_atomic
        self.takes_inputs = takes_inputs

    async def invoke(
        self, values: Mapping[str, Any] | None = None, caller: Caller | None = None
    ) -> Any:
        """Call it. ``values`` are CEL variables in scope (``{"request": …}``).

        For a reference, which has no ``inputs`` of its own, ``values`` are the inputs. ``caller``
        is told about a call from outside of any invocation; an idempotency key of its own names
        the call, where the call site writes none. Returns None when the call site's ``when`` is
        false. Raises :class:`kernel.InvocationError`.
        """
        context = self._context(values or {})
        site = self._site
        if caller is not None and current_call.get() is None:
            context.run.caller = caller
            if caller.idempotency_key is not None and site.idempotency_key is None:
                site = self._with_key(caller)
                context.bindings[_KEY] = caller.idempotency_key
        if site.when is not None and not is_wanted(site, site.when, context, (*site.path, "when")):
            return None
        call = current_call.get()
        if call is None:
            return await self._execute(
                context.run, lambda: context.invoke(site), self._name(caller)
            )
        if self.is_atomic:
            return await context.invoke(site)  # the call around it is under way all the while
        with call.invocation.waiting():
            return await context.invoke(site)

    def _name(self, caller: Caller | None) -> str:
        target = self._site.target
        if target.name is None and caller is not None:
            return caller.name
        return str(target)

    def _with_key(self, caller: Caller) -> CallSite:
        """The call site with the key of a caller."""
        if self._keyed is None or self._keyed.key_scope != caller.name:
            key = compile_template(f"${{{{ {_KEY} }}}}")
            self._keyed = replace(self._site, idempotency_key=key, key_scope=caller.name)
        return self._keyed

    def _context(self, values: Mapping[str, Any]) -> EvaluationContext:
        call = current_call.get()
        bindings = dict(self._scope.bindings)
        if self.takes_inputs:
            bindings["inputs"] = dict(values)
        else:
            bindings.update(values)
        if call is None:
            run = self._new_run()
            return EvaluationContext(run, self._scope, bindings, document=self._document)
        outer = call.invocation
        bindings.setdefault("inputs", outer.inputs)
        number = call.count(self._site)
        path = numbered(outer.inner_path, number) if number else outer.inner_path
        return EvaluationContext(
            outer.context.run, self._scope, bindings, path, outer.context.depth + 1, self._document,
            atomic=outer.atomic_within(is_atomic=self.is_atomic),
            repeats=outer.repeats or self.is_atomic,
        )  # fmt: skip

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<call site of {self._site.target}>"
