"""`archc show`: the table, its totals, and the forms for machines."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_table_has_every_step_with_shape_and_counts(archc, tiny: Path) -> None:
    code, out, err = archc("show", tiny, "--at", "N=2,T=5")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "tiny  A network for tests (Nobody, 2020).",
        "  → x  float32[N, T, 8]",
        "  ← y  float32[N, T, 2]",
        "",
        "step   op      output     parameters  MACs",
        "──────────────────────────────────────────",
        "fc.0   linear  [N, T, 8]          72   640",
        "1      relu    [N, T, 8]",
        "head   linear  [N, T, 2]          18   160",
        "──────────────────────────────────────────",
        "total                             90   800",
        "90 parameters, 0.0 MB; 800 MACs at N=2, T=5",
    ]


def test_blocks_are_opened_as_deep_as_asked(archc) -> None:
    shallow = archc("show", "resnet50", "--depth", "1").out
    assert re.search(r"^layer1 +\[N, 256, 56, 56\] +215,808 +667,942,912$", shallow, re.MULTILINE)
    assert "bottleneck" not in shallow
    assert "steps inside blocks are left out" in shallow
    deep = archc("show", "resnet50", "--depth", "9").out
    assert "    downsample" in deep
    assert "left out" not in deep


def test_without_a_depth_the_table_has_a_length_that_is_read(archc) -> None:
    assert len(archc("show", "resnet152").out.splitlines()) < 90


def test_flat_lists_every_step_by_its_path(archc) -> None:
    out = archc("show", "resnet18", "--flat").out
    assert re.search(r"^layer4\.1\.conv2 +conv2d +\[N, 512, 7, 7\] +2,359,296", out, re.MULTILINE)


def test_copies_that_are_equal_are_one_row(archc) -> None:
    out = archc("show", "gpt2").out
    assert re.search(r"^  h\.\[0\.\.11\] +layer x 12 +\[N, T, 768\] +85,054,464", out, re.MULTILINE)


def test_machines_read_names_counts_inputs_outputs_and_steps(archc) -> None:
    found = archc("show", "resnet18", "--json").json
    assert (found["name"], found["params"], found["macs"]) == ("resnet18", 11689512, 1814073344)
    assert found["inputs"] == {"image": {"dtype": "float32", "dims": ["N", 3, 224, 224]}}
    assert found["outputs"] == {"logits": {"dtype": "float32", "dims": ["N", 1000]}}
    assert sum(step["params"] for step in found["steps"]) == found["params"]
    assert sum(step["macs"] for step in found["steps"]) == found["macs"]
    first = found["steps"][0]
    assert (first["path"], first["op"]) == ("conv1", "conv2d")
    assert first["outputs"] == [{"dtype": "float32", "dims": ["N", 64, 112, 112]}]


def test_sizes_of_symbolic_dimensions_scale_the_macs(archc) -> None:
    one = archc("show", "gpt2", "--json").json
    many = archc("show", "gpt2", "--at", "N=2,T=3", "--json").json
    assert many["at"] == {"N": 2, "T": 3}
    assert one["at"] == {"N": 1, "T": 1}
    assert many["macs"] > 6 * one["macs"] - 1
    assert many["params"] == one["params"]


def test_one_of_several_models_is_shown(archc) -> None:
    out = archc("show", "vae", "--model", "decoder").out
    assert out.startswith("vae, decoder  Auto-encoding")
    assert "other models (--model): encoder, vae" in out
    assert archc("show", "vae", "--json").json["model"] == "vae"


def test_the_typed_program_is_printed_as_text(archc, tiny: Path) -> None:
    out = archc("show", tiny, "--ir").out
    assert out.startswith("archc-ir 1\n")
    assert "model tiny(%x: float32[N, T, 8])" in out


def test_pictures_come_as_text_for_mermaid_and_graphviz(archc, tiny: Path) -> None:
    assert archc("show", tiny, "--graph", "mermaid").out == (
        "flowchart TD\n"
        '  n0(["x<br>float32[N, T, 8]"])\n'
        '  n1["fc.0<br>linear"]\n'
        '  n2["1<br>relu"]\n'
        '  n3["head<br>linear"]\n'
        '  o0(["y"])\n'
        '  n0 -->|"[N, T, 8]"| n1\n'
        '  n1 -->|"[N, T, 8]"| n2\n'
        '  n2 -->|"[N, T, 8]"| n3\n'
        '  n3 -->|"[N, T, 2]"| o0\n'
    )
    dot = archc("show", "unet", "--graph", "dot").out
    assert dot.startswith('digraph "unet" {\n') and dot.endswith("}\n")
    assert '[shape=box3d, label="down0\\ndouble_conv"];' in dot


def test_a_file_of_blocks_is_said_to_be_no_network(archc) -> None:
    code, out, _ = archc("show", Path(__file__).parents[2] / "specs" / "std" / "conv.yaml")
    assert code == 0
    assert "describes no network; its blocks are conv_norm_act, squeeze_excite" in out


def test_a_wrong_spec_is_reported_and_not_shown(archc, wrong) -> None:
    code, out, err = archc("show", wrong)
    assert (code, out) == (1, "")
    assert "error[E206]" in err
    found = archc("show", wrong, "--json")
    assert (found.code, found.json[0]["code"], found.err) == (1, "E206", "")


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_on_a_terminal_the_table_has_its_width_and_colours() -> None:
    import os
    import pty

    def shown(**env: str) -> str:
        script = "from archc.cli.main import main; raise SystemExit(main(['show', 'lenet5']))"
        near, far = pty.openpty()
        with subprocess.Popen(
            [sys.executable, "-c", script], stdout=far, env=os.environ | env
        ) as child:
            os.close(far)
            text = b""
            while True:
                try:
                    piece = os.read(near, 65536)
                except OSError:  # the terminal is gone
                    break
                if not piece:
                    break
                text += piece
        os.close(near)
        assert child.returncode == 0
        return text.decode("utf-8")

    narrow = shown(COLUMNS="50", TERM="xterm", NO_COLOR="1")
    assert "\x1b" not in narrow
    assert max(map(len, narrow.splitlines()[:-2])) <= 50
    assert "…" in narrow
    assert "\x1b[36mconv2d\x1b[0m" in shown(COLUMNS="100", TERM="xterm", NO_COLOR="")


def test_the_task_stands_below_the_name_and_steers_no_terminal(archc, tmp_path: Path) -> None:
    spec = tmp_path / "a.yaml"
    written = 'archc: 1\ntask: "image\\e[31m\\nclassification"\ndoc: "A \\e[2J."\n'
    spec.write_text(written + "inputs: {x: [N, 4]}\ngraph: [relu]\n", "utf-8")
    out = archc("show", spec).out
    assert out.splitlines()[1] == "  image\\x1b[31m classification"
    assert "\x1b" not in out
    assert archc("show", spec, "--json").json["task"] == "image\x1b[31m\nclassification"
    assert "\x1b" not in archc("show", spec, "--ir").out


def test_json_is_ascii(archc, tmp_path: Path) -> None:
    spec = tmp_path / "a.yaml"
    spec.write_text("archc: 1\ndoc: Größe \\x\ninputs: {x: [N, 4]}\ngraph: [relu]\n", "utf-8")
    out = archc("show", spec, "--json").out
    assert out.isascii()
    assert json.loads(out)["doc"] == "Größe \\x"
