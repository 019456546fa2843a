"""The body of an instance: an asynchronous function, one in a thread, or a topology's walk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kernel.errors import InvalidState, InvocationError
from kernel.invocation.around import Around
from kernel.invocation.calls.call import Call, Cancellation, current_call
from kernel.invocation.calls.starting import start_for_attempt
from kernel.invocation.context import EvaluationContext
from kernel.invocation.invocation import Invocation
from kernel.registry.controllers import Method, method
from kernel.registry.instances import Instance, State
from kernel.threads import Threads
from kernel.topology.walk import walk

Body = Callable[["Invocation"], Awaitable[Any]]
"""Does what an invocation is for, once, and gives its outputs."""


def body_of(instance: Instance, threads: Threads) -> Body:
    """The body of an instance, which need not be up yet."""
    chosen: Body | None = None

    def body(invocation: Invocation) -> Awaitable[Any]:
        nonlocal chosen
        if chosen is None:
            if instance.state is not State.RUNNING:
                return start_first(invocation)
            chosen = _choose(instance, threads)
        return chosen(invocation)

    async def start_first(invocation: Invocation) -> Any:
        await start_for_attempt(invocation)
        return await body(invocation)

    return body


def _choose(instance: Instance, threads: Threads) -> Body:
    if instance.topology is not None:
        return _topology_body(instance)
    name = "run" if instance.definition.capability == "Runnable" else "invoke"
    found = method(instance.controller, name)
    if found is None:
        raise InvalidState(f"{instance.address} cannot be called: it has no `{name}`")
    return _controller_body(found, instance, threads)


def _topology_body(instance: Instance) -> Body:
    topology = instance.topology
    assert topology is not None
    scope = instance.home if instance.is_body else instance.scope
    document = instance.definition.document if instance.is_body else instance.resource.document

    async def body(invocation: Invocation) -> Any:
        outer = invocation.context
        bindings = {**scope.bindings, "inputs": invocation.inputs}
        if instance.is_body:
            bindings["self"] = Call(invocation, Cancellation()).self
        context = EvaluationContext(
            outer.run, scope, bindings, invocation.inner_path, outer.depth + 1, document,
            atomic=outer.atomic, repeats=invocation.repeats,
            served=invocation if instance.is_body else None, around=Around(outer.around),
        )  # fmt: skip
        try:
            return await walk(topology, context)
        except InvocationError as error:
            context.around.judge(error)
            raise

    return body


def _controller_body(found: Method, instance: Instance, threads: Threads) -> Body:
    function = found.function
    plain = found.asynchronous and not found.takes_call and not instance.holds_call_sites
    if plain and found.takes_inputs:

        def call_it(invocation: Invocation) -> Awaitable[Any]:
            around = invocation.context.around
            if not around.has_called:
                around.note_call()
            made: Awaitable[Any] = function(invocation.inputs)
            return made

        return call_it

    def arguments(invocation: Invocation, call: Call) -> tuple[Any, ...]:
        given: tuple[Any, ...] = ()
        if found.takes_inputs and instance.definition.capability != "Runnable":
            given = (invocation.inputs,)
        return (*given, call) if found.takes_call else given

    async def body(invocation: Invocation) -> Any:
        invocation.context.around.note_call()
        call = Call(invocation, Cancellation())
        token = current_call.set(call) if instance.holds_call_sites else None
        try:
            given = arguments(invocation, call)
            if found.asynchronous:
                return await function(*given)
            result = await threads.run(function, *given, ended=invocation.begin_attempt())
            return await result if asyncio.iscoroutine(result) else result
        except asyncio.CancelledError:
            call.cancellation.cancel()
            raise
        finally:
            if token is not None:
                current_call.reset(token)

    return body
