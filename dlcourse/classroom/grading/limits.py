"""How much a submission may use."""

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Where it goes beyond, it is stopped, and its grade says why.

    cell_seconds     one cell may run so long; then it is interrupted, and the next one runs
    total_seconds    all cells together
    start_seconds    for the kernel to start, before anything of the submission runs
    memory_mb        all processes of the submission together
    disk_mb          its private /tmp, which lives in memory and comes on top
    output_bytes     what one cell may send; it is read and dropped, so it costs no memory
    tasks            processes and threads together; processes alone half as many
    """

    cell_seconds: float = 30
    total_seconds: float = 180
    start_seconds: float = 60
    memory_mb: int = 2048
    disk_mb: int = 128
    output_bytes: int = 32 * MEGABYTE
    tasks: int = 128

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"Limits: {name} must be above 0; got {value}.")

    def resources(self) -> dict[str, int]:
        """The same as limits of each process, by the names of `prlimit`."""
        memory = self.memory_mb * MEGABYTE
        return {
            "as": memory + 8192 * MEGABYTE,  # libraries map far more than they use
            "core": 0,
            "cpu": int(self.total_seconds) + 10,
            "data": memory * 4 // 5,  # so one process gets a MemoryError and is not stopped
            "fsize": self.disk_mb * MEGABYTE,
            "memlock": MEGABYTE,
            "nofile": 512,
            "nproc": self.tasks,
        }
