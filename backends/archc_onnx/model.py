"""An ONNX file as plain Python: what `writer.write` puts on disk.

The classes mirror the messages of onnx.proto3 that archc needs, and hold no protobuf object.
Weights need not be in memory: a tensor's data is bytes, a function that makes chunks, or a region
of an open file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import prod

from archc.ir.types import ITEM_BYTES, DType
from archc.weights import Entry, Region

Buffer = bytes | bytearray | memoryview
Chunks = Callable[[], Iterable[Buffer]]
"""Makes a tensor's little-endian bytes piece by piece; called once a write, in whatever sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An initialiser or a tensor attribute: row-major, little-endian, a bool being one byte.

    The same object in two graphs is one array in an external data file. Raises ValueError where the
    data's length is not what the type needs; that of chunks is checked while they are written.
    """

    name: str
    dtype: DType
    dims: tuple[int, ...]
    data: Buffer | Chunks | Region

    def __post_init__(self) -> None:
        if self.dtype not in ITEM_BYTES:
            raise ValueError(f"tensor '{self.name}': no ONNX element type for '{self.dtype}'")
        if any(dim < 0 for dim in self.dims):
            raise ValueError(f"tensor '{self.name}': negative dimension in {self.dims}")
        length = self.known_length
        if length is not None and length != self.nbytes:
            text = f"{self.dtype}{list(self.dims)} takes {self.nbytes} bytes, not {length}"
            raise ValueError(f"tensor '{self.name}': {text}")

    @classmethod
    def of(cls, entry: Entry, name: str | None = None) -> Tensor:
        """A weight of the store, under its own name or another; nothing is read yet."""
        data = entry.chunks if entry.region is None else entry.region
        return cls(entry.name if name is None else name, entry.dtype, entry.shape, data)

    @property
    def nbytes(self) -> int:
        """The length of the data in bytes, by the type."""
        return prod(self.dims) * ITEM_BYTES[self.dtype]

    @property
    def known_length(self) -> int | None:
        """The length of the data in bytes, by the data; None of chunks."""
        if isinstance(self.data, Region):
            return self.data.length
        if callable(self.data):
            return None
        return memoryview(self.data).nbytes


@dataclass(slots=True)
class Node:
    """One operator call. An optional input or output that is absent is the empty string.

    `metadata` is for readers of ONNX 1.16 and later (IR version 10); older ones skip it.
    """

    op_type: str
    inputs: list[str]
    outputs: list[str]
    name: str = ""
    domain: str = ""
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    doc: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """A value's name and type; a dimension that is text is symbolic, an empty one unknown."""

    name: str
    dtype: DType
    dims: tuple[int | str, ...]


@dataclass(slots=True)
class Graph:
    """Nodes in an order in which each follows what it reads, and what they read and make."""

    name: str
    nodes: list[Node] = field(default_factory=list)
    inputs: list[ValueInfo] = field(default_factory=list)
    outputs: list[ValueInfo] = field(default_factory=list)
    initialisers: list[Tensor] = field(default_factory=list)
    value_infos: list[ValueInfo] = field(default_factory=list)
    doc: str = ""

    def all_initialisers(self) -> Iterator[Tensor]:
        """Those of this graph, then those of its nodes' subgraphs, each object once."""
        seen: set[Tensor] = set()
        graphs = [self]
        for graph in graphs:  # grows while it is walked: breadth first
            for tensor in graph.initialisers:
                if tensor not in seen:
                    seen.add(tensor)
                    yield tensor
            for node in graph.nodes:
                graphs += [v for v in node.attributes.values() if isinstance(v, Graph)]


AttributeValue = (
    int | float | str | bytes | list[int] | list[float] | list[str] | Tensor | Graph
)  # a list that holds any float is FLOATS, an empty list INTS


@dataclass(slots=True)
class Model:
    """A whole file. `opsets` maps a domain ("" is ONNX's own) to its version."""

    graph: Graph
    opsets: dict[str, int]
    ir_version: int
    producer_version: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    doc: str = ""
