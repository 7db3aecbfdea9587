"""What the documents for people say about files and commands is true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "book/instructor.md", "book/index.md"]
PATTERNS = ("NAME", "NN")  # stand for a chapter's or a widget's name


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf8")


@pytest.mark.parametrize("name", DOCS)
def test_named_files_and_folders_exist(name: str) -> None:
    named = re.findall(r"`((?:\.?[\w-]+/)+[\w.-]*|[\w-]+\.(?:md|py|toml|yml|txt))`", text_of(name))
    wanted = [path for path in named if not any(word in path for word in PATTERNS)]
    wanted = [path for path in wanted if not path.startswith((".venv/", "~", "book/_build"))]
    missing = [path for path in wanted if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("name", DOCS)
def test_links_resolve(name: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(name))
    missing = [link for link in links if not (ROOT / name).parent.joinpath(link).exists()]
    assert missing == []


@pytest.mark.parametrize("name", DOCS)
def test_named_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)\b`|^make ([a-z]+)", text_of(name), re.M)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }


def test_each_recipe_for_contributors_has_five_steps() -> None:
    sections = re.split(r"^## ", text_of("CONTRIBUTING.md"), flags=re.M)[1:]
    recipes = {s.splitlines()[0]: len(re.findall(r"^\d\. ", s, re.M)) for s in sections}
    assert recipes == dict.fromkeys(recipes, 5)
    assert len(recipes) == 6


def test_no_file_names_a_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in (".md", ".py", ".js", ".toml", ".yml", ".ipynb", ".txt", ".json"):
            found = re.search(r"/(?:home|Users|work)/\w+", path.read_text("utf8"))
            assert not found, f"{name} names a path of one machine"
