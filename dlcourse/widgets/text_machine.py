"""A machine that writes: it counts what follows what in a text, and draws from the counts."""

import html
import math
from collections import Counter, defaultdict
from typing import Any

import traitlets as t

from dlcourse.widgets.base import DualWidget

MOST = 8  # the longest memory [characters]
TASK = (
    "The machine has counted, in the text it was given, which character follows which. "
    "(1) Which memory has the fewest bits on new text? (2) Give it the longest memory. Whose "
    "sentences are these? (3) Set the temperature to 0, then to 2. What happens?"
)

Tables = list[dict[str, Counter[str]]]


def count(text: str, most: int = MOST) -> Tables:
    """What followed each context of 0 … most characters in the text, and how often."""
    tables: Tables = [defaultdict(Counter) for _ in range(most + 1)]
    for k, table in enumerate(tables):
        for i in range(k, len(text)):
            table[text[i - k : i]][text[i]] += 1
    return [dict(table) for table in tables]


def probabilities(tables: Tables, alphabet: str, context: str, memory: int) -> list[float]:
    """The probability of each character of the alphabet after a context.

    Starts with equal ones; each longer memory, k = 0 … memory, corrects the shorter one:
    p ← (count + kinds · p) / (all + kinds), where kinds is how many different characters followed.
    Source: Witten and Bell 1991 (their method C, interpolated)
    """
    p = [1 / len(alphabet)] * len(alphabet)
    for k in range(min(memory, len(context)) + 1):
        followers = tables[k].get(context[len(context) - k :])
        if followers is None:
            break
        seen, kinds = followers.total(), len(followers)
        p = [(followers[c] + kinds * q) / (seen + kinds) for c, q in zip(alphabet, p, strict=True)]
    return p


def soften(p: list[float], temperature: float) -> list[float]:
    """p to the power 1 / temperature, made a distribution again; 0 keeps the likeliest alone."""
    top = max(p)
    if temperature == 0:
        return [float(i == p.index(top)) for i in range(len(p))]
    powers = [(q / top) ** (1 / temperature) for q in p]
    total = sum(powers)
    return [q / total for q in powers]


def uniform(seed: int, n: int) -> list[float]:
    """n numbers between 0 and 1, the same as in the page (the generator is called mulberry32)."""
    full, numbers, a = 0xFFFFFFFF, [], seed & 0xFFFFFFFF
    for _ in range(n):
        a = (a + 0x6D2B79F5) & full
        r = ((a ^ (a >> 15)) * (a | 1)) & full
        r ^= (r + (((r ^ (r >> 7)) * (r | 61)) & full)) & full
        numbers.append((r ^ (r >> 14)) / 2**32)
    return numbers


def write(
    tables: Tables,
    alphabet: str,
    prompt: str,
    n: int,
    memory: int,
    temperature: float,
    seed: int,
) -> str:
    """n characters that go on from the prompt."""
    text = prompt
    for u in uniform(seed, n):
        p = soften(probabilities(tables, alphabet, text[-MOST:], memory), temperature)
        i, total = 0, p[0]
        while total <= u and i < len(p) - 1:
            i += 1
            total += p[i]
        text += alphabet[i]
    return text[len(prompt) :]


def bits(tables: Tables, size: int, text: str) -> list[float]:
    """Mean of -log₂ p over a text, for memories of 0 … most; its first characters only help.

    size: how many characters there are, 1 / size is the probability before anything is counted
    """
    most = len(tables) - 1
    sums = [0.0] * len(tables)
    for i in range(most, len(text)):
        p = 1 / size
        for k, table in enumerate(tables):
            followers = table.get(text[i - k : i])
            if followers is not None:
                kinds = len(followers)
                p = (followers[text[i]] + kinds * p) / (followers.total() + kinds)
            sums[k] -= math.log2(p)
    return [total / (len(text) - most) for total in sums]


class TextMachine(DualWidget):
    """Writes with n-gram counts: memory and temperature to set, copied pieces underlined.

    Args:
        text: what it counts, 1,000 to 100,000 characters; all of it travels with the page
        fresh: new text, to measure bits per character on, at least 100 characters
        memory: how many characters it looks back at the start, 0 to 8
        temperature: 0 (always the likeliest) to 2
        prompt: what it goes on from; characters that stand in neither text are left out
        seed: which random numbers, 0 or more; length: how many characters it writes
        least: from how many characters in a row on a piece counts as copied
        task: what the reader should try
    After use: `written`, the share of it that is `copied`, and `bits` per character on new text.

    Raises:
        ValueError: a text that is too short or too long
    """

    js = "text_machine"
    task = t.Unicode(TASK).tag(sync=True)
    text = t.Unicode("").tag(sync=True)
    fresh = t.Unicode("").tag(sync=True)
    memory = t.Int(3, min=0, max=MOST).tag(sync=True)
    temperature = t.Float(1.0, min=0.0, max=2.0).tag(sync=True)
    prompt = t.Unicode("The ").tag(sync=True)
    seed = t.Int(0, min=0).tag(sync=True)
    length = t.Int(240, min=20, max=1000).tag(sync=True)
    least = t.Int(20, min=5, max=100).tag(sync=True)
    most = t.Int(MOST, read_only=True).tag(sync=True)
    written = t.Unicode("").tag(sync=True)
    copied = t.Float(0.0).tag(sync=True)
    bits = t.Float(0.0).tag(sync=True)

    def __init__(
        self, text: str, fresh: str, label: str = "A machine that writes", **kwargs: Any
    ) -> None:
        if not 1_000 <= len(text) <= 100_000 or len(fresh) < 100:
            raise ValueError(
                "TextMachine: text has 1,000 to 100,000 characters and fresh at least 100. "
                f"Received: {len(text):,} and {len(fresh):,}"
            )
        super().__init__(label=label, text=text, fresh=fresh, **kwargs)

    def fallback_html(self) -> str:
        """The bits of every memory, and what two of the machines write."""
        tables, alphabet = count(self.text), "".join(sorted(set(self.text + self.fresh)))
        fresh = bits(tables, len(alphabet), self.fresh)
        listed = ", ".join(f"{k}: {value:.2f}" for k, value in enumerate(fresh))
        texts = "".join(
            f"<p>Memory {memory}: <em>{html.escape(self.prompt + self._write(tables, memory))}"
            "</em></p>"
            for memory in (self.memory, MOST)
        )
        return (
            f"<p><strong>{html.escape(self.label)}.</strong> {html.escape(self.task)}</p>"
            f"<p>Bits per character on new text, for each memory in characters: {listed}.</p>"
            f"{texts}"
        )

    def _write(self, tables: Tables, memory: int) -> str:
        alphabet = "".join(sorted(set(self.text + self.fresh)))
        prompt = "".join(c for c in self.prompt if c in alphabet)
        settings = (memory, self.temperature, self.seed)
        return write(tables, alphabet, prompt, self.length, *settings)
