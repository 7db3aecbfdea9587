"""A text to learn a language model from: English prose that is installed with the course anyway."""

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACKAGES = ("numpy", "scipy", "sklearn")
APART = {
    "tests",
    "externals",
    "_lib",
    "_vendored",
    "_external",
    "array_api_compat",
    "_core/include",
}
DOCSTRING = re.compile(r'^\s*[rR]?"""(.*?)"""', re.M | re.S)
MARKUP = re.compile(r":[a-z:]+:(?=`)|[`~*]")  # :func:`~numpy.sum` becomes numpy.sum
# A sentence or more: no numbers, no tables, no names such as numpy.sum
PROSE = re.compile(
    r"[A-Z](?!.*(?: :|--|\.[a-z]))[A-Za-z ,.;:()'-]{58,}\."
)  # no code, numbers, tables


@dataclass(frozen=True, eq=False)
class Text:
    """A text in two parts that share no paragraph, and its characters as numbers."""

    train: str
    test: str
    alphabet: str  # every character of both parts, in the order of their numbers
    source: str

    def encode(self, text: str) -> np.ndarray:
        """The number of each character, 0 … len(alphabet) - 1.   Shape: (len(text),), int64

        Raises:  ValueError for a character that is not in the alphabet
        """
        numbers = {character: i for i, character in enumerate(self.alphabet)}
        unknown = sorted(set(text) - set(numbers))
        if unknown:
            raise ValueError(
                f"encode: the alphabet has no {unknown}. It has: {self.alphabet!r}. "
                "Leave these characters out, or replace them."
            )
        return np.array([numbers[character] for character in text], dtype=np.int64)

    def decode(self, numbers: np.ndarray) -> str:
        """The characters with these numbers: decode(encode(text)) == text."""
        return "".join(self.alphabet[int(i)] for i in numbers)

    def __repr__(self) -> str:
        return (
            f"Text(train {len(self.train):,} characters, test {len(self.test):,}, "
            f"{len(self.alphabet)} different ones)"
        )


def manual(test_every: int = 5) -> Text:
    """What the makers of NumPy, SciPy and scikit-learn wrote for people who use them.

    The text is made of the paragraphs in their source files' docstrings that read as English:
    they begin with a capital, end with a full stop, and hold no code, list or formula. A paragraph
    that stands in several files is kept once, so nothing of the test part was in the train part.

    test_every  every so many files one goes to the test part, 2 or more; the others are for
                training. With the versions in constraints.txt the text is the same everywhere.
    Raises:     ModuleNotFoundError if one of the packages is missing; ValueError for test_every < 2
    """
    if test_every < 2:
        raise ValueError(f"manual: test_every is 2 or more. Received: {test_every=}")
    parts: dict[bool, list[str]] = {False: [], True: []}
    seen: set[str] = set()
    for i, path in enumerate(_files()):
        for paragraph in _paragraphs(path.read_text(encoding="utf-8")):
            if paragraph not in seen:
                seen.add(paragraph)
                parts[i % test_every == test_every - 1].append(paragraph)
    train, test = ("\n".join(part) + "\n" for part in (parts[False], parts[True]))
    return Text(
        train=train,
        test=test,
        alphabet="".join(sorted(set(train + test))),
        source=(
            "Docstrings of NumPy, SciPy and scikit-learn, by their developers, under the "
            "BSD 3-clause licence of these packages; taken from the files installed here."
        ),
    )


def _files() -> Iterator[Path]:
    """The packages' own source files in a fixed order, without tests and borrowed code."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                f"data.manual() reads the docstrings of {name}, which is not installed. "
                "To get it: pip install scikit-learn"
            )
        root = Path(spec.submodule_search_locations[0])
        inside = [path.relative_to(root) for path in root.rglob("*.py")]
        own = [path for path in inside if not APART & set(path.parts)]
        yield from (root / path for path in sorted(own, key=lambda path: path.as_posix()))


def _paragraphs(source: str) -> Iterator[str]:
    """The paragraphs of prose in a file's docstrings, each as one line."""
    for docstring in DOCSTRING.findall(source):
        for block in re.split(r"\n\s*\n", docstring):
            paragraph = MARKUP.sub("", " ".join(block.split()))
            if PROSE.fullmatch(paragraph):
                yield paragraph
