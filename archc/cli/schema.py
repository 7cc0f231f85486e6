"""Print the JSON Schema of specs, for editors: ops and attributes are completed with their docs.

With a spec, its own blocks, models and parameters are completed, too, and unknown names marked.

Examples:
  archc schema -o archc.schema.json
  archc schema net.yaml -o net.schema.json

An editor with the YAML language server uses it where the spec's first line says so:
  # yaml-language-server: $schema=archc.schema.json
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from archc.cli.options import add_spec


def configure(parser: ArgumentParser) -> None:
    add_spec(parser, nargs="?", help="a spec whose blocks, models and parameters are to be known")
    parser.add_argument("-o", "--output", metavar="FILE", help="write it there instead of stdout")


def run(args: Namespace) -> int:
    import json
    from pathlib import Path

    from archc.cli.specs import open_spec
    from archc.errors import SpecError
    from archc.files import replacing
    from archc.spec.publish import published

    file = None
    if args.spec is not None:
        opened = open_spec(args.spec)
        errors = [d for d in opened.loader.findings if d.severity == "error"]
        if errors and opened.loader.stopped:
            raise SpecError(errors)
        file = opened.file
    text = json.dumps(published(file), indent=1) + "\n"
    if args.output is None:
        print(text, end="")
        return 0
    with replacing(Path(args.output), len(text)) as out:
        out.write(text.encode())
    return 0
