"""Names and texts from a spec alter neither the Python that is generated, nor a path, nor a screen.

Names that are words of Python or of PyTorch, and texts that would end a string or steer a terminal,
stand wherever a spec takes them. The source is parsed, imported and asked for its weights; the ONNX
file is written; every verb that reads a spec prints what it has to say.
"""

from __future__ import annotations

import ast
import io
import json
import os
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archc
from archc.cli.main import main
from archc.errors import SpecError, UnsupportedError
from archc.ir.program import Program

archc_torch = pytest.importorskip("archc_torch")
archc_onnx = pytest.importorskip("archc_onnx")
onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

# Names that the language takes, and that mean something where they end up.
WORDS = (
    "forward", "init", "class", "def", "lambda", "None", "True", "self", "super", "torch", "nn",
    "F", "Tensor", "x", "y", "prev_", "weight", "bias", "training", "type", "parameters",
    "modules", "state_dict", "load_state_dict", "eval", "exec", "open", "print", "len", "max",
    "range", "import", "__init__", "__class__", "__import__", "__getattr__", "__setattr__",
    "__call__", "__dict__", "__builtins__", "_parameters", "_modules", "_", "__", "_a", "a_",
    "a__b", "aB", "a_b", "ab", "AB", "0", "1", "7", "00", "append", "keys", "items", "pop", "half",
    "to", "match", "case", "async", "register_buffer", "add_module", "OrderedDict", "Model",
    "Block", "sub_module", "output", "main", "con", "nul", "aux", "h" * 90,
)  # fmt: skip
# Texts that would be more than text.
TEXTS = (
    '"""\nopen("hacked", "w")\n"""', "'''\nopen('hacked', 'w')\n'''", '\\"""\nopen("hacked","w")#',
    "\\", '"', '""', '"' * 7, "a\\", "\\N{DIGIT ONE}", "{open('hacked', 'w')}", "%(a)s %d {0}",
    "\nimport os\n", "# -*- coding: rot13 -*-", "\x1b[2J\x1b[31mred\x1b[0m", "\x1b]0;title\x07",
    "\x9b31m", "a\rb", "a\x08b", "a\x7fb", "\u202eevil\u202c", "\u2066x\u2069", "\u200b\u200f",
    "\ufeff", "a\u2028b\u2029c\x85d", "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "`rm -rf /`",
    "$(touch hacked)", "; touch hacked", "../../../secret", "/etc/passwd", "C:\\secret", "a/b",
    "a\x0bb", "日本語", "e\u0301\u0301\u0301", "\U0001f600", "", " ", "\t", "=1", "- a: b", "null",
    "a: b # c", "|", ">", "&a", "*a", "!tag", "%YAML 1.1", "---", "...",
)  # fmt: skip

names = st.sampled_from(WORDS)
texts = st.sampled_from(TEXTS) | st.text(max_size=30)
QUICK = settings(max_examples=60, suppress_health_check=list(HealthCheck))


def quoted(text: str) -> str:
    """The text as a YAML scalar in double quotes, everything unusual escaped."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    plain = letter.isascii() and letter.isprintable() and letter not in '"\\'
    return letter if plain else f"\\U{ord(letter):08x}"


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A valid spec whose names are all drawn, some of them equal."""
    model, block, parameter, source = (draw(names.filter(str.isidentifier)) for _ in range(4))
    steps = draw(st.lists(names, min_size=3, max_size=6, unique_by=str.lower))
    inner = draw(st.lists(names, min_size=2, max_size=3, unique_by=str.lower))
    target = draw(names)
    lines = [
        "archc: 1",
        f"name: {quoted(model)}",
        f"doc: {quoted(draw(texts))}",
        f"task: {quoted(draw(texts))}",
        f"labels: [{quoted(draw(texts))}, {quoted(draw(texts))}]",
        f"params: {{{quoted(parameter)}: 4}}",
        f"inputs: {{{quoted(source)}: [N, 8]}}",
        "blocks:",
        f"  {quoted(block + '_block')}:",
        f"    doc: {quoted(draw(texts))}",
        "    graph:",
        *(f"      - {{linear: 8, name: {quoted(name)}}}" for name in inner),
        "      - add: [x, prev]",
        "graph:",
        *(f"  - {{linear: 8, name: {quoted(name)}}}" for name in steps[:-2]),
        f"  - {{{quoted(block + '_block')}: {{}}, name: {quoted(steps[-2])}, repeat: 2}}",
        f"  - {{name: {quoted(steps[-1])}, do: [{{linear: 8, name: {quoted(inner[0])}}}, relu]}}",
        f"outputs: {{{quoted(target)}: prev}}",
    ]
    return "\n".join(lines) + "\n"


@QUICK
@given(specs())
def test_names_are_names_of_weights_and_nothing_else(text: str) -> None:
    with alone() as folder:
        program = compiled(text)
        if program is None:
            return
        try:
            source = archc_torch.source(program)
        except UnsupportedError as error:
            assert "PyTorch cannot hold" in str(error)  # noqa: PT017 - a name of nn.Module's own
            return
        check_source(source)
        module = archc_torch.module(program)
        weights = [entry.name for entry in program.weights()]
        assert sorted(module.state_dict()) == sorted(weights)
        value = module.eval()(torch.zeros(2, 8))
        assert tuple((value if isinstance(value, torch.Tensor) else value[0]).shape) == (2, 8)
        archc_onnx.export(program, folder / "m.onnx")
        graph = onnx.load(folder / "m.onnx").graph
        assert {one.name for one in graph.initializer} >= set(weights)
        assert [one.name for one in graph.input] == list(program.model.input_types())
        assert [path.name for path in folder.iterdir()] == ["m.onnx"]


@QUICK
@given(st.lists(texts, min_size=4, max_size=4))
def test_texts_change_no_code(found: list[str]) -> None:
    with alone() as folder:
        plain, drawn = (described(four) for four in (["a", "b", "c", "d"], found))
        source = archc_torch.source(archc.compile_text(drawn))
        assert code(source) == code(archc_torch.source(archc.compile_text(plain)))
        exec(compile(source, "model.py", "exec"), {"__name__": "model"})
        assert not list(folder.iterdir())


def described(four: list[str]) -> str:
    """A spec with texts wherever it takes them."""
    doc, task, label, inner = map(quoted, four)
    return (
        f"archc: 1\ndoc: {doc}\ntask: {task}\nlabels: [{label}]\ninputs: {{x: [N, 8]}}\n"
        f"blocks: {{b: {{doc: {inner}, graph: [{{linear: 8, name: fc}}]}}}}\n"
        f"graph: [{{b, name: one}}, {{b, name: two}}, {{b, name: three}}]\n"
    )


PLACES = (
    "archc: 1\nname: {}\ninputs: {{x: [N, 8]}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{relu, name: {}}}]\n",
    "archc: 1\ninputs: {{{}: [N, 8]}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [{}, 8]}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [relu]\noutputs: {{{}: prev}}\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [relu]\noutputs: {{y: {}}}\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{linear: {{{}: 8}}}}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{linear: {}}}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{linear: 8, {}: 8}}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{linear: 8, in: {}}}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{linear: 8, tie: {{weight: {}}}}}]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\nparams: {{{}: 1}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\nvariants: {{{}: {{}}}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\nblocks: {{{}: {{graph: [relu]}}}}\ngraph: [relu]\n",
    "archc: 1\nmodels: {{{}: {{inputs: {{x: [N, 8]}}, graph: [relu]}}}}\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\nuse: [{}]\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\nweights: {{ignore: [{}]}}\ngraph: [relu]\n",
    "archc: 1\ninputs: {{x: [N, 8]}}\ngraph: [{{rearrange: {}}}]\n",
    "archc: 1\n{}: 1\ninputs: {{x: [N, 8]}}\ngraph: [relu]\n",
)
VERBS = (
    ("check", "net.yaml"), ("check", "net.yaml", "--json"), ("show", "net.yaml"),
    ("show", "net.yaml", "--flat"), ("show", "net.yaml", "--ir"), ("show", "net.yaml", "--json"),
    ("show", "net.yaml", "--graph", "dot"), ("show", "net.yaml", "--graph", "mermaid"),
    ("fmt", "net.yaml", "--check"), ("fmt", "net.yaml", "--diff"), ("schema", "net.yaml"),
    ("diff", "net.yaml", "lenet5"), ("export", "net.yaml", "-o", "out/m.onnx"),
)  # fmt: skip


@QUICK
@given(st.sampled_from(PLACES), texts)
def test_no_verb_prints_what_steers_a_terminal_or_writes_beside(place: str, text: str) -> None:
    with alone() as folder:
        (folder / "net.yaml").write_text(place.format(quoted(text)), encoding="utf-8")
        for command in VERBS:
            check_shown(command)
        assert {path.name for path in folder.iterdir()} <= {"net.yaml", "out"}
        assert {path.name for path in folder.glob("out/*")} <= {"m.onnx"}


@QUICK
@given(specs())
def test_no_verb_prints_more_than_text_of_a_valid_spec(text: str) -> None:
    with alone() as folder:
        (folder / "net.yaml").write_text(text, encoding="utf-8")
        for command in VERBS:
            check_shown(command)


@QUICK
@given(texts.filter(lambda text: "\0" not in text))
def test_what_is_typed_is_printed_as_text(text: str) -> None:
    with alone():
        for command in (
            ("check", text), ("show", f"{text}.yaml"), ("explain", text), (text,), ("zoo", text),
            ("show", "lenet5", "--set", f"classes={text}"), ("show", "lenet5", "--at", text),
            ("show", "lenet5", "--variant", text), ("show", "lenet5", "--model", text),
            ("fmt", f"{text}.yaml"), ("diff", text, "lenet5"), ("schema", f"{text}.yaml"),
        ):  # fmt: skip
            check_shown(command)


def check_shown(command: tuple[str, ...]) -> None:
    """Runs a command, which prints text alone and is never surprised."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(command)
    assert status in (0, 1, 2), (command, err.getvalue())
    for shown in (out.getvalue(), err.getvalue()):
        assert all(one.isprintable() or one == "\n" for one in shown), (command, shown)
    if "--json" in command and status != 2:
        json.loads(out.getvalue())


def compiled(text: str) -> Program | None:
    """The program; None where names meet that may not, which is an error of ours."""
    try:
        return archc.compile_text(text)
    except SpecError as error:
        assert {one.code for one in error.diagnostics} <= {"E211", "E212"}  # noqa: PT017
        return None


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class alone:  # noqa: N801 - reads as what it is
    """An empty working folder of its own, in which nothing may be called `hacked` at the end."""

    def __enter__(self) -> Path:
        self.folder = TemporaryDirectory()
        self.inside = chdir(self.folder.name)
        self.inside.__enter__()
        return Path(self.folder.name)

    def __exit__(self, *error: object) -> None:
        there = os.listdir(self.folder.name)  # noqa: PTH208
        self.inside.__exit__(None, None, None)
        self.folder.cleanup()
        assert "hacked" not in there


IMPORTS = {
    "__future__",
    "torch",
    "torch.nn",
    "torch.nn.functional",
    "collections",
    "typing",
    "math",
}


def check_source(source: str) -> None:
    """Python that defines classes and functions, imports PyTorch, and does nothing else."""
    tree = ast.parse(source)
    for node in tree.body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        kinds = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.Assign, ast.If)
        assert docstring or isinstance(node, kinds), ast.unparse(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {one.name for one in node.names} <= IMPORTS
        if isinstance(node, ast.ImportFrom):
            assert node.module in IMPORTS
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "open", "compile", "__import__")


def code(source: str) -> str:
    """What the source does: its tree without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                del body[0]
    return ast.dump(tree)
