"""The program as a whole: verbs, usage, exit codes, streams, logs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from archc import __version__
from archc.cli import check
from archc.cli.main import VERBS, main

CORE = ("check", "show", "zoo", "schema", "fmt", "diff", "explain")


def program(*argv: str, **more) -> subprocess.CompletedProcess[bytes]:
    """archc in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "archc", *argv], capture_output=True, check=False, **more
    )


def test_help_lists_every_verb_with_what_it_does(archc) -> None:
    found = archc("--help")
    assert found.code == 0
    for verb, summary in VERBS.items():
        assert f"{verb:<9} {summary}" in found.out


def test_without_arguments_the_overview_is_printed_as_wrong_usage(archc) -> None:
    assert archc() == (2, archc("--help").out, "")


def test_the_version_is_that_of_the_package(archc) -> None:
    assert archc("--version") == (0, f"archc {__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(archc, verb: str) -> None:
    found = archc(verb, "--help")
    assert found.code == 0
    assert f"  archc {verb}" in found.out.partition("Example")[2]


def test_a_misspelt_verb_is_answered_with_the_nearest_one(archc) -> None:
    code, out, err = archc("chekc", "net.yaml")
    assert (code, out) == (2, "")
    assert "did you mean 'check'?" in err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["check"], "the following arguments are required: SPEC"),
        (["check", "resnet18", "--strct"], "unrecognized arguments: --strct"),
        (["check", "resnet18", "--set", "classes"], "--set takes NAME=VALUE, found 'classes'"),
        (["check", "resnet18", "--set", "classes=[1"], "--set classes: not valid YAML"),
        (["check", "resnet18", "--set", "classes==2"], "a setting is a value, not a formula"),
        (["check", "resnet81"], "did you mean 'resnet"),
        (["show", "resnet18", "--at", "N"], "--at takes sizes such as N=8,T=128, found 'N'"),
        (["show", "resnet18", "--at", "N=0"], "--at takes sizes such as N=8,T=128"),
        (["show", "resnet18", "--at", "M=2"], "no input has a dimension 'M'"),
        (["show", "transformer", "--model", "decodr"], "did you mean 'decoder"),
        (["show", "resnet18", "--depth", "deep"], "invalid int value: 'deep'"),
        (["show", "resnet18", "--graph", "png"], "invalid choice: 'png'"),
        (["zoo", "--count"], "unrecognized arguments: --count"),
        (["zoo", "res", "net"], "unrecognized arguments: net"),
        (["schema", "nothere"], "no spec 'nothere'"),
        (["schema", "a", "b"], "unrecognized arguments: b"),
        (["fmt"], "the following arguments are required: FILE"),
        (["fmt", "--write", "x.yaml"], "unrecognized arguments: --write"),
        (["diff", "resnet18"], "the following arguments are required: B"),
        (["diff", "resnet18", "resnet43"], "no spec 'resnet43'"),
        (["explain", "E999"], "there is no code E999"),
        (["explain", "conv_2d"], "did you mean 'conv2d'?"),
        (["explain", "a", "b"], "unrecognized arguments: b"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_said_on_stderr_and_ends_with_two(archc, argv: list[str], said: str) -> None:
    code, out, err = archc(*argv)
    assert (code, out) == (2, "")
    assert said in err


def test_wrong_usage_can_be_read_by_machines(archc) -> None:
    found = archc("show", "resnet81", "--json")
    assert found.code == 2
    assert [one["code"] for one in found.json] == ["E701"]
    assert found.err == ""


def test_settings_are_yaml_values(archc, tiny: Path) -> None:
    found = archc("show", tiny, "--set", "width=4", "--set", "depths=[3, 2]", "--json")
    assert found.json["params"] == (8 * 4 + 4) + 2 * (4 * 4 + 4) + 4 * 2 + 2
    found = archc("show", tiny, "--set", "block={a: {b: 1e-3}}", "--set", "act={leaky_relu: 0.2}")
    assert "leaky_relu" in found.out


def test_a_setting_that_does_not_fit_is_a_finding_at_the_command_line(archc, tiny: Path) -> None:
    code, _, err = archc("check", tiny, "--set", "width=wide")
    assert code == 1
    assert "error[E207]" in err
    assert "--set:1:1" in err


def test_a_bug_is_reported_in_few_words_and_with_a_traceback_on_demand(
    archc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of \x1b[31mall things")

    monkeypatch.setattr(check, "examine", broken)
    code, out, err = archc("check", tiny)
    assert (code, out) == (3, "")
    assert "a bug in archc: ZeroDivisionError: of \\x1b[31mall things" in err
    assert "Traceback" not in err and "\x1b" not in err
    code, _, err = archc("check", tiny, "-v")
    assert code == 3
    assert "Traceback" in err and "\x1b" not in err


def test_control_c_ends_with_a_word_and_not_a_traceback(
    archc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "examine", stopped)
    assert archc("check", tiny) == (130, "", "\narchc: stopped\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        found = subprocess.run(
            [sys.executable, "-m", "archc", "explain"],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (found.returncode, found.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="shell redirection")
def test_closed_and_full_outputs_end_without_a_traceback(tiny: Path) -> None:
    python = f"'{sys.executable}' -m archc"
    closed = subprocess.run(
        f"{python} check tiny.yaml >&-", shell=True, check=False, capture_output=True, text=True
    )
    assert closed.returncode == 0 and "Traceback" not in closed.stderr
    if Path("/dev/full").exists():
        full = subprocess.run(
            f"{python} explain >/dev/full", shell=True, check=False, capture_output=True, text=True
        )
        assert full.returncode == 1
        assert "No space left" in full.stderr and "Traceback" not in full.stderr


def test_output_is_utf8_whatever_the_locale_says(tiny: Path) -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    found = program("check", "tiny.yaml", env=env)
    assert found.returncode == 0
    assert found.stdout.decode("utf-8").startswith("✓ tiny.yaml: ok")


def test_the_log_goes_to_a_file_and_is_escaped(archc, tiny: Path, tmp_path: Path) -> None:
    import logging

    log = tmp_path / "archc.log"

    def noisy(*_: object):
        logging.getLogger("archc.test").debug("deep \x1b[31m")
        return [], []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check, "examine", noisy)
        assert archc("check", tiny, "--log-file", log).err == ""
    assert "DEBUG archc.test: deep \\x1b[31m" in log.read_text("utf-8")
    code, _, err = archc("check", tiny, "--log-file", tmp_path)
    assert code == 2
    assert "cannot write the log" in err


def test_quiet_says_nothing_about_what_is_well(archc, tiny: Path) -> None:
    assert archc("check", tiny, "-q") == (0, "", "")


def test_main_takes_its_arguments_from_the_process(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["archc", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("archc ")


def test_core_verbs_import_no_numpy_and_no_table_library(tiny: Path) -> None:
    heavy = ("numpy", "rich", "ruamel", "torch", "onnx", "onnxruntime", "jsonschema")
    script = (
        "import sys\nfrom archc.cli.main import main\n"
        "a = 'tiny.yaml'\n"
        "for argv in (['check', a], ['show', a], ['zoo'], ['explain', 'relu'], ['fmt', a],\n"
        "             ['diff', a, a], ['schema']):\n"
        "    assert main(argv) == 0, argv\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert found.stderr.strip() == "[]"
