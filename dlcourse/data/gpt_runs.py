"""A small GPT on the text of data.manual(), trained for longer than a lesson lasts: its results.

Chapter 6 shows the results. They took minutes, so they stand here as numbers, each from one call of
`bits_after`, and anyone can compute them again:

    python -m dlcourse.data.gpt_runs 4000        the training with 4,000 updates
"""

import math
import sys
import time

import numpy as np

from dlcourse.architectures.gpt import GPT
from dlcourse.backprop import Tensor
from dlcourse.data.texts import Text, manual
from dlcourse.losses import cross_entropy
from dlcourse.optim import Adam, clip_grad_norm
from dlcourse.schedules import CosineSchedule
from dlcourse.train import predict

CONTEXT, FEATURES, HEADS, BLOCKS = 64, 64, 4, 2
BATCH, RATE, WARMUP = 16, 0.005, 20
NEW = 20_000  # characters of new text that are priced, from the 65th on

# Updates -> bits per character on new text, seed 0. The longest took two minutes on one CPU core.
RUNS = {125: 3.120, 250: 2.678, 500: 2.251, 1000: 1.986, 2000: 1.849, 4000: 1.787}


def bits_after(updates: int, seed: int = 0, text: Text | None = None) -> float:
    """Bits per character on new text after this many updates; each run has its own cosine."""
    text = text or manual()
    net = train_gpt(text, updates, seed)
    new = text.encode(text.test[:NEW])
    half = CONTEXT // 2  # of each piece the later half is priced
    pieces = np.lib.stride_tricks.sliding_window_view(new, CONTEXT + 1)[half - 1 :: half]
    logits = predict(net, pieces[:, :-1])[:, half:]
    return cross_entropy(Tensor(logits), pieces[:, half + 1 :]).item() / math.log(2)


def train_gpt(text: Text, updates: int, seed: int = 0) -> GPT:
    """The GPT of chapter 6 after this many updates, on random pieces of the text."""
    codes, rng = text.encode(text.train), np.random.default_rng(seed)
    pieces = np.lib.stride_tricks.sliding_window_view(codes, CONTEXT + 1)
    net = GPT(len(text.alphabet), CONTEXT, FEATURES, HEADS, BLOCKS, seed=seed, positions="rotary")
    adam = Adam(net.parameters(), RATE)
    schedule = CosineSchedule(adam, updates, warmup=WARMUP)
    for _ in range(updates):
        piece = pieces[rng.integers(len(pieces), size=BATCH)]
        loss = cross_entropy(net(piece[:, :-1]), piece[:, 1:])
        adam.zero_grad()
        loss.backward()
        clip_grad_norm(adam.params, 1.0)
        adam.step()
        schedule.step()
    return net


if __name__ == "__main__":
    for updates in map(int, sys.argv[1:] or map(str, RUNS)):
        begin = time.process_time()
        found = bits_after(updates)
        print(f"    {updates}: {found:.3f},  # {time.process_time() - begin:.0f} s", flush=True)
