"""Every check is proved: right answers pass, wrong ones fail with a message that helps."""

from pathlib import Path

import pytest
from prover import HEADER, prove

from dlcourse.classroom import checks

SAMPLES = Path(__file__).parents[1] / "classroom" / "samples"


def all_exercises():
    """The installed chapters' exercises and the samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLCOURSE_CHECKS", str(SAMPLES))
        return [exercise for listed in checks.chapters().values() for exercise in listed]


EXERCISES = all_exercises()


def test_ids_are_unique():
    ids = [exercise.id for exercise in EXERCISES]
    assert len(ids) == len(set(ids))


def test_every_chapter_has_five_to_eight_exercises_of_three_kinds():
    for name, exercises in checks.chapters().items():
        assert 5 <= len(exercises) <= 8, name
        assert len({exercise.kind for exercise in exercises}) >= 3, name


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise.id for exercise in EXERCISES])
def test_the_check_is_proved(exercise, record_property):
    proof = prove(exercise)
    record_property("proof", proof.row())
    for name in proof.accepted:
        record_property("proof", f"        accepted: {name}")
    assert proof.faults == []


def test_the_table_has_one_column_for_each_heading():
    proof = prove(EXERCISES[-1])
    assert len(proof.row().split()) == len(HEADER.replace("own words", "own").split())
