"""Hostile networks: text that is small and in order, and a graph that is not."""

from __future__ import annotations

from hostile.cases import HEAD, Case, net, text


def _doubling(depth: int, graph: str = "- b{0}") -> str:
    """Block k calls block k-1 twice: 2^depth steps."""
    blocks = ["blocks:", "  b0: {graph: [{linear: 64}]}"]
    blocks += [f"  b{k}: {{graph: [b{k - 1}, b{k - 1}]}}" for k in range(1, depth + 1)]
    return HEAD + "\n".join(blocks) + f"\ngraph:\n  {graph.format(depth)}\n"


def _chain(depth: int, dos: int = 0) -> str:
    """Block k calls block k-1, inside so many `do`s."""
    inside = [f"{'{do: [' * dos}b{k - 1}{']}' * dos}" for k in range(1, depth + 1)]
    blocks = ["blocks:", "  b0: {graph: [relu]}"]
    blocks += [f"  b{k + 1}: {{graph: [{one}]}}" for k, one in enumerate(inside)]
    return HEAD + "\n".join(blocks) + f"\ngraph:\n  - b{depth}\n"


def _repeats(depth: int, count: int, leaf: str = "{linear: 64}") -> str:
    opened = "".join(f"{{name: r{k}, repeat: {count}, do: [" for k in range(depth))
    return net(f"  - {opened}{leaf}{']}' * depth}")


def _models(count: int) -> str:
    lines = [
        f"  m{k}: {{inputs: {{x: [N, 8]}}, graph: [{{m{(k + 1) % count}: [x]}}]}}"
        for k in range(count)
    ]
    return "archc: 1\nmodels:\n" + "\n".join(lines) + "\n"


def _doubling_models(depth: int) -> str:
    lines = ["archc: 1", "models:", "  m0: {inputs: {x: [N, 8]}, graph: [{linear: 8}]}"]
    lines += [
        f"  m{k}: {{inputs: {{x: [N, 8]}}, graph: [m{k - 1}, m{k - 1}]}}"
        for k in range(1, depth + 1)
    ]
    return "\n".join(lines)


def _wide(step: str, dims: str = "[N, 3, 32, 32]") -> str:
    return f"archc: 1\ninputs: {{x: {dims}}}\ngraph:\n  - {step}\n"


def _variants(count: int) -> str:
    lines = "".join(f"  v{k}: {{w: {k + 1}}}\n" for k in range(count))
    return f"{HEAD}params: {{w: 1}}\nvariants:\n{lines}graph: [{{linear: =w}}]\n"


def _heavy_variants(count: int, steps: int) -> str:
    lines = "".join(f"  v{k}: {{w: {k + 1}}}\n" for k in range(count))
    graph = "  - {linear: =w}\n" * steps
    return f"{HEAD}params: {{w: 1}}\nvariants:\n{lines}graph:\n{graph}"


RANKS = ", ".join(["1"] * 50_000)
LONG = "a" * 80

CASES = [
    Case("repeat: 1000000000", "E222", text(net("  - {relu, repeat: 1000000000}"))),
    Case(
        "100,000 copies that differ", "E225", text(net("  - {linear: =i+1, repeat: {i: 100000}}"))
    ),
    Case("repeats in repeats, 10^25 copies", "E225", text(_repeats(5, 100_000))),
    Case("repeats in repeats, with weights", "E225", text(_repeats(4, 1_000))),
    Case("repeats in repeats, without weights", "E225", text(_repeats(5, 100_000, "relu"))),
    Case("100,000 layers", "E225", text(net("  - {repeat: 100000, do: [{linear: 64}, relu]}"))),
    Case(
        "repeats in repeats, written out",
        "E225",
        text(_repeats(5, 100_000, "relu")),
        ("export", "net.yaml", "-o", "net.onnx"),
    ),
    Case(
        "a single copy of 100,000",
        "E225",
        text(net("  - {linear: 64, name: h, repeat: 100000}\n  - add: [h.3, h.4]")),
    ),
    Case(
        "a starred reference to 100,000",
        "E225",
        text(net("  - {relu, name: h, repeat: 100000}\n  - add: [h.*]")),
    ),
    Case("blocks doubled 55 times", "E225", text(_doubling(55))),
    Case("blocks doubled 14 times", "", text(_doubling(14)), status=0),
    Case("blocks doubled, shown", "E225", text(_doubling(19)), ("show", "net.yaml")),
    Case("blocks doubled, shown flat", "E225", text(_doubling(19)), ("show", "net.yaml", "--flat")),
    Case(
        "blocks doubled, shown deep",
        "E225",
        text(_doubling(19)),
        ("show", "net.yaml", "--depth", "99"),
    ),
    Case("blocks doubled, as JSON", "E225", text(_doubling(19)), ("show", "net.yaml", "--json")),
    Case("blocks doubled, compared", "E225", text(_doubling(19)), ("diff", "net.yaml", "lenet5")),
    Case(
        "blocks doubled, written out",
        "E225",
        text(_doubling(19)),
        ("export", "net.yaml", "-o", "net.onnx"),
    ),
    Case(
        "blocks without weights doubled",
        "E225",
        text(_doubling(50).replace("{linear: 64}", "relu")),
    ),
    Case(
        "blocks without weights doubled, shown",
        "E225",
        text(_doubling(50).replace("{linear: 64}", "relu")),
        ("show", "net.yaml", "--flat"),
    ),
    Case(
        "blocks without weights doubled, written out",
        "E225",
        text(_doubling(50).replace("{linear: 64}", "relu")),
        ("export", "net.yaml", "-o", "net.onnx"),
    ),
    Case("blocks in blocks, 400 deep", "E220", text(_chain(400))),
    Case("blocks in blocks, each in 15 dos", "E220", text(_chain(59, 15))),
    Case(
        "blocks in blocks, each in 15 dos, shown",
        "E220",
        text(_chain(45, 15)),
        ("show", "net.yaml", "--flat"),
    ),
    Case("a block in itself", "E220", text(net("  - a", "blocks: {a: {graph: [a]}}\n"))),
    Case(
        "a ring of 400 blocks",
        "E220",
        text(
            net(
                "  - b0",
                "blocks:\n"
                + "".join(f"  b{k}: {{graph: [b{(k + 1) % 400}]}}\n" for k in range(400)),
            )
        ),
    ),
    Case("a ring of 30 models", "E224", text(_models(30))),
    Case("a ring of 300 models", "E220", text(_models(300))),
    Case("models doubled 50 times", "E225", text(_doubling_models(50))),
    Case(
        "steps given to themselves",
        "E220",
        text(
            net(
                "  - {b: {f: [relu]}}",
                "blocks: {b: {params: {f: steps}, graph: [{b: {f: [=f]}}]}}\n",
            )
        ),
    ),
    Case(
        "steps that double",
        "E225",
        text(
            net(
                "  - {b0: {f: [relu]}}",
                "blocks:\n  b40: {params: {f: steps}, graph: [=f]}\n"
                + "".join(
                    f"  b{k}: {{params: {{f: steps}}, graph: [{{b{k + 1}: {{f: [=f, =f]}}}}]}}\n"
                    for k in range(40)
                ),
            )
        ),
    ),
    Case(
        "a block per size",
        "E225",
        text(
            net(
                "  - {repeat: {i: 99999}, do: [{b: {n: =i+1}}]}",
                "blocks: {b: {params: {n: 1}, graph: [{linear: =n}]}}\n",
            )
        ),
    ),
    Case("3,900 steps", "", text(net("  - relu\n" * 3_900)), status=0),
    Case("100,000 steps", "E225", text(net("  - relu\n" * 60_000))),
    Case(
        "3,500 steps of one value",
        "",
        text(net("  - {relu, name: a}\n" + "  - add: [a, prev]\n" * 3_500)),
        status=0,
    ),
    Case("a value of 50,000 inputs", "E225", text(net("  - add: [" + "x, " * 50_000 + "]"))),
    Case("a value of 50,000 dimensions", "E302", text(_wide("relu", f"[{RANKS}]"))),
    Case(
        "50,000 symbols",
        "E312",
        text(_wide("flatten", "[" + ", ".join(f"S{k}" for k in range(50_000)) + "]")),
    ),
    Case(
        "20,000 inputs",
        "E108",
        text(
            "archc: 1\ninputs:\n"
            + "".join(f"  x{k}: [N]\n" for k in range(30_000))
            + "graph: [{relu, in: x1}]\n"
        ),
    ),
    Case(
        "an input repeated 10^9 times",
        "E222",
        text("archc: 1\ninputs: {x: {shape: [N], repeat: 1000000000}}\ngraph: [{add: [x.*]}]\n"),
    ),
    Case(
        "an input repeated 90,000 times",
        "E225",
        text("archc: 1\ninputs: {x: {shape: [N], repeat: 90000}}\ngraph: [{add: [x.*]}]\n"),
    ),
    Case("a terabyte of weights", "E311", text(net("  - linear: 1000000000000"))),
    Case(
        "a terabyte of embedding",
        "E311",
        text(
            "archc: 1\ninputs: {x: {shape: [N], dtype: int64}}\n"
            "graph: [{embedding: {num: 1000000000000, dim: 1000000}}]\n"
        ),
    ),
    Case(
        "a terabyte of a value", "E311", text(net("  - expand: {shape: [1000000, 1000000, N, 64]}"))
    ),
    Case("a terabyte of zeros", "E311", text(net("  - zeros: {shape: [10000000, 10000000]}"))),
    Case("a range of 10^18", "E311", text(net("  - range: {length: 1000000000000000000}"))),
    Case("padding of 10^18", "E311", text(_wide("pad: {pads: [[0, 999999999999999999], [0, 0]]}"))),
    Case("a kernel of 10^18", "E305", text(_wide("conv2d: {out: 1, kernel: 999999999999999999}"))),
    Case(
        "10^18 groups",
        "E306",
        text(_wide("conv2d: {out: 1, kernel: 1, groups: 999999999999999999}")),
    ),
    Case("a pool of 10^18", "E305", text(_wide("max_pool2d: 999999999999999999"))),
    Case(
        "an adaptive pool of 10^18", "E311", text(_wide("adaptive_avg_pool2d: 999999999999999999"))
    ),
    Case("upsampling by 10^18", "E311", text(_wide("resize: {scale: 999999999999999999}"))),
    Case("shuffled pixels by 10^18", "E306", text(_wide("pixel_shuffle: 999999999999999999"))),
    Case("tiles of 10^18", "E311", text(net("  - tile: {repeats: [999999999999, 999999999999]}"))),
    Case(
        "10^9 layers of an LSTM",
        "E207",
        text(_wide("lstm: {hidden: 1, layers: 1000000000}", "[N, T, 8]")),
    ),
    Case(
        "10^6 parts",
        "E216",
        text(net("  - unstack: {axis: 1, into: \"=['p' + str(i) for i in range(1000000)]\"}")),
    ),
    Case(
        "90,000 parts",
        "E216",
        text(
            net("  - split: {into: \"=['p' + str(i) for i in range(90000)]\"}").replace(
                "64]", "90000]"
            )
        ),
    ),
    Case(
        "a thousand roll shifts",
        "E308",
        text(
            net("  - roll: {by: '=[1 for i in range(90000)]', axes: '=[0 for i in range(90000)]'}")
        ),
    ),
    Case("an einsum of 4,000 letters", "E307", text(net("  - einsum: '" + "ab," * 4000 + "->'"))),
    Case(
        "an einsum of one value, 50 letters",
        "E309",
        text(net("  - {einsum: 'ab->" + "ab" * 3000 + "', in: x}")),
    ),
    Case(
        "a rearrangement of 3,000 axes",
        "E309",
        text(net("  - rearrange: '" + " ".join(f"a{k}" for k in range(3000)) + " -> a0'")),
    ),
    Case(
        "a rearrangement nested 5,000 deep",
        "E309",
        text(net("  - rearrange: '" + "(" * 5000 + "n" + ")" * 5000 + " -> n'")),
    ),
    Case(
        "a weight of 100,000 numbers in a row",
        "E108",
        text(
            net(
                "  - {weight: {value: ["
                + "1, " * 100_000
                + "]}, freeze: true, name: w}\n  - relu: [x]"
            )
        ),
    ),
    Case(
        "a weight of lists nested 40 deep",
        "E302",
        text(net("  - {weight: {value: " + "[" * 40 + "1" + "]" * 40 + "}, name: w}")),
    ),
    Case(
        "names of 10,000 letters, nested",
        "E216",
        text(
            net(
                "  - {repeat: {i: 4000}, do: [{linear: 64, name: =n + str(i)}]}",
                'params: {n: ="a" * 9990}\n',
            )
        ),
    ),
    Case(
        "a path of 100 letters, 40 times",
        "",
        text(_chain(50).replace(" b", f" {LONG}b").replace("[b", f"[{LONG}b")),
        status=0,
    ),
    Case("20,000 variants", "E108", text(_variants(20_000))),
    Case("1,000 variants", "E108", text(_heavy_variants(1_000, 4_000))),
    Case("400 variants of 1,000 steps", "E225", text(_heavy_variants(400, 1_000))),
    Case(
        "30,000 parameters",
        "E108",
        text(
            "archc: 1\nparams:\n"
            + "".join(f"  p{k}: 1\n" for k in range(30_000))
            + "inputs: {x: [N]}\ngraph: [relu]\n"
        ),
    ),
    Case(
        "a parameter misspelt among 50,000",
        "E108",
        text(
            "archc: 1\nparams:\n"
            + "".join(f"  parameter_{k}: 1\n" for k in range(60_000))
            + "inputs: {x: [N]}\ngraph: [{linear: =paramter_5}]\n"
        ),
    ),
    Case(
        "names misspelt among thousands",
        "E210",
        text(
            net(
                "".join(f"  - {{relu, name: step_number_{k}, in: x}}\n" for k in range(2_000))
                + "  - relu: [stepnumber]\n" * 2_000
            )
        ),
    ),
    Case(
        "50,000 blocks",
        "E108",
        text(
            net(
                "  - relu",
                "blocks:\n" + "".join(f"  b{k}: {{graph: [relu]}}\n" for k in range(30_000)),
            )
        ),
    ),
    Case(
        "50,000 wrong blocks",
        "E108",
        text(
            net(
                "  - relu",
                "blocks:\n" + "".join(f"  b{k}: {{graph: [rellu]}}\n" for k in range(30_000)),
            )
        ),
    ),
    Case(
        "rules that match in many ways",
        "",
        text(net("  - linear: 3", "weights: {ignore: ['" + "*a" * 3_000 + "b']}\n")),
        status=0,
    ),
    Case(
        "sizes of 10^18",
        "E704",
        text(net("  - linear: 3")),
        ("show", "net.yaml", "--at", "T=999999999999999999"),
        2,
    ),
]
