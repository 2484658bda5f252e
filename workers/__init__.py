"""One step each, in plain classes that know no engine: decode, encode, align, describe."""
