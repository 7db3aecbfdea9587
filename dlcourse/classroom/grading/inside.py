"""What the grader's hidden cells call inside the kernel: try an answer, send what came out.

A hidden cell brings inputs and an expression that names the answer. It knows no expected value.
"""

import json
from collections.abc import Callable
from typing import Any

from dlcourse import classroom
from dlcourse.classroom.grading.parcel import unpack
from dlcourse.classroom.observe import Record, observe_function, observe_value

MIME = "application/vnd.dlcourse.records+json"
_MISSING = object()


def ask(nonce: str, exercise_id: str, question: str, answer: Callable[[], Any]) -> None:
    """Display the records of an answer under our own MIME type, for the grader to read.

    nonce: tells this message from others. question: JSON text (see release.py). answer: a function
    without arguments that gives the learner's answer.
    """
    value = _value(exercise_id, answer)
    found = [{"missing": True}] if value is _MISSING else respond(value, json.loads(question))
    text = json.dumps({"nonce": nonce, "records": found}, allow_nan=False)

    from IPython.display import publish_display_data

    publish_display_data({MIME: text})


def respond(answer: Any, question: dict[str, Any]) -> list[Record]:
    """The records of an answer to a question of either kind."""
    if question["kind"] == "value":
        return observe_value(answer)
    cases = [unpack(case) for case in question["cases"]]
    names, changes = tuple(question["names"]), tuple(question["changes"])
    return observe_function(answer, cases, names, changes, unpack(question["call"]))


def _value(exercise_id: str, answer: Callable[[], Any]) -> Any:
    """The answer by its name; failing that, what the learner's own check was given last."""
    given = getattr(classroom, "GIVEN", {}).get(exercise_id, _MISSING)
    try:
        value = answer()
    except Exception:  # the name was never defined, or deleted, or is part of something else
        return given
    return given if value is Ellipsis and given is not _MISSING else value


def stand_in() -> None:
    """Without a sandbox: replace the real check by the one that only notes what it was given."""
    from dlcourse.classroom.grading import standin

    for name in ("GIVEN", *standin.__all__):
        setattr(classroom, name, getattr(standin, name))
