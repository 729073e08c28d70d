"""Lists models in every way there is.

Arguments: three repositories of alice's (one with two likes, one with one, none), a private one.
"""

from common import ARGS, VERSION, api, raises, tell
from huggingface_hub import utils

first, second, third, hidden = ARGS
author, name = first.split("/")
stem = name.removesuffix("-a")


def listed(**how):
    return list(api.list_models(**{"author": author, "search": stem, **how}))


def ids(**how):
    return [model.id for model in listed(**how)]


public = [first, second, third]
assert sorted(ids()) == sorted([*public, hidden])
assert sorted(ids(token=False)) == sorted(public), "what is private shows to its owner alone"
assert sorted(ids(author=None, token=False)) == sorted(public)
assert ids(author="nobody-at-all") == []
assert ids(search=f"{stem} nothing") == []

# In order, and backwards where a version can ask for it.
assert ids(sort="likes", token=False) == [first, second, third]
assert ids(sort="created_at", token=False) == [third, second, first]
changed = [model.last_modified for model in listed(sort="last_modified", full=True)]
assert changed == sorted(changed, reverse=True)
for sort in ("downloads", "trending_score"):
    assert sorted(ids(sort=sort, token=False)) == sorted(public)
if VERSION < (1, 0):
    assert ids(sort="likes", direction=-1, token=False) == [first, second, third]
raises(utils.HfHubHTTPError, ids, sort="nonsense")

# Few of them, and more than there are.
assert ids(sort="likes", limit=2, token=False) == [first, second]
assert len(ids(limit=500)) == 4

# By what the card says.
assert ids(filter="lists-this") == [first]
assert sorted(ids(filter="lists-all")) == sorted([first, second])
assert ids(filter=["lists-all", "license:mit"]) == [first]
assert ids(filter="base_model:some/base") == [first]
assert ids(filter="base_model:adapter:some/base") == [first]
assert ids(filter="base_model:finetune:some/base") == []
assert ids(filter="base_model:adapter:other/base") == [second]
assert ids(pipeline_tag="text-to-image") == [first]
assert ids(filter="dataset:some/data") == [second]
if VERSION < (1, 0):
    assert ids(tags="lists-this", task="text-to-image") == [first]
    assert ids(language="de") == [second]
else:
    assert ids(filter="de") == [second]
assert ids(gated=True) == []
assert sorted(ids(gated=False)) == sorted(ids())
assert ids(inference="warm") == []
if VERSION >= (1, 0):
    assert ids(apps="vllm") == []

# What is told of each.
(plain,) = listed(filter="lists-this")
assert (plain.private, plain.likes, plain.pipeline_tag) == (False, 2, "text-to-image")
assert "lists-this" in plain.tags
assert plain.created_at.year >= 2024
assert (plain.siblings, plain.card_data) == (None, None)
(full,) = listed(filter="lists-this", full=True)
assert [sibling.rfilename for sibling in full.siblings] == [
    ".gitattributes", "README.md", "d/e.txt", "w.safetensors",
]  # fmt: skip
assert (full.author, full.gated, full.disabled) == (author, False, False)
assert full.sha == api.model_info(first).sha
assert full.last_modified >= full.created_at
(card,) = listed(filter="lists-this", cardData=True)
assert card.card_data.license == "mit"
(configured,) = listed(filter="lists-this", fetch_config=True)
assert configured.config == {}
(few,) = listed(filter="lists-this", expand=["likes", "siblings", "baseModels", "cardData"])
assert few.likes == 2
assert len(few.siblings) == 4
assert few.card_data.license == "mit"
assert (few.tags, few.sha) == (None, None)
refused = raises(utils.HfHubHTTPError, ids, expand=["nonsense"])
names = str(refused).split('"expand" must be one of [')[1].split("]")[0].split(", ")
(everything,) = listed(filter="lists-this", expand=names)
assert everything.sha == full.sha
assert everything.author == author
assert api.model_info(first, expand=names).sha == full.sha
raises(ValueError, ids, expand=["sha"], full=True)
assert list(api.list_datasets(author=author)) == list(api.list_spaces(author=author)) == []
tell(names=names)
