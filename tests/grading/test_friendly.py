"""Right solutions in unusual clothes keep all their points."""

import copy
import textwrap

import pytest

from tests.grading.assignment import (
    IMPORTS,
    MATMUL,
    PARAMETERS,
    SOFTMAX,
    as_bytes,
    check_cell,
    code,
    notebook,
    solution_cell,
    submission,
)
from tests.grading.conftest import outcomes

RIGHT = ["right", "right", "right"]

SOFTMAXES = {
    "prints": """
        def softmax(x):
            print("debug", x.shape)
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        """,
    "warns": """
        import warnings
        def softmax(x):
            warnings.warn("be careful")
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        """,
    "displays and logs": """
        import logging, sys
        from IPython.display import HTML, clear_output, display
        def softmax(x):
            display(HTML("<b>here</b>"))
            clear_output()
            logging.getLogger().warning("log")
            print("error", file=sys.stderr)
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        """,
    "prints a lot": """
        def softmax(x):
            print("x" * 1_000_000)
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        """,
    "another algorithm": """
        def softmax(x):
            rows = []
            for row in x:
                top = max(row)
                e = [np.exp(value - top) for value in row]
                rows.append([value / sum(e) for value in e])
            return rows
        """,
    "single precision": """
        def softmax(x):
            z = (x - x.max(axis=1, keepdims=True)).astype(np.float32)
            return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        """,
    "other names and helpers": """
        from functools import wraps
        def without_overflow(f):
            @wraps(f)
            def inner(scores):
                return f(scores - scores.max(axis=1, keepdims=True))
            return inner
        @without_overflow
        def softmax(scores):
            unnormalised = np.exp(scores)
            return unnormalised / unnormalised.sum(axis=1, keepdims=True)
        """,
    "a lambda": """
        softmax = lambda x: (e := np.exp(x - x.max(1, keepdims=True))) / e.sum(1, keepdims=True)
        """,
    "a class": """
        class Softmax:
            def __call__(self, x):
                e = np.exp(x - x.max(axis=1, keepdims=True))
                return e / e.sum(axis=1, keepdims=True)
        softmax = Softmax()
        """,
    "timed by a magic": """
        def softmax(x):
            e = np.exp(x - x.max(axis=1, keepdims=True))
            return e / e.sum(axis=1, keepdims=True)
        %timeit -n 2 -r 1 softmax(np.ones((2, 3)))
        !echo done
        """,
    "with the course's tensors": """
        import dlcourse as dl
        def softmax(x):
            return dl.Tensor(x).softmax(axis=1)
        """,
    "with its own asserts and seeds": """
        np.random.seed(0)
        def softmax(x: np.ndarray) -> np.ndarray:
            e = np.exp(x - x.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            assert np.allclose(p.sum(axis=1), 1)
            return p
        assert softmax(np.random.normal(size=(2, 3))).shape == (2, 3)
        """,
}


@pytest.mark.parametrize("name", SOFTMAXES)
def test_a_right_function_in_any_form(one_grader, name):
    answer = textwrap.dedent(SOFTMAXES[name]).strip()
    assert outcomes(one_grader.grade(submission(softmax=answer))) == RIGHT


# What else a notebook may hold, before or after right answers.
SURROUNDINGS = {
    "an error in another cell": "1 / 0",
    "a syntax error in another cell": "def broken(:",
    "names of the grader's taken": "list = [1]\njson = 3\nstr = 'x'\ntype = None\nnonce = 7",
    "modules of the grader's hidden": "dlcourse = check = classroom = inside = None",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')",
    "floating point errors raised": "import numpy as np\nnp.seterr(over='raise', invalid='raise')",
    "output redirected": "import io, sys\nsys.stdout = sys.stderr = io.StringIO()",
    "quiet printing": "import builtins\nbuiltins.print = lambda *args, **options: None",
    "print options": "import numpy as np\nnp.set_printoptions(precision=1, threshold=3)",
    "a package to install": "%pip install numpy",
    "a package that is not there": "%pip install no-such-package-of-ours",
    "the progress and a hint": (
        "from dlcourse.classroom import *\nprogress()\nhint('99.1')\nhint('99.1', 2)\nquiz(15)\n"
        "assert solved() == {}"
    ),
    "a check of something else": "from dlcourse.classroom import check\ncheck('2.1', None)",
    "all names deleted": "%reset -f\nimport numpy as np\nfrom dlcourse.classroom import check",
    "another folder": "import os\nos.makedirs('new')\nos.chdir('new')",
    "a file written and read": "open('notes.txt', 'w').write('x')\nassert open('notes.txt').read()",
    "a subprocess": "import subprocess\nsubprocess.run(['ls', '-l'], check=True)",
    "a pool of threads": (
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "with Pool(4) as pool:\n    list(pool.map(abs, range(9)))"
    ),
    "a pool of processes": (
        "import multiprocessing as mp\n"
        "with mp.get_context('fork').Pool(2) as pool:\n    assert pool.map(abs, [-1]) == [1]"
    ),
    "an asynchronous cell": "import asyncio\nawait asyncio.sleep(0.01)",
    "nothing but a comment": "# NBVAL_SKIP",
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_what_stands_around_an_answer_costs_no_points(one_grader, name):
    assert outcomes(one_grader.grade(submission(first=SURROUNDINGS[name]))) == RIGHT


@pytest.mark.parametrize("answer", ['"15"', "np.int64(15)", "...  # below"])
def test_a_number_in_any_form(one_grader, answer):
    last = "answer_99_4 = 15" if "below" in answer else ""
    book = submission(parameters=f"answer_99_4 = {answer}", last=last)
    assert outcomes(one_grader.grade(book)) == RIGHT


# ---------------------------------------------------------------- the order of the cells


def _reversed():
    book = submission()
    book["cells"] = [book["cells"][0], *reversed(book["cells"][1:])]
    return book


def _split():
    head = MATMUL.split("\n")[0]
    helper = "def products(x, y, g):\n    return g @ y.T, x.T @ g"
    return notebook(
        code("import numpy as np"),
        code("from dlcourse.classroom import check"),
        solution_cell("99.1", "def shifted(x):\n    return x - x.max(axis=1, keepdims=True)"),
        code("def softmax(x):\n    e = np.exp(shifted(x))\n    return e / e.sum(1, keepdims=True)"),
        check_cell("99.1"),
        solution_cell("99.4", "weights = 4 * 3"),
        code("biases = 3"),
        code("answer_99_4 = weights + biases"),
        check_cell("99.4"),
        solution_cell("99.2", helper),
        code(f"{head}\n    return products(x, y, g)"),
        check_cell("99.2"),
    )


def _duplicated():
    book = submission()
    cells = book["cells"]
    book["cells"] = [cells[0], *copy.deepcopy(cells[1:]), *copy.deepcopy(cells[1:])]
    return book


def _helper_at_the_end():
    answer = "def softmax(x):\n    return normalised(np.exp(x - x.max(axis=1, keepdims=True)))"
    helper = "def normalised(e):\n    return e / e.sum(axis=1, keepdims=True)"
    return submission(softmax=answer, last=helper)


def _corrected_below():
    return submission(softmax="def softmax(x):\n    return x", last=SOFTMAX)


def _value_corrected_below():
    return submission(parameters="answer_99_4 = 12", last="answer_99_4: int = 15")


def _name_used_again_later():
    """A later exercise's cell has a helper of the same name, after the check."""
    return submission(matmul=f"def softmax(x):\n    return 'another one'\n\n{MATMUL}")


def _no_metadata():
    book = submission()
    for cell in book["cells"]:
        cell["metadata"] = {}
    return book


def _no_metadata_no_checks():
    return notebook(*(code(text) for text in (IMPORTS, SOFTMAX, PARAMETERS, MATMUL)))


def _one_cell():
    return notebook(code("\n\n".join((IMPORTS, SOFTMAX, PARAMETERS, MATMUL))))


def _answer_in_the_check():
    book = submission(parameters="answer_99_4 = ...")
    for cell in book["cells"]:
        cell["source"] = cell["source"].replace(
            'check("99.4", answer_99_4)', 'check("99.4", 4 * 3 + 3)'
        )
    return book


def _name_deleted():
    return submission(last="del answer_99_4, softmax, matmul_backward")


def _checked_again_at_the_end():
    again = f'{SOFTMAX}\n\ncheck("99.1", softmax)'
    return submission(softmax="def softmax(x):\n    return x", last=again)


ORDERS = [
    _reversed,
    _split,
    _duplicated,
    _helper_at_the_end,
    _corrected_below,
    _value_corrected_below,
    _name_used_again_later,
    _no_metadata,
    _no_metadata_no_checks,
    _one_cell,
    _answer_in_the_check,
    _name_deleted,
    _checked_again_at_the_end,
]


@pytest.mark.parametrize("build", ORDERS)
def test_cells_in_any_order(one_grader, build):
    assert outcomes(one_grader.grade(as_bytes(build()))) == RIGHT


def test_both_users_give_the_same_grade(grader):
    assert outcomes(grader.grade(submission())) == RIGHT


# ---------------------------------------------------------------- what is not started

STUB = 'def softmax(x):\n    """Each row."""\n    raise NotImplementedError("Your turn.")'


def test_an_untouched_notebook_is_not_started(one_grader):
    matmul = MATMUL.replace("return g @ y.T, x.T @ g", "raise NotImplementedError")
    grade = one_grader.grade(submission(STUB, "answer_99_4 = ...", matmul))
    assert outcomes(grade) == ["not started"] * 3
    assert grade["points"] == 0


def test_a_missing_cell_is_told(one_grader):
    book = submission()
    book["cells"] = book["cells"][:3]
    missing = "not started: cell missing"
    assert outcomes(one_grader.grade(book)) == ["right", missing, missing]


def test_a_notebook_without_code_needs_no_kernel(one_grader):
    grade = one_grader.grade(notebook())
    assert outcomes(grade) == ["not started: cell missing"] * 3
    assert grade["seconds"] < 1


def test_a_cell_with_an_error_is_told(one_grader):
    grade = one_grader.grade(submission(softmax="def softmax(x:\n    return x"))
    assert outcomes(grade) == ["wrong: cell failed", "right", "right"]
