"""A linear model on the bag of a text's words, on the same parts: what a network has to beat."""

from __future__ import annotations

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from archc_train.data.part import Part
from archc_train.data.tokens import Coder, coder_of
from bench.recipes.trained import Trained, batches, gathered

WORDS = r"\w+|[^\w\s]+"  # punctuation, too


def measure(trained: Trained) -> dict[str, float]:
    """`bag_of_words`: test accuracy, with the strength of the ridge that is best on validation.

    Which words of the training part a text has, in lower case, is all that the model sees.
    """
    data, coder = trained.data, coder_of(trained.facts)
    parts = (data.train, data.val, trained.test)
    counter = CountVectorizer(token_pattern=WORDS, binary=True)
    bags = [counter.fit_transform(texts(data.train, coder))]
    bags += [counter.transform(texts(part, coder)) for part in parts[1:]]
    labels = [gathered(part, "label").numpy() for part in parts]
    best = max(
        (
            LogisticRegression(C=c, max_iter=500, solver="liblinear").fit(bags[0], labels[0])
            for c in (0.03, 0.1, 0.3, 1.0, 3.0)
        ),
        key=lambda model: model.score(bags[1], labels[1]),
    )
    return {"bag_of_words": float(best.score(bags[2], labels[2]))}


def texts(part: Part, coder: Coder) -> list[str]:
    """The texts that a part's tokens tell, characters or words."""
    return [
        coder.decode(tokens[mask].tolist())
        for batch in batches(part)
        for tokens, mask in zip(batch["tokens"], batch["mask"], strict=True)
    ]
