"""Small files, small functions: the measures that every large code base wishes it had kept."""

from statistics import median

from support.source import ROOT, everything, product

FILE_LINES, FUNCTION_LINES = 500, 60


def test_no_file_is_long():
    # A migration is as long as the tables that it makes.
    written = [s for s in everything() if ROOT / "migrations" not in s.path.parents]
    long = {s.name: n for s in written if (n := s.text.count("\n")) > FILE_LINES}
    assert long == {}


def test_no_function_is_long():
    long = {}
    for source in product():
        for node in source.functions():
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES:
                long[f"{source.name}:{node.lineno} {node.name}"] = lines
    assert long == {}


def test_the_usual_file_is_short():
    assert median(s.text.count("\n") for s in product() if s.text) <= 130
