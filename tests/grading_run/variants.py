"""All right and wrong answers of a chapter in one notebook, each as an exercise of its own.

A folder for DLCOURSE_CHECKS gets copies of the chapter's exercises: "15.3" becomes "15.30001",
"15.30002", …, one for each answer that the specification lists. So all answers are tried with two
kernel starts.
"""

import functools
import sys
from dataclasses import replace

from dlcourse.classroom import checks
from tests.grading.assignment import code, notebook

FILE = """
from tests.grading_run.variants import copies

EXERCISES = copies({chapter!r})
"""


def answers(exercise):
    """(name, answer): the reference, the alternatives and the wrong ones."""
    found = [("reference", exercise.right_answer())]
    found += [(f"alternative {n}", other) for n, other in enumerate(exercise.alternatives)]
    return found + [(name, wrong.answer) for name, wrong in exercise.wrong.items()]


@functools.cache
def variants(chapter):
    """(copy's id, exercise, name of the answer, answer) for a whole chapter."""
    return [
        (f"{exercise.id}{number:04}", exercise, name, answer)
        for exercise in checks.load(chapter)
        for number, (name, answer) in enumerate(answers(exercise), start=1)
    ]


def copies(chapter):
    return [replace(exercise, id=new) for new, exercise, _, _ in variants(chapter)]


def answer_of(chapter, new):
    """The answer of a copy, for the notebook's cells."""
    return next(answer for found, _, _, answer in variants(chapter) if found == new)


def write_checks(folder, chapter):
    """The file of the copies: `NN_variants.py`."""
    folder.mkdir(exist_ok=True)
    (folder / f"{chapter[:2]}_variants.py").write_text(FILE.format(chapter=chapter))


def all_answers(chapter):
    """The notebook: each answer in a cell, and its check."""
    cells = [code(f"import sys\n\nsys.path[:0] = {sys.path!r}\n"
                  "from dlcourse.classroom import check\n"
                  "from tests.grading_run.variants import answer_of")]  # fmt: skip
    for new, *_ in variants(chapter):
        name = f"answer_{new.replace('.', '_')}"
        cells.append(code(f"{name} = answer_of({chapter!r}, {new!r})"))
        mark = {"exercise": new, "role": "check"}
        cells.append(code(f'check("{new}", {name})', dlcourse=mark, tags=["raises-exception"]))
    return notebook(*cells)
