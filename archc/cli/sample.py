"""Draw from a trained run: text of a language model, pictures of a generator.

Examples:
  archc sample runs/gpt --prompt "ROMEO:" --temperature 0.8 --top 40
  archc sample runs/dcgan --count 64 -o grid.png
  archc sample runs/stylegan --seed 7
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run directory")
    parser.add_argument("--model", metavar="NAME", help="the model that draws")
    parser.add_argument("--count", type=int, default=16, help="pictures (16)")
    parser.add_argument("--length", type=int, default=400, help="characters or pieces (400)")
    parser.add_argument("--prompt", help="how the text begins; a new line without")
    parser.add_argument("--temperature", type=float, default=1.0, help="0 takes the likeliest (1)")
    parser.add_argument("--top", type=int, metavar="K", help="draw from the K likeliest alone")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (0)")
    parser.add_argument("--last", action="store_true", help="the weights at the end, not the best")
    parser.add_argument(
        "-o", "--output", metavar="FILE.png", help="the picture; RUN/samples.png without"
    )


def run(args: Namespace) -> int:
    from archc.backends import backend
    from archc.cli.report import print_json
    from archc.errors import printable

    found = backend("train").sample(
        Path(args.run),
        model=args.model,
        count=args.count,
        length=args.length,
        prompt=args.prompt,
        temperature=args.temperature,
        top=args.top,
        seed=args.seed,
        output=Path(args.output) if args.output else None,
        last=args.last,
    )
    if args.json:
        print_json(found)
    else:
        print("\n".join(printable(line) for line in found.splitlines()))
    return 0
