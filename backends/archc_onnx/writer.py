"""A model to disk: one standard file, streamed, or above protobuf's limit a file and its data.

The one `graph` field is preceded by its length. The length of every initialiser is known from its
type, so all that is not weights is encoded first and the weights are copied between, in small
chunks: memory does not grow with them. (Several `graph` fields would spare that, and protobuf
merges them, but some readers keep only the last.) The same model gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archc.errors import Diagnostic, UnsupportedError
from archc.files import replacing
from archc_onnx.encode import encode_model
from archc_onnx.external import Layout, data_file, data_files, location
from archc_onnx.leftovers import lock, remove, remove_abandoned
from archc_onnx.model import Model, Tensor
from archc_onnx.payload import put
from archc_onnx.protobuf import Message

LIMIT: Final = (1 << 31) - (1 << 20)
"""The most bytes that a model takes in one file.

Protobuf reads less than 2 GiB (onnxruntime refuses a file of 2³¹ - 1 bytes, which the onnx package
still reads); a mebibyte is left for what tools add when they read a model and write it again.
"""


def write(model: Model, path: Path, *, external: bool | None = None) -> None:
    """Writes the model to `path`, which then has all of it or is as it was before.

    Initialisers of at least 1 KiB go to a data file beside it (see `external.py`) where `external`
    is True, or None and the model would exceed `LIMIT`. Data files of the model that was there
    before are removed. A link stays one: the files are those that it points to.

    Raises ValueError for a model without opsets or IR version, UnsupportedError E620 for one that
    does not fit, InputError E520 for a full disk and E521 for a place that cannot be written to,
    and what `payload.chunks` raises.
    """
    _check_versions(model)
    path = path.resolve()
    whole = encode_model(model, {})
    if external is None:
        external = whole.size > LIMIT
    remove_abandoned(path)
    old = data_files(path)
    layout = Layout.of(model.graph.all_initialisers() if external else [])
    if not layout.offsets:
        _write_file(whole, path)
        remove(old)
        return
    _check_size(encode_model(model, layout.slots(location(path))))  # before the long part
    with data_file(layout, path) as name:
        _write_file(encode_model(model, layout.slots(name)), path)
    remove(file for file in old if file.name != name)


def _write_file(message: Message, path: Path) -> None:
    _check_size(message)
    with replacing(path, message.size) as file:
        lock(file)
        for piece in message.pieces:
            if isinstance(piece, Tensor):
                put(piece, file)
            else:
                file.write(piece)


def _check_versions(model: Model) -> None:
    if not model.ir_version:
        raise ValueError("an ONNX file states its IR version")
    if not model.opsets:
        raise ValueError("an ONNX file states the opset of every domain that it uses")


def _check_size(message: Message) -> None:
    if message.size > LIMIT:
        text = f"one file would take {message.size} bytes; ONNX readers stop short of 2 GiB"
        help_ = "let the weights go to a data file beside the model"
        raise UnsupportedError([Diagnostic("E620", text, help=help_)])
