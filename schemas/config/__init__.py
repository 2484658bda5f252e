"""The configuration of a run. Its defaults are the `embedded` profile.

Every value that shapes a table is in here, so that the hash of a section, with the
revision of its model, says whether a stored column is still what the run would make.
"""

from scenelake.schemas.config.families import (
    FAMILIES,
    OF_FILMS,
    digest,
    family_hashes,
    section_hash,
)
from scenelake.schemas.config.flow import ClipsConfig, LimitsConfig, PoolConfig, SourcesConfig
from scenelake.schemas.config.language import (
    AnswerConfig,
    ChatConfig,
    DescribeConfig,
    FramesConfig,
    RayLlmConfig,
    SummariseConfig,
)
from scenelake.schemas.config.perception import (
    CutConfig,
    DecodeConfig,
    KeyframeConfig,
    OcrConfig,
    SceneConfig,
    SpeechConfig,
    TextConfig,
    VadConfig,
    VisualConfig,
)
from scenelake.schemas.config.root import Config
from scenelake.schemas.config.search import FieldWeights, RankingWeights, SearchConfig
from scenelake.schemas.config.section import Dtype, EngineSection, Section

__all__ = [
    "AnswerConfig",
    "ChatConfig",
    "ClipsConfig",
    "Config",
    "CutConfig",
    "DecodeConfig",
    "DescribeConfig",
    "Dtype",
    "EngineSection",
    "FAMILIES",
    "FieldWeights",
    "FramesConfig",
    "KeyframeConfig",
    "LimitsConfig",
    "OF_FILMS",
    "OcrConfig",
    "PoolConfig",
    "RankingWeights",
    "RayLlmConfig",
    "SceneConfig",
    "SearchConfig",
    "Section",
    "SourcesConfig",
    "SpeechConfig",
    "SummariseConfig",
    "TextConfig",
    "VadConfig",
    "VisualConfig",
    "digest",
    "family_hashes",
    "section_hash",
]
