"""Prints the proof's table: `python tests/proof` for all exercises, `python tests/proof 15`."""

import sys

from prover import HEADER, prove

from dlcourse.classroom import checks


def main(chosen: list[str]) -> int:
    """Prove the exercises of the chosen chapters; 1 where a check is not good enough."""
    bad = 0
    print(HEADER)
    for name, exercises in checks.chapters().items():
        for exercise in exercises if not chosen or name[:2] in chosen else []:
            proof = prove(exercise)
            print(proof.row())
            for label, names in (("accepted", proof.accepted), ("equivalent", proof.equivalent),
                                 ("general message", proof.generic)):  # fmt: skip
                for text in names:
                    print(f"        {label}: {text}")
            for fault in proof.faults:
                print(f"        FAULT {fault}")
            bad += bool(proof.faults)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
