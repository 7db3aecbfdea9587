"""Sentences for learners: what was tested, what came back, the likely cause, the next step.

Every function takes plain data and gives a text of at most 80 words that never holds the solution.
"""

import re
from typing import Any

from dlcourse.classroom.values import Difference, Plain, clean, plain, small

MAX_WORDS = 80


def limit_words(text: str, words: int = MAX_WORDS) -> str:
    """The text, cut to a number of words."""
    parts = text.split(" ")
    return text if len(parts) <= words else " ".join(parts[: words - 1]) + " …"


def shape_text(shape: list[int] | tuple[int, ...]) -> str:
    """A shape in words: "(4, 3)", or "one number" for ()."""
    return str(tuple(shape)) if len(shape) else "one number"


LONGEST_INPUT = 120  # characters


def inputs_text(args: tuple, names: tuple[str, ...]) -> str:
    """The arguments in words: "x (4, 3), lr = 0.1"."""
    parts = []
    for name, data in zip(names, map(plain, args), strict=False):
        if data["kind"] == "array" and data["shape"]:
            parts.append(f"{name} {shape_text(data['shape'])}")
        elif data["kind"] in ("array", "text", "none"):
            parts.append(f"{name} = {small(data)}")
        else:
            text = small(data)
            parts.append(f"{name} = {text}" if len(text) <= LONGEST_INPUT else name)
    return ", ".join(parts[:6])


def not_a_function(data: Plain, name: str) -> str:
    """The learner passed something that can't be called."""
    if data["kind"] == "none":
        return f"check was given None. Pass the function `{name}` itself."
    return (
        f"check was given {small(data)}, and this exercise needs a function. "
        f"Pass the function itself, without parentheses: `{name}`, not `{name}(...)`."
    )


def changed_in_place(names: list[str]) -> str:
    """The learner's function changed its arguments."""
    listed = " and ".join(f"`{clean(str(name), 40)}`" for name in names[:3])
    return (
        f"Your function changed its input {listed}. The caller still needs the old values. "
        "Operations such as `x += 1` or `x[0] = 1` write into the array that came in. "
        "Compute a new array, or start from a copy."
    )


# ---------------------------------------------------------------- exceptions


def from_error(error: dict[str, Any], args: tuple, names: tuple[str, ...]) -> str:
    """A learner's exception as a sentence, with the line and the inputs' shapes."""
    kind, text = str(error.get("type", "")), str(error.get("text", ""))
    line, takes = str(error.get("line", "")), error.get("takes")
    where = f"In `{line}`: " if line else ""
    given = f" The inputs: {inputs_text(args, names)}." if args else ""
    if kind == "TypeError" and "positional argument" in text and takes not in (None, len(args)):
        return (
            f"The check calls your function with {len(names)} argument{'s' * (len(names) != 1)} "
            f"({', '.join(names)}), and yours takes {takes}. "
            "Give it the parameters that the exercise names."
        )
    for explain in (_matmul_error, _broadcast_error, _name_error, _known_error):
        sentence = explain(kind, text)
        if sentence:
            return limit_words(_capital(f"{where}{sentence}{given}"))
    short = limit_words(text, 25).rstrip(".") + "."
    return limit_words(
        f"{_capital(where + 'your function stopped with')} {kind}: {short}{given} "
        "Call it yourself on small inputs of these shapes, and print the shapes before that line."
    )


def from_design_error(error: dict[str, Any]) -> str:
    """Why a design could not be measured. It is data: there is no function or line to name."""
    kind, text = str(error.get("type", "")), str(error.get("text", ""))
    short = limit_words(text, 40).rstrip(".")
    reason = short if kind == "ValueError" and short else f"{kind} ({short})"
    return (
        f"Your design could not be measured: {reason}. Compare its form with the task: how many "
        "entries does it have, how are they grouped, and is there a number wherever one must be?"
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _matmul_error(kind: str, text: str) -> str | None:
    sizes = re.search(r"size (\d+) is different from (\d+)", text)
    shapes = re.search(r"\(([\d,x ]+)\) (?:and|@) \(?([\d,x ]+)\)?", text)
    if "matmul" in text and sizes:
        inner, outer = sizes[2], sizes[1]
        return (
            f"the inner sizes of this matrix product differ: {inner} columns on the left, "
            f"{outer} rows on the right. They must be equal: which matrix must be turned, "
            "or which factor comes first?"
        )
    if "matmul" in text and "enough dimensions" in text:
        return "one side of this matrix product is a single number. For numbers write `*`, not `@`."
    if "not aligned" in text and shapes:
        return (
            f"{limit_words(text, 12)}. The inner sizes of a product must be equal: "
            "which matrix must be turned, or which factor comes first?"
        )
    return None


def _broadcast_error(kind: str, text: str) -> str | None:
    if "could not be broadcast" not in text and "must match the size" not in text:
        return None
    shapes = re.findall(r"\([\d, ]*\)", text)
    pair = f"The shapes {' and '.join(shapes[:2])}" if len(shapes) > 1 else "These shapes"
    return (
        f"{pair} can't be combined number by number. Sizes must be equal or 1, counted from the "
        "right. A sum may have lost an axis (keepdims=True keeps it), or one array must be turned."
    )


def _name_error(kind: str, text: str) -> str | None:
    name = re.search(r"'([^']{1,40})'", text)
    if kind == "UnboundLocalError" and name:
        return f"`{name[1]}` is used before it gets a value. Set it before the loop or the `if`."
    if kind == "NameError" and name:
        return (
            f"the name `{name[1]}` is not known here. Is it spelled like the parameter? "
            "A name from another cell or an import may be missing."
        )
    return None


TEXTS = {
    "truth value of an array": "`if`, `and` and `not` need one truth value, and this comparison "
    "gives one for each entry. Should it be one number? Then a sum is missing: `*` keeps every "
    "product, `@` adds them up. If not: Do you need `if` at all? The comparison is an array "
    "already.",
    "0-dimensional arrays can be converted": "one number is needed here, and an array of several "
    "came. Which sum, mean or index is missing?",
    "object is not iterable": "a loop needs a list or an array, and a single value came. "
    "Is `range` missing, or an index too much?",
    "object is not callable": "this is called like a function, and it is none. Do brackets ( ) "
    "stand where [ ] or * should?",
    "object is not subscriptable": "an index [ ] stands after something that has no entries.",
}


def _known_error(kind: str, text: str) -> str | None:
    for part, sentence in TEXTS.items():
        if part in text:
            return sentence
    sentences = {
        "AxisError": f"{text}. Axes count from 0, and -1 is the last one.",
        "IndexError": f"{text}. The last index of n entries is n - 1.",
        "KeyError": f"the key {text} is not in the dictionary. Print its keys.",
        "ZeroDivisionError": "this divides by zero. For which input can the lower part be 0?",
        "RecursionError": "the function calls itself without an end. What should stop it?",
        "SystemExit": "this ends the whole program. Give back a value with `return` instead.",
        "AssertionError": "an `assert` of yours failed. Does it hold for these inputs?",
        "IndentationError": f"{text}. Use four spaces for each level.",
        "MemoryError": "this needs more memory than there is. Has an array too many axes?",
    }
    return limit_words(sentences[kind], 40) if kind in sentences else None


# ---------------------------------------------------------------- types and shapes


def from_difference(found: Difference, names: tuple[str, ...], returns: tuple[str, ...]) -> str:
    """A wrong type, length, set of keys or shape as a sentence. Values are not explained here."""
    what = part_name(found.path, returns)
    if found.kind == "shape":
        return _shape_message(what, found.got["shape"], found.expected["shape"])
    if found.kind == "length":
        return _length_message(what, found.got, found.expected, returns)
    if found.kind == "keys":
        return _keys_message(what, found.got, found.expected)
    if found.kind == "text":
        return f"{what} is {small(found.got)}, and another text was expected."
    return _type_message(what, found.got, found.expected)


def part_name(path: tuple[int | str, ...], returns: tuple[str, ...]) -> str:
    """The name of a part of the result: "dx", "result 2" or "The result"."""
    if not path:
        return "The result"
    first = path[0]
    if isinstance(first, int) and first < len(returns):
        return f"`{returns[first]}`"
    return f"Result {first + 1}" if isinstance(first, int) else f'The entry "{first}"'


def _type_message(what: str, got: Plain, expected: Plain) -> str:
    want = _kind_words(expected)
    kind = got["kind"]
    if kind == "none":
        return (
            f"{what} is None; expected: {want}. A function without `return` gives None: "
            "does every path through yours end with a `return`?"
        )
    if kind == "ellipsis":
        return f"{what} is still `...`. Replace it with {want}."
    if kind == "function":
        return f"{what} is a function; expected: {want}. Call it: write `()` after its name."
    if kind == "text":
        return f"{what} is the text {small(got)}; expected: {want}. Leave out the quotes."
    if kind == "unreadable":
        return (
            f"{what} is a {got.get('type', 'value')} that can't be read ({got.get('why', '')}). "
            f"Give back {want}."
        )
    came = _kind_words(got)
    return f"{what} is {came}; expected: {want}. What does your `return` line give back?"


def _kind_words(data: Plain) -> str:
    kind = data["kind"]
    if kind == "array":
        return f"an array of shape {tuple(data['shape'])}" if data["shape"] else "a number"
    if kind == "list":
        return f"{len(data['items'])} results" if data["items"] else "an empty list"
    words = {"text": "a text", "dict": "a dictionary", "none": "None", "function": "a function"}
    return words.get(kind, f"a {clean(str(data.get('type', 'value')), 40)}")


def _length_message(what: str, got: Plain, expected: Plain, returns: tuple[str, ...]) -> str:
    want = len(expected["items"])
    have = got["shape"][0] if got["kind"] == "array" else len(got["items"])
    named = f" ({', '.join(returns)})" if len(returns) == want else ""
    return f"{what} has {have} parts, and {want} were expected{named}. Look at your `return` line."


def _keys_message(what: str, got: Plain, expected: Plain) -> str:
    have, want = dict(got["items"]), dict(expected["items"])
    missing = [f'"{key}"' for key in want if key not in have]
    extra = [f'"{key}"' for key in have if key not in want]
    parts = []
    if missing:
        parts.append(f"lacks {', '.join(missing[:4])}")
    if extra:
        parts.append(f"has {', '.join(extra[:4])} too much")
    return f"{what} is a dictionary that {' and '.join(parts)}. Compare the names with the task."


def _shape_message(what: str, got: list[int], want: list[int]) -> str:
    head = f"{what} has shape {tuple(got)}, and {tuple(want)} was expected. "
    if not got:
        head = f"{what} is one number, and shape {tuple(want)} was expected. "
        return head + "Which axis should stay? A sum or mean without `axis` takes all of them."
    if not want:
        return (
            f"{what} has shape {tuple(got)}, and one number was expected. "
            "Which sum or mean over the examples is missing?"
        )
    if got == want[::-1]:
        return head + "The sizes are the right ones in turned order: what must be transposed?"
    if [n for n in got if n != 1] == [n for n in want if n != 1]:
        return head + "They differ in an axis of size 1: look at keepdims, reshape or indexing."
    return head + _axis_hint(got, want)


def _axis_hint(got: list[int], want: list[int]) -> str:
    if len(got) == len(want) == 1 and abs(got[0] - want[0]) == 1:
        count = "One entry too many" if got[0] > want[0] else "One entry is missing"
        return f"{count}: where does the loop start, and where does it end?"
    for axis, size in enumerate(want):
        if want[:axis] + want[axis + 1 :] == got:
            return f"Axis {axis} (size {size}) is gone: which sum, mean or index took it?"
    for axis, size in enumerate(got):
        if got[:axis] + got[axis + 1 :] == want:
            return f"Axis {axis} (size {size}) is one too many: what should be summed over it?"
    if len(got) == len(want):
        wrong = [i for i, pair in enumerate(zip(got, want, strict=True)) if pair[0] != pair[1]]
        axes = " and ".join(str(axis) for axis in wrong)
        return f"Look at axis {axes}: which input's size belongs there?"
    return "Write the shape of each step beside its line, from the inputs to the result."
