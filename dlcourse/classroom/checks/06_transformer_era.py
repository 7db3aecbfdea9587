"""Chapter 6, the Transformer era: what is right, what goes wrong, and what to say then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dlcourse.classroom.exercise import Choice, Code, Debug, Design, Number, Wrong

Array = np.ndarray

# ---- 6.1 bits by hand ----------------------------------------------------------------------------
# ABBA, alphabet A B C D. Memory 0: (0 + 2 · 1/4) / (4 + 2) = 1/12. Memory 1, after A only B came,
# once: (0 + 1 · 1/12) / (1 + 1) = 1/24. That costs log2 24 bits.

bits_by_hand = Number(
    id="6.1",
    title="The price of a surprise",
    points=1,
    reference=math.log2(24),
    wrong={
        "without memory": Wrong(
            math.log2(12),
            "log₂ 12 is the price of D without any memory. Good, that is where you start. The "
            "memory of one character still corrects it: what followed A, how often, how many "
            "kinds?",
        ),
        "from equal chances": Wrong(
            3.0,
            "You corrected ¼ directly with what follows A. Memory 0 comes first: A and B were seen "
            "twice each, D never. It turns ¼ into a smaller number.",
        ),
        "nats": Wrong(
            math.log(24),
            "That is the natural logarithm, the price in nats. A bit is one halving: take log₂, or "
            "divide by ln 2.",
        ),
        "the probability": Wrong(
            1 / 24,
            "1/24 is the probability, and it is right. How many times must 1 be halved to get "
            "there?",
        ),
        "sign": Wrong(
            -math.log2(24),
            "The size is right. A probability below 1 has a negative logarithm; the price is minus "
            "that.",
        ),
        "the last letter counted": Wrong(
            -math.log2((1 / 12) / 3),
            "You counted two followers of A. But ABBA ends with the second A: nothing follows it.",
        ),
        "nothing saved for the new": Wrong(
            math.inf,
            "A price without end would mean that D can never come. Every memory leaves a share to "
            "what it has not seen: kinds divided by (all + kinds).",
        ),
        "equal chances": Wrong(
            2.0,
            "2 bits is the price before anything is counted, 1 of 4. Count ABBA: first without "
            "memory, then after A.",
        ),
        "four kinds": Wrong(
            math.log2(10),
            "You took 4 for the kinds, the size of the alphabet. Kinds are the different "
            "characters that *were seen* there: two in ABBA, and one after A.",
        ),
        "four kinds at first": Wrong(
            4.0,
            "After A you counted one kind, which is right. But without memory you took 4, the size "
            "of the alphabet. How many different characters are in ABBA?",
        ),
        "price of B": Wrong(
            -math.log2((1 + 2.5 / 6) / 2),
            "That is the price of B after A, and it is right. Asked is D, which was never seen.",
        ),
    },
    alternatives=[4.585, "4.585"],
    hints=(
        "Two corrections, one after the other: without memory, then with the memory A. Each is "
        "(count + kinds · p) / (all + kinds).",
        "Without memory: D was seen 0 times, 2 kinds were seen, 4 characters in all, and p = ¼.",
        "That gives 1/12. After A came one character of one kind, and it was not D. Then take "
        "−log₂.",
    ),
)

# ---- 6.2 bits per character ----------------------------------------------------------------------


def bits_per_character(p: Array, came: Array) -> float:
    chosen = p[np.arange(len(came)), came]
    return float(-np.mean(np.log2(chosen)))


def _loop_bits(p: Array, came: Array) -> float:
    total = 0.0
    for row, i in zip(p, came, strict=True):
        total -= math.log(row[i]) / math.log(2)
    return total / len(came)


def _rows(rng: np.random.Generator) -> list[tuple]:
    cases = []
    for n, vocab in ((7, 5), (12, 4), (9, 11)):
        raw = rng.random((n, vocab)) + 0.02
        cases.append((raw / raw.sum(axis=1, keepdims=True), rng.integers(0, vocab, n)))
    return cases


bits = Code(
    id="6.2",
    title="Bits per character",
    points=1,
    names=("p", "came"),
    reference=bits_per_character,
    inputs=_rows,
    also=("a text of one character", lambda rng: [(np.array([[0.25, 0.5, 0.25]]), np.array([2]))]),
    wrong={
        "nats": Wrong(
            lambda p, came: bits_per_character(p, came) * math.log(2),
            "Your number is the right one times 0.693: you used the natural logarithm. Divide by "
            "ln 2, or take np.log2.",
        ),
        "log10": Wrong(
            lambda p, came: bits_per_character(p, came) * math.log10(2),
            "You used the logarithm to base 10. A bit is a halving, so the base is 2.",
        ),
        "log of the mean": Wrong(
            lambda p, came: float(-np.log2(np.mean(p[np.arange(len(came)), came]))),
            "You averaged the probabilities and took the logarithm of that. Each character has its "
            "own price; average the prices.",
        ),
        "sum": Wrong(
            lambda p, came: bits_per_character(p, came) * len(came),
            "That is the price of the whole text. Per character: divide by how many there are.",
        ),
        "sign": Wrong(
            lambda p, came: -bits_per_character(p, came),
            "The size is right, the sign is not. Logarithms of probabilities are negative; a price "
            "is positive.",
        ),
        "the likeliest": Wrong(
            lambda p, came: float(-np.mean(np.log2(p.max(axis=1)))),
            "You priced the likeliest character of each row. The price is that of the character "
            "which really came: its number stands in `came`.",
        ),
        "entropy": Wrong(
            lambda p, came: float(-np.mean(np.sum(p * np.log2(p), axis=1))),
            "That is what the model itself expects to pay, averaged over all characters. Only the "
            "ones that came count; `came` says which.",
        ),
        "all columns": Wrong(
            lambda p, came: float(-np.mean(np.log2(p))),
            "You averaged over every entry of p. From each row take one entry, that of the "
            "character which came.",
        ),
        "the grid": Wrong(
            lambda p, came: float(-np.mean(np.log2(p[:, came]))),
            "p[:, came] takes these columns from *every* row. You need row 0 with came[0], row 1 "
            "with came[1], and so on: give the row numbers too.",
        ),
        "perplexity": Wrong(
            lambda p, came: 2 ** bits_per_character(p, came),
            "That is 2 to the power of the answer: the perplexity. It says among how many equal "
            "choices the model is lost. Asked are the bits.",
        ),
        "by the alphabet": Wrong(
            lambda p, came: bits_per_character(p, came) * len(came) / p.shape[1],
            "You divided by the number of columns, the size of the alphabet. The mean is over the "
            "characters of the text: how many rows are there?",
        ),
        "one list": Wrong(
            lambda p, came: -np.log2(p[np.arange(len(came)), came]),
            "These are the right prices, one for each character. Asked is one number, their mean.",
        ),
        "the probability": Wrong(
            lambda p, came: float(np.mean(p[np.arange(len(came)), came])),
            "You return a mean probability. A price is −log₂ of a probability; average the prices.",
        ),
    },
    diagnose=[
        (
            lambda result, p, came: result < 0,
            "Your number is negative. The logarithm of a probability is; the price is minus that.",
        ),
        (
            lambda result, p, came: True,
            "The number is not the mean price. For each row i take p[i, came[i]], then −log₂, then "
            "the mean over the rows. Print the three for one small case.",
        ),
    ],
    alternatives=[
        _loop_bits,
        lambda p, came: -np.log2(np.take_along_axis(p, came[:, None], axis=1)).mean(),
        lambda p, came: -np.sum(np.eye(p.shape[1])[came] * np.log2(p)) / len(p),
    ],
    hints=(
        "From each row you need one entry: the probability of the character that came.",
        "p[np.arange(n), came] takes them all at once. A loop is as good.",
        "Then −np.log2 of each, and the mean.",
    ),
)

# ---- 6.3 a table of pairs ------------------------------------------------------------------------


def bigrams(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = np.zeros((len(alphabet), len(alphabet)))
    for document in documents:
        for a, b in pairwise(document):
            counts[alphabet.index(a), alphabet.index(b)] += 1
    counts = counts + alpha
    return counts / counts.sum(axis=1, keepdims=True)


def _counted(documents: Sequence[str], alphabet: str) -> Array:
    """Plain counts."""
    counts = np.zeros((len(alphabet), len(alphabet)))
    for document in documents:
        for i in range(1, len(document)):
            counts[alphabet.index(document[i - 1]), alphabet.index(document[i])] += 1
    return counts


def _unsmoothed(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = _counted(documents, alphabet)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _one_denominator(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = _counted(documents, alphabet)
    return (counts + alpha) / (counts.sum(axis=1, keepdims=True) + alpha)


def _bare_denominator(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = _counted(documents, alphabet)
    return (counts + alpha) / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _by_columns(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = _counted(documents, alphabet) + alpha
    return counts / counts.sum(axis=0, keepdims=True)


def _in_all(documents: Sequence[str], alphabet: str, alpha: float) -> Array:
    counts = _counted(documents, alphabet) + alpha
    return counts / counts.sum()


def _rows_to_one(table: Array) -> Array:
    return table / table.sum(axis=1, keepdims=True)


def _documents(rng: np.random.Generator) -> list[tuple]:
    cases = []
    sizes_of = (("abc", 0.5, (6, 4, 5)), ("xyzw ", 0.1, (9, 3)), ("abcd", 2.0, (4, 4, 4, 7)))
    for alphabet, alpha, sizes in sizes_of:
        letters = list(alphabet[:-1])  # the last one never comes
        texts = ["".join(rng.choice(letters, n)) for n in sizes]
        texts = [letters[0] + text + letters[1] for text in texts]  # so that borders matter
        cases.append((texts, alphabet, alpha))
    return cases


pairs = Code(
    id="6.3",
    title="A table of pairs",
    points=2,
    names=("documents", "alphabet", "alpha"),
    reference=bigrams,
    inputs=_documents,
    also=(
        "an empty document and one of a single letter",
        lambda rng: [(["", "b", "abba"], "abc", 0.25)],
    ),
    wrong={
        "unsmoothed": Wrong(
            _unsmoothed,
            "Pairs that were never seen get probability 0 from you, and the first one that comes "
            "costs without end. Add alpha to every count before dividing.",
        ),
        "across the border": Wrong(
            lambda documents, alphabet, alpha: bigrams(["".join(documents)], alphabet, alpha),
            "You joined the documents, so the last letter of one is followed by the first of the "
            "next. Nobody wrote that pair. Count inside each document.",
        ),
        "the last document": Wrong(
            lambda documents, alphabet, alpha: bigrams(documents[-1:], alphabet, alpha),
            "Only the last document is counted. Is the table of counts made anew inside the loop?",
        ),
        "columns": Wrong(
            _by_columns,
            "Your columns have the sum 1. A row belongs to the letter that was there; what follows "
            "it stands along the row. Which sum must be 1?",
        ),
        "transposed": Wrong(
            lambda *a: bigrams(*a).T,
            "Rows and columns have changed places. Row: the first letter of the pair. Column: the "
            "one that follows.",
        ),
        "one denominator": Wrong(
            _one_denominator,
            "Your rows add up to more than 1. Alpha was added to every entry of a row; so how much "
            "must be added to the row's sum?",
        ),
        "bare denominator": Wrong(
            _bare_denominator,
            "You add alpha above and divide by the counts without it. The rows then add up to more "
            "than 1. Add first, then divide by the row's new sum.",
        ),
        "of all pairs": Wrong(
            _in_all,
            "You divided by the sum of the whole table: that is how often a pair comes in all. A "
            "model needs what follows *after a given letter*: divide each row by its own sum.",
        ),
        "counts": Wrong(
            lambda documents, alphabet, alpha: _counted(documents, alphabet) + alpha,
            "These are the smoothed counts, and they are right. Probabilities: divide each row by "
            "its sum.",
        ),
        "alpha is one": Wrong(
            lambda documents, alphabet, alpha: bigrams(documents, alphabet, 1.0),
            "You added 1 to every count. How much is to be added stands in `alpha`.",
        ),
        "seen or not": Wrong(
            lambda documents, alphabet, alpha: _rows_to_one(
                np.minimum(_counted(documents, alphabet), 1) + alpha
            ),
            "A pair that came several times counts once in your table. Add 1 each time it comes "
            "(`+=`).",
        ),
        "alpha for the unseen alone": Wrong(
            lambda documents, alphabet, alpha: _rows_to_one(
                np.where(_counted(documents, alphabet) == 0, alpha, _counted(documents, alphabet))
            ),
            "You gave alpha only to the pairs that never came. Asked is alpha added to *every* "
            "count, the seen ones too.",
        ),
        "neighbours but one": Wrong(
            lambda documents, alphabet, alpha: bigrams(
                [part for d in documents for part in (d[::2], d[1::2])], alphabet, alpha
            ),
            "You paired letters that stand two places apart. A pair is a letter and the one right "
            "after it.",
        ),
        "no overlap": Wrong(
            lambda documents, alphabet, alpha: bigrams(
                [d[i : i + 2] for d in documents for i in range(0, len(d) - 1, 2)], alphabet, alpha
            ),
            "You cut the text into pieces of two. Pairs overlap: in abc there are ab and bc.",
        ),
    },
    diagnose=[
        (
            lambda result, documents, alphabet, alpha: not np.allclose(result.sum(axis=1), 1),
            "Your rows don't add up to 1. Divide each row of smoothed counts by the sum of that "
            "row; `keepdims=True` keeps the shapes in step.",
        ),
        (
            lambda result, documents, alphabet, alpha: bool((result < 0).any()),
            "Some entries are negative. Counts, and what is made of them here, can't be.",
        ),
        (
            lambda result, documents, alphabet, alpha: True,
            "The rows add up to 1, the entries differ. Try it on paper with one document, abca, "
            "and alpha 1: which three pairs are in it, and what does row a become?",
        ),
    ],
    alternatives=[
        lambda documents, alphabet, alpha: _smooth(_counted(documents, alphabet), alpha),
        lambda documents, alphabet, alpha: [
            [
                (sum(d[i : i + 2] == a + b for d in documents for i in range(len(d))) + alpha)
                / (sum(a == c for d in documents for c in d[:-1]) + alpha * len(alphabet))
                for b in alphabet
            ]
            for a in alphabet
        ],
    ],
    hints=(
        "A table of zeros, one row and one column for each letter of the alphabet. For each "
        "document walk over neighbours: zip(document, document[1:]).",
        "alphabet.index(a) is the place of a letter. Count, then add alpha to the whole table.",
        "Divide by table.sum(axis=1, keepdims=True): the sums of the rows.",
    ),
)


def _smooth(counts: Array, alpha: float) -> Array:
    total = counts.sum(axis=1, keepdims=True) + alpha * counts.shape[1]
    return (counts + alpha) / total


# ---- 6.4 a sampler with two faults ---------------------------------------------------------------


def next_probabilities(logits: Array, temperature: float, top_k: int) -> Array:
    z = logits / temperature
    kept = np.argsort(-z)[:top_k]
    p = np.zeros_like(z)
    p[kept] = np.exp(z[kept] - z[kept].max())
    return p / p.sum()


def _sampler(
    heat: Callable[[Array, float], Array] = lambda z, t: z / t,
    again: bool = True,
    count: Callable[[int, int], int] = lambda k, n: k,
    smallest: bool = False,
) -> Callable[[Array, float, int], Array]:
    """The function of the exercise, with each of its faults to be chosen."""

    def wrong(logits: Array, temperature: float, top_k: int) -> Array:
        z = heat(logits, temperature)
        p = np.exp(z - z.max())
        p = p / p.sum()
        order = np.argsort(p if smallest else -p)
        p[order[count(top_k, len(p)) :]] = 0
        return p / p.sum() if again else p

    return wrong


def _logits(rng: np.random.Generator) -> list[tuple]:
    return [
        (rng.normal(size=n) * 2, t, k)
        for n, t, k in ((6, 0.5, 3), (9, 2.0, 4), (12, 0.8, 5), (5, 1.5, 2))
    ]


two_faults = Debug(
    id="6.4",
    title="A sampler with two faults",
    points=2,
    names=("logits", "temperature", "top_k"),
    reference=next_probabilities,
    inputs=_logits,
    also=(
        "one candidate, and all of them",
        lambda rng: [(rng.normal(size=7), 0.7, 1), (rng.normal(size=7), 1.3, 7)],
    ),
    wrong={
        "broken": Wrong(
            _sampler(heat=lambda z, t: z * t, again=False),
            "Both faults are still there. Your probabilities don't add up to 1, and a higher "
            "temperature makes them more unequal. Which lines do that?",
        ),
        "sum mended only": Wrong(
            _sampler(heat=lambda z, t: z * t),
            "They add up to 1 now. But at a high temperature the likeliest becomes even likelier, "
            "at a low one all become alike. It should be the other way round.",
        ),
        "temperature mended only": Wrong(
            _sampler(again=False),
            "The temperature works now. But the candidates that were struck out took their share "
            "with them: what is left does not add up to 1.",
        ),
        "no temperature": Wrong(
            _sampler(heat=lambda z, t: z),
            "The temperature has no effect at all now. It must divide the logits before exp. "
            "Dividing the probabilities, or subtracting it from every logit, is undone when the "
            "sum becomes 1.",
        ),
        "the least likely": Wrong(
            _sampler(smallest=True),
            "You keep the top_k *least* likely ones. Which end of argsort belongs to the largest?",
        ),
        "no top_k": Wrong(
            _sampler(count=lambda k, n: n),
            "All candidates stay in. Only the top_k likeliest may.",
        ),
        "one too many": Wrong(
            _sampler(count=lambda k, n: k + 1),
            "One candidate too many stays in. Which positions does `order[top_k:]` name, counted "
            "from 0?",
        ),
        "one too few": Wrong(
            _sampler(count=lambda k, n: k - 1),
            "One candidate too few stays in: the top_k likeliest ones are to be kept.",
        ),
        "equal shares": Wrong(
            lambda z, t, k: (next_probabilities(z, t, k) > 0) / k,
            "The right candidates stay, but all get the same share. Keep their proportions: divide "
            "by what their sum is.",
        ),
        "softmax twice": Wrong(
            lambda z, t, k: _soft_again(next_probabilities(z, t, k)),
            "To make the sum 1 again you took a second softmax. It lifts the zeros and squeezes "
            "the rest together. Dividing by the sum is enough.",
        ),
    },
    diagnose=[
        (
            lambda result, z, t, k: not np.isclose(np.sum(result), 1),
            "Your probabilities don't add up to 1. After the unlikely ones are struck out, what "
            "must happen to the others?",
        ),
        (
            lambda result, z, t, k: int(np.sum(np.asarray(result) > 0)) != k,
            "The number of candidates with a probability above 0 is not top_k. Look at what is "
            "set to 0.",
        ),
        (
            lambda result, z, t, k: True,
            "The sum is right and so is the number of candidates, but the shares differ. Check on "
            "two logits, 1 and 0, at temperature 0.5: their ratio must be e².",
        ),
    ],
    alternatives=[
        _sampler(),
        lambda z, t, k: _by_powers(z, t, k),
        lambda z, t, k: _one_by_one(z, t, k),
    ],
    hints=(
        "Call it with logits (1, 0), top_k 2 and temperatures 0.1 and 10. Which should be nearly "
        "equal?",
        "Temperature divides: at 0.1 differences of logits grow tenfold. And print p.sum() after "
        "the unlikely ones are gone.",
        "Repair the first line of the function, and divide by the sum in the last one.",
    ),
)


def _soft_again(p: Array) -> Array:
    e = np.exp(p)
    return e / e.sum()


def _one_by_one(logits: Array, temperature: float, top_k: int) -> list[float]:
    least = sorted(logits)[-top_k]
    kept = [math.exp(z / temperature) if z >= least else 0.0 for z in logits]
    return [value / sum(kept) for value in kept]


def _by_powers(logits: Array, temperature: float, top_k: int) -> Array:
    p = np.exp(logits - logits.max()) ** (1 / temperature)
    p[p < np.sort(p)[-top_k]] = 0
    return p / p.sum()


# ---- 6.5 how large, how much work ----------------------------------------------------------------


def gpt_bill(layers: int, d: int, vocab: int, context: int, tokens: float) -> tuple[float, float]:
    parameters = layers * 12 * d**2 + (vocab + context) * d
    return parameters, 6 * parameters * tokens


def _bill(
    block: float = 12.0,
    tables: Callable[[int, int], float] = lambda vocab, context: vocab + context,
    factor: float = 6.0,
    seen: bool = True,
    extra: Callable[[int, int], float] = lambda layers, d: 0.0,
) -> Callable[..., tuple[float, float]]:
    """The reference with one of its parts replaced."""

    def wrong(layers: int, d: int, vocab: int, context: int, tokens: float) -> tuple[float, float]:
        n = layers * block * d**2 + tables(vocab, context) * d + extra(layers, d)
        return n, factor * n * (tokens if seen else 1)

    return wrong


def _add_up(layers: int, d: int, vocab: int, context: int, tokens: float) -> tuple[float, float]:
    """Layer by layer: queries, keys, values, output; up and down."""
    n = 0
    for _ in range(layers):
        n += 4 * d * d
        n += d * (4 * d) + (4 * d) * d
    n += vocab * d
    n += context * d
    return n, 2 * n * tokens + 4 * n * tokens


def _published(rng: np.random.Generator) -> list[tuple]:
    """Three sizes of table 2.1 in Brown et al. 2020, and a drawn one."""
    known = [(12, 768), (24, 2048), (96, 12288)]  # tokens are floats: 6 N D is too large for int64
    drawn = (
        int(rng.integers(3, 9)),
        int(rng.integers(5, 20)),
        int(rng.integers(30, 90)),
        17,
        1234.0,
    )
    return [(layers, d, 50257, 2048, 300e9) for layers, d in known] + [drawn]


size_and_work = Code(
    id="6.5",
    title="How large, how much work",
    points=2,
    names=("layers", "d", "vocab", "context", "tokens"),
    returns=("parameters", "flop"),
    reference=gpt_bill,
    inputs=_published,
    tolerance=1e-9,
    also=("a single layer", lambda rng: [(1, 3, 11, 5, 70.0)]),
    wrong={
        "attention only": Wrong(
            _bill(block=4.0),
            "You counted the attention of each block, 4 d². Its feed-forward network has two more "
            "matrices, d × 4d and 4d × d: another 8 d².",
        ),
        "feed-forward only": Wrong(
            _bill(block=8.0),
            "You counted the feed-forward network, 8 d². The attention has four d × d matrices: "
            "queries, keys, values and output.",
        ),
        "one matrix each": Wrong(
            _bill(block=2.0),
            "Each block has two d × d in your count. Attention alone has four, and the "
            "feed-forward network goes up to 4d and down again.",
        ),
        "no embeddings": Wrong(
            _bill(tables=lambda vocab, context: 0),
            "The blocks are right. A row of d numbers for each token of the vocabulary and for "
            "each position is still missing.",
        ),
        "no positions": Wrong(
            _bill(tables=lambda vocab, context: vocab),
            "The blocks and the tokens are right. Each of the `context` positions has a row of d "
            "numbers as well.",
        ),
        "no tokens' rows": Wrong(
            _bill(tables=lambda vocab, context: context),
            "The blocks and the positions are right. Each token of the vocabulary has a row of d "
            "numbers as well.",
        ),
        "last layer again": Wrong(
            _bill(tables=lambda vocab, context: 2 * vocab + context),
            "You counted the vocabulary's table twice, once more for the last layer. In GPT the "
            "two are tied: one table serves both.",
        ),
        "with biases": Wrong(
            _bill(extra=lambda layers, d: 13 * layers * d + 2 * d),
            "You counted biases and norms too: that is the model's exact size, well done. Here "
            "only matrices and tables are asked for, so leave the 13 d per block and the 2 d out.",
        ),
        "forward only": Wrong(
            _bill(factor=2.0),
            "The parameters are right. 2 N D is the forward pass alone; the backward pass costs "
            "twice as much again.",
        ),
        "backward only": Wrong(
            _bill(factor=4.0),
            "The parameters are right. 4 N D is the backward pass; the forward pass adds 2 N D.",
        ),
        "three": Wrong(
            _bill(factor=3.0),
            "The parameters are right. 3 N D counts one operation a parameter and pass. Each is a "
            "multiplication *and* an addition.",
        ),
        "no tokens": Wrong(
            _bill(seen=False),
            "The parameters are right. 6 N is the work for one token. How many are there?",
        ),
        "exchanged": Wrong(
            lambda *a: gpt_bill(*a)[::-1],
            "Both numbers are right, in the other order. Return parameters, then flop.",
        ),
    },
    diagnose=[
        (
            lambda result, *a: not np.isclose(np.asarray(result)[0], gpt_bill(*a)[0], rtol=1e-9),
            "The parameters differ. Take layers = 1, d = 1, vocab = 1, context = 1: a block has "
            "4 + 8, the two tables have 1 each, so 14 in all. What do you get?",
        ),
        (
            lambda result, *a: True,
            "The parameters are right, the operations are not. Each parameter takes part in 2 "
            "operations per token forward and 4 backward.",
        ),
    ],
    alternatives=[
        _add_up,
        lambda layers, d, vocab, context, tokens: (
            np.array([1.0, 6.0 * tokens]) * (12.0 * layers * d * d + d * (vocab + context))
        ),
    ],
    hints=(
        "A block: four d × d matrices for the attention, then d × 4d and 4d × d.",
        "Beside the blocks: a table with vocab rows and one with context rows, d numbers each.",
        "flop = 6 · parameters · tokens: 2 forward, 4 backward.",
    ),
)

# ---- 6.6 choose and explain ----------------------------------------------------------------------

forecast = Choice(
    id="6.6",
    title="A straight line into the future",
    points=1,
    options={
        "a": "trust the line for both: it passes through all six points",
        "b": "trust it for neither: such fits have never predicted anything",
        "c": "fit again without the largest model, see whether that fit finds it, and then plan "
        "only the next step",
        "d": "draw a curve of degree 5 instead: it leaves no error at all",
        "e": "take the mean of the six models as the forecast",
    },
    reasons={
        1: "points that a fit has seen do not test it, and no text is wholly predictable, so the "
        "line must bend somewhere",
        2: "larger models always overfit, so the true curve must rise again",
        3: "a power law is a law of nature, so it holds at any size",
        4: "with six points one can determine six numbers exactly",
    },
    reference=("c", 1),
    wrong={
        "the line": Wrong(
            "a",
            "The line was *made* to pass near these six. And a power law without a floor falls to "
            "any value, also below what nobody can predict. What would test it before you pay?",
        ),
        "neither": Wrong(
            "b",
            "That is too harsh: in the chapter a fit predicted the held-out model well. The "
            "question is how far, and how you find that out beforehand.",
        ),
        "degree 5": Wrong(
            "d",
            "A curve of degree 5 passes through any six points, noise included, and goes anywhere "
            "outside. No error on seen points is no merit.",
        ),
        "the mean": Wrong(
            "e",
            "All six models say that larger ones do better; their mean forgets it. Use the trend, "
            "but test it.",
        ),
        "right, but overfitting": Wrong(
            ("c", 2),
            "The plan is good. But nothing here shows overfitting: the loss is on new text, and it "
            "still falls. Why must the line bend all the same?",
        ),
        "right, but a law": Wrong(
            ("c", 3),
            "The plan is good, but if this were a law of nature you could skip the test. What "
            "makes a fit less than a law?",
        ),
        "right, but six numbers": Wrong(
            ("c", 4),
            "The plan is good. But a fit with as many numbers as points is no reason for a "
            "held-out point, it leaves none. What does the held-out model give you?",
        ),
    },
    hints=(
        "Which of the six points could have shown that the line is wrong?",
        "The second forecast lies 1,000 times further out. What would it mean to predict every "
        "character for certain?",
        "Hold the largest model out, as the chapter does, and go one step at a time.",
    ),
)

# ---- 6.7 design within a budget ------------------------------------------------------------------

BUDGET = 3.15e23  # FLOP, that of GPT-3
VOCAB, CONTEXT = 50257, 2048
LIMIT = 1.995  # predicted loss


def predicted_loss(parameters: float, tokens: float) -> float:
    """Besiroglu et al. 2024, the fit to Hoffmann et al. 2022: nats per token."""
    return 1.8172 + 482.01 / parameters**0.3478 + 2085.43 / tokens**0.3658


def model_of(design: dict[str, Any]) -> dict[str, float]:
    """Parameters, tokens for each of them, work, and the loss that the fit predicts."""
    layers, width, tokens = design["layers"], design["width"], float(design["tokens"])
    if layers != int(layers) or width != int(width):
        raise ValueError("layers and width must be whole numbers")
    if not (1 <= layers <= 1000 and 64 <= width <= 100_000):
        raise ValueError("layers must be between 1 and 1,000, width between 64 and 100,000")
    if not 1e6 <= tokens <= 1e15:
        raise ValueError("tokens must be between 1e6 and 1e15")
    parameters, flop = gpt_bill(int(layers), int(width), VOCAB, CONTEXT, tokens)
    return {
        "parameters": float(parameters),
        "billions": parameters / 1e9,
        "ratio": tokens / parameters,
        "share": flop / BUDGET,
        "loss": predicted_loss(parameters, tokens),
        "shape": width / layers,
    }


better_than_gpt3 = Design(
    id="6.7",
    title="Better than GPT-3 for the same work",
    points=2,
    reference={"layers": 64, "width": 8192, "tokens": 1.0e12},
    measure=model_of,
    accept=lambda m: m["loss"] <= LIMIT and m["share"] <= 1 and 20 <= m["shape"] <= 400,
    wrong={
        "GPT-3": Wrong(
            {"layers": 96, "width": 12288, "tokens": 300e9},
            "That is GPT-3: predicted loss {loss:.3f}, {ratio:.1f} tokens for each parameter. "
            "Which of the two terms of the formula is the larger one? Spend the budget there.",
        ),
        "Chinchilla": Wrong(
            {"layers": 80, "width": 8192, "tokens": 1.4e12},
            "The loss is good, {loss:.3f}, but the work is {share:.2f} times the budget. A smaller "
            "model, or fewer tokens?",
        ),
        "larger still": Wrong(
            {"layers": 128, "width": 18432, "tokens": 1.0e11},
            "{billions:.0f} billion parameters and {ratio:.2f} tokens for each: the loss rises to "
            "{loss:.3f}. Larger is not better when the data must shrink for it.",
        ),
        "data only": Wrong(
            {"layers": 24, "width": 2048, "tokens": 4.0e13},
            "{billions:.1f} billion parameters with {ratio:,.0f} tokens for each: the loss is "
            "{loss:.3f}. Now the first term is the large one. The best lies between.",
        ),
        "half the budget": Wrong(
            {"layers": 48, "width": 7168, "tokens": 6.0e11},
            "Good proportions, but you used only {share:.2f} of the budget, and the loss is "
            "{loss:.3f}. Grow both, the model and the data.",
        ),
        "one wide layer": Wrong(
            {"layers": 2, "width": 46000, "tokens": 1.0e12},
            "The width is {shape:,.0f} times the number of layers. The formula knows nothing of "
            "shape, but the networks it was fitted to had more layers. Stay between 20 and 400.",
        ),
    },
    diagnose=[
        (
            lambda m: m["share"] > 1,
            "The work is {share:.3f} times the budget. With N parameters the budget leaves "
            "5.25e22 / N tokens. Yours has {billions:.1f} billion parameters: how many is that?",
        ),
        (
            lambda m: not 20 <= m["shape"] <= 400,
            "The width is {shape:.1f} times the number of layers; asked is 20 to 400. Keep the "
            "parameters and change the shape: they grow with layers · width².",
        ),
        (
            lambda m: m["share"] < 0.8,
            "The loss is {loss:.4f}; asked is 1.995. You used only {share:.2f} of the budget. Give "
            "the model more tokens, or more parameters.",
        ),
        (
            lambda m: m["ratio"] < 10,
            "The loss is {loss:.4f}; asked is 1.995. Only {ratio:.1f} tokens for each parameter: "
            "the data term is the larger one. A smaller model leaves room for more of them.",
        ),
        (
            lambda m: m["ratio"] > 30,
            "The loss is {loss:.4f}; asked is 1.995. {ratio:,.0f} tokens for each parameter: now "
            "the model is too small, and its term is the larger one.",
        ),
        (
            lambda m: True,
            "The loss is {loss:.4f}; asked is 1.995. You are near. Use what is left of the budget "
            "(so far {share:.2f} of it).",
        ),
    ],
    alternatives=[
        {"layers": 60, "width": 8192, "tokens": 1.05e12},
        {"layers": 80, "width": 7168, "tokens": 1_000_000_000_000},
    ],
    hints=(
        "Compute the two terms for GPT-3: 482.01 / N^0.3478 and 2085.43 / D^0.3658. Which is "
        "larger?",
        "Divide the budget by 6 N to see how many tokens are left for a model. Try 100, 50 and 25 "
        "billion parameters.",
        "About 20 tokens for each parameter, so 50 to 55 billion parameters: for example 64 "
        "layers. Solve 12 · 64 · d² for the width.",
    ),
)

EXERCISES = [
    bits_by_hand,
    bits,
    pairs,
    two_faults,
    size_and_work,
    forecast,
    better_than_gpt3,
]
