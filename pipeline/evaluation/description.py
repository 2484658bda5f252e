"""Descriptions against sentences that people wrote: BLEU, ROUGE-L and CIDEr-D.

Each from the library that the field takes it from. METEOR is left out: its synonyms are
WordNet's, which has to be downloaded. The captioning papers' tokeniser is a Java program; words
for CIDEr are cut by NLTK's Treebank rules instead, lower-cased and without punctuation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scenelake.pipeline.evaluation.bootstrap import Floats, Sums, mean
from scenelake.pipeline.evaluation.libraries import library

_PUNCTUATION = frozenset("`` '' ' \" . ? ! , : ; - -- ... ( ) [ ] { } -LRB- -RRB-".split())


def score(references: Sequence[Sequence[str]], told: Sequence[str]) -> dict[str, Sums]:
    """`bleu` (of the whole, 0 to 100), `rouge_l` (0 to 1) and `cider` (0 to 10).

    Args:
        references: one sentence or more for each description.
    """
    return {
        "bleu": _bleu(references, told),
        "rouge_l": _rouge_l(references, told),
        "cider": _cider(references, told),
    }


def words(text: str) -> str:
    """A sentence as CIDEr counts it: words with spaces between."""
    tokens = library("nltk.tokenize.treebank").TreebankWordTokenizer().tokenize(text.lower())
    return " ".join(token for token in tokens if token not in _PUNCTUATION)


def _bleu(references: Sequence[Sequence[str]], told: Sequence[str]) -> Sums:
    """sacrebleu's corpus BLEU without case, from each sentence's n-gram counts."""
    bleu = library("sacrebleu.metrics").BLEU(lowercase=True, effective_order=True)
    pairs = zip(told, references, strict=True)
    scores = [bleu.sentence_score(text, list(wanted)) for text, wanted in pairs]
    counts = [[s.sys_len, s.ref_len, *s.counts, *s.totals] for s in scores]

    def value(sums: Floats) -> float:
        n_said, n_wanted, *ngrams = map(int, sums)
        half = len(ngrams) // 2
        whole = bleu.compute_bleu(
            ngrams[:half], ngrams[half:], n_said, n_wanted, smooth_method="exp"
        )
        return float(whole.score)

    return Sums(np.asarray(counts, np.float64), value)


def _rouge_l(references: Sequence[Sequence[str]], told: Sequence[str]) -> Sums:
    """Google's ROUGE-L F-measure with stemming; the best of a description's sentences."""
    scorer = library("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=True)
    pairs = zip(references, told, strict=True)
    return mean([scorer.score_multi(list(a), b)["rougeL"].fmeasure for a, b in pairs])


def _cider(references: Sequence[Sequence[str]], told: Sequence[str]) -> Sums:
    """COCO's CIDEr-D; rareness of words is counted once, over all references."""
    scorer: Any = library("pycocoevalcap.cider.cider").Cider()
    wanted = {i: [words(text) for text in texts] for i, texts in enumerate(references)}
    _, scores = scorer.compute_score(wanted, {i: [words(text)] for i, text in enumerate(told)})
    return mean([float(value) for value in scores])
