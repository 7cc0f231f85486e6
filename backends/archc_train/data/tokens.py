"""Texts as numbers and back: characters, words, byte pairs, or a tokenizer that is there already.

A vocabulary is learnt from the training part alone. It goes with the trained network as facts, and
`coder_of` makes the same coder from those.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from archc.arrays import Array
from archc.errors import InputError, did_you_mean
from archc_train.data.raw import Request, malformed, needs

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
KINDS = ("characters", "words", "bpe")
SIZES = {"words": 20_000, "bpe": 1000}  # of a vocabulary, unless `vocab` says otherwise


class Coder(Protocol):
    """Between texts and numbers."""

    def encode(self, text: str) -> Array:
        """A text's numbers, int64 `[length]`. Raises E807 for what has no number."""
        ...

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of numbers, special ones left out."""
        ...

    def number(self, token: str) -> int:
        """A special token's number. Raises E807 where there is none."""
        ...

    def facts(self) -> dict[str, Any]:
        """What `coder_of` needs."""
        ...


@dataclass(frozen=True, slots=True)
class Characters:
    """Every character by itself."""

    vocabulary: tuple[str, ...]

    @classmethod
    def learnt(cls, texts: Iterable[str], special: Sequence[str]) -> Characters:
        seen: set[str] = set()
        for text in texts:
            seen |= set(text)
        return cls((*special, *sorted(seen)))

    def encode(self, text: str) -> Array:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        kinds, places = np.unique(points, return_inverse=True)
        known = {token: k for k, token in enumerate(self.vocabulary)}
        other = known.get(UNKNOWN)
        numbers = [known.get(chr(one), other) for one in kinds]
        if None in numbers:
            character = chr(kinds[numbers.index(None)])
            raise InputError.of("E807", f"the character {character!r} is not in the vocabulary")
        return np.asarray(numbers, dtype=np.int64)[places]

    def decode(self, numbers: Sequence[int]) -> str:
        tokens = [self.vocabulary[number] for number in numbers]
        return "".join(token for token in tokens if token not in (PAD, START, END, UNKNOWN))

    def number(self, token: str) -> int:
        return self.vocabulary.index(token)

    def facts(self) -> dict[str, Any]:
        return {"vocabulary": list(self.vocabulary)}


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenizer of the package `tokenizers`."""

    tokenizer: Any

    def encode(self, text: str) -> Array:
        return np.asarray(self.tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    def decode(self, numbers: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(numbers), skip_special_tokens=True))

    def number(self, token: str) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None:
            raise InputError.of(
                "E807", f"the tokenizer has no token '{token}'",
                help=f"it needs {PAD}, {START}, {END} and {UNKNOWN}",
            )  # fmt: skip
        return int(found)

    def facts(self) -> dict[str, Any]:
        by_number = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        return {
            "vocabulary": [token for token, _ in by_number],
            "tokenizer": json.loads(self.tokenizer.to_str()),
        }


def coder(request: Request, texts: Sequence[str], special: Sequence[str], usual: str) -> Coder:
    """What `tokenizer` asks for, learnt from texts where it learns. Raises E806."""
    if "vocabulary" in request.known:
        return coder_of(request.known)
    options = request.options
    kind = str(options.get("tokenizer", usual))
    if "vocab" in options and (kind == "characters" or kind.endswith(".json")):
        what = f"{request.name}: 'vocab' is a size that is learnt, of words or byte pairs"
        raise InputError.of("E806", what, help="tokenizer: bpe, or leave it out")
    if kind == "characters":
        return Characters.learnt(texts, special)
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise needs("tokenizers", f"a text as {kind}") from error
    if kind.endswith(".json"):
        return Tokens(loaded(Path(kind), tokenizers))
    if kind not in KINDS:
        help = did_you_mean(kind, KINDS) + ", or the path of a tokenizer.json"
        raise InputError.of("E806", f"no tokenizer '{kind}'", help=help)
    size = int(options.get("vocab", SIZES[kind]))
    made = words(tokenizers) if kind == "words" else byte_pairs(tokenizers)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet() if kind == "bpe" else []
    special = [*dict.fromkeys((*special, UNKNOWN))] if kind == "words" else [*special]
    least = len(special) + max(1, len(alphabet))
    if size < least:
        has = f"{len(alphabet)} bytes" if alphabet else "a word"
        more = f" and {', '.join(special)}" if special else ""
        what = f"{request.name}: 'vocab' is {least} at least, {has}{more}; found {size}"
        raise InputError.of("E806", what, help=f"vocab: {SIZES[kind]}")
    trainer = (
        tokenizers.trainers.WordLevelTrainer(
            vocab_size=size, special_tokens=special, show_progress=False
        )
        if kind == "words"
        else tokenizers.trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=special,
            initial_alphabet=alphabet,
            show_progress=False,
        )
    )
    made.train_from_iterator(texts, trainer)
    return Tokens(made)


def words(tokenizers: Any) -> Any:
    """Words and punctuation in lower case, rare ones unknown."""
    found = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token=UNKNOWN))
    found.normalizer = tokenizers.normalizers.Lowercase()
    found.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return found


def byte_pairs(tokenizers: Any) -> Any:
    """Byte pair encoding (Sennrich, Haddow and Birch, 2016) over bytes, so nothing is unknown."""
    found = tokenizers.Tokenizer(tokenizers.models.BPE())
    found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = tokenizers.decoders.ByteLevel()
    return found


def loaded(path: Path, tokenizers: Any) -> Any:
    try:
        return tokenizers.Tokenizer.from_str(path.read_text("utf-8"))
    except Exception as error:  # the package raises nothing more special
        raise malformed(path, f"is no tokenizer: {str(error)[:200]}") from error


def coder_of(facts: Mapping[str, Any]) -> Coder:
    """The coder that a trained network's facts tell. Raises E807 where they tell none."""
    if "tokenizer" in facts:
        import tokenizers

        return Tokens(tokenizers.Tokenizer.from_str(json.dumps(facts["tokenizer"])))
    if "vocabulary" not in facts:
        raise InputError.of("E807", "the network was trained on no text: it has no vocabulary")
    return Characters(tuple(facts["vocabulary"]))
