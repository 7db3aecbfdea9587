"""Starts a Jupyter kernel in the sandbox, with its messages on local sockets.

A Jupyter provisioner decides how a kernel's process is launched. This one is handed to the kernel
manager directly, so nothing needs to be registered anywhere.

The folder of the sockets is the one place on the host that the kernel may write to. `seal` removes
it once all sockets are connected, before any cell runs: in a folder that is gone nobody can make a
file, and there are no sockets left to delete.
"""

import os
import sys
import uuid
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from dlcourse.classroom.grading import sandbox
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.seccomp import open_filter

KERNEL = ["-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False"]


class SandboxProvisioner(LocalProvisioner):
    """Runs the kernel's command in bubblewrap, or, if told so, without a sandbox.

    Set before the start: run_folder, a new folder with a path of at most 90 characters (a socket's
    path may have about 100); limits; kind, "bubblewrap" or "none".
    """

    run_folder: Path
    limits: Limits
    kind: str = sandbox.BUBBLEWRAP

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give the manager its sockets, and wrap the command."""
        manager: Any = self.parent
        self.run_folder.mkdir(mode=0o700)
        manager.transport = "ipc"
        manager.ip = str(self.run_folder / "socket")
        manager.connection_file = str(self.run_folder / "connection.json")
        kwargs = await super().pre_launch(**kwargs)  # writes the connection file
        filter_fd = open_filter() if self.kind == sandbox.BUBBLEWRAP else None
        try:
            kwargs["cmd"] = self._wrapped(kwargs["cmd"], filter_fd)
        except Exception:
            if filter_fd is not None:
                os.close(filter_fd)
            raise
        kwargs["pass_fds"] = () if filter_fd is None else (filter_fd,)
        if self.kind == sandbox.BUBBLEWRAP:
            kwargs["env"] = {}  # /proc/1/environ inside shows what bubblewrap was started with
            kwargs["cwd"] = "/"
        return kwargs

    def _wrapped(self, program: list[str], filter_fd: int | None) -> list[str]:
        if self.kind == sandbox.NONE:
            return [*sandbox.limit_resources(self.limits), *program]
        if sandbox.is_root():
            user = sandbox.spare_user()
            for path in (self.run_folder, *self.run_folder.iterdir()):
                os.chown(path, user, user)
        return sandbox.command(program, self.limits, str(self.run_folder), filter_fd)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the process. The filter has been passed on then, and is closed here."""
        try:
            return await super().launch_kernel(cmd, **kwargs)
        finally:
            for handle in kwargs["pass_fds"]:
                os.close(handle)


def start_manager(
    run_folder: Path, limits: Limits, kind: str, context: zmq.Context
) -> tuple[KernelManager, "Popen[bytes]"]:
    """A kernel manager, and the process of its kernel. The kernel is not ready yet."""
    manager = KernelManager(kernel_name="", context=context)
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, *KERNEL],
        display_name="sandbox",
        language="python",
        interrupt_mode="message",
    )
    provisioner = SandboxProvisioner(
        kernel_id=str(uuid.uuid4()), kernel_spec=manager._kernel_spec, parent=manager
    )
    provisioner.run_folder, provisioner.limits, provisioner.kind = run_folder, limits, kind
    manager.provisioner = provisioner
    manager.start_kernel(
        independent=True,  # without a trace of our process id in its environment
        cwd=run_folder.parent,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    process: Any = provisioner.process
    return manager, process


def seal(run_folder: Path) -> None:
    """Remove the folder of the sockets. Their connections live on."""
    for path in run_folder.iterdir():
        path.unlink()
    run_folder.rmdir()
