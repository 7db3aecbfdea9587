"""The sandbox: how bubblewrap is called so that a submission reaches nothing but itself.

Inside there is a read-only system with the Python installation, the course's package without its
exercises, a private /tmp, and no network. Processes, users and host name are its own. bubblewrap is
not a virtual machine: a hole in the kernel of the host is a hole in the sandbox.

Run by root, bubblewrap needs no user namespace, and the program inside drops to a user id that
nobody has. Run by anybody else, it makes a user namespace and forbids further ones.
"""

import os
import shutil
import sys
import sysconfig
import warnings
from pathlib import Path

import dlcourse
from dlcourse.classroom.grading.limits import MEGABYTE, Limits

BUBBLEWRAP, NONE = "bubblewrap", "none"
PACKAGE = Path(dlcourse.__file__).resolve().parent
CLASSROOM = PACKAGE / "classroom"
HOME = "/tmp/home"
SHARED_MEMORY_MB = 64

# What stands in the place of dlcourse/classroom: no exercises, and so no solutions and no inputs.
INSIDE = {
    "__init__.py": "grading/standin.py",
    "observe.py": "observe.py",
    "values.py": "values.py",
    "grading/__init__.py": "grading/empty.py",
    "grading/inside.py": "grading/inside.py",
    "grading/parcel.py": "grading/parcel.py",
}
ENVIRONMENT = {
    "HOME": HOME,
    "IPYTHONDIR": f"{HOME}/.ipython",
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": f"{HOME}/.matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PIP_NO_INDEX": "1",  # %pip install fails at once instead of waiting for a network
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "USER": "learner",
}


class SandboxMissing(RuntimeError):  # noqa: N818 - it names what is missing
    """Submissions can't be run safely here. The text says what to do."""


def require(sandbox: str) -> None:
    """Make sure that a kind of sandbox can be used: "bubblewrap", or "none" for none at all.

    Raises:
        SandboxMissing: bubblewrap is not installed.
        ValueError: there is no such kind.
    """
    if sandbox == NONE:
        warnings.warn(
            "Grading without a sandbox: submissions can read and change all that you can.",
            stacklevel=3,
        )
    elif sandbox != BUBBLEWRAP:
        raise ValueError(f'sandbox is "{BUBBLEWRAP}" or "{NONE}"; got {sandbox!r}.')
    elif shutil.which("bwrap") is None:
        raise SandboxMissing(
            "Submissions run in bubblewrap, and it is not installed. Mend it: sudo apt install "
            'bubblewrap (or the package "bubblewrap" of your system).'
        )


def command(
    program: list[str], limits: Limits, run_folder: str | None = None, filter_fd: int | None = None
) -> list[str]:
    """The command line that runs a program in the sandbox.

    run_folder: a folder that the program may write to, seen at the same path inside.
    filter_fd: a file descriptor with a system call filter (see seccomp.py).
    """
    return [
        *_namespaces(),
        *([] if filter_fd is None else ["--seccomp", str(filter_fd)]),
        *_environment(),
        *_system(limits),
        *_python(),
        *_classroom(),
        *(_at(run_folder, "--bind") if run_folder else []),
        *("--remount-ro", "/", "--chdir", HOME, "--"),
        *_drop_root(),
        *("choom", "-n", "1000", "--"),  # where memory runs out, this goes first
        *limit_resources(limits),
        *program,
    ]


def limit_resources(limits: Limits) -> list[str]:
    """The start of a command line that limits what each process may use."""
    if shutil.which("prlimit") is None:  # only without a sandbox: `examine` asks for it
        return []
    return ["prlimit", *(f"--{name}={n}" for name, n in limits.resources().items()), "--"]


def is_root() -> bool:
    return os.geteuid() == 0


def spare_user() -> int:
    """A user id that nobody has, another one for each process that grades.

    RLIMIT_NPROC counts per user: two submissions with one id would share their limit.
    """
    wanted = 1_900_000_000 + os.getpid()  # not in use by any convention, see systemd's UIDS-GIDS
    with open("/proc/self/uid_map") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    if any(first <= wanted < first + count for first, _, count in ranges):
        return wanted
    first, _, count = max(ranges)  # a container with fewer ids: take one near the upper end
    return first + count - 1 - os.getpid() % max(1, min(1000, count // 2))


def visible(path: str | os.PathLike[str]) -> bool:
    """Whether a path of the host can be read inside the sandbox."""
    real = Path(os.path.realpath(path))
    shown = [Path("/usr"), PACKAGE, *map(Path, _python_folders())]
    return any(real.is_relative_to(os.path.realpath(place)) for place in shown)


def python_path() -> str:
    """What PYTHONPATH must hold for the course's package to be found: "" where it is installed."""
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return "" if str(PACKAGE.parent) in installed else str(PACKAGE.parent)


def _namespaces() -> list[str]:
    options = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session"]
    options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    options += ["--unshare-cgroup-try", "--hostname", "sandbox"]
    if is_root():  # only what setpriv needs to become somebody else
        return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*options, "--unshare-user", "--disable-userns"]


def _environment() -> list[str]:
    settings = {**ENVIRONMENT, "PATH": f"{Path(sys.executable).parent}:/usr/bin"}
    if python_path():
        settings["PYTHONPATH"] = python_path()  # inside, that folder holds this package alone
    options = ["--clearenv"]
    for name, value in settings.items():
        options += ["--setenv", name, value]
    return options


def _system(limits: Limits) -> list[str]:
    """The root folder: programs and libraries, devices, and a /tmp of limited size."""
    options = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        place = f"/{name}"
        if os.path.islink(place):
            options += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            options += ["--ro-bind", place, place]
    for place in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts"):
        options += ["--ro-bind-try", place, place]
    shared = str(SHARED_MEMORY_MB * MEGABYTE)
    options += ["--proc", "/proc", "--dev", "/dev"]
    options += ["--perms", "1777", "--size", shared, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]
    disk = str(limits.disk_mb * MEGABYTE)
    options += ["--perms", "1777", "--size", disk, "--tmpfs", "/tmp"]
    return [*options, "--perms", "0777", "--dir", HOME]


def _python() -> list[str]:
    options: list[str] = []
    for folder in _python_folders():
        options += _at(folder, "--ro-bind")
    return options


def _python_folders() -> list[str]:
    """Where Python and its packages lie: parts of their folders, never a whole one.

    A virtual environment may be the course's own folder, and that holds the solutions.
    """
    prefixes = {sys.prefix, sys.base_prefix}
    link = sys.executable
    while os.path.islink(link):  # each link on the way to the program must be there too
        prefixes.add(os.path.dirname(os.path.dirname(link)))
        link = os.path.join(os.path.dirname(link), os.readlink(link))
    prefixes.add(os.path.dirname(os.path.dirname(os.path.normpath(link))))
    names = ("bin", "lib", "lib64", "share", "ssl", "pyvenv.cfg")
    found = {os.path.join(prefix, name) for prefix in prefixes - {"/"} for name in names}
    found |= {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
    places = {os.path.normpath(place) for place in found if os.path.exists(place)}
    return sorted(place for place in places if not place.startswith("/usr/"))


def _classroom() -> list[str]:
    """The course's package, with a classroom that holds no exercises."""
    options = _at(str(PACKAGE), "--ro-bind")
    for classroom in _places_of_classroom():
        options += ["--tmpfs", str(classroom), "--perms", "0755", "--dir"]
        options.append(str(classroom / "grading"))
        for inside, here in INSIDE.items():
            options += ["--ro-bind", str(CLASSROOM / here), str(classroom / inside)]
        options += ["--remount-ro", str(classroom)]
    return options


def _places_of_classroom() -> set[Path]:
    """All paths at which the classroom is shown: lib64 is often another name of lib."""
    places = {CLASSROOM}
    for folder in ("/usr", *_python_folders()):
        real = os.path.realpath(folder)
        if CLASSROOM.is_relative_to(real):
            places.add(Path(folder) / CLASSROOM.relative_to(real))
    return places


def _at(place: str, option: str) -> list[str]:
    """Show a folder or file of the host at its own path; the folders above it are readable."""
    options: list[str] = []
    for folder in reversed(Path(place).parents):
        if str(folder) not in ("/", "/tmp", "/usr", "/dev", "/proc"):
            options += ["--perms", "0755", "--dir", str(folder)]
    return [*options, option, place, place]


def _drop_root() -> list[str]:
    if not is_root():
        return []
    user = str(spare_user())
    return [
        *("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"),
        *("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]
