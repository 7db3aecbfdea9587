"""Submissions that reach for what is not theirs: other files, other processes, the network.

In most cases the answer to 99.4 is right only if the attempt failed.
"""

import textwrap

import pytest

from tests.grading.assignment import submission
from tests.grading.conftest import ROOT, outcomes

RIGHT = ["right", "right", "right"]
DIED = ["ungraded: kernel died"] * 3
ANSWER = "answer_99_4 = 15 + len(escaped)"

# Each fills the list `escaped` with what it could do.
ATTEMPTS = {
    "reads solutions and other submissions": f"""
        import os
        root = {str(ROOT)!r}
        for path in (root + "/solutions", root + "/book", root + "/README.md", "/etc/passwd",
                     root + "/dlcourse/classroom/checks", root + "/dlcourse/classroom/quizzes",
                     "/proc/1/root/etc/passwd", "/etc/shadow", "/var", "/root/.bashrc"):
            try:
                os.listdir(path) if os.path.isdir(path) else open(path).read()
                escaped.append(path)
            except OSError:
                pass
        """,
    "finds the grader's files": """
        import glob
        names = ("plan.json", "notebook.ipynb", "rows.jsonl", "*.ipynb", "connection.json")
        for name in names:
            escaped += glob.glob("/tmp/**/" + name, recursive=True)
        """,
    "reads the grader's environment": """
        for number in range(1, 20):
            try:
                with open(f"/proc/{number}/environ", "rb") as file:
                    text = file.read()
            except OSError:
                continue
            escaped += [word for word in (b"DLCOURSE", b"SECRET", b"PYTEST") if word in text]
        """,
    "connects to the world": """
        import socket
        for address in (("1.1.1.1", 53), ("127.0.0.1", 22), ("::1", 80), ("10.0.0.1", 80)):
            try:
                socket.create_connection(address, 2)
                escaped.append(address)
            except OSError:
                pass
        """,
    "listens on the host's loopback, and speaks to its hypervisor": """
        import socket
        for family, kind in ((40, socket.SOCK_STREAM), (17, socket.SOCK_RAW), (38, 5)):
            try:
                socket.socket(family, kind)
                escaped.append(family)
            except OSError:
                pass
        with open("/proc/net/dev") as file:
            escaped += [line for line in file if ":" in line and "lo:" not in line]
        """,
    "looks up names": """
        import socket
        try:
            escaped.append(socket.gethostbyname("example.org"))
        except OSError:
            pass
        """,
    "writes outside": """
        import os, sys
        import numpy, dlcourse
        folders = ["/", "/usr", "/usr/bin", "/dev", "/etc", "/proc/sys/kernel",
                   numpy.__path__[0], dlcourse.__path__[0], dlcourse.__path__[0] + "/classroom"]
        if not sys.prefix.startswith("/tmp/"):  # /tmp is the sandbox's own, with folders in it
            folders.append(sys.prefix)
        for folder in folders:
            try:
                open(folder + "/mischief", "w").close()
                escaped.append(folder)
            except OSError:
                pass
        """,
    "makes namespaces": """
        import subprocess
        for flags in ("-Urnm", "-Ur", "-U", "-m", "-n"):
            done = subprocess.run(["unshare", flags, "true"], capture_output=True)
            if done.returncode == 0:
                escaped.append(flags)
        """,
    "makes namespaces by other calls": """
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        CLONE_NEWUSER = 0x10000000
        if libc.unshare(CLONE_NEWUSER) == 0:
            escaped.append("unshare")
        arguments = (ctypes.c_uint64 * 11)(CLONE_NEWUSER, 0, 0, 0, 17)
        if libc.syscall(435, arguments, 88) >= 0:
            escaped.append("clone3")
        clone = 56 if platform.machine() == "x86_64" else 220
        child = libc.syscall(clone, CLONE_NEWUSER | 17, 0, 0, 0, 0)
        if child == 0:
            os._exit(0)
        if child > 0:
            escaped.append("clone")
        """,
    "becomes somebody else": """
        import ctypes, os, subprocess
        for change in (os.setuid, os.setgid):
            for number in (0, 1, 1000):
                try:
                    change(number)
                    escaped.append(number)
                except OSError:
                    pass
        for command in (["su", "-c", "id"], ["mount", "-t", "tmpfs", "x", "/tmp"],
                        ["chroot", "/", "true"]):
            try:
                if subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0:
                    escaped.append(command)
            except OSError:
                pass
        if os.geteuid() == 0:
            escaped.append("root")
        """,
    "traces and reads other processes": """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in (1, os.getppid()):
            if libc.ptrace(16, pid, 0, 0) == 0:
                escaped.append(pid)
            try:
                with open(f"/proc/{pid}/mem", "rb") as file:
                    file.seek(4096)
                    file.read(1)
                escaped.append(pid)
            except (OSError, OverflowError):
                pass
        """,
    "sees processes of the host": """
        import os
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
        escaped += pids[8:]
        """,
    "writes a gradebook": """
        import glob
        paths = ["/tmp/gradebook.csv", "gradebook.csv", *glob.glob("/tmp/dl*/**", recursive=True)]
        for path in paths[2:]:
            try:
                open(path, "a").write("mischief,100")
                escaped.append(path)
            except OSError:
                pass
        """,
    "fills the folder of the sockets": """
        import glob, os
        for folder in [*glob.glob("/tmp/dl*/*/k"), *glob.glob("/tmp/dl*/**/k", recursive=True)]:
            try:
                open(folder + "/mischief", "wb").write(b"x")
                escaped.append(folder)
            except OSError:
                pass
            escaped += os.listdir(folder)
        """,
    "raises its limits": """
        import resource
        for name in ("RLIMIT_NPROC", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE"):
            try:
                kind = getattr(resource, name)
                resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                escaped.append(name)
            except (OSError, ValueError):
                pass
        """,
    "keeps memory that no process has": """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.shmget(0, 1 << 20, 0o1777) >= 0:
            escaped.append("System V")
        try:
            os.close(os.memfd_create("hidden"))
            escaped.append("memfd")
        except OSError:
            pass
        """,
    "protects itself from the killer": """
        import os
        try:
            with open("/proc/self/oom_score_adj", "w") as file:
                file.write("-1000")
            escaped.append("oom")
        except OSError:
            pass
        """,
    "runs a shell": """
        get_ipython().run_cell_magic("bash", "", "cat /etc/shadow; rm -rf / 2>/dev/null; true")
        """,
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_attempt_to_escape_fails(grader, name):
    first = "escaped = []\n" + textwrap.dedent(ATTEMPTS[name]).strip()
    grade = grader.grade(submission(first=first, parameters=ANSWER))
    assert outcomes(grade) == RIGHT


def test_the_attempts_can_fail(one_grader):
    """Without a sandbox the same cells do find something: the cases above test what they say."""
    first = "escaped = []\n" + textwrap.dedent(ATTEMPTS["reads solutions and other submissions"])
    book = submission(first=first.strip(), parameters=ANSWER)
    grade = one_grader.grade(book, sandbox="none")
    assert outcomes(grade) == ["right", "wrong", "right"]


# ---------------------------------------------------------------- ends of the kernel

ENDS = {
    "os._exit": "import os\nos._exit(0)",
    "a crash": "import ctypes\nctypes.string_at(0)",
    "itself killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "stopped for good": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)",
    "all files closed": "import os\nos.closerange(3, 500)",
    "a fork that goes on": "import os\nif os.fork():\n    os._exit(0)",
    "the kernel's context ended": "get_ipython().kernel.iopub_thread.socket.close(0)",
}


@pytest.mark.parametrize("name", ENDS)
def test_a_dead_kernel_forfeits_what_comes_after(grader, name):
    grade = grader.grade(submission(first=ENDS[name]), limits={"cell_seconds": 6})
    assert all(outcome.startswith("ungraded") for outcome in outcomes(grade))
    if name not in ("all files closed", "the kernel's context ended"):  # it lives, and says nothing
        assert outcomes(grade) == DIED


def test_what_was_right_before_the_end_stays_right(grader):
    book = submission(parameters="import os\nos._exit(0)")
    expected = ["right", "ungraded: kernel died", "ungraded: kernel died"]
    assert outcomes(grader.grade(book)) == expected


def test_quit_ends_the_kernel_a_little_later(grader):
    """How much later depends on the machine: what was judged before stays as it was judged."""
    _, *later = outcomes(grader.grade(submission(first="quit()")))
    assert set(later) <= {"right", "wrong: kernel died", "ungraded: kernel died"}


SURVIVORS = {
    "sys.exit": "import sys\nsys.exit(0)",
    "everybody else killed": "import os, signal\nos.kill(-1, signal.SIGKILL)",
    "the parent killed": """
        import os
        for pid in (1, os.getppid()):
            try:
                os.kill(pid, 9)
            except OSError:
                pass
        """,
    "the sockets deleted": """
        import glob, os
        for path in glob.glob("/tmp/dl*/**/k/*", recursive=True):
            os.remove(path)
        """,
    "the sockets replaced by links": """
        import glob, os
        for path in glob.glob("/tmp/dl*/**/k", recursive=True):
            for number in range(1, 6):
                try:
                    os.symlink("/etc/passwd", f"{path}/socket-{number}")
                except OSError:
                    pass
        """,
    "all files deleted": """
        import shutil
        for folder in ("/tmp", "/", "/dev/shm"):
            shutil.rmtree(folder, ignore_errors=True)
        import os
        os.makedirs("/tmp/home", exist_ok=True)
        """,
    "a function that runs at the end": """
        import atexit, time
        atexit.register(time.sleep, 1000)
        """,
}


@pytest.mark.parametrize("name", SURVIVORS)
def test_what_harms_nobody_costs_no_points(grader, name):
    first = textwrap.dedent(SURVIVORS[name]).strip()
    assert outcomes(grader.grade(submission(first=first))) == RIGHT
