"""Why an exercise got no points although no wrong result was seen: a closed set of words.

REASONS holds each reason with the sentence for the learner. Nothing that a submission or a kernel
wrote ever gets into a grade: reasons, causes and messages are all ours.
"""

KERNEL_DIED = "kernel died"
TIME_LIMIT = "time limit"
MEMORY_LIMIT = "memory limit"
OUTPUT_LIMIT = "output limit"
PROCESS_LIMIT = "process limit"
CELL_MISSING = "cell missing"
CELL_FAILED = "cell failed"
NO_RESULT = "no result"
NOT_STARTED_KERNEL = "kernel did not start"

NOT_THERE = "unreadable: no such file"
NO_FILE = "unreadable: not a regular file"
NO_PERMISSION = "unreadable: no permission"
EMPTY = "unreadable: empty"
TOO_LARGE = "unreadable: larger than 5 MB"
NO_TEXT = "unreadable: not UTF-8 text"
NO_NOTEBOOK = "unreadable: not a notebook"
TOO_MANY_CELLS = "unreadable: more than 400 code cells"

_AGAIN = "Open it in JupyterLab, save it, and hand it in again."

REASONS = {
    KERNEL_DIED: "Python ended while your notebook ran, so nothing after that could be tested. "
    "Look for exit() or quit(), or for a cell that crashes Python, and remove it.",
    TIME_LIMIT: "This did not end within the time that the grader allows. Is there a loop that "
    "never ends, or one that takes far more steps than it needs?",
    MEMORY_LIMIT: "Your notebook needed more memory than the grader allows. Has an array an axis "
    "too many, or does a list grow without end?",
    OUTPUT_LIMIT: "Your notebook wrote far more output than the grader reads. Remove the prints "
    "from your loops.",
    PROCESS_LIMIT: "Your notebook started more processes than the grader allows. One is enough.",
    CELL_MISSING: "No answer was found: the exercise's cell is gone, or its name was changed. "
    "Copy the cell from the original notebook and put your answer into it.",
    CELL_FAILED: "The cell with your answer stops with an error, so there was nothing to test. "
    "Restart the kernel, run all cells in order, and mend the first one that fails.",
    NO_RESULT: "The grader asked for your answer, and nothing came back that it could read. Does "
    "your notebook change how Python or Jupyter prints and shows things? Remove that.",
    NOT_STARTED_KERNEL: "The grader could not start Python for your notebook. This is not your "
    "fault: ask your instructor to grade it again.",
    NOT_THERE: "No notebook was found. Was it handed in under its own name?",
    NO_FILE: "What was handed in is no ordinary file. Hand in the notebook itself.",
    NO_PERMISSION: "The notebook can't be opened: its file permissions forbid it.",
    EMPTY: "The file is empty. Save your notebook and hand it in again.",
    TOO_LARGE: "The notebook is larger than 5 MB. Clear all outputs, save it, and hand it in "
    "again.",
    NO_TEXT: f"The file is damaged: it is not text. {_AGAIN}",
    NO_NOTEBOOK: f"The file can't be read as a notebook. {_AGAIN}",
    TOO_MANY_CELLS: "The notebook has more than 400 code cells. Remove those that you don't need.",
}
