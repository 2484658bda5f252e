"""Each metric is its reference library's, or that of an example worked by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jiwer
import numpy as np
import pytest
import pytrec_eval
import sacrebleu
from pycocoevalcap.cider.cider import Cider
from rouge_score.rouge_scorer import RougeScorer
from scipy import stats
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from scenelake.pipeline.evaluation import (
    answers,
    cuts,
    description,
    grounding,
    moments,
    retrieval,
    transcription,
)
from scenelake.pipeline.evaluation.answers import Reply
from scenelake.pipeline.evaluation.bootstrap import Sums, estimate, mean
from scenelake.pipeline.evaluation.grounding import Told
from scenelake.pipeline.evaluation.records import Question, Search, Transcript

TOLD = [
    "A man is parking an old van.",
    "The woman peels two oranges in her kitchen",
    "a dog",
    "Children run over the wet beach while a kite falls.",
]
WANTED = [
    ["a man parks an old van", "someone is parking a van in a street"],
    ["a woman peels an orange", "the woman peels oranges in the kitchen", "fruit is peeled"],
    ["a small dog digs a hole"],
    ["children run over the beach", "a kite falls on the wet beach"],
]


def value(sums: Sums) -> float:
    return sums.value(sums.items.sum(axis=0))


def values(metrics: Mapping[str, Sums]) -> dict[str, float]:
    return {name: value(sums) for name, sums in metrics.items()}


def heard(*pairs: tuple[str, str], language: str = "en") -> dict[str, float]:
    truth = [Transcript(str(i), text, language) for i, (text, _) in enumerate(pairs)]
    return values(transcription.score(truth, [said for _, said in pairs]))


def test_error_rates_are_jiwers_over_all_films_together() -> None:
    pairs = [
        ("the roasters begin at six in the morning", "the roaster begins six in the mourning"),
        ("seventeen people", "seventeen good people work here"),
        ("nobody speaks", ""),
    ]
    plain = [
        [text.replace("six", "6").replace("seventeen", "17") for text in texts]
        for texts in zip(*pairs, strict=True)
    ]
    found = heard(*pairs)
    assert found["wer"] == pytest.approx(jiwer.wer(*plain))
    assert found["cer"] == pytest.approx(jiwer.cer(*plain))


def test_spelling_numbers_and_punctuation_are_no_errors() -> None:
    pair = ("Mr. Brown's colour? He paid twenty-five dollars.", "mister browns color he paid $25")
    assert heard((pair[0], "mister brown's color he paid $25"))["wer"] == 0
    assert heard(pair)["wer"] == pytest.approx(2 / 7)  # "brown is" for "browns"


def test_languages_without_spaces_count_characters() -> None:
    assert heard(("今日は晴れ", "今日は雨"), language="ja")["wer"] == pytest.approx(2 / 5)


def test_speech_made_up_in_silence_counts_as_errors() -> None:
    assert heard(("", "thank you"), ("rain falls on roofs", "rain falls on roofs"))["wer"] == 0.5


def test_cuts_are_found_once_within_the_tolerance() -> None:
    found = values(cuts.score([[1.0, 2.0, 5.0]], [[1.05, 1.08, 2.2, 5.1]], tolerance_s=0.1))
    assert found["precision"] == pytest.approx(2 / 4)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(2 * 2 / 7)


@pytest.mark.parametrize("seed", range(5))
def test_no_pairing_of_cuts_finds_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    true, found = rng.uniform(0, 10, 40), rng.uniform(0, 10, 50)
    near = csr_array(np.abs(true[:, None] - found[None]) <= 0.15)
    most = int((maximum_bipartite_matching(near) >= 0).sum())
    assert cuts.n_hits(true.tolist(), found.tolist(), tolerance_s=0.15) == most


def test_bleu_is_sacrebleus_of_the_whole_corpus() -> None:
    n_most = max(map(len, WANTED))
    streams = [[texts[i] if i < len(texts) else None for texts in WANTED] for i in range(n_most)]
    whole = sacrebleu.corpus_bleu(TOLD, streams, lowercase=True)
    assert values(description.score(WANTED, TOLD))["bleu"] == pytest.approx(whole.score)


def test_rouge_l_is_googles_best_over_the_references() -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=True)
    best = [
        max(scorer.score(text, told)["rougeL"].fmeasure for text in wanted)
        for wanted, told in zip(WANTED, TOLD, strict=True)
    ]
    assert values(description.score(WANTED, TOLD))["rouge_l"] == pytest.approx(np.mean(best))


def test_cider_is_cocos_over_plain_words() -> None:
    plain = [text.lower().replace(".", "") for text in TOLD]
    expected, _ = Cider().compute_score(
        dict(enumerate(WANTED)), {i: [t] for i, t in enumerate(plain)}
    )
    assert values(description.score(WANTED, TOLD))["cider"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("said", "wanted", "exact", "f1", "anls"),
    [
        ("The Eiffel Tower.", "eiffel tower", 1, 1, 1 - 5 / 17),
        ("the Norman conquest of 1066", "Norman conquest", 0, 2 * 2 / 6, 1 - 12 / 27),
        ("seventeen", "seventy", 0, 0, 1 - 3 / 9),
        ("Moskva", "Moscow", 0, 0, 1 - 3 / 6 if 3 / 6 < 0.5 else 0),
        ("", "two", 0, 0, 0),
    ],
)
def test_open_answers(said: str, wanted: str, exact: float, f1: float, anls: float) -> None:
    truth = Question("q", "?", answers=("entirely something else", wanted))
    found = values(answers.score([truth], [Reply(said)]))
    assert found["exact_match"] == exact
    assert found["token_f1"] == pytest.approx(f1)
    assert found["anls"] == pytest.approx(anls)


OPTIONS = ("A dog.", "a red car", "Nobody", "A")


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        (Reply(choice="B"), "B"),
        (Reply(choice="2"), "C"),
        (Reply("b"), "B"),
        (Reply("(C) because it rains"), "C"),
        (Reply("B. a red car"), "B"),
        (Reply("The answer is C."), "C"),
        (Reply("a dog"), "A"),
        (Reply("A red car!"), "B"),
        (Reply("A horse, I think"), None),
        (Reply("E"), None),
        (Reply(choice="9"), None),
        (Reply(""), None),
    ],
)
def test_a_choice_is_read_from_letters_numbers_and_texts(reply: Reply, letter: str | None) -> None:
    assert answers.chosen(reply, OPTIONS) == letter


def test_open_answers_and_choices_are_counted_apart() -> None:
    choice = Question("1", "?", options=("x", "y"), choice="B")
    opened = Question("2", "?", answers=("yes",))
    found = values(answers.score([choice, choice, opened], [Reply("B"), Reply("A"), Reply("yes")]))
    assert (found["accuracy"], found["exact_match"]) == (0.5, 1.0)


def test_rankings_score_as_worked_by_hand() -> None:
    truth = [Search("1", "", frozenset("ade")), Search("2", "", frozenset("x"))]
    found = values(retrieval.score(truth, ["abdef", "yz"]))
    dcg, ideal = 1 + 1 / 2 + 1 / np.log2(5), 1 + 1 / np.log2(3) + 1 / 2
    assert found["ndcg@10"] == pytest.approx(dcg / ideal / 2)
    assert found["recall@3"] == pytest.approx(2 / 3 / 2)
    assert (found["hit@1"], found["mrr"]) == (0.5, 0.5)


def test_rankings_score_as_trec_eval_does() -> None:
    rng = np.random.default_rng(0)
    ids = [f"d{i}" for i in range(30)]
    wanted = [frozenset(rng.choice(ids, 3, replace=False)) for _ in range(20)]
    found = [[str(name) for name in rng.permutation(ids)] for _ in range(20)]
    qrels = {str(i): dict.fromkeys(w, 1) for i, w in enumerate(wanted)}
    run = {str(i): {n: -float(p) for p, n in enumerate(f)} for i, f in enumerate(found)}
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank", "recall.5"}).evaluate(run)
    ours = values(retrieval.score([Search("", "", w) for w in wanted], found))
    assert ours["mrr"] == pytest.approx(np.mean([q["recip_rank"] for q in theirs.values()]))
    assert ours["recall@5"] == pytest.approx(np.mean([q["recall_5"] for q in theirs.values()]))


def test_a_query_that_finds_nothing_counts_nought() -> None:
    truth = [Search("1", "", frozenset("a")), Search("2", "", frozenset("b"))]
    assert values(retrieval.score(truth, ["a", ()]))["hit@1"] == 0.5


def test_overlap_of_spans() -> None:
    assert moments.iou((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert moments.iou((0, 5), (5, 9)) == 0
    assert moments.iou((3, 3), (3, 3)) == 0


def test_moments_score_as_worked_by_hand() -> None:
    truth = [[(0.0, 10.0), (20.0, 30.0)], [(5.0, 9.0)]]
    found = [[(0.0, 8.0), (50.0, 60.0), (21.0, 30.0)], [(0.0, 9.0)]]
    scored = values(moments.score(truth, found))
    assert scored["r1@0.5"] == 0.5
    assert scored["miou"] == pytest.approx((0.8 + 4 / 9) / 2)
    # Hit, miss, hit, of two: half the recall at precision 1, half at 2/3.
    assert scored["map@0.5"] == pytest.approx((1 / 2 + 2 / 3 / 2) / 2)
    # (0, 8) is right up to 0.8, (21, 30) up to 0.9: of ten thresholds seven, and two more.
    first = (7 * (1 / 2 + 2 / 3 / 2) + 2 * (1 / 3 / 2)) / 10
    assert scored["map"] == pytest.approx(first / 2)


def test_a_true_span_is_found_once() -> None:
    assert moments.average_precision([(0, 10)], [(0, 9), (0, 10)], at=0.5) == 1
    assert moments.average_precision([(0, 10), (50, 60)], [(0, 9), (0, 10)], at=0.5) == 0.5


def told(text: str, *evidence: str) -> dict[str, float]:
    return values(grounding.score([Told(text, evidence, "description", True)]))


def test_names_numbers_and_quotes_are_looked_up_in_the_evidence() -> None:
    text = 'Here Anna and Rosa pay 17 dollars. She says "come in" and "go away", then it is 1995.'
    found = told(text, "Anna paid seventeen dollars.", "Come in, please!")
    assert (found["names"], found["numbers"], found["quotes"]) == (0.5, 0.5, 0.5)
    assert found["claims"] == 0.5


def test_words_of_the_form_and_starts_of_sentences_are_no_names() -> None:
    scored = grounding.score([Told('Seen: cat. On screen: "Exit".', ("cat", "EXIT"), "d", False)])
    assert not scored["names"].applies
    assert value(scored["quotes"]) == 1


def test_a_citation_holds_if_its_own_scene_says_it() -> None:
    quotes = (("come in", ("Come in, please",)), ("come in", ("Go away",)))
    answer = Told("Anna.", ("Anna",), "answer", True, quotes)
    assert values(grounding.score([answer]))["citations"] == 0.5


def test_an_interval_is_the_percentile_bootstraps() -> None:
    rng = np.random.default_rng(3)
    sample = rng.exponential(size=200)
    ours = estimate(mean(sample.tolist()), n_resamples=4000)
    theirs = stats.bootstrap((sample,), np.mean, method="percentile", n_resamples=4000)
    assert ours.value == pytest.approx(sample.mean())
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.02)


def test_the_same_seed_gives_the_same_interval() -> None:
    sums = mean(np.random.default_rng(0).normal(size=50).tolist())
    assert estimate(sums, seed=1) == estimate(sums, seed=1)
    assert estimate(sums, seed=1) != estimate(sums, seed=2)


def test_an_interval_of_a_corpus_metric_holds_its_value() -> None:
    found: Sequence[Sums] = list(description.score(WANTED * 10, TOLD * 10).values())
    for sums in found:
        result = estimate(sums, n_resamples=200)
        assert result.low <= result.value <= result.high
        assert result.low < result.high
