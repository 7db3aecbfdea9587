"""The specification of an exercise: one object from which check, hints, grading and proof follow.

A chapter's file `checks/NN_name.py` lists its exercises in EXERCISES. The five kinds:

Code    write a function; compared with the reference on random inputs
Debug   repair a broken function; like Code
Number  predict or compute a number
Choice  choose an option and a reason
Design  meet a goal within a budget

A small one:

    EXERCISES = [
        Number(
            id="15.1", title="Two paths", points=1, reference=7,
            wrong={"one path": Wrong(2, "a has two arrows. Which gradient is still missing?"), ...},
            hints=("Draw the graph.", "Follow both arrows of a.", "Gradients of two paths add up."),
        ),
    ]

`python tests/proof 15` proves the checks of a chapter and lists what is still accepted.
"""

from dlcourse.classroom.answers import Choice, Number
from dlcourse.classroom.base import Exercise, Verdict, Wrong
from dlcourse.classroom.designs import Design
from dlcourse.classroom.functions import Code, Debug

__all__ = ["Choice", "Code", "Debug", "Design", "Exercise", "Number", "Verdict", "Wrong"]
