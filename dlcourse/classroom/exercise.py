"""The specification of an exercise: one object from which check, hints, grading and proof follow.

A chapter's file `checks/NN_name.py` lists its exercises in EXERCISES. The five kinds:

Code    write a function; compared with the reference on random inputs
Debug   repair a broken function; like Code
Number  predict or compute a number
Choice  choose an option and a reason
Design  meet a goal within a budget
"""

from dlcourse.classroom.answers import Choice, Number
from dlcourse.classroom.base import Exercise, Verdict, Wrong
from dlcourse.classroom.designs import Design
from dlcourse.classroom.functions import Code, Debug

__all__ = ["Choice", "Code", "Debug", "Design", "Exercise", "Number", "Verdict", "Wrong"]
