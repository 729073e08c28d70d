"""What is accepted from a stranger's file. Real adapters stay far below every number here.

A safetensors header may by its own rules be 100 MB and make a reader allocate gigabytes; the
largest header of a real adapter is below one megabyte (SDXL with text encoders: 2958 tensors).
"""

MAX_HEADER_BYTES = 8 * 1024 * 1024
MAX_TENSORS = 20_000
MAX_NAME_CHARS = 400
MAX_DIMS = 8
MAX_DIM = 2**31 - 1
MAX_METADATA_KEYS = 512
MAX_METADATA_KEY_CHARS = 256
MAX_METADATA_VALUE_BYTES = 4 * 1024 * 1024
MAX_METADATA_BYTES = 6 * 1024 * 1024

# JSON kept inside a metadata value (tag counts, data sets).
MAX_NESTED_JSON_CHARS = 2 * 1024 * 1024
MAX_NESTED_JSON_CONTAINERS = 20_000
MAX_NESTED_JSON_ITEMS = 200_000

MAX_RANK = 4096
MAX_ALPHA = 1e12

# How many names a report lists before it only counts.
MAX_LISTED = 100
MAX_TRIGGER_WORDS = 20
MAX_TEXT = 300
