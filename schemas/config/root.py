"""One run's configuration."""

from __future__ import annotations

from collections.abc import Mapping

from scenelake.schemas.config.flow import ClipsConfig, LimitsConfig, PoolConfig, SourcesConfig
from scenelake.schemas.config.language import AnswerConfig, DescribeConfig, SummariseConfig
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
from scenelake.schemas.config.search import SearchConfig
from scenelake.schemas.config.section import Section


class Config(Section):
    """One run's configuration: all sections, each with its defaults."""

    sources: SourcesConfig = SourcesConfig()
    clips: ClipsConfig = ClipsConfig()
    limits: LimitsConfig = LimitsConfig()
    pools: Mapping[str, PoolConfig] = {}
    decode: DecodeConfig = DecodeConfig()
    cut: CutConfig = CutConfig()
    keyframes: KeyframeConfig = KeyframeConfig()
    scene: SceneConfig = SceneConfig()
    visual: VisualConfig = VisualConfig()
    ocr: OcrConfig = OcrConfig()
    vad: VadConfig = VadConfig()
    speech: SpeechConfig = SpeechConfig()
    text: TextConfig = TextConfig()
    describe: DescribeConfig = DescribeConfig()
    summarise: SummariseConfig = SummariseConfig()
    answer: AnswerConfig = AnswerConfig()
    search: SearchConfig = SearchConfig()
    strict: bool = False
