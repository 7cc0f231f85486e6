"""Hostile formulas: those that would take for ever, or all memory."""

from __future__ import annotations

from itertools import pairwise

from hostile.cases import Case, formula, net, text

DOUBLED = "  p0: [0]\n" + "".join(f"  p{k}: '=[p{k - 1}, p{k - 1}]'\n" for k in range(1, 100))
DEEPER = "  p0: [0]\n" + "".join(
    f"  p{k}: '={'[' * 30}p{k - 1}{']' * 30}'\n" for k in range(1, 400)
)
SYMBOLS = [f"S{k}" for k in range(24)]


def _symbols(expression: str) -> str:
    shape = ", ".join(SYMBOLS)
    return (
        f"archc: 1\ninputs: {{x: [{shape}]}}\ngraph:\n  - reshape: {{shape: ['={expression}']}}\n"
    )


def _product(rank: int) -> str:
    names = ", ".join(f"S{k}" for k in range(rank))
    sizes = ", ".join(f'"=S{k} + 1"' for k in range(rank))
    inputs = f"{{a: [{names}], x: [{sizes}]}}"
    return f"archc: 1\ninputs: {inputs}\ngraph:\n  - {{flatten: {{start: 0}}, in: x}}\n"


def _quotients(depth: int) -> str:
    lines = ["archc: 1", "inputs: {x: [N, M]}", "graph:", "  - {relu, name: x0}"]
    for k in range(depth):
        size = f"(x{k}.shape[0] + N) // M * M + max(x{k}.shape[0], M) // (N + {k})"
        lines.append(f"  - {{zeros: {{shape: ['={size}', 1]}}, name: x{k + 1}}}")
    return "\n".join(lines)


CASES = [
    Case("9**9**9", "E216", formula("9**9**9")),
    Case("9**9**9**9 in a repeat", "E216", text(net("  - {relu, repeat: =9**9**9**9}"))),
    Case("a negative power", "E216", formula("2 ** -99999")),
    Case("a float power", "E216", formula("9.0**9.0**9.0")),
    Case("a product beyond 64 bits", "E216", formula("*".join(["9999999"] * 500))),
    Case("brackets, 3,900 deep", "E216", formula("(" * 1950 + "1" + ")" * 1950)),
    Case("minus signs, 3,900", "E216", formula("-" * 3900 + "1")),
    Case("nots, 900", "E216", formula("not " * 900 + "1")),
    Case("a sum of 1,900 terms", "E216", formula("+".join(["1"] * 1900))),
    Case("conditions, 300 deep", "E216", formula("1 if 1 else " * 300 + "1")),
    Case("attributes, 1,900 deep", "E216", formula("x" + ".a" * 1900)),
    Case("items, 1,000 deep", "E216", formula("x" + "[0]" * 1000)),
    Case("powers, 1,900 deep", "E216", formula("1" + "**1" * 1290)),
    Case("comparisons, 1,900", "", formula("1 if " + "1 < 2 and " * 380 + "1 else 2"), status=0),
    Case(
        "a chain of comparisons", "", formula("1 if 1" + " < 2 < 3 > 1" * 200 + " else 2"), status=0
    ),
    Case("a text longer than is read", "E216", formula("1 + " * 2_000 + "1")),
    Case("a list of a terabyte", "E216", formula("len([0] * 10**12)")),
    Case("a range of a terabyte", "E216", formula("len(range(10**12))")),
    Case("a negative range", "E216", formula("len(range(0, -10**12, -1))")),
    Case("a string of a gigabyte", "E216", formula("len('a' * 10**9)")),
    Case(
        "a string made longer",
        "E216",
        formula("len([s + s for s in ['a' * 9999] for i in range(900000)])"),
    ),
    Case(
        "strings of 10,000 letters, a million times",
        "E216",
        formula("len([s + str(i) for i in range(900000)])", '  s: ="a" * 9990\n'),
    ),
    Case(
        "slices of a long string",
        "E216",
        formula("len([s[i:] for i in range(900000)])", '  s: ="a" * 9990\n'),
    ),
    Case("a format with a width", "E214", formula("'%1000000000d' % 1")),
    Case(
        "a comprehension without end",
        "E216",
        formula("len([0 for i in range(9999) for j in range(9999) for k in range(9999)])"),
    ),
    Case(
        "a comprehension that keeps nothing",
        "E216",
        formula("len([0 for i in 'a' * 9999 for j in 'a' * 9999 if false])"),
    ),
    Case(
        "comprehensions in comprehensions",
        "E216",
        formula("len(" + "[" * 20 + "0" + " for i in range(99)]" * 20 + ")"),
    ),
    Case(
        "membership in a long list",
        "E216",
        formula("len([0 for i in l if i in l])", "  l: =[i for i in range(90000)]\n"),
    ),
    Case(
        "comparison of long lists",
        "E216",
        formula(
            "len([0 for i in range(90000) if l == m])",
            "  l: =[0 for i in range(90000)]\n  m: =[0 for i in range(90000)]\n",
        ),
    ),
    Case(
        "membership of a text in a text",
        "E216",
        formula(
            "len([0 for i in range(90000) if t in s])",
            '  s: ="a" * 10000\n  t: ="a" * 5000 + "b"\n',
        ),
    ),
    Case(
        "sums of a long list",
        "E216",
        formula("len([sum(l) for i in range(90000)])", "  l: =[i for i in range(90000)]\n"),
    ),
    Case(
        "maxima of a long list",
        "E216",
        formula("len([max(l) for i in range(90000)])", "  l: =[i for i in range(90000)]\n"),
    ),
    Case("a parameter doubled 100 times", "E216", formula("p99", DOUBLED)),
    Case("a doubled parameter compared", "E216", formula("1 if p99 == [p98, p98] else 2", DOUBLED)),
    Case(
        "a doubled parameter given to a block",
        "E216",
        text(
            net(
                "  - {b: {p: =p60}}",
                "params:\n" + DOUBLED + "blocks: {b: {params: {p: list}, graph: [relu]}}\n",
            )
        ),
    ),
    Case(
        "a doubled parameter as a weight's value",
        "E216",
        text(net("  - {weight: {value: =p60}}", "params:\n" + DOUBLED)),
    ),
    Case(
        "a doubled parameter as a repeat",
        "E216",
        text(net("  - {linear: =s, repeat: {s: =p60}}", "params:\n" + DOUBLED)),
    ),
    Case("a parameter nested 12,000 deep", "E216", formula("p399", DEEPER)),
    Case("a deep parameter compared", "E216", formula("1 if p399 == [p398] else 2", DEEPER)),
    Case(
        "a deep parameter given to a block",
        "E216",
        text(
            net(
                "  - {b: {p: =p399}}",
                "params:\n" + DEEPER + "blocks: {b: {params: {p: list}, graph: [relu]}}\n",
            )
        ),
    ),
    Case(
        "a polynomial of 24 symbols to the 8th",
        "E216",
        text(_symbols("(" + " + ".join(SYMBOLS) + ")**8")),
    ),
    Case(
        "products of polynomials",
        "E216",
        text(_symbols("*".join(f"({a} + {b} + 1)" for a, b in pairwise(SYMBOLS)))),
    ),
    Case("a value of 2^30 terms", "E216", text(_product(30))),
    Case("quotients of quotients", "E216", text(_quotients(60))),
    Case(
        "maxima of symbols",
        "E216",
        text(
            _symbols(
                "max("
                + ", ".join(f"{a} + {k}*{b}" for k, a in enumerate(SYMBOLS) for b in SYMBOLS)
                + ")"
            )
        ),
    ),
    Case("__import__", "E213", formula("__import__('os').system('touch hacked')")),
    Case("a way to the builtins", "E213", formula("().__class__.__base__.__subclasses__()")),
    Case("a lambda", "E213", formula("(lambda: 1)()")),
    Case("a walrus", "E213", formula("[y := 1, y**2]")),
    Case("an f-string", "E213", formula("f'{x}'")),
]
