"""The sandbox's parts: what is shown, what is limited, what is said where it can't be used."""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlcourse.classroom.grading import Limits, examine, grade_one, one, sandbox, seccomp
from dlcourse.classroom.grading.examine import Examination
from dlcourse.classroom.grading.sandbox import SandboxMissing
from dlcourse.classroom.grading.watchdog import Watchdog, processes_below
from tests.grading.assignment import as_bytes, submission
from tests.grading.conftest import NO_BUBBLEWRAP, ROOT, outcomes

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason=NO_BUBBLEWRAP)


def run_inside(program, **options):
    """A program in the sandbox."""
    filter_fd = seccomp.open_filter()
    handles = () if filter_fd is None else (filter_fd,)
    try:
        command = sandbox.command(program, Limits(**options), filter_fd=filter_fd)
        return subprocess.run(
            command, capture_output=True, text=True, env={}, pass_fds=handles, timeout=60
        )
    finally:
        for handle in handles:
            os.close(handle)


@needs_bubblewrap
def test_the_sandbox_holds_on_this_machine():
    found = examine.examine()
    assert found.ok, found
    assert found.detail.startswith("bubblewrap 0.")


@needs_bubblewrap
def test_an_ordinary_user_s_sandbox_holds_too():
    from tests.grading import ordinary

    if ordinary.impossible():
        pytest.skip(ordinary.impossible())
    text = "from dlcourse.classroom.grading.examine import examine; print(examine())"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ordinary.command([sys.executable, "-c", text]),
        capture_output=True, text=True, env=environment, cwd="/",
    )  # fmt: skip
    assert done.stdout.startswith("Examination(ok=True"), done.stdout + done.stderr


@needs_bubblewrap
def test_the_probe_finds_what_is_open():
    """Outside the sandbox it reports what it should: so its silence inside means something."""
    probe = Path(examine.__file__).with_name("probe.py")
    done = subprocess.run(
        [sys.executable, str(probe), str(ROOT), "7"],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    leaks = json.loads(done.stdout)
    assert {"see other folders", "see the exercises", "start any number of processes"} <= set(leaks)
    assert os.geteuid() != 0 or "be root" in leaks


def fake_program(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("version", "run", "detail", "mend"),
    [
        (None, "", "not installed", "apt install bubblewrap"),
        ("bubblewrap 0.6.1", "", "0.6.1 is too old", "apt install bubblewrap"),
        ("bubblewrap 0.9.0", "echo 'No permissions' >&2; exit 1", "No permissions", "namespaces"),
        ("bubblewrap 0.9.0", "exit 7", "exit status 7", "namespaces"),
        ("bubblewrap 0.9.0", "echo '[\"be root\"]'", "could be root", "ordinary user"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, monkeypatch, version, run, detail, mend):
    for tool in ("setpriv", "prlimit", "choom"):
        fake_program(tmp_path, tool, "exit 0")
    if version:
        text = f'[ "$1" = --version ] && {{ echo "{version}"; exit 0; }}\n{run}'
        fake_program(tmp_path, "bwrap", text)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examine.examine()
    assert isinstance(found, Examination)
    assert not found.ok
    assert detail in found.detail
    assert mend in found.mend
    assert "\n" not in found.detail + found.mend


def test_a_missing_tool_is_named(tmp_path, monkeypatch):
    fake_program(tmp_path, "bwrap", "echo bubblewrap 0.8.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert examine.examine().mend == "sudo apt install util-linux"


def test_without_bubblewrap_the_grader_refuses(release, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxMissing, match="sudo apt install bubblewrap"):
        grade_one(release, as_bytes(submission()))


def test_another_kind_of_sandbox_is_refused(release):
    with pytest.raises(ValueError, match='"bubblewrap" or "none"; got \'docker\''):
        grade_one(release, b"", sandbox_kind="docker")


def test_no_sandbox_at_all_needs_a_word_and_gets_a_warning(release):
    with pytest.warns(UserWarning, match="can read and change all that you can"):
        grade = grade_one(release, b"", sandbox_kind="none")
    assert grade["points"] == 0


def test_without_a_sandbox_grades_are_the_same(one_grader):
    grade = one_grader.grade(submission(parameters="answer_99_4 = 12"), sandbox="none")
    assert outcomes(grade) == ["right", "wrong", "right"]


def test_submissions_must_not_lie_where_all_can_read_them(release, tmp_path, monkeypatch):
    path = tmp_path / "15.ipynb"
    path.write_bytes(as_bytes(submission()))
    monkeypatch.setattr(sandbox, "PACKAGE", tmp_path)
    with pytest.raises(ValueError, match="Move the submissions"):
        grade_one(release, path)


def test_what_is_visible_inside():
    for path in ("/usr/bin/env", os.__file__, sys.executable, sandbox.PACKAGE):
        assert sandbox.visible(path)
    for path in (ROOT / "solutions", ROOT / "book", ROOT, "/etc/passwd", "/root", "/tmp/x"):
        assert not sandbox.visible(path)


def test_a_virtual_environment_is_never_shown_whole():
    command = sandbox.command(["true"], Limits())
    shown = {command[i + 1] for i, word in enumerate(command) if word.endswith("bind")}
    assert not shown & {sys.prefix, sys.base_prefix, str(ROOT), "/", "/home", "/root"} - {"/usr"}


@needs_bubblewrap
def test_nothing_of_the_exercises_is_there():
    text = "import dlcourse.classroom as c, os; print(sorted(os.listdir(c.__path__[0])))"
    done = run_inside([sys.executable, "-c", text])
    assert done.stdout.strip() == "['__init__.py', 'grading', 'observe.py', 'values.py']"


@needs_bubblewrap
def test_the_exercises_are_hidden_under_every_name(tmp_path, monkeypatch):
    """As in a virtual environment whose lib64 is a link to lib, with the course installed in it."""
    alias = tmp_path / "lib64"
    alias.symlink_to(sandbox.PACKAGE.parent / "dlcourse")
    folders = [*sandbox._python_folders(), str(alias)]
    monkeypatch.setattr(sandbox, "_python_folders", lambda: folders)
    text = f"import os; print(sorted(os.listdir({str(alias)!r} + '/classroom')))"
    done = run_inside([sys.executable, "-c", text])
    assert done.stdout.strip() == "['__init__.py', 'grading', 'observe.py', 'values.py']"


@needs_bubblewrap
def test_the_environment_is_ours(monkeypatch):
    monkeypatch.setenv("DLCOURSE_SECRET", "x")
    done = run_inside(["/usr/bin/env"])
    assert "SECRET" not in done.stdout
    assert "HOME=/tmp/home" in done.stdout


@needs_bubblewrap
def test_the_stand_in_has_the_names_of_the_real_classroom():
    from dlcourse import classroom
    from dlcourse.classroom.grading import standin

    assert standin.__all__ == classroom.__all__
    assert standin.check("1.1", 3) is None
    assert standin.GIVEN.pop("1.1") == 3
    assert standin.hint("1.1") is standin.progress() is standin.quiz(1) is None
    assert standin.solved() == {}
    assert issubclass(standin.NotYet, Exception)


# ---------------------------------------------------------------- the system call filter


def verdict(machine, arch, number, argument=0):
    """What the filter says to a call: a small interpreter of its program."""
    program = list(struct.iter_unpack("=HBBI", seccomp.seccomp_filter(machine)))
    data = {0: number, 4: arch, 16: argument}
    place = value = 0
    while True:
        code, yes, no, k = program[place]
        place += 1
        if code == seccomp.LOAD:
            value = data[k]
        elif code == seccomp.RETURN:
            return "allowed" if k == 0x7FFF0000 else k & 0xFFFF
        else:
            tests = {
                seccomp.EQUAL: value == k,
                seccomp.AT_LEAST: value >= k,
                seccomp.ANY_BIT: bool(value & k),
            }
            place += yes if tests[code] else no


@pytest.mark.parametrize("machine", seccomp.REFUSED)
def test_the_filter_refuses_what_it_lists(machine):
    arch, calls = seccomp.ARCHITECTURE[machine], seccomp.LOOKED_AT[machine]
    for number in seccomp.REFUSED[machine].values():
        assert verdict(machine, arch, number) == 1
    assert verdict(machine, arch, calls["clone3"]) == 38
    for name in ("clone", "unshare"):
        assert verdict(machine, arch, calls[name], seccomp.CLONE_NEWUSER | 17) == 1
        assert verdict(machine, arch, calls[name], 0x3D0F00) == "allowed"  # a thread
    families = {family: verdict(machine, arch, calls["socket"], family) for family in range(46)}
    assert [family for family, said in families.items() if said == "allowed"] == [1, 2, 10, 16]
    assert verdict(machine, 0x40000003, 1) == 1  # a 32-bit call
    taken = {*seccomp.REFUSED[machine].values(), *calls.values()}
    assert all(verdict(machine, arch, n) == "allowed" for n in range(460) if n not in taken)


def test_the_second_numbers_of_x86_are_refused():
    arch = seccomp.ARCHITECTURE["x86_64"]
    assert verdict("x86_64", arch, 0x40000000 | 39) == 1


def test_an_unknown_processor_has_no_filter():
    assert seccomp.seccomp_filter("riscv64") is None


@needs_bubblewrap
def test_the_filter_is_at_work():
    if seccomp.seccomp_filter() is None:
        pytest.skip("The filter does not know this processor.")
    text = "import socket; socket.socket(40, socket.SOCK_STREAM)"
    done = run_inside([sys.executable, "-c", text])
    assert "Address family not supported" in done.stderr
    socket.socket(socket.AF_UNIX).close()


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("name", vars(Limits()))
def test_a_limit_is_above_zero(name):
    with pytest.raises(ValueError, match=f"{name} must be above 0; got 0"):
        Limits(**{name: 0})


@needs_bubblewrap
@pytest.mark.parametrize(("name", "limit"), [("nproc", 99), ("fsize", 7 << 20), ("core", 0)])
def test_each_process_is_limited(name, limit):
    text = f"import resource; print(resource.getrlimit(resource.RLIMIT_{name.upper()}))"
    done = run_inside([sys.executable, "-c", text], tasks=99, disk_mb=7)
    assert done.stdout.strip() == str((limit, limit))


@needs_bubblewrap
@pytest.mark.parametrize(("place", "most"), [("/tmp", 6), ("/dev/shm", 64)])
def test_disks_are_small(place, most):
    text = f"import os; s = os.statvfs({place!r}); print(s.f_blocks * s.f_frsize >> 20)"
    done = run_inside([sys.executable, "-c", text], disk_mb=6)
    assert int(done.stdout) == most


def test_each_grader_has_a_user_id_of_its_own(monkeypatch):
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    first = sandbox.spare_user()
    monkeypatch.setattr(os, "getpid", lambda: 4712)
    assert sandbox.spare_user() != first
    assert first > 50_000


HUNGRY = "block = bytearray(b'x' * (80 << 20)); print(flush=True); import time; time.sleep(60)"


@pytest.fixture
def hungry():
    """Two processes of 80 MB each, below a shell."""
    command = f'"{sys.executable}" -c "{HUNGRY}" & "{sys.executable}" -c "{HUNGRY}" & wait'
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE)
    yield process
    for pid in reversed(processes_below(process.pid)):
        os.kill(pid, 9)
    process.wait()
    process.stdout.close()


def test_the_watchdog_adds_up(hungry):
    for _ in range(2):
        hungry.stdout.readline()  # the memory is in use now
    assert len(processes_below(hungry.pid)) == 3

    def excess(**limits):
        return Watchdog(hungry.pid, Limits(**limits), print, print).excess()

    assert excess(memory_mb=1000) is None
    assert excess(memory_mb=120) == "memory limit"
    assert excess(tasks=4) == "process limit"


def test_the_watchdog_calls_once_and_ends(hungry):
    reasons = []
    watchdog = Watchdog(hungry.pid, Limits(tasks=2), reasons.append, print)
    watchdog.start()
    watchdog.join(10)
    assert reasons == ["process limit"]


def test_a_process_that_is_gone_uses_nothing():
    process = subprocess.Popen(["true"])
    process.wait()
    assert processes_below(process.pid) == [process.pid]
    assert Watchdog(process.pid, Limits(), print, print).excess() is None


def test_a_run_that_hangs_is_killed_with_its_children(release, tmp_path, monkeypatch):
    fake_program(tmp_path, "python", "echo hanging; sleep 98765 & sleep 98765")
    monkeypatch.setattr(one.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(one, "MARGIN", 0.1)
    limits = Limits(start_seconds=0.2, total_seconds=0.2)
    with pytest.warns(UserWarning, match="could not start a kernel. Last it said: hanging"):
        grade = one.grade_one(release, as_bytes(submission()), limits=limits)
    assert outcomes(grade) == ["ungraded: kernel did not start"] * 3
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [command for command in running if b"98765" in command]


@needs_bubblewrap
def test_nothing_is_left_when_the_grader_is_killed(release, tmp_path):
    """The pytest process of a submission notices that its grader is gone, and cleans up."""
    text = (
        "import pickle, sys, tempfile\n"
        "from dlcourse.classroom.grading import grade_one\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "grade_one(pickle.load(open(sys.argv[2], 'rb')), open(sys.argv[3], 'rb').read())\n"
    )
    import pickle
    import tempfile

    with tempfile.TemporaryDirectory(prefix="dl-", dir="/tmp") as folder:
        (tmp_path / "release").write_bytes(pickle.dumps(release))
        book = submission(first="import time\ntime.sleep(500)")
        (tmp_path / "book").write_bytes(as_bytes(book))
        program = [sys.executable, "-c", text, folder, tmp_path / "release", tmp_path / "book"]
        process = subprocess.Popen(program)
        for _ in range(600):
            time.sleep(0.1)
            if any(path.name == "rows.jsonl" for path in Path(folder).glob("*/*")):
                break
        below = processes_below(process.pid)
        assert len(below) >= 4
        process.kill()
        process.wait()
        for _ in range(100):
            time.sleep(0.1)
            left = [pid for pid in below if Path(f"/proc/{pid}/cmdline").exists()]
            if not left and not os.listdir(folder):
                break
        assert os.listdir(folder) == []
        assert not [pid for pid in left if Path(f"/proc/{pid}/cmdline").read_bytes()]
