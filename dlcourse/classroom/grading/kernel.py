"""nbval's kernel with bounds: what a hostile kernel may cost the process that reads its messages.

nbval waits out a cell's whole time when its kernel has died, never ends on a cell that prints now
and then and catches interrupts, and collects all output. Here every message passes `get_message`,
which looks at the clock, at the kernel's life, and at the number of bytes, and which hands on only
what the grader needs. A message is bytes from a stranger: whatever can't be read is dropped.
"""

import os
import shutil
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from queue import Empty
from subprocess import TimeoutExpired
from typing import Any

import zmq
from nbval.kernel import RunningKernel

from dlcourse.classroom.grading import reasons
from dlcourse.classroom.grading.inside import MIME
from dlcourse.classroom.grading.limits import Limits
from dlcourse.classroom.grading.provisioner import seal, start_manager
from dlcourse.classroom.grading.watchdog import Watchdog

STREAMS = ("shell", "iopub", "control")
POLL = 0.05  # seconds between two looks at the kernel's life
GRACE = 2.0  # seconds for a cell to stop after it was interrupted


class KernelStopped(Exception):  # noqa: N818 - the grader stopped it: no error of ours
    """The kernel is gone. Its text is one of REASONS."""


class GuardedKernel(RunningKernel):
    """A kernel in the sandbox, driven by nbval. See Limits for its bounds.

    stopped: the reason why it is gone, or "". interrupted: whether the present cell ran too long.
    failed: whether the present cell said that it stopped with an error.
    """

    def __init__(self, folder: Path, limits: Limits, kind: str) -> None:
        self.limits, self.folder = limits, folder
        self.stopped, self.interrupted, self.failed = "", False, False
        self.bytes, self.keep = 0, False
        self.cell_end = self.end = time.monotonic() + limits.start_seconds
        self.context = zmq.Context()
        # Defaults for all its sockets: libzmq drops a peer that sends a larger message part.
        self.context.setsockopt(zmq.MAXMSGSIZE, limits.output_bytes)
        self.context.setsockopt(zmq.RECONNECT_IVL, 20)
        self.context.setsockopt(zmq.LINGER, 0)
        self.run_folder = folder / "k"
        self.km, self.process = start_manager(self.run_folder, limits, kind, self.context)
        self.watchdog = Watchdog(self.process.pid, limits, self._kill, self._orphaned)
        self.watchdog.start()
        self.kc = self.km.client(context=self.context)
        self.kc.start_channels(stdin=False, hb=False, control=True)
        self.streams = {
            self.kc.shell_channel.socket: "shell",
            self.kc.iopub_channel.socket: "iopub",
            self.kc.control_channel.socket: "control",
        }
        self.waiting: dict[str, deque[dict[str, Any]]] = {s: deque() for s in STREAMS}
        self.poller = zmq.Poller()
        for socket in self.streams:
            self.poller.register(socket, zmq.POLLIN)
        self.cuts = [s.get_monitor_socket(zmq.EVENT_DISCONNECTED) for s in self.streams]

    def wait_until_ready(self) -> None:
        """Wait until all sockets are connected, then remove their folder.

        Raises:
            KernelStopped: the kernel does not start.
        """
        self._wait_for_reply(self.kc.kernel_info(), "shell")
        while not self._hears_messages():
            self.kc.kernel_info()  # the subscription came later than the last messages
        request = self.kc.session.msg("kernel_info_request")
        self.kc.control_channel.send(request)
        self._wait_for_reply(request["header"]["msg_id"], "control")
        seal(self.run_folder)
        self.end = time.monotonic() + self.limits.total_seconds

    def _hears_messages(self) -> bool:
        try:
            self.get_message("iopub", 0.3)
        except Empty:
            return False
        return True

    def _wait_for_reply(self, msg_id: str, stream: str) -> None:
        while self.get_message(stream)["parent_header"].get("msg_id") != msg_id:
            pass

    def begin(self, keep: bool) -> None:
        """Before each cell. keep: hand on its records (of a hidden cell), or no output at all."""
        self.bytes, self.keep = 0, keep
        self.interrupted, self.failed = False, False
        self.cell_end = time.monotonic() + self.limits.cell_seconds
        for messages in self.waiting.values():
            messages.clear()  # whatever came after the end of the cell before

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message of use on the channel "shell", "iopub" or "control".

        All channels are read, whichever is asked for: otherwise a flood on one would pile up while
        another is awaited, and messages that we need would be dropped.

        Raises:
            Empty: there was none in time. For nbval that means: interrupt the cell.
            KernelStopped: the kernel has died, or has passed a limit and was killed.
        """
        waiting = self.waiting[stream]
        end = self.cell_end if timeout is None or stream == "shell" else time.monotonic() + timeout
        while not waiting:
            self._require_time()
            left = end - time.monotonic()
            if left <= 0:
                raise Empty
            ready = self.poller.poll(int(1000 * min(POLL, left)) + 1)
            for socket, _ in ready:
                self._receive(socket)
            if not ready:
                self._require_life()
        return waiting.popleft()

    def _require_time(self) -> None:
        if self.stopped:
            raise KernelStopped(self.stopped)
        if time.monotonic() > min(self.end, self.cell_end + GRACE):
            self._stop_because(reasons.TIME_LIMIT)

    def _require_life(self) -> None:
        if self.process.poll() is not None:
            self._stop_because(self.stopped or reasons.KERNEL_DIED)
        if any(cut.poll(0) for cut in self.cuts):
            # A connection is cut: by the kernel's end, or because a message was too large.
            with suppress(TimeoutExpired):
                self.process.wait(GRACE)
            died = self.process.poll() is not None
            self._stop_because(reasons.KERNEL_DIED if died else reasons.OUTPUT_LIMIT)

    def _receive(self, socket: Any) -> None:
        """Read one message, and keep it if it is of use."""
        stream = self.streams[socket]
        try:
            frames = socket.recv_multipart(zmq.NOBLOCK)
        except zmq.ZMQError:  # it was for nobody
            return
        self.bytes += sum(map(len, frames))
        if self.bytes > self.limits.output_bytes:
            self._stop_because(reasons.OUTPUT_LIMIT)
        try:
            _, parts = self.kc.session.feed_identities(frames)
            message = self.kc.session.deserialize(parts)
            useful = self._of_use(message, stream)
        except Exception:  # no frame, no signature, no JSON: whatever is wrong, it is dropped
            return
        if useful:
            self.waiting[stream].append(message)

    def _of_use(self, message: dict[str, Any], stream: str) -> bool:
        """Whether nbval needs it and can read it. An exception means no as well."""
        content, kind = message["content"], message["msg_type"]
        message["parent_header"].get("msg_id")
        if stream != "iopub":
            self.failed = self.failed or content.get("status") == "error"
            return isinstance(content["status"], str)
        if kind == "status":
            return isinstance(content["execution_state"], str)
        return self.keep and kind == "display_data" and isinstance(content["data"][MIME], str)

    def interrupt(self) -> None:
        """nbval calls this when a cell has used up its time."""
        self.interrupted = True
        self.kc.control_channel.send(self.kc.session.msg("interrupt_request"))

    def is_alive(self) -> bool:
        return not self.stopped and self.process.poll() is None

    def _stop_because(self, reason: str) -> None:
        self._kill(reason)
        raise KernelStopped(self.stopped)

    def _kill(self, reason: str) -> None:
        """The first reason stays. Also called from the watchdog's thread."""
        self.stopped = self.stopped or reason
        self.process.kill()

    def stop(self) -> None:
        """Kill the sandbox and let go of everything. Nothing in it can delay that."""
        self.watchdog.ended.set()
        self._kill(reasons.KERNEL_DIED)
        self.process.wait()
        self.context.destroy(linger=0)

    def _orphaned(self) -> None:
        """The grader is gone: leave nothing behind."""
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(1)
