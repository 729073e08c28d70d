"""How often sameness is told wrongly, counted on adapters whose history is known."""

import itertools
from collections import Counter

import numpy as np
import pytest
import safetensors.numpy

from lorahub.adapters import load_tensors
from lorahub.adapters.sameness import (
    BANDS,
    band_keys,
    content_hashes,
    likeness,
    merge_of,
)
from support import herd
from support.weights import packed

# How each kind may be judged. A merge holds its smaller part by any cosine.
EXPECTED = {
    "other layout": {"same"},
    "other alpha": {"same"},
    "F16": {"same"},
    "BF16": {"same"},
    "other factors": {"same"},
    "half as strong": {"scaled"},
    "resized to 99 %": {"resized", "near"},
    "resized to 90 %": {"resized", "related", "near"},
    "trained by 10 %": {"near"},
    "trained by 25 %": {"near", "related"},
    "merged 1 : 1": {"related", "unrelated", "resized", "near"},
    "merged 7 : 3": {"related", "unrelated", "resized", "near"},
    "merged of 3": {"related", "unrelated", "resized", "near"},
}
# The part of pairs of at least this cosine that share a key of the index.
LEAST_MET = {0.97: 1.0, 0.9: 0.99, 0.8: 0.85, 0.7: 0.5}


_LARGE = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.mark.parametrize(
    "count", [pytest.param(6, id="small"), pytest.param(200, id="large", marks=_LARGE)]
)
def test_how_often_it_is_wrong(count):
    originals, animals = herd.herd(count)
    table = Table(originals, animals)
    print(f"\n{table}")
    for kind, counts in table.kinds.items():
        assert counts.keys() <= EXPECTED[kind], f"{kind}: {counts}"
    for cosine, least in LEAST_MET.items():
        assert table.found(cosine, cosine + 0.1) >= least, cosine
    assert table.unrelated == {"unrelated": count * (count - 1) // 2}
    assert table.met <= 0.05
    assert table.merges_missed == 0
    assert table.merges_invented == 0
    assert table.worst_weight < 0.05


class Table:
    """Every derivative against its parents, every original against every other."""

    def __init__(self, originals, animals):
        self.kinds = {kind: Counter() for kind in EXPECTED}
        self.hits = []
        self.cosines = {kind: [] for kind in EXPECTED}
        self.merges_missed = self.merges_invented = 0
        self.worst_weight = 0.0
        keys = [set(band_keys(each)) for each in originals]
        for animal in animals:
            own = set(band_keys(animal.sketch))
            for parent in animal.parents:
                told = likeness(originals[parent], animal.sketch)
                self.kinds[animal.kind][told.kind] += 1
                self.cosines[animal.kind].append(told.cosine)
                self.hits.append((told.cosine, bool(own & keys[parent])))
            self._merge(animal, originals)
        pairs = list(itertools.combinations(range(len(originals)), 2))
        self.unrelated = Counter(likeness(originals[a], originals[b]).kind for a, b in pairs)
        self.met = sum(bool(keys[a] & keys[b]) for a, b in pairs) / len(pairs)

    def _merge(self, animal, originals):
        names = sorted({*animal.parents, *range(0, len(originals), 3)})
        found = merge_of(animal.sketch, {str(name): originals[name] for name in names})
        if len(animal.parents) == 1:
            self.merges_invented += found is not None
        elif found is None or {int(name) for name in found.weights} != set(animal.parents):
            self.merges_missed += 1
        else:
            for name, weight in found.weights.items():
                error = abs(weight - animal.parents[int(name)])
                self.worst_weight = max(self.worst_weight, error)

    def wrong(self):
        return {
            kind: sum(n for told, n in counts.items() if told not in EXPECTED[kind])
            / counts.total()
            for kind, counts in self.kinds.items()
        }

    def found(self, least, below):
        hits = [hit for cosine, hit in self.hits if least <= cosine < below]
        return sum(hits) / len(hits) if hits else 1.0

    def __str__(self):
        lines = [f"{'made by':<17}{'cosine':>16}   wrong   told as"]
        wrong = self.wrong()
        for kind, counts in self.kinds.items():
            low, high = min(self.cosines[kind]), max(self.cosines[kind])
            told = ", ".join(f"{name} {n}" for name, n in counts.most_common())
            lines.append(f"{kind:<17}{low:>8.4f}-{high:.4f}{wrong[kind]:>8.2%}   {told}")
        edges = [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.1]
        for low, high in itertools.pairwise(edges):
            lines.append(f"cosine from {low}: {self.found(low, high):.1%} share a key")
        lines.append(f"unrelated pairs: {dict(self.unrelated)}, {self.met:.2%} share a key")
        lines.append(
            f"merges: {self.merges_missed} missed, {self.merges_invented} invented, "
            f"weights off by {self.worst_weight:.3f} at most"
        )
        return "\n".join(lines)


def test_keys_fit_sql_and_ignore_the_strength():
    one = herd.original(1)
    keys = band_keys(herd.sketch(herd.as_file(one)))
    assert len(set(keys)) == len(keys) == BANDS
    assert all(0 <= key < 2**63 for key in keys)
    for weight in (0.1, 3.0, -1.0):
        other = band_keys(herd.sketch(herd.as_file(herd.scaled(one, weight))))
        assert len(set(other) & set(keys)) >= BANDS - 1
    # Hubs keep them: the first of this one must never change.
    assert keys[0] == 8405673501435384721


def test_equal_tensors_under_another_header():
    rng = np.random.default_rng(5)
    arrays = {
        "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": rng.random((4, 9), np.float32),
        "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": rng.random((9, 4), np.float32),
        "lora_unet_mid_block_attentions_0_proj_in.alpha": np.array(4, np.float32),
    }
    content = packed(arrays)
    hashes = content_hashes(load_tensors(content))
    assert content_hashes(load_tensors(packed(arrays, {"ss_steps": "3"}))) == hashes
    assert content_hashes(load_tensors(_reversed(arrays))) == hashes
    renamed = {
        name.replace("lora_down", "lora_A").replace("lora_up", "lora_B"): array
        for name, array in arrays.items()
        if not name.endswith("alpha")
    }
    other = content_hashes(load_tensors(packed(renamed)))
    assert other.unnamed == hashes.unnamed
    assert other.tensors != hashes.tensors
    arrays["lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"][0, 0] += 1
    changed = content_hashes(load_tensors(packed(arrays)))
    assert changed.unnamed != hashes.unnamed
    assert changed.tensors != hashes.tensors


def _reversed(arrays):
    """The same tensors in another order, as some writers lay them."""
    import json

    header, data, at = {}, b"", 0
    for name, array in reversed(arrays.items()):
        raw = array.tobytes()
        shape = list(array.shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(raw)]}
        data += raw
        at += len(raw)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    assert safetensors.numpy.load(len(head).to_bytes(8, "little") + head + data)
    return len(head).to_bytes(8, "little") + head + data
