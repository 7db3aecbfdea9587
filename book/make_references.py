"""Makes references.md from references.bib: one heading for each entry, plain Markdown below it.

    python book/make_references.py            write references.md
    python book/make_references.py --check    write nothing; exit status 1 if it is not up to date

A chapter links to ../book/references.md#rosenblatt-1958: first author's surname and year.
"""

import argparse
import sys
from pathlib import Path

from pybtex.database import Entry, Person, parse_file
from pybtex.richtext import Text

HERE = Path(__file__).resolve().parent
HEAD = """# References

<!-- Made by make_references.py from references.bib. Change that file, not this one. -->

The sources of the course, in the order of their first authors. Chapters and the package's code name
them by author and year.
"""
KINDS = {"mastersthesis": "Master's thesis", "phdthesis": "Doctoral thesis"}


class BibError(Exception):
    """An entry that can't become a reference, and what to do."""


def plain(latex: str) -> str:
    r"""LaTeX as text: M\"unchen is München, 3--25 is 3–25."""
    return str(Text.from_latex(latex)).replace("--", "–")


def full_name(person: Person) -> str:
    """A name in the order in which it is spoken."""
    parts = person.first_names + person.middle_names + person.prelast_names
    return plain(" ".join(parts + person.last_names + person.lineage_names))


def authors(entry: Entry) -> str:
    """All authors; ``and others`` in the file is "and others" here."""
    people = [full_name(person) for person in entry.persons["author"]]
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])} and {people[-1]}"


def heading(key: str, entry: Entry) -> str:
    """ "Rosenblatt 1958". Raises BibError where author, title or year is missing."""
    missing = [name for name in ("title", "year") if not entry.fields.get(name)]
    missing += [] if entry.persons.get("author") else ["author"]
    if missing:
        raise BibError(f"{key} has no {', '.join(missing)}. Add it to references.bib.")
    first = entry.persons["author"][0]
    return f"{plain(' '.join(first.prelast_names + first.last_names))} {entry.fields['year']}"


def venue(entry: Entry) -> str:
    """Where it appeared: journal, proceedings, publisher or school, with volume and pages."""
    field = {name: plain(value) for name, value in entry.fields.items()}
    if entry.type in KINDS:
        kind = field.get("type", KINDS[entry.type])
        return ", ".join(filter(None, [kind, field.get("school"), field.get("note")]))
    place = field.get("journal") or field.get("booktitle")
    text = f"*{place}*" if place else ", ".join(filter(None, map(field.get, PUBLISHER)))
    if "volume" in field:
        text += f" {field['volume']}"
    if "number" in field:
        text += f"({field['number']})"
    if "pages" in field:
        text += f", {field['pages']}"
    return ", ".join(filter(None, [text, field.get("note")]))


PUBLISHER = ("publisher", "address")


def links(entry: Entry) -> list[str]:
    """Where to read it. The addresses are written as in the file: they are no LaTeX."""
    found = []
    if doi := entry.fields.get("doi"):
        address = doi.replace("(", "%28").replace(")", "%29")  # brackets would end the link
        found.append(f"[doi:{doi}](https://doi.org/{address})")
    if number := entry.fields.get("eprint"):
        found.append(f"[arXiv:{number}](https://arxiv.org/abs/{number})")
    if url := entry.fields.get("url"):
        found.append(f"<{url}>")
    return found


def reference(entry: Entry) -> str:
    """The paragraph below the heading."""
    title = plain(entry.fields["title"]).rstrip(".")
    first = f"{authors(entry)} ({entry.fields['year']}). {title}."
    return " ".join([first, *(f"{part}." for part in [venue(entry)] if part), *links(entry)])


def make(bib: Path) -> str:
    """The text of references.md.

    Raises:
        BibError: an entry lacks author, title or year, or two entries get the same heading.
    """
    made: dict[str, str] = {}
    for key, entry in parse_file(str(bib), bib_format="bibtex").entries.items():
        name = heading(key, entry)
        if name in made:
            raise BibError(f"{key}: there is a second {name}. Their links could not be told apart.")
        made[name] = reference(entry)
    names = sorted(made, key=str.lower)
    return "\n".join([HEAD, *(f"## {name}\n\n{made[name]}\n" for name in names)])


def main(arguments: list[str] | None = None, folder: Path = HERE) -> int:
    """The command line; 0 where all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what is stale")
    check = parser.parse_args(arguments).check
    target = folder / "references.md"
    try:
        text = make(folder / "references.bib")
    except BibError as error:
        print(error)
        return 1
    if not check:
        target.write_text(text, encoding="utf-8", newline="\n")
    elif not target.exists() or target.read_text(encoding="utf-8") != text:
        print("book/references.md is not what references.bib says. Run: book/make_references.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
