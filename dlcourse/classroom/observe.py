"""The kernel's side of a check: call a learner's function and write down what happened.

The records are plain JSON data. They hold no expected values and no verdict.
"""

import contextlib
import functools
import inspect
import io
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from dlcourse.classroom.values import clean, plain, type_name

PACKAGE = str(Path(__file__).parents[1])
STUB_TEXTS = ("", "Your turn.")  # what a stub's NotImplementedError says; libraries say more

Record = dict[str, Any]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back prints, warnings and rich displays: they cost no points and hide no feedback."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        shell = running_shell()
        if shell is not None:
            from IPython.utils.capture import capture_output

            stack.enter_context(capture_output(stdout=False, stderr=False, display=True))
        yield


def running_shell() -> Any:
    """The running IPython shell, or None in a plain Python process."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    return get_ipython()


def observe_function(
    answer: Any,
    cases: Iterable[tuple],
    names: tuple[str, ...],
    changes: tuple[str, ...] = (),
    call: Callable | None = None,
) -> list[Record]:
    """Call the answer on each argument tuple; one record a call. call(answer, *args), if given."""
    if not callable(answer):
        return [{"not_a_function": plain(answer)}]
    function = answer if call is None else functools.partial(call, answer)
    return [record_call(function, args, names, changes) for args in cases]


def observe_value(answer: Any) -> list[Record]:
    """The answer itself as plain data."""
    with quiet():  # a learner's object may print while it is read
        return [{"result": plain(answer)}]


def record_call(
    function: Callable, args: tuple, names: tuple[str, ...], changes: tuple[str, ...] = ()
) -> Record:
    """Call function(*args). The record has "result", "error" or "not_started", and "changed".

    names: the arguments' names. changes: those that the function is meant to change in place;
    their values after the call belong to the result.
    """
    before = [plain(value) for value in args]
    try:
        with quiet():
            result = function(*args)
    except NotImplementedError as error:
        return {"not_started": True} if is_stub(error) else _failed(error, function)
    except (Exception, SystemExit) as error:  # reported to the learner, in words
        return _failed(error, function)
    after = {name: plain(value) for name, value in zip(names, args, strict=False)}
    changed = [
        name
        for name, old in zip(names, before, strict=False)
        if after[name] != old and name not in changes
    ]
    record: Record = {"result": plain(result), "changed": changed}
    if changes:
        items = [] if result is None else [record["result"]]
        items += [after[name] for name in changes]
        record["result"] = {"kind": "list", "type": "tuple", "items": items}
    return record


def is_stub(error: NotImplementedError) -> bool:
    """Whether the error comes from an untouched stub, and not from a library."""
    return str(error) in STUB_TEXTS


def _failed(error: BaseException, function: Callable) -> Record:
    return {"error": describe_error(error, function)}


def describe_error(error: BaseException, function: object = None) -> Record:
    """An exception as plain data: its type, its text, and the learner's line that raised it."""
    try:
        text = clean(str(error))
    except Exception as broken:
        text = f"(its text can't be read: {type_name(broken)})"
    line = ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_learners(frame)]
    if frames:
        line = clean((frames[-1].line or "").strip(), 80)
    return {"type": type_name(error), "text": text, "line": line, "takes": _takes(function)}


def _is_learners(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith(PACKAGE) and "site-packages" not in frame.filename


def _takes(function: object) -> int | None:
    """How many positional arguments a function takes, or None where Python can't tell."""
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
