"""Hostile text: what reading alone must refuse."""

from __future__ import annotations

from pathlib import Path

from hostile.cases import HEAD, Case, content, net, text

MIB = 1 << 20


def _bomb(levels: int) -> str:
    lines = ["archc: 1", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, levels)]
    return "\n".join(lines)


def _indented(depth: int) -> str:
    return "archc: 1\n" + "".join(f"{' ' * k}a:\n" for k in range(depth)) + " " * depth + "b: 1\n"


def _nested_do(depth: int) -> str:
    steps = "".join(f"{'  ' * k}  - do:\n" for k in range(depth))
    return HEAD + "graph:\n" + steps + "  " * depth + "  - relu\n"


def _huge_file(folder: Path) -> None:
    with (folder / "net.yaml").open("wb") as file:
        file.write(b"archc: 1\ndoc: ")
        file.truncate(1 << 40)  # takes no room on the disk


def _endless(folder: Path) -> None:
    (folder / "net.yaml").symlink_to("/dev/zero")


CASES = [
    Case("alias bomb", "E107", text(_bomb(30))),
    Case("merge key bomb", "E107", text("archc: 1\na: {<<: [*b, *b], <<: *c}\n")),
    Case("anchor on every value", "E107", text("archc: 1\na: [" + "&a 1, " * 100_000 + "]")),
    Case("tag that would run code", "E107", text("archc: !!python/object/apply:os.system [id]\n")),
    Case("100,000 brackets", "E108", text("archc: 1\na: " + "[" * 100_000)),
    Case("100,000 braces", "E108", text("archc: 1\na: " + "{a: " * 100_000)),
    Case(
        "60,000 brackets in a setting",
        "",
        lambda folder: None,
        ("check", "lenet5", "--set", "classes=" + "[" * 60_000),
        2,
    ),
    Case("1,000 levels by indentation", "E108", text(_indented(1_000))),
    Case("do in do, 200 deep", "E108", text(_nested_do(200))),
    Case("do in do, 20 deep", "", text(_nested_do(20)), status=0),
    Case("more bytes than are read", "E108", text("archc: 1\n# " + "x" * 5 * MIB)),
    Case("a terabyte", "E108", _huge_file),
    Case("a device without end", "E101", _endless),
    Case("a folder", "E101", lambda folder: (folder / "net.yaml").mkdir()),
    Case("more values than are read", "E108", text("archc: 1\na: [" + "1, " * 300_000 + "]")),
    Case("one line of steps", "E108", text(net("  [" + "relu, " * 300_000 + "]"))),
    Case("one long text", "", text(net("  - relu", "doc: " + "x" * 1_000_000 + "\n")), status=0),
    Case(
        "a long text for a key",
        "E201",
        text("archc: 1\n? " + "k" * 1_000_000 + "\n: 1\ngraph: []\n"),
    ),
    Case("a step with a long name", "E204", text(net("  - " + "k" * 1_000_000))),
    Case(
        "an attribute with a long name",
        "E206",
        text(net("  - linear: {? " + "k" * 500_000 + " : 1}")),
    ),
    Case("a number of a million digits", "E207", text(net("  - linear: " + "9" * 1_000_000))),
    Case("a hexadecimal number without end", "E207", text(net("  - linear: 0x" + "f" * 1_000_000))),
    Case("a number of 400 digits", "E207", text(net("  - linear: " + "9" * 399))),
    Case("100,000 documents", "E104", text("archc: 1\n" + "---\n" * 100_000)),
    Case("one key, 30,000 times", "E106", text("archc: 1\n" + "doc: x\n" * 30_000)),
    Case(
        "30,000 unknown keys",
        "E201",
        text("archc: 1\n" + "".join(f"k{k}: 1\n" for k in range(30_000)) + "graph: []\n"),
    ),
    Case("70,000 unknown ops", "E204", text(net("  - relo\n" * 70_000))),
    Case("70,000 unknown ops on a line", "E204", text(net("  [" + "relo, " * 70_000 + "]"))),
    Case(
        "30,000 unknown attributes",
        "E206",
        text(net("  - conv2d: {" + ", ".join(f"k{k}: 1" for k in range(30_000)) + "}")),
    ),
    Case(
        "7,000 wrong steps",
        "E205",
        text(net("  - {conv2d: {out: 8, kernal: 3}, nane: a}\n" * 7_000)),
    ),
    Case("60,000 wrong formulas", "E109", text(net("  - linear: =(\n" * 60_000))),
    Case("20,000 unquoted formulas", "E109", text(net("  - {linear: =max(1, 2)}\n" * 20_000))),
    Case("a binary file", "E102", content(bytes(range(256)) * 16_000, "net.yaml")),
    Case("bytes that are no UTF-8", "E102", content(b"archc: 1\ndoc: \xff\xfe\n", "net.yaml")),
    Case("only comments, 4 MB", "E103", text("#\n" * 2_000_000)),
    Case("only line ends, 4 MB", "E103", text("\n" * 4_000_000)),
    Case("only carriage returns, 4 MB", "E103", content(b"\r" * 4_000_000, "net.yaml")),
    Case("a text of 4 MB of escapes", "E103", text('"' + r"\x41" * 1_000_000 + '"')),
    Case("nested flow in train", "E108", text(net("  - relu", "train: " + "[" * 5000 + "\n"))),
    Case(
        "40,000 labels", "", text(net("  - relu", "labels: [" + "a, " * 40_000 + "]\n")), status=0
    ),
    Case(
        "a megabyte of steps, formatted",
        "E108",
        text(net("  - {conv2d: {out: 64, kernel: 3}, name: c}  # a comment\n" * 18_000)),
        ("fmt", "net.yaml", "--check"),
    ),
    Case(
        "a list in 20,000 rows, formatted",
        "",
        text(net("  - relu", "labels: [" + "a,\n  " * 20_000 + "a]\n")),
        ("fmt", "net.yaml", "--check"),
    ),
    Case(
        "10,000 comments, formatted",
        "",
        text("archc: 1\n" + "  # a\n# b\n" * 5_000 + "graph: [relu]\n"),
        ("fmt", "net.yaml", "--check"),
    ),
]
