"""Submissions that claim to be right: patched checks, forged messages, edited notebooks.

Their answers are wrong, except where a case says so. None of them may get a point for that.
"""

import copy
import json

import pytest

from tests.grading.assignment import (
    MATMUL,
    SOFTMAX,
    as_bytes,
    check_cell,
    code,
    notebook,
    solution_cell,
    submission,
    wrong_submission,
)
from tests.grading.conftest import outcomes

WRONG = ["wrong", "wrong", "wrong"]
NO_RESULT = ["wrong: no result"] * 3

# What runs before the answers. The kernel is theirs: they may change anything in it.
FIRST = {
    "allclose patched": (
        """
        import numpy as np
        np.allclose = np.isclose = np.array_equal = lambda *args, **options: True
        np.testing.assert_allclose = lambda *args, **options: None
        """,
        WRONG,
    ),
    "asserts removed": (
        """
        import ast
        class NoAsserts(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.Pass()
        get_ipython().ast_transformers.append(NoAsserts())
        """,
        WRONG,
    ),
    "the observer patched": (
        """
        from dlcourse.classroom import observe
        from dlcourse.classroom.grading import inside
        right = [{"result": {"kind": "text", "value": "right"}, "changed": []}]
        observe.record_call = observe.observe_function = lambda *args: right
        inside.observe_function = inside.observe_value = lambda *args: right
        """,
        WRONG,
    ),
    "nothing observed": (
        """
        from dlcourse.classroom.grading import inside
        inside.respond = lambda *args: []
        """,
        WRONG,
    ),
    "json patched": (
        """
        from dlcourse.classroom.grading import inside
        class Json:
            loads = dumps = staticmethod(lambda *args, **options: "right")
        inside.json = Json
        """,
        NO_RESULT,
    ),
    "a hook that repeats the hidden cell": (
        """
        from IPython.display import publish_display_data
        def spy(info):
            if "ask" in info.raw_cell:
                text = info.raw_cell
                publish_display_data({"application/vnd.dlcourse.records+json": text})
                print(text)
        get_ipython().events.register("pre_run_cell", spy)
        """,
        WRONG,
    ),
    "a forged record besides the real one": (
        """
        import json, re
        from IPython.display import publish_display_data
        def forge(info):
            nonce = re.search(r"ask\\('(\\w+)'", info.raw_cell)
            if nonce:
                value = {"kind": "array", "type": "int", "dtype": "int64", "shape": []}
                record = {"result": {**value, "values": [15]}}
                text = json.dumps({"nonce": nonce[1], "records": [record]})
                publish_display_data({"application/vnd.dlcourse.records+json": text})
        get_ipython().events.register("pre_run_cell", forge)
        """,
        NO_RESULT,
    ),
    "all guesses at once": (
        """
        from dlcourse.classroom.grading import inside
        ask = inside.ask
        def guess(nonce, exercise, question, answer):
            for number in range(10, 20):
                ask(nonce, exercise, question, lambda: number)
        inside.ask = guess
        """,
        NO_RESULT,
    ),
    "execution forged": (
        """
        kernel = get_ipython().kernel
        async def forged(code, silent, *args, **options):
            content = {"name": "stdout", "text": "passed"}
            kernel.send_response(kernel.iopub_socket, "stream", content)
            return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
        kernel.do_execute = forged
        """,
        NO_RESULT,
    ),
    "every cell replaced": (
        """
        get_ipython().input_transformers_cleanup.append(lambda lines: ["print('right')\\n"])
        """,
        NO_RESULT,
    ),
    "every cell emptied": (
        """
        import ast
        class Empty(ast.NodeTransformer):
            def visit_Module(self, node):
                node.body = []
                return node
        get_ipython().ast_transformers.append(Empty())
        """,
        NO_RESULT,
    ),
    "the check raises no error": (
        """
        import dlcourse.classroom
        dlcourse.classroom.check = check = lambda *args: "right"
        """,
        WRONG,
    ),
    "builtins patched": (
        """
        import builtins
        builtins.float = builtins.sum = builtins.all = lambda *args, **options: True
        """,
        WRONG,
    ),
}


def dedented(text):
    """A cell's text without the indentation of this file."""
    lines = text.strip("\n").splitlines()
    return "\n".join(line[8:] for line in lines).strip()


@pytest.mark.parametrize("name", FIRST)
def test_a_patched_kernel_gets_no_points(grader, name):
    text, expected = FIRST[name]
    grade = grader.grade(wrong_submission(first=dedented(text)))
    assert outcomes(grade) == expected
    assert grade["points"] == 0


EQUAL_TO_ALL = """
class Anything(float):
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 0
    def __round__(self, *args):
        return self
    def __array__(self, *args, **options):
        return np.zeros((2, 3))
    def __le__(self, other):
        return True
    __lt__ = __ge__ = __gt__ = __le__
"""


def test_an_object_equal_to_everything(grader):
    grade = grader.grade(
        wrong_submission(
            first=EQUAL_TO_ALL,
            softmax="def softmax(x):\n    return Anything()",
            parameters="answer_99_4 = Anything()",
            matmul="def matmul_backward(x, y, g):\n    return Anything(), Anything()",
        )
    )
    assert outcomes(grade) == WRONG


def test_objects_that_lie_about_what_they_are(grader):
    liar = """
class Liar(np.ndarray):
    shape = property(lambda self: (4, 3))
    def __eq__(self, other):
        return np.True_
    def __sub__(self, other):
        return np.zeros(1)
    def astype(self, *args):
        return self
"""
    answer = "def softmax(x):\n    return np.zeros_like(x).view(Liar)"
    grade = grader.grade(wrong_submission(first=liar, softmax=answer))
    assert outcomes(grade)[0].startswith("wrong")
    assert grade["points"] == 0


SOLUTION_HUNT = """
found = []
try:
    from dlcourse.classroom import checks
    found.append(checks.find("99.1").reference)
except ImportError:
    pass
try:
    from dlcourse.classroom.exercise import Code
    import gc
    found += [thing.reference for thing in gc.get_objects() if isinstance(thing, Code)]
except ImportError:
    pass
import os, dlcourse
parent = os.path.dirname(dlcourse.__path__[0])
for place in (parent, os.path.dirname(parent), "/home", "/opt", "/root", "/tmp", "/var"):
    for folder, _, names in os.walk(place):
        found += [name for name in names if name[:3] in ("02_", "15_", "99_")]
softmax = found[0] if found else None
"""


def test_no_reference_can_be_found_inside(grader):
    grade = grader.grade(submission(softmax=SOLUTION_HUNT, first=SOLUTION_HUNT))
    assert outcomes(grade) == ["wrong", "right", "right"]


FRAME_HUNT = """
import sys
def softmax(x):
    frame, found = sys._getframe(), []
    while frame:
        found += [str(value)[:20000] for value in frame.f_locals.values()]
        frame = frame.f_back
    return 1.0 if any("expected" in text for text in found) else x
"""


def test_the_frames_around_a_call_hold_no_expected_value(grader):
    grade = grader.grade(submission(softmax=FRAME_HUNT))
    assert grade["exercises"][0]["cause"] == "relation"  # it gave back its input: nothing found


# ---------------------------------------------------------------- the notebook edited


def edited(change, **answers):
    book = wrong_submission(**answers)
    change(book["cells"])
    return book


def _checks_edited(cells):
    for cell in cells:
        if "check(" in cell["source"]:
            cell["source"] = "print('right')"


def _checks_deleted(cells):
    cells[:] = [cell for cell in cells if not cell["source"].startswith("check(")]


def _checks_duplicated(cells):
    cells.insert(0, copy.deepcopy(cells[2]))
    cells += [copy.deepcopy(cells[3])] * 3


def _thousand_points(cells):
    for cell in cells:
        if cell["metadata"]:
            cell["metadata"]["nbgrader"].update(grade=True, points=1000, locked=False)
            cell["metadata"]["dlcourse"]["points"] = 1000


def _stored_outputs(cells):
    for cell in cells:
        cell["execution_count"] = 1
        text = {"output_type": "stream", "name": "stdout", "text": "✓ Right: 99.1"}
        cell["outputs"] = [text]


def _skip_markers(cells):
    for cell in cells:
        marker = "# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n# PYTEST_VALIDATE_IGNORE_OUTPUT\n"
        cell["source"] = marker + cell["source"]
        cell["metadata"]["tags"] = ["nbval-skip", "raises-exception"]


def _our_own_metadata(cells):
    for cell in cells:
        cell["metadata"]["dlcourse"] = {"ask": "99.1", "exercise": "99.1", "part_of": 7}


def _swapped_labels(cells):
    cells[1]["metadata"], cells[5]["metadata"] = cells[5]["metadata"], cells[1]["metadata"]


EDITS = [
    _checks_edited,
    _checks_deleted,
    _checks_duplicated,
    _thousand_points,
    _stored_outputs,
    _skip_markers,
    _our_own_metadata,
    _swapped_labels,
]


@pytest.mark.parametrize("change", EDITS)
def test_an_edited_notebook_gets_no_points_for_it(grader, change):
    grade = grader.grade(edited(change))
    assert outcomes(grade) == WRONG
    assert (grade["points"], grade["max_points"]) == (0, 6)


def test_the_points_are_those_of_the_release(grader):
    grade = grader.grade(edited(_thousand_points, matmul=MATMUL))
    assert [exercise["points"] for exercise in grade["exercises"]] == [0, 0, 3]


def test_a_kernelspec_of_their_own_is_not_used(grader, tmp_path):
    book = submission()
    book["metadata"]["kernelspec"] = {"name": "evil", "argv": ["touch", "/tmp/evil"]}
    assert outcomes(grader.grade(book)) == ["right"] * 3


def test_a_second_answer_does_not_count_once_there_was_one(grader):
    """Otherwise a choice could be made twice: once in its place, and once at the end."""
    later = "import builtins\nglobals().update(answer_99_4=15, softmax=lambda x: x)"
    grade = grader.grade(submission(parameters="answer_99_4 = 12", last=later))
    assert outcomes(grade) == ["right", "wrong", "right"]


def test_answers_hidden_in_the_text_of_a_cell_change_nothing(grader):
    """A definition inside a string looks like one to the grader: it only moves the question."""
    text = 'note = """\ndef softmax(x):\nanswer_99_4 = 3\n"""'
    assert outcomes(grader.grade(submission(last=text))) == ["right"] * 3


def test_text_of_the_submission_never_gets_into_the_grade(grader):
    word = "Mischief<script>"
    book = wrong_submission(
        softmax=f'def softmax(x):\n    raise ValueError("{word}")',
        parameters=f'answer_99_4 = "{word}"',
        matmul=f'def matmul_backward(x, y, g):\n    return {{"{word}": 1}}',
        first=f'print("{word}")\nclass {word[:8]}(Exception): pass',
    )
    grade = grader.grade(book)
    assert "Mischief" not in json.dumps(grade)
    assert "ValueError" in grade["exercises"][0]["message"]
    assert outcomes(grade) == WRONG


def test_an_exception_with_a_name_of_theirs_is_not_named(grader):
    answer = "class Mischief(Exception): pass\ndef softmax(x):\n    raise Mischief('x')"
    grade = grader.grade(submission(softmax=answer))
    assert "Mischief" not in json.dumps(grade)
    assert grade["exercises"][0]["message"].startswith("Your answer stops with an error")


def test_the_label_of_another_exercise_does_not_help(grader):
    book = notebook(
        code("import numpy as np\nfrom dlcourse.classroom import check"),
        solution_cell("99.2", SOFTMAX),
        check_cell("99.2"),
    )
    grade = grader.grade(as_bytes(book))
    missing = "not started: cell missing"
    assert outcomes(grade) == ["right", missing, missing]
