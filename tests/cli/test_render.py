"""How a finding is shown: the line, the mark under it, and nothing that steers a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archc.cli.terminal import Column, fitted, short, table
from archc.errors import Diagnostic, columns, plainly, printable, render
from archc.place import Place, Source


def shown(text: str, column: int, length: int, room: int | None = None, **more) -> list[str]:
    place = Place(Source("net.yaml", text), 1, column, length)
    return render(Diagnostic("E301", "said", place, **more), room=room).splitlines()


def test_a_finding_shows_its_line_label_notes_and_help() -> None:
    place = Place(Source("specs/net.yaml", "\n" * 30 + "      - add: [a, b]\n"), 31, 9, 3)
    found = Diagnostic(
        "E301", "add: shapes do not match", place, "must broadcast", ("a  [2]",), "pad"
    )
    assert render(found) == (
        "error[E301]: add: shapes do not match\n"
        "  --> specs/net.yaml:31:9\n"
        "   |\n"
        "31 |       - add: [a, b]\n"
        "   |         ^^^ must broadcast\n"
        "   |\n"
        "   = a  [2]\n"
        "help: pad"
    )


def test_marks_stand_under_what_they_mark_whatever_the_letters_width() -> None:
    wide = shown("日本: relu, é: x\u0301y", 5, 4)
    assert wide[3] == "1 | 日本: relu, é: x\u0301y"
    assert wide[4] == "  |       ^^^^"
    tabs = shown("\tkey: [a]", 7, 3)
    assert (tabs[3], tabs[4]) == ("1 |  key: [a]", "  |       ^^^")


def test_escapes_in_a_line_are_written_out_and_the_mark_follows() -> None:
    lines = shown("a\x1b[31m: relu", 9, 4)
    assert lines[3:5] == ["1 | a\\x1b[31m: relu", "  |            ^^^^"]


def test_long_lines_are_cut_around_the_mark() -> None:
    text = "x" * 500 + "MARKED" + "y" * 500
    lines = shown(text, 501, 6, room=80)
    assert lines[3].startswith("1 | …x") and lines[3].endswith("y…")
    assert max(map(len, lines)) <= 80
    start = lines[4].index("^")
    assert lines[3][start : start + 6] == "MARKED"
    first = shown(text, 1, 3, room=80)
    assert first[3].startswith("1 | xxx") and first[3].endswith("…")


def test_a_file_as_a_whole_has_no_line_to_show() -> None:
    found = Diagnostic("E103", "net.yaml is empty", Place(Source("net.yaml", ""), 1, 1))
    assert render(found) == "error[E103]: net.yaml is empty\n --> net.yaml:1:1"


def test_every_part_gets_its_style() -> None:
    place = Place(Source("a", "b"), 1, 1)
    found = Diagnostic("W901", "m", place, "l", ("n",), "h", "warning")
    text = render(found, lambda part, style: f"<{style}>{part}</>")
    assert text.startswith("<warning>warning[W901]</>: <bold>m</>\n")
    assert "<warning>^ l</>" in text and text.endswith("<help>help</>: h")


@given(
    st.text(),
    st.text(),
    st.text(),
    st.integers(1, 40),
    st.integers(1, 40),
    st.none() | st.integers(1, 99),
)
def test_no_text_whatever_steers_the_terminal(message, line, note, column, length, room) -> None:
    place = Place(Source(note, line), 1, column, length)
    text = render(Diagnostic("E301", message, place, note, (note,), message), plainly, room)
    assert all(c.isprintable() or c == "\n" for c in text)


@given(st.text(max_size=30), st.integers(0, 20))
def test_text_is_fitted_into_its_columns(text: str, room: int) -> None:
    safe = printable(text)
    assert columns(fitted(safe, room)) <= max(room, 0)
    assert columns(safe) > room or fitted(safe, room) == safe


def test_tables_fit_where_something_can_be_cut() -> None:
    rows = [["a" * 40, "1"], ["b\x1b[31m", "22,222"]]
    titles = [Column("name", flexible=True), Column("count", "right")]
    lines = list(table(titles, rows, 30, plainly))
    assert max(map(len, lines)) == 30
    assert lines[2].startswith("aaaa") and "…       1" in lines[2]
    assert lines[3].startswith("b\\x1b[31m") and lines[3].endswith("22,222")


def test_counts_are_short_to_three_figures() -> None:
    numbers = (0, 999, 1000, 9994, 61706, 999_499, 999_500, 25_557_032, 4_089_184_256, 2 * 10**12)
    expected = [
        "0",
        "999",
        "1.00 K",
        "9.99 K",
        "61.7 K",
        "999 K",
        "1.00 M",
        "25.6 M",
        "4.09 G",
        "2.00 T",
    ]
    assert [short(number) for number in numbers] == expected
