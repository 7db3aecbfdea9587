"""Submissions that use too much: time, output, memory, processes, disk. Each is stopped for itself.

Each is graded beside a right submission, which must keep its points and not wait for long. (Once
for each case: the second user's turn is without it, to save time.)
"""

import textwrap

import pytest

from tests.grading.assignment import submission
from tests.grading.conftest import outcomes

RIGHT = ["right", "right", "right"]
BESIDE_SECONDS = 45  # far more than a submission needs, on a machine with other work
SHORT = {"cell_seconds": 6, "total_seconds": 40}


def ungraded(reason):
    return [f"ungraded: {reason}"] * 3


# A cell that runs before the answers, and what becomes of the three right answers after it.
TIME = {
    "a loop": ("while True: pass", RIGHT),
    "a sleep": ("import time\ntime.sleep(1000)", RIGHT),
    "a question to the keyboard": ("input('Your name? ')", RIGHT),
    "a loop that prints and catches interrupts": (
        """
        import time
        while True:
            try:
                while True:
                    print(".")
                    time.sleep(0.1)
            except BaseException:
                pass
        """,
        ungraded("time limit"),
    ),
    "interrupts ignored": (
        """
        import signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            pass
        """,
        ungraded("time limit"),
    ),
    "a pattern that holds the interpreter": (
        """
        import re
        re.match(r"(a+)+$", "a" * 40 + "b")
        """,
        ungraded("time limit"),
    ),
    "an early idle message": (
        """
        import time
        kernel = get_ipython().kernel
        parent = kernel.get_parent()
        content = {"execution_state": "idle"}
        kernel.session.send(kernel.iopub_socket, "status", content, parent=parent)
        time.sleep(1)
        """,
        RIGHT,
    ),
}

OUTPUT = {
    "1 GB printed": (
        """
        for _ in range(2**20):
            print("x" * 1023)
        """,
        ungraded("output limit"),
    ),
    "1 GB through file descriptor 1": (
        """
        import os
        for _ in range(1024):
            os.write(1, b"x" * 2**20)
        """,
        ungraded("output limit"),
    ),
    "1 GB through file descriptor 2": (
        """
        import os
        for _ in range(1024):
            os.write(2, b"x" * 2**20)
        """,
        ungraded("output limit"),
    ),
    "a flood of displays": (
        """
        from IPython.display import HTML, display
        for _ in range(50_000):
            display(HTML("x" * 100))
        """,
        ungraded("output limit"),
    ),
    "one display of 20 MB": (
        """
        from IPython.display import display
        display({"text/plain": "x" * (20 * 2**20)}, raw=True)
        """,
        ungraded("output limit"),
    ),
    "one message of 100 MB": (
        """
        import time
        kernel = get_ipython().kernel
        socket = kernel.iopub_thread.socket
        big = [b"x", b"<IDS|MSG>", bytes(100 * 2**20)]
        kernel.iopub_thread.schedule(lambda: socket.send_multipart(big))
        time.sleep(3)
        """,
        ungraded("output limit"),
    ),
    "a message of many parts": (
        """
        import time
        kernel = get_ipython().kernel
        socket = kernel.iopub_thread.socket
        parts = [b"x", b"<IDS|MSG>", *[bytes(2**20)] * 60]
        kernel.iopub_thread.schedule(lambda: socket.send_multipart(parts))
        time.sleep(3)
        """,
        ungraded("output limit"),
    ),
    "text made for regular expressions": ("print('\\r' * 200_000 + 'a\\x08' * 200_000)", RIGHT),
    "surrogates and control characters": ("print('\\ud800 bad', '\\x00\\x1b[2J')", RIGHT),
}

MESSAGES = {
    "malformed": """
        kernel = get_ipython().kernel
        parent = kernel.get_parent()
        for kind in ("stream", "display_data", "error", "execute_result", "status", "weird"):
            for content in ({"x": 1}, {"name": ["a"], "text": {"b": 1}}, {"data": [1]}):
                kernel.session.send(kernel.iopub_socket, kind, content, parent=parent)
        """,
    "unframed": """
        import time
        kernel = get_ipython().kernel
        socket = kernel.iopub_thread.socket
        kernel.iopub_thread.schedule(lambda: socket.send(b"garbage"))
        kernel.iopub_thread.schedule(lambda: socket.send_multipart([b"a", b"<IDS|MSG>"]))
        kernel.iopub_thread.schedule(lambda: socket.send_multipart([b"<IDS|MSG>"] * 9))
        time.sleep(0.5)
        """,
    "signed, and no JSON": """
        import time
        kernel = get_ipython().kernel
        socket, session = kernel.iopub_thread.socket, kernel.session
        for bad in (b"[" * 100_000, b"\\xff\\xfe", b"nul", b'{"msg_id": []}', b"1" * 6000):
            parts = [bad] * 4
            whole = [b"<IDS|MSG>", session.sign(parts), *parts]
            kernel.iopub_thread.schedule(lambda whole=whole: socket.send_multipart(whole))
        time.sleep(0.5)
        """,
}

MEMORY = {
    "20 GB at once": ("x = bytearray(20 << 30)", RIGHT),
    "more and more": (
        """
        kept = []
        try:
            while True:
                kept.append(bytearray(b"x" * (20 << 20)))
        except MemoryError:
            kept.clear()
        """,
        RIGHT,
    ),
    "many processes": (
        """
        import os, time
        for _ in range(12):
            if os.fork() == 0:
                block = bytearray(b"x" * (120 << 20))
                time.sleep(30)
                os._exit(0)
        time.sleep(20)
        """,
        ungraded("memory limit"),
    ),
    "shared memory": (
        """
        import mmap
        block = mmap.mmap(-1, 2 << 30)
        for start in range(0, 2 << 30, 4096):
            block[start] = 1
        """,
        ungraded("memory limit"),
    ),
}

DISK = {
    "all places filled": (
        """
        import os
        for place in ("/tmp", "/tmp/home", "/dev/shm", "/", "/var/tmp", "/usr/tmp"):
            try:
                for number in range(100):
                    with open(f"{place}/{number}", "wb") as file:
                        file.write(bytes(10 << 20))
            except OSError:
                pass
        """,
        RIGHT,
    ),
    "one large file": (
        """
        import signal
        with open("large", "wb") as file:
            for _ in range(100):
                file.write(bytes(10 << 20))
        """,
        RIGHT,
    ),
}

PROCESSES = {
    "a fork bomb": (
        """
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
        """,
        ungraded("process limit"),
    ),
    "many threads": (
        """
        import threading, time
        try:
            for _ in range(10_000):
                threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
        except RuntimeError:
            time.sleep(1.5)
        """,
        RIGHT,
    ),
    "a thread that prints without end": (
        """
        import threading, time
        def noise():
            while True:
                print("noise")
                time.sleep(0.01)
        threading.Thread(target=noise, daemon=True).start()
        """,
        RIGHT,
    ),
    "a daemon": (
        """
        import subprocess
        subprocess.Popen(["setsid", "nohup", "sleep", "7777"], start_new_session=True)
        """,
        RIGHT,
    ),
}

ALL = {
    f"{theme}: {name}": case
    for theme, cases in (
        ("time", TIME),
        ("output", OUTPUT),
        ("messages", {name: (text, RIGHT) for name, text in MESSAGES.items()}),
        ("memory", MEMORY),
        ("disk", DISK),
        ("processes", PROCESSES),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", ALL)
def test_a_limit_stops_one_submission_and_no_other(grader, name):
    text, expected = ALL[name]
    limits = SHORT if name.startswith("time") else {}
    first = textwrap.dedent(text).strip()
    if not grader.native:
        assert outcomes(grader.grade(submission(first=first), limits=limits)) == expected
        return
    grade, other = grader.grade_beside(submission(first=first), limits=limits)
    assert outcomes(grade) == expected
    assert outcomes(other) == RIGHT
    assert other["seconds"] < BESIDE_SECONDS


# ---------------------------------------------------------------- limits within an answer

IN_AN_ANSWER = {
    "an endless loop": ("    while True: pass", "time limit"),
    "an endless loop in a number": (
        "    import numbers\n"
        "    class Slow:\n"
        "        def __float__(self):\n"
        "            while True: pass\n"
        "    numbers.Real.register(Slow)\n"
        "    return Slow()",
        "time limit",
    ),
    "a huge text": ("    class Huge(str): pass\n    return ['x' * 400] * 10**7", ""),
    "exit": ("    import os\n    os._exit(0)", "kernel died"),
    "an interrupt": ("    raise KeyboardInterrupt", "no result"),
}


@pytest.mark.parametrize("name", IN_AN_ANSWER)
def test_an_answer_that_passes_a_limit_is_wrong_for_that_reason(grader, name):
    body, reason = IN_AN_ANSWER[name]
    grade = grader.grade(submission(softmax=f"def softmax(x):\n{body}"), limits=SHORT)
    first, *others = grade["exercises"]
    assert (first["status"], first["reason"]) == ("wrong", reason)
    expected = "ungraded" if reason == "kernel died" else "right"
    assert {other["status"] for other in others} == {expected}


def test_a_cell_that_never_ends_is_named_as_the_reason(grader):
    """The cell would have defined the answer below its loop."""
    answer = "while True: pass\n\ndef softmax(x): return x"
    grade = grader.grade(submission(softmax=answer), limits=SHORT)
    assert outcomes(grade) == ["wrong: time limit", "right", "right"]


def test_all_cells_together_have_a_limit(grader):
    slow = "import time\ntime.sleep(4)"
    book = submission(first=slow, last=slow)
    grade = grader.grade(book, limits={"cell_seconds": 10, "total_seconds": 3})
    assert outcomes(grade) == ungraded("time limit")
