"""Walks the steps of a topology, and gives its result.

Between two calls there is only pure CEL, so a walk with the same inputs and the same results of
its calls is always the same walk (product.md, "Durable without rules for the author").
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from kernel.cel import CelError, Template, compile, in_json
from kernel.errors import Cancelled, ExpressionError, InvocationError, Path, Thrown
from kernel.run_paths import joined, numbered
from kernel.schema import SchemaError, check_json
from kernel.topology import forms
from kernel.topology.context import Context, decided, evaluate, holds, is_wanted, type_name
from kernel.topology.forms import Form, Step, Steps
from kernel.topology.reader import MAX_MILLISECONDS
from kernel.topology.together import all_or_first_failure, run_graph
from kernel.topology.topology import Topology

_ROUNDS_WITHOUT_PAUSE = 100
"""A loop that calls nothing lets others run, and cancellation in, after so many rounds."""

_MAX_PATTERN_LENGTH = 1_000


async def walk(topology: Topology, context: Context) -> Any:
    """Walk a topology with ``steps`` empty, and give its result.

    ``context`` has the variables in scope, ``inputs`` among them.
    """
    results: dict[str, Any] = {}
    bindings = {**context.bindings, "steps": results}
    for name, path in topology.variables.items():
        bindings[name] = _part_of(bindings, path)
    inside = context.inner(bindings, context.path)
    last = await (run_forms if topology.is_one_form else run_steps)(topology.steps, inside)
    if topology.result is not None:
        return evaluate(topology.result, inside, topology.result_path)
    if topology.given is None:
        return last
    given = ((step.name, results.get(step.name)) for step in topology.given if step.name)
    return {name: found["result"] for name, found in given if found and "result" in found}


def _part_of(bindings: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = bindings
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


async def run_forms(steps: Steps, context: Context) -> Any:
    """Run the forms of steps that are no steps of a run."""
    result: Any = None
    for step in steps:
        result = await RUN[type(step.form)](step.form, step, context)
    return result


async def run_steps(steps: Steps, context: Context) -> Any:
    """Run steps in order. Gives the result of the last; null if it was skipped or is missing."""
    result: Any = None
    for step in steps:
        result = await run_step(step, context)
    return result


async def run_step(step: Step, context: Context) -> Any:
    """Run one step; its result goes into ``steps`` if it has a name."""
    path = joined(context.path, step.label)
    results = context.bindings["steps"]
    context.began(path)
    try:
        if step.when is not None and not await _is_wanted(step, step.when, context):
            if step.name is not None:
                results[step.name] = {"skipped": True}
            context.ended(path, "skipped")
            return None
        work = RUN[type(step.form)](step.form, step, context)
        if step.timeout is not None and type(step.form) is not forms.Try:
            work = _in_time(work, step, context)
        value = await work
    except InvocationError as error:
        if error.step is None:
            error.step = step.name
        if error.span is None:
            error.span = context.span(step.path)
        context.ended(path, "failed")
        raise
    if step.name is not None:
        results[step.name] = {"result": value, "skipped": False}
    context.ended(path, "succeeded")
    return value


async def _in_time(work: Coroutine[Any, Any, Any], step: Step, context: Context) -> Any:
    """What the work of a step gives, if it ends within the ``timeout`` of the step."""
    if step.timeout is None:
        return await work
    return await context.in_time(joined(context.path, step.label), step.timeout, work)


async def _is_wanted(step: Step, when: Template, context: Context) -> bool:
    path = (*step.path, "when")

    def find() -> bool:
        if isinstance(step.form, forms.Call):
            return is_wanted(step.form.site, when, context, path)
        return holds(when, context, path)

    return bool(await decided(when, context, f"{step.label}.when", find))


async def _call(form: forms.Call, _: Step, context: Context) -> Any:
    return await context.invoke(form.site)


async def _value(form: forms.Value, step: Step, context: Context) -> Any:
    return evaluate(form.value, context, (*step.path, "value"))


async def _if(form: forms.If, step: Step, context: Context) -> Any:
    for number, (condition, steps) in enumerate(form.arms):
        place = ("if",) if number == 0 else ("elseif", number - 1, "if")
        find = partial(holds, condition, context, (*step.path, *place))
        if await decided(condition, context, numbered(f"{step.label}.if", number), find):
            return await run_steps(steps, context)
    return await run_steps(form.otherwise, context)


async def _switch(form: forms.Switch, step: Step, context: Context) -> Any:
    find = partial(evaluate, form.subject, context, (*step.path, "switch"))
    subject = await decided(form.subject, context, f"{step.label}.switch", find)
    for key, steps in form.cases:
        if _equals(key, subject):
            return await run_steps(steps, context)
    if form.default is not None:
        return await run_steps(form.default, context)
    known = ", ".join(str(key) for key, _ in form.cases)
    raise ExpressionError(
        f"no case matches the value of `switch`, and there is no `default`; cases: {known}",
        code="NO_CASE",
    )


_EQUAL = compile("key == subject")


def _equals(key: Any, subject: Any) -> bool:
    """CEL equality (specification, Equality): ``1`` is ``1.0``, and no bool is a number."""
    try:
        return _EQUAL.evaluate({"key": key, "subject": subject}) is True
    except CelError:
        return False


async def _loop(form: forms.Loop, step: Step, context: Context) -> Any:
    result: Any = None
    done = 0
    where = (*step.path, "while" if form.before else "until")
    path = joined(context.path, step.label)

    async def asked(index: int) -> bool:
        label = numbered(f"{step.label}.{where[-1]}", done)
        here = context.inner({**context.bindings, "index": index}, context.path)
        find = partial(holds, form.condition, here, where)
        return bool(await decided(form.condition, here, label, find))

    while True:
        if form.before and not await asked(done):
            return result
        if done == form.max_iterations:
            ending = "still holds" if form.before else "does not hold yet"
            raise Thrown(
                f"`{where[-1]}` {ending} after {done:,} rounds; `maxIterations` allows no more",
                code=forms.LOOP_LIMIT,
                span=context.span(where),
            )
        inside = context.inner({**context.bindings, "index": done}, numbered(path, done))
        result = await run_steps(form.body, inside)
        done += 1
        context.progress(path, done, form.max_iterations)
        if done % _ROUNDS_WITHOUT_PAUSE == 0:
            await asyncio.sleep(0)
        if not form.before and await asked(done - 1):
            return result


async def _for_each(form: forms.ForEach, step: Step, context: Context) -> Any:
    find = partial(evaluate, form.items, context, (*step.path, "forEach"))
    items = await decided(form.items, context, f"{step.label}.forEach", find)
    if not isinstance(items, (list, tuple)):
        message = f"`forEach` needs a list, but its value is {type_name(items)}"
        raise ExpressionError(message, span=context.span((*step.path, "forEach")))
    results: list[Any] = [None] * len(items)
    numbers = iter(range(len(items)))
    path = joined(context.path, step.label)
    done = 0

    async def work() -> None:
        nonlocal done
        for number in numbers:
            bindings = {
                **context.bindings,
                "item": items[number],
                "index": number,
                "steps": dict(context.bindings["steps"]),
            }
            inside = context.inner(bindings, numbered(path, number))
            value = await run_steps(form.body, inside)
            if form.result is not None:
                value = evaluate(form.result, inside, (*step.path, "result"))
            results[number] = value
            done += 1
            context.progress(path, done, len(items))
            if done % _ROUNDS_WITHOUT_PAUSE == 0:
                await asyncio.sleep(0)

    workers = min(form.parallelism, len(items))
    if workers <= 1:
        await work()
    else:
        await all_or_first_failure([work() for _ in range(workers)], context)
    return results


async def _parallel(form: forms.Parallel, _: Step, context: Context) -> Any:
    work = [run_steps(steps, context) for _, steps in form.branches]
    values = await all_or_first_failure(work, context)
    return {name: value for (name, _), value in zip(form.branches, values, strict=True)}


async def _graph(form: forms.Graph, _: Step, context: Context) -> Any:
    shared = context.bindings["steps"]

    async def run(node: forms.Node) -> Any:
        # A node sees the steps that it names and waits for, however many others have ended by now.
        seen = {name: shared[name] for name in node.reads if name in shared}
        value = await run_step(
            node.step, context.inner({**context.bindings, "steps": seen}, context.path)
        )
        for name in node.names:
            if name in seen:
                shared[name] = seen[name]
        return value

    def skip(node: forms.Node) -> None:
        context.ended(joined(context.path, node.step.label), "skipped")

    values = await run_graph(form, run, skip, context)
    named = zip(form.nodes, values, strict=True)
    return {node.step.name: value for node, value in named if node.step.name is not None}


async def _match(form: forms.Match, step: Step, context: Context) -> Any:
    for entry in form.entries:
        find = partial(holds, entry.match, context, (*step.path, *entry.path, "match"))
        if await decided(entry.match, context, f"{entry.step.label}.match", find):
            return await run_step(entry.step, context)
    if form.fallback is not None:
        return await run_step(form.fallback.step, context)
    message = f"none of the {len(form.entries):,} entries matches, and there is no fallback"
    raise ExpressionError(message, code=forms.NO_MATCH, span=context.span(step.path))


async def _try(form: forms.Try, step: Step, context: Context) -> Any:
    error: InvocationError | None = None
    try:
        return await _in_time(_tried(form, context), step, context)
    except InvocationError as failure:
        error = failure
        raise
    except asyncio.CancelledError:
        error = Cancelled("the run was cancelled")
        raise
    finally:
        if form.ending is not None and not context.is_suspended:
            await run_steps(form.ending, _with_error(context, error))


async def _tried(form: forms.Try, context: Context) -> Any:
    try:
        return await run_steps(form.body, context)
    except InvocationError as failure:
        if form.handler is None:
            raise
        return await run_steps(form.handler, _with_error(context, failure))


def _with_error(context: Context, error: InvocationError | None) -> Context:
    seen = None if error is None else error.to_cel()
    return context.inner({**context.bindings, "error": seen}, context.path)


async def _throw(form: forms.Throw, step: Step, context: Context) -> Any:
    find = partial(_thrown, form.error, context, (*step.path, "throw"))
    error = await decided(form.error, context, f"{step.label}.throw", find)
    code, message = error.get("code"), error.get("message")
    if code is not None and (isinstance(code, bool) or not isinstance(code, (str, int))):
        raise ExpressionError(f"the `code` of `throw` is a string or an int, not {type_name(code)}")
    if message is not None and not isinstance(message, str):
        raise ExpressionError(f"the `message` of `throw` is a string, not {type_name(message)}")
    raise Thrown(message if message is not None else str(code), code=code, data=error.get("data"))


def _thrown(template: Template, context: Context, where: Path) -> Any:
    try:
        return in_json(evaluate(template, context, where), check_json)
    except SchemaError as problem:
        message = f"what is thrown is JSON, but {problem}"
        raise ExpressionError(message, span=context.span(where)) from None


async def _sleep(form: forms.Sleep, step: Step, context: Context) -> None:
    duration = _milliseconds(form.duration, context, (*step.path, "sleep"))
    await context.sleep(joined(context.path, step.label), duration)


async def _wait_for(form: forms.WaitFor, step: Step, context: Context) -> Any:
    where = (*step.path, "waitFor")
    pattern = evaluate(form.pattern, context, where)
    if not isinstance(pattern, str):
        message = f"`waitFor` is a pattern of event types, but its value is {type_name(pattern)}"
        raise ExpressionError(message, span=context.span(where))
    if not pattern.partition(":")[0] or len(pattern) > _MAX_PATTERN_LENGTH:
        message = f"a pattern of event types has 1 to {_MAX_PATTERN_LENGTH:,} characters"
        raise ExpressionError(message, span=context.span(where))
    timeout = None
    if form.timeout is not None:
        timeout = _milliseconds(form.timeout, context, (*step.path, "timeout"))
    return await context.wait_for(joined(context.path, step.label), pattern, timeout)


def _milliseconds(template: Template, context: Context, path: Path) -> float:
    value = evaluate(template, context, path)
    field = path[-1]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        message = f"`{field}` is a number of milliseconds, but its value is {type_name(value)}"
        raise ExpressionError(message, span=context.span(path))
    if math.isnan(value) or not 0 <= value <= MAX_MILLISECONDS:
        message = (
            f"`{field}` is 0 to {MAX_MILLISECONDS:,.0f} ms (366 days), but its value is {value}"
        )
        raise ExpressionError(message, span=context.span(path))
    return float(value)


RUN: Mapping[type[Form], Callable[[Any, Step, Context], Coroutine[Any, Any, Any]]] = {
    forms.Call: _call,
    forms.Value: _value,
    forms.If: _if,
    forms.Switch: _switch,
    forms.Loop: _loop,
    forms.ForEach: _for_each,
    forms.Parallel: _parallel,
    forms.Try: _try,
    forms.Throw: _throw,
    forms.Sleep: _sleep,
    forms.WaitFor: _wait_for,
    forms.Graph: _graph,
    forms.Match: _match,
}
"""What runs a step of each form; is given the form, the step and the context."""
