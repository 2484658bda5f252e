"""Finds scenes: by what is said, shown, described and seen, and by likeness.

The index that makes this quick is a cache beside the lake: it is brought up to date by every
search, may be thrown away at any time, and is never what a hit is believed for.
"""
