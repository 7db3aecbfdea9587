"""The list of parts and chapters: one truth for the map, the book's contents and the tests."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Chapter:
    """One chapter. Its rooms share a name: notebooks/NAME.ipynb, exercises/NAME.ipynb, and so on.

    minutes: what a learner needs for text and exercises together, about.
    """

    number: int
    slug: str
    title: str
    minutes: int = 120

    @property
    def name(self) -> str:
        return f"{self.number:02d}_{self.slug}"

    def exists(self, root: Path = ROOT) -> bool:
        """Whether the chapter is written already."""
        return (root / "notebooks" / f"{self.name}.ipynb").is_file()


@dataclass(frozen=True)
class Part:
    """Some chapters on one theme."""

    numeral: str
    title: str
    chapters: tuple[Chapter, ...]


PARTS = (
    Part(
        "I",
        "What deep learning is and how it came about",
        (
            Chapter(1, "what_is_deep_learning", "A child, a cat and a hierarchy"),
            Chapter(2, "threshold_neuron", "1943–1969: the threshold neuron"),
            Chapter(3, "hidden_layers_learn", "1986: hidden layers learn"),
            Chapter(4, "alexnet", "2012: what was new in AlexNet?"),
            Chapter(5, "alphago", "2016: AlphaGo: policy, value and search"),
            Chapter(6, "transformer_era", "2020–2024: the Transformer era"),
        ),
    ),
    Part(
        "II",
        "How a network works: architectures",
        (
            Chapter(7, "deep_network", "From a neuron to a deep network"),
            Chapter(8, "convolutional_networks", "Convolutional networks"),
            Chapter(9, "recurrent_networks", "Recurrent networks and LSTM"),
            Chapter(10, "transformer", "The Transformer"),
            Chapter(11, "gan", "Generative adversarial networks"),
            Chapter(12, "autoencoder", "Autoencoders"),
        ),
    ),
    Part(
        "III",
        "Training in five steps",
        (
            Chapter(13, "data_preparation", "Step 1: Prepare the data"),
            Chapter(14, "forward_and_loss", "Steps 2 and 3: Forward and Loss"),
            Chapter(15, "backpropagation", "Step 4: Backpropagation"),
            Chapter(16, "weight_update", "Step 5: Update, from SGD to Adam"),
        ),
    ),
    Part(
        "IV",
        "Applications: perception and language",
        (
            Chapter(17, "computer_vision", "Computer vision: recognise, detect, inspect"),
            Chapter(18, "natural_language", "Natural language processing"),
            Chapter(19, "speech", "Speech recognition and synthesis"),
        ),
    ),
    Part(
        "V",
        "Applications: decisions, action, creation",
        (
            Chapter(20, "medical_diagnostics", "Medical diagnostics"),
            Chapter(21, "finance_recommendation", "Finance and recommendation"),
            Chapter(22, "robotics_control", "Robotics and control"),
            Chapter(23, "creative_applications", "Images, music and style"),
        ),
    ),
    Part(
        "VI",
        "Trends",
        (
            Chapter(24, "multimodal_models", "Multimodal models, zero-shot and few-shot"),
            Chapter(25, "efficient_architectures", "Pruning, quantisation, distillation, search"),
            Chapter(26, "edge_and_federated", "Edge AI and federated learning"),
        ),
    ),
    Part(
        "VII",
        "Challenges and limits",
        (
            Chapter(27, "compute_energy_data", "Compute, energy and hunger for data"),
            Chapter(28, "interpretability", "Interpretability"),
            Chapter(29, "adversarial_attacks", "Adversarial attacks"),
            Chapter(30, "bias_fairness", "Bias and fairness"),
            Chapter(31, "generalisation", "Shift, transfer and domain adaptation"),
        ),
    ),
    Part(
        "VIII",
        "Practice: comparison, tools, best practice",
        (
            Chapter(32, "deep_or_classical", "Deep or classical? Planning a project"),
            Chapter(33, "frameworks_hardware", "Frameworks and hardware"),
            Chapter(34, "best_practices", "Building and evaluating"),
        ),
    ),
    Part(
        "IX",
        "Outlook, regulation, questions",
        (
            Chapter(35, "outlook", "Neuromorphic, quantum, continual, brain-inspired"),
            Chapter(36, "claims_law_questions", "Claims, markets, law and questions"),
        ),
    ),
)


def chapters() -> list[Chapter]:
    """All chapters in order."""
    return [chapter for part in PARTS for chapter in part.chapters]


def chapter(number: int) -> Chapter:
    """The chapter with this number.

    Raises:
        ValueError: there is no such chapter.
    """
    for candidate in chapters():
        if candidate.number == number:
            return candidate
    raise ValueError(
        f"There is no chapter {number}: the course has chapters 1 to {len(chapters())}."
    )


class CourseMap:
    """The map of the course: a row for each part, a card for each chapter.

    done: chapter number -> how many of its exercises are solved, as (solved, all).
    """

    def __init__(
        self, done: Mapping[int, tuple[int, int]] | None = None, root: Path = ROOT
    ) -> None:
        self.done = dict(done or {})
        self.root = root

    def __repr__(self) -> str:
        lines = []
        for part in PARTS:
            lines.append(f"{part.numeral}. {part.title}")
            lines += [f"   {self._text(chapter)}" for chapter in part.chapters]
        return "\n".join(lines)

    def _text(self, chapter: Chapter) -> str:
        state = self._progress(chapter) if chapter.exists(self.root) else "in preparation"
        return f"{chapter.number:2d}  {chapter.title}" + (f" ({state})" if state else "")

    def _progress(self, chapter: Chapter) -> str:
        solved, total = self.done.get(chapter.number, (0, 0))
        return f"{solved} of {total} exercises solved" if total else ""

    def _repr_html_(self) -> str:
        return f'<div class="dl-map">{"".join(self._part(part) for part in PARTS)}</div>'

    def _part(self, part: Part) -> str:
        cards = "".join(self._card(chapter) for chapter in part.chapters)
        title = html.escape(f"Part {part.numeral}: {part.title}")
        heading = f'<p style="{HEADING}">{title}</p>'
        return f'{heading}<ul class="dl-map-row" style="{ROW}">{cards}</ul>'

    def _card(self, chapter: Chapter) -> str:
        number, title = f"<b>{chapter.number}</b>", html.escape(chapter.title)
        if not chapter.exists(self.root):
            body, edge = f"{number} {title}<br><small>in preparation</small>", "1px dashed #8a9099"
        else:
            link = f'<a href="{chapter.name}.ipynb">{number} {title}</a>'
            state = html.escape(self._progress(chapter))
            body, edge = f"{link}<br><small>{state}</small>", "2px solid #0072b2"
        return f'<li style="border:{edge};{CARD}">{body}</li>'


# In the elements themselves: a notebook that was not run yet shows no style sheets of its outputs.
HEADING = "margin:1.1em 0 .4em;font-weight:600"
ROW = "display:flex;flex-wrap:wrap;gap:10px;margin:0;padding:0;list-style:none"
CARD = (
    "display:block;box-sizing:border-box;width:190px;margin:0;padding:8px 10px;"
    "border-radius:6px;line-height:1.35"
)
