"""A lake's films as files that other programs read: subtitles, chapters, pages, data sets.

>>> from scenelake.pipeline import Lake
>>> from scenelake.pipeline.export.job import export
>>> export(Lake("my-lake"), "srt", "subtitles")
"""
