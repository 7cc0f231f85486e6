"""Hostile files beside a spec: other specs, weights, pictures and data."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

from hostile.cases import HEAD, Case, Write, both, content, net, text

SPEC = net("  - {linear: {out: 4, bias: false}, name: fc}")
PICTURE = "archc: 1\ninputs: {image: [1, 3, 8, 8]}\ngraph: [{conv2d: {out: 1, kernel: 3}}]\n"


class Evil:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (open, ("hacked", "w"))


PICKLE = pickle.dumps(Evil(), protocol=2)


def using(*names: str) -> str:
    return f"{HEAD}use: {json.dumps(list(names))}\ngraph: [relu]\n"


def _link(name: str, target: str) -> Write:
    def write(folder: Path) -> None:
        (folder / name).symlink_to(target)

    return write


def _ring(count: int) -> Write:
    return both(
        *(
            text(f"archc: 1\nuse: [u{(k + 1) % count}.yaml]\nblocks: {{}}\n", f"u{k}.yaml")
            for k in range(count)
        )
    )


def _heavy_uses(count: int) -> Write:
    body = "archc: 1\nblocks:\n" + "".join(f"  b{k}: {{graph: [relu]}}\n" for k in range(18_000))
    return both(*(text(body, f"u{k}.yaml") for k in range(count)))


def safetensors(header: bytes, data: bytes = b"", length: int | None = None) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def _sparse(name: str, start: bytes, size: int) -> Write:
    """A file that claims to be large and takes no room on the disk."""

    def write(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.write(start)
            file.truncate(size)

    return write


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def npy(shape: str, descr: str = "<f4", data: bytes = b"") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(data or b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def weights(name: str, code: str, data: bytes) -> Case:
    """A file of weights that `export` is given."""
    file = f"w{name.rsplit(maxsplit=1)[-1]}"
    command = ("export", "net.yaml", "-o", "net.onnx", "--weights", file)
    return Case(name, code, both(text(SPEC), content(data, file)), command)


def data(name: str, code: str, write: Write, file: str, spec: str = SPEC) -> Case:
    """A file of input values that `run` is given."""
    return Case(name, code, both(text(spec), write), ("run", "net.yaml", "--input", file))


HEADERS = {
    "a header of lists": ("E503", b'{"w":[' + b"[]," * 690_000 + b"[]]}"),
    "a header of numbers": ("E503", b'{"w":[' + b"111," * 510_000 + b"1]}"),
    "a header of short texts": ("E503", b'{"w":[' + b'"ab",' * 410_000 + b"1]}"),
    "a header of tensors": (
        "E502",
        b"{"
        + b",".join(
            b'"w%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % k for k in range(32_000)
        )
        + b"}",
    ),
    "a header nested 100,000 deep": ("E503", b'{"w":' + b"[" * 100_000),
    "a header of one number": ("E503", b'{"w":' + b"9" * 1_000_000 + b"}"),
    "a header of spaces": ("E501", b"{" + b" " * 2_000_000 + b"}"),
}

CASES = [
    Case("use: ../../../secret", "E401", text(using("../../../secret"))),
    Case("use: /etc/passwd", "E401", text(using("/etc/passwd"))),
    Case("use: C:/secret.yaml", "E401", text(using("C:/secret.yaml"))),
    Case("use: \\\\server\\share", "E401", text(using("\\\\server\\share"))),
    Case("use: file:///etc/passwd", "E401", text(using("file:///etc/passwd"))),
    Case("use: a/../../secret", "E401", text(using("a/../../secret"))),
    Case("use: a name with a zero", "E401", text(using("a\0b.yaml"))),
    Case("use: a name of 100,000 letters", "E402", text(using("a" * 100_000))),
    Case("use: 10,000 folders deep", "E402", text(using("a/" * 10_000 + "b.yaml"))),
    Case("use: nothing", "E402", text(using(""))),
    Case("use: this folder", "E402", text(using("."))),
    Case(
        "use: a link to /etc/passwd",
        "E401",
        both(_link("l.yaml", "/etc/passwd"), text(using("l.yaml"))),
    ),
    Case(
        "use: a link to a folder outside", "E401", both(_link("l", "/etc"), text(using("l/passwd")))
    ),
    Case("use: a link to itself", "E402", both(_link("l.yaml", "l.yaml"), text(using("l.yaml")))),
    Case("use: a device", "E402", both(_link("l.yaml", "/dev/zero"), text(using("l.yaml")))),
    Case("use: a ring of 3", "E403", both(_ring(3), text(using("u0.yaml")))),
    Case("use: a ring of 100", "E404", both(_ring(100), text(using("u0.yaml")))),
    Case("use: 10,000 files", "E402", text(using(*(f"f{k}.yaml" for k in range(10_000))))),
    Case(
        "use: 60 large files",
        "E108",
        both(_heavy_uses(60), text(using(*(f"u{k}.yaml" for k in range(60))))),
    ),
    Case(
        "use: a binary file",
        "E102",
        both(content(bytes(range(256)), "b.yaml"), text(using("b.yaml"))),
    ),
    Case("a folder that is not there", "E101", lambda folder: None, ("check", "a/b/c.yaml")),
    Case(
        "a name of 10,000 letters", "E101", lambda folder: None, ("check", "a" * 10_000 + ".yaml")
    ),
    Case("a zoo name of 10,000 letters", "E701", lambda folder: None, ("check", "a" * 10_000), 2),
    Case("a zoo name with escapes", "E701", lambda folder: None, ("check", "\x1b[31mresnet"), 2),
    weights("a pickle called .safetensors", "E503", PICKLE),
    weights("a pickle called .npz", "E503", PICKLE),
    weights("a pickle called .pt", "E503", PICKLE),
    weights("a pickle in an archive called .npz", "E503", zipped({"w.npy": PICKLE})),
    weights("a pickle in an archive called .safetensors", "E503", zipped({"data.pkl": PICKLE})),
    weights(
        "an array of objects called .npz", "E503", zipped({"w.npy": npy("(1,)", "|O", PICKLE)})
    ),
    weights("an old PyTorch file called .pth", "E503", pickle.dumps(119547037146038801333356, 2)),
    weights("nothing at all called .safetensors", "E503", b""),
    weights("zeros called .safetensors", "E503", b"\0" * 1_000_000),
    weights("a length of 2^63 called .safetensors", "E503", safetensors(b"{}", length=2**63)),
    weights(
        "a header that lies called .safetensors",
        "E503",
        safetensors(
            b'{"fc.weight":{"dtype":"F32","shape":[4,64],"data_offsets":[0,1024]}}', b"\0" * 10
        ),
    ),
    weights(
        "a terabyte of shape called .safetensors",
        "E503",
        safetensors(
            b'{"fc.weight":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,1024]}}',
            b"\0" * 1024,
        ),
    ),
    weights(
        "overlapping tensors called .safetensors",
        "E503",
        safetensors(
            b'{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},'
            b'"b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}}',
            b"\0" * 12,
        ),
    ),
    *(
        weights(f"{name} called .safetensors", code, safetensors(header))
        for name, (code, header) in HEADERS.items()
    ),
    Case(
        "100 MB of header called .safetensors",
        "E503",
        both(text(SPEC), _sparse("w.safetensors", struct.pack("<Q", 99_999_990) + b"{", 100 << 20)),
        ("export", "net.yaml", "-o", "net.onnx", "--weights", "w.safetensors"),
    ),
    Case(
        "a terabyte called .safetensors",
        "E503",
        both(text(SPEC), _sparse("w.safetensors", struct.pack("<Q", 2) + b"{}", 1 << 40)),
        ("export", "net.yaml", "-o", "net.onnx", "--weights", "w.safetensors"),
    ),
    weights(
        "a bomb called .npz",
        "E503",
        zipped({"fc.weight.npy": npy("(4, 64)", data=b"\0" * 60_000_000)}),
    ),
    weights(
        "a bomb that fits called .npz",
        "E504",
        zipped({"fc.weight.npy": npy("(15000000,)", data=b"\0" * 60_000_000)}),
    ),
    weights(
        "a terabyte of shape called .npz",
        "E503",
        zipped({"fc.weight.npy": npy("(2000000, 2000000)")}),
    ),
    weights("a nested header called .npz", "E503", zipped({"fc.weight.npy": npy("(" * 9000)})),
    weights(
        "200,000 members called .npz",
        "E503",
        zipped({f"{k}.npy": b"" for k in range(60_000)}, zipfile.ZIP_STORED),
    ),
    weights("a tar archive called .pt", "E503", b"\0" * 257 + b"ustar" + b"\0" * 1000),
    weights("a device called .npz", "E503", b"PK\x03\x04" + b"\xff" * 100_000),
    data(
        "a picture of 2^31 pixels a side",
        "E644",
        content(png(2**31 - 1, 2**31 - 1), "p.png"),
        "p.png",
        PICTURE,
    ),
    data(
        "a picture of 60,000 pixels a side",
        "E644",
        content(png(60_000, 60_000), "p.png"),
        "p.png",
        PICTURE,
    ),
    data("a picture cut short", "E643", content(png(300, 300)[:200], "p.png"), "p.png", PICTURE),
    data(
        "a picture of text",
        "E643",
        content(b"\x89PNG\r\n\x1a\n" + b"a" * 100, "p.png"),
        "p.png",
        PICTURE,
    ),
    data(
        "60 MB of JSON numbers",
        "E644",
        content(b"[" + b"1," * 30_000_000 + b"1]", "d.json"),
        "d.json",
    ),
    data("JSON lists", "E643", content(b"[" + b"[]," * 690_000 + b"1]", "d.json"), "d.json"),
    data("JSON nested 1,000,000 deep", "E643", content(b"[" * 1_000_000, "d.json"), "d.json"),
    data("JSON of one number", "E643", content(b"9" * 1_000_000, "d.json"), "d.json"),
    data("JSON of texts", "E643", content(b'["a"' + b',"bc"' * 400_000 + b"]", "d.json"), "d.json"),
    data("an array of objects", "E643", content(npy("(1,)", "|O", PICKLE), "d.npy"), "d.npy"),
    data("an array of a terabyte", "E643", content(npy("(1000000000000,)"), "d.npy"), "d.npy"),
    data(
        "a bomb of input",
        "E645",
        content(zipped({"x.npy": npy("(50000000,)", "|b1", b"\0" * 50_000_000)}), "d.npz"),
        "d.npz",
    ),
    data("a terabyte of input", "E644", _sparse("d.npy", b"\x93NUMPY", 1 << 40), "d.npy"),
    Case(
        "a model that is no model",
        "E640",
        content(b"\0" * 1_000_000, "m.onnx"),
        ("run", "m.onnx", "--input", "x=d.npy"),
    ),
    Case(
        "a log into a folder",
        "E705",
        text(SPEC),
        ("check", "net.yaml", "--log-file", "/proc/nothing/log"),
        2,
    ),
    Case("an output into nothing", "E521", text(SPEC), ("export", "net.yaml", "-o", "/dev/null")),
    Case(
        "more weights than a disk holds",
        "E520",
        text(net("  - {linear: {out: 500000000, bias: false}, name: fc}")),
        ("export", "net.yaml", "-o", "net.onnx"),
    ),
]
