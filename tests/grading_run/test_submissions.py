"""Finding submissions: layouts, archives of platforms, and what hostile archives try."""

import io
import os
import stat
import struct
import zipfile

import pytest

from dlcourse.classroom.grading import archives, reasons
from dlcourse.classroom.grading.archives import Archive, Refused
from dlcourse.classroom.grading.intake import Unreadable
from dlcourse.classroom.grading.submissions import find

NAMES = ("02_threshold_neuron", "15_backpropagation")
N15 = "15_backpropagation.ipynb"


def write(folder, *places, content=b"{}"):
    for place in places:
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def zipped(*entries):
    """A zip archive: each entry a name, or (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            name, content = entry if isinstance(entry, tuple) else (entry, b"{}")
            archive.writestr(name, content)
    return buffer.getvalue()


def pairs(found):
    return [(item.student, item.assignment[:2]) for item in found.submissions]


def whys(found):
    return dict(found.skipped)


@pytest.mark.parametrize(
    ("place", "student"),
    [
        (f"ada/{N15}", "ada"),
        (f"ada/work/{N15}", "ada"),
        (f"ada/15_backpropagation/{N15}", "ada"),  # nbgrader's
        ("15_backpropagation/ada.ipynb", "ada"),
        (f"15_backpropagation/ada/{N15}", "ada"),
        ("15_backpropagation/ada/solution.ipynb", "ada"),
        (f"15_backpropagation/ada_{N15}", "ada"),
        ("15_backpropagation/group-07.ipynb", "group-07"),
        ("15_backpropagation/group-07 (1).ipynb", "group-07"),
        (f"group-07_{N15}", "group-07"),
        (f"ada_{N15}", "ada"),
        ("ada_late_15_BackPropagation-2.ipynb", "ada_late"),
        (f"Ada Lovelace_421_assignsubmission_file_/{N15}", "Ada Lovelace_421"),  # Moodle
        ("ada/15_backpropagation (1).ipynb", "ada"),
        (f"a\u0301da/{N15}", "áda"),
    ],
)
@pytest.mark.parametrize("inside", ["folder", "archive"])
def test_layouts(tmp_path, place, student, inside):
    if inside == "folder":
        write(tmp_path / "in", place)
        root = tmp_path / "in"
    else:
        root = tmp_path / "Course-download.zip"
        root.write_bytes(zipped(place))
    assert pairs(find([root], NAMES)) == [(student, "15")]


def test_several_assignments_and_layouts_in_one_run(tmp_path):
    write(tmp_path, f"ada/{N15}", "ada/02_threshold_neuron.ipynb", f"bob_{N15}")
    (tmp_path / "cleo.zip").write_bytes(zipped("02_threshold_neuron.ipynb", N15))
    (tmp_path / "02_threshold_neuron.zip").write_bytes(zipped("dan.ipynb"))
    assert pairs(find([tmp_path], NAMES)) == [
        *(("ada", "02"), ("cleo", "02"), ("dan", "02")),
        *(("ada", "15"), ("bob", "15"), ("cleo", "15")),
    ]


def test_a_platforms_archive_with_learners_archives(tmp_path):
    root = tmp_path / "download.zip"
    inner = zipped((f"deep/{N15}", b"{1}"))
    root.write_bytes(zipped((f"ada/{N15}", b"{0}"), ("bob/mine.zip", inner), ("cleo.zip", inner)))
    found = find([root], NAMES)
    assert pairs(found) == [("ada", "15"), ("bob", "15"), ("cleo", "15")]
    assert [item.read() for item in found.submissions] == [b"{0}", b"{1}", b"{1}"]


def test_nobody_hands_in_under_another_name(tmp_path):
    """The outermost name counts, whatever a learner's own folder or archive says."""
    write(tmp_path, f"mallory/ada_{N15}", f"eve/ada/{N15}")
    (tmp_path / "oscar.zip").write_bytes(zipped(f"ada/{N15}"))
    (tmp_path / f"trudy_{N15[:-6]}.zip").write_bytes(zipped(f"ada/{N15}"))
    assert [student for student, _ in pairs(find([tmp_path], NAMES))] == [
        *("eve", "mallory", "oscar", "trudy"),
    ]


def test_one_notebook_each_the_latest_copy(tmp_path):
    write(tmp_path, "ada/15_backpropagation (2).ipynb", content=b"{2}")
    write(tmp_path, f"ada/{N15}", f"ada_{N15}")
    found = find([tmp_path], NAMES)
    assert [item.read() for item in found.submissions] == [b"{2}"]
    assert len(found.skipped) == 2
    assert all("same student" in why for why in whys(found).values())


def test_what_counts_for_nobody_is_named(tmp_path):
    write(tmp_path, "ada/essay.pdf", "ada/16_other.ipynb", N15, "ada/.ipynb_checkpoints/" + N15)
    write(tmp_path, "__MACOSX/ada/" + N15, "bob/._" + N15)
    os.symlink(tmp_path, tmp_path / "loop")
    found = find([tmp_path], NAMES)
    assert pairs(found) == []
    assert whys(found) == {
        "ada/essay.pdf": "not a notebook",
        "ada/16_other.ipynb": "the name of no assignment of this run",
        N15: "whose it is can't be told from its name",
        "loop": "a link to a folder",
    }


def test_a_link_and_a_pipe_are_read_by_nobody(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("{}")
    (tmp_path / "in" / "ada").mkdir(parents=True)
    os.symlink(secret, tmp_path / "in" / "ada" / N15)
    os.mkfifo(tmp_path / "in" / f"bob_{N15}")
    for item in find([tmp_path / "in"], NAMES).submissions:
        with pytest.raises(Unreadable, match=reasons.NO_FILE):
            item.read()


def test_hostile_names_are_shown_in_one_safe_line(tmp_path):
    write(tmp_path, f"ada\n\u202eevil\x1b[31m/{N15}", f"{'x' * 200}/{N15}")
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\xfe")
    (tmp_path / os.fsdecode(b"\xff\xfe") / N15).write_text("{}")
    found = find([tmp_path], NAMES)
    assert len(found.submissions) == 3
    for item in found.submissions:
        assert item.name.isprintable()
        assert len(item.name) <= 120
        item.name.encode()
        item.place.encode()


def test_slip_links_and_devices_in_archives(tmp_path):
    link = zipfile.ZipInfo(f"eve/{N15}")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    root = tmp_path / "in.zip"
    root.write_bytes(zipped(
        f"../../ada/{N15}", f"/etc/{N15}", f"C:/x/{N15}", f"a\\..\\b/{N15}",
        (link, b"/etc/passwd"), f"bob/{N15}",
    ))  # fmt: skip
    found = find([root], NAMES)
    assert pairs(found) == [("bob", "15"), ("eve", "15")]
    assert found.submissions[0].read() == b"{}"
    with pytest.raises(Unreadable, match=reasons.NO_FILE):
        found.submissions[1].read()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.zip"]


def test_bombs(tmp_path, monkeypatch):
    root = tmp_path / "in.zip"
    root.write_bytes(zipped(
        (f"ratio/{N15}", bytes(4 * 2**20)), (f"large/{N15}", os.urandom(6 * 2**20)),
        (f"good/{N15}", b"{}"),
    ))  # fmt: skip
    found = {item.student: item for item in find([root], NAMES).submissions}
    assert found["good"].read() == b"{}"
    with pytest.raises(Unreadable, match=reasons.NO_FILE):
        found["ratio"].read()
    with pytest.raises(Unreadable, match="larger than 5 MB"):
        found["large"].read()
    nested = zipped((N15, b"{}"))
    for _ in range(5):
        nested = zipped(("more.zip", nested))
    root.write_bytes(zipped(("ada/x.zip", nested)))
    found = find([root], NAMES)
    assert pairs(found) == []
    assert "an archive in too many others" in whys(found).values()
    monkeypatch.setattr(archives, "MAX_ENTRIES", 10)
    root.write_bytes(zipped(*(f"s{n}/{N15}" for n in range(11))))
    assert whys(find([root], NAMES)) == {"in.zip": "an archive with more than 10 entries"}
    monkeypatch.setattr(archives, "MAX_TOTAL", 4)
    root.write_bytes(zipped(*(f"s{n}/{N15}" for n in range(5))))
    read = [item for item in find([root], NAMES).submissions if not item.refused]
    assert len(read) == 2


def test_a_size_that_lies_is_of_no_use():
    """The entry says 2 bytes, and there are more: what is read is bounded and checked."""
    content = bytearray(zipped(("a.ipynb", b"x" * 5000)))
    place = content.rfind(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 2)
    with Archive(bytes(content)) as archive, pytest.raises(Refused, match="damaged"):
        archive.read(0, 100)


def test_a_directory_too_large_is_refused_before_it_is_read():
    content = bytearray(zipped("a.ipynb"))
    end = content.rfind(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", 2**31)
    with pytest.raises(Refused, match="entries"):
        Archive(bytes(content))


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive_is_skipped(tmp_path, content):
    (tmp_path / "ada.zip").write_bytes(content)
    write(tmp_path, f"bob/{N15}")
    found = find([tmp_path], NAMES)
    assert pairs(found) == [("bob", "15")]
    assert list(whys(found)) == ["ada.zip"]


def test_encrypted_and_damaged_members(tmp_path):
    content = bytearray(zipped((f"ada/{N15}", os.urandom(400)), (f"bob/{N15}", b"{}")))
    content[80:90] = b"\0" * 10  # in ada's data: the checksum is wrong now
    root = tmp_path / "in.zip"
    root.write_bytes(content)
    found = find([root], NAMES).submissions
    with pytest.raises(Unreadable, match=reasons.NO_NOTEBOOK):
        found[0].read()
    assert found[1].read() == b"{}"
    place = content.rfind(b"PK\x01\x02")
    content[place + 8] |= 1
    root.write_bytes(content)
    assert find([root], NAMES).submissions[1].refused == reasons.NO_FILE


def test_an_archive_that_changes_meanwhile(tmp_path):
    root = tmp_path / "in.zip"
    root.write_bytes(zipped(f"ada/{N15}", f"bob/{N15}"))
    found = find([root], NAMES).submissions
    root.write_bytes(zipped(f"ada/{N15}"))
    with pytest.raises(Unreadable, match=reasons.NO_FILE):
        found[1].read()
    root.unlink()
    with pytest.raises(Unreadable, match=reasons.NO_FILE):
        found[0].read()


def test_a_root_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="neither a folder nor a zip archive"):
        find([tmp_path / "nothing"], NAMES)
