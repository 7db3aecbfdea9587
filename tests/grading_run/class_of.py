"""A class that has handed in: what each learner did, and what the grader must say."""

from tests.grading.assignment import as_bytes, submission, wrong_submission

STUB = 'raise NotImplementedError("Your turn.")'
EMPTY = {
    "softmax": f"def softmax(x):\n    {STUB}",
    "parameters": "answer_99_4 = ...",
    "matmul": f"def matmul_backward(x, y, g):\n    {STUB}",
}
RIGHT = ["right", "right", "right"]

# name -> (the notebook's bytes, the outcomes of 99.1, 99.4, 99.2)
LEARNERS = {
    "ada": (as_bytes(submission()), RIGHT),
    "bob": (as_bytes(submission(**EMPTY)), ["not started"] * 3),
    "cleo": (as_bytes(wrong_submission()), ["wrong"] * 3),
    "dan": (as_bytes(submission(parameters="answer_99_4 = 12")), ["right", "wrong", "right"]),
    "=1+1": (as_bytes(submission(last="1")), RIGHT),
    "<b>eve": (
        as_bytes(submission(**{**EMPTY, "parameters": "answer_99_4 = 15"})),
        ["not started", "right", "not started"],
    ),
    "fay": (b"broken", ["ungraded"] * 3),
    "gus": (as_bytes(submission(first="import os\nos._exit(1)")), ["ungraded"] * 3),
    "hal": (as_bytes(submission()), RIGHT),  # the same bytes as ada's
    "ida": (as_bytes(submission(last="2")), RIGHT),
    "jo": (as_bytes(submission(last="3")), RIGHT),
    "kim": (as_bytes(wrong_submission(last="4")), ["wrong"] * 3),
}


def hand_in(folder, name="99_samples", learners=LEARNERS):
    """Write the class in all three layouts in turn."""
    for number, (learner, (content, _)) in enumerate(learners.items()):
        paths = (
            folder / learner / f"{name}.ipynb",
            folder / name / f"{learner}.ipynb",
            folder / f"{learner}_{name}.ipynb",
        )
        path = paths[number % 3]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def outcomes(rows):
    """Student -> outcomes, from the rows of a gradebook."""
    found = {}
    for row in rows:
        found.setdefault(row["student"], []).append(row["status"])
    return found
