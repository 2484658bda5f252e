"""Films with known truth, speech with known words, and media from packages."""
