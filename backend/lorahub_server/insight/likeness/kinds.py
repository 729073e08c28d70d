"""How two files can be alike: adapters.sameness tells those that a sketch shows."""

TENSORS = "tensors"  # the same numbers under another header or other names
PART = "part"  # one is a weighted sum of several, the other among them
SAME = "same"
RELATED = "related"
UNRELATED = "unrelated"
