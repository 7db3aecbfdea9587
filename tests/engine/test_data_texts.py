"""The text of the packages' manuals: its form, its two parts, and that it is the pinned one."""

import hashlib
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from dlcourse import data
from dlcourse.data import texts

PINS = Path(__file__).parents[2] / "constraints.txt"


@pytest.fixture(scope="module")
def manual() -> data.Text:
    return data.manual()


def test_it_is_english_prose_with_few_characters(manual: data.Text) -> None:
    assert 350_000 < len(manual.train) < 500_000
    assert 60_000 < len(manual.test) < 90_000
    assert manual.alphabet == "\n '(),-.:;" + "".join(
        chr(c) for c in (*range(65, 91), *range(97, 123))
    )
    words = re.findall(r"[a-z]+", manual.train.lower())
    assert 0.05 < words.count("the") / len(words) < 0.12  # as in English
    for line in (manual.train + manual.test).splitlines():
        assert line[0].isupper()
        assert line.endswith(".")
    assert "licence" in manual.source
    assert repr(manual).startswith("Text(train 4")


def test_no_paragraph_of_the_test_part_is_in_the_train_part(manual: data.Text) -> None:
    train, test = manual.train.splitlines(), manual.test.splitlines()
    assert not set(train) & set(test)
    assert len(set(train)) == len(train)
    assert len(set(test)) == len(test)


def test_with_the_pinned_versions_it_is_this_text(manual: data.Text) -> None:
    pins = dict(re.findall(r"^([\w-]+)==(.+)$", PINS.read_text("utf8"), re.M))
    names = ("numpy", "scipy", "scikit-learn")
    if any(pins[name] != version(name) for name in names):
        pytest.skip("other versions than the pinned ones are installed")
    digest = hashlib.sha256((manual.train + "\0" + manual.test).encode()).hexdigest()
    assert digest[:16] == "5f7bc4e5103b3dfd"


def test_characters_become_numbers_and_come_back(manual: data.Text) -> None:
    codes = manual.encode(manual.test[:1000])
    assert codes.dtype == np.int64
    assert codes.shape == (1000,)
    assert codes.max() < len(manual.alphabet)
    assert manual.decode(codes) == manual.test[:1000]
    assert manual.encode("").shape == (0,)
    with pytest.raises(ValueError, match=r"no \['\?', 'ü'\]"):
        manual.encode("Why? für")


SOURCE = '''
def f():
    r"""Compute :func:`~numpy.sum` of an `array` and return it to whoever has asked for that.

    >>> f()
    1

    x : int
        The number that is worth having in this very long description of it.

    The second paragraph goes on
    in another line and is long enough to be kept here.

    Too short.
    """
'''


def test_what_counts_as_prose() -> None:
    assert list(texts._paragraphs(SOURCE)) == [
        "The second paragraph goes on in another line and is long enough to be kept here.",
    ]
    plain = SOURCE.replace("~numpy.sum", "sum")
    assert next(iter(texts._paragraphs(plain))) == (
        "Compute sum of an array and return it to whoever has asked for that."
    )


def test_files_come_in_a_fixed_order_without_tests() -> None:
    found = [path.as_posix() for path in texts._files()]
    assert len(found) == len(set(found)) > 500
    assert not [path for path in found if "/tests/" in path or "/externals/" in path]
    numpy_first = [i for i, path in enumerate(found) if "/sklearn/" in path]
    assert numpy_first == list(range(numpy_first[0], len(found)))


def test_errors_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="test_every=1"):
        data.manual(test_every=1)
    monkeypatch.setattr(texts, "PACKAGES", ("no_such_package",))
    with pytest.raises(ModuleNotFoundError, match="no_such_package, which is not installed"):
        data.manual()
