"""How scenes are found."""

from __future__ import annotations

from pydantic import Field, PositiveFloat, PositiveInt

from scenelake.schemas.config.section import Section


class RankingWeights(Section):
    """How much each ranking of a search counts; 0 leaves it out, and its model unloaded.

    What tells rankings apart is first how far each is trusted with a query. These weights are
    of films with 40 photographs and 18 stories, searched 300 times: with `seen` at 1, as often
    as not a scene that tells something vaguely like it stood before the one that shows it.

    Attributes:
        words: words that are there; what they leave open, the likenesses tell.
        told: likeness of text vectors to what is said, shown and described.
        seen: likeness of visual vectors to what is seen.
    """

    words: float = Field(default=2.5, ge=0)
    told: float = Field(default=1.0, ge=0)
    seen: float = Field(default=2.0, ge=0)


class FieldWeights(Section):
    """How much a word counts where it is said, shown on screen, told of a scene, or seen.

    What is told repeats much of what is said and seen, and counts half for that.
    """

    said: float = Field(default=1.0, ge=0)
    shown: float = Field(default=1.0, ge=0)
    told: float = Field(default=0.5, ge=0)
    seen: float = Field(default=1.0, ge=0)


class SearchConfig(Section):
    """How scenes are found. No column depends on it.

    Attributes:
        rank_offset: by how much less the tenth place counts than the first (Cormack's 60).
        depth: places of each ranking that count.
        fold_within_s: scenes of one film so near to each other that say and show the same
            are one hit; negative: never.
        fold_alike: cosine from which on they do.
    """

    weights: RankingWeights = RankingWeights()
    word_weights: FieldWeights = FieldWeights()
    rank_offset: PositiveFloat = 60.0
    depth: PositiveInt = 100
    fold_within_s: float = 5.0
    fold_alike: float = Field(default=0.95, gt=0, le=1)
