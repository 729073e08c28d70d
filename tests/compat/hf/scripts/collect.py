"""Collections. Arguments: two repositories of mine, one of them private; an organisation."""

from common import ARGS, api, raises
from huggingface_hub import HfApi, utils

shown, hidden, org = ARGS
owner = shown.split("/")[0]
nobody = HfApi(token=False)
unique = shown.split("/")[1]

made = api.create_collection(f"Glass {unique}", description="Adapters that know light.")
assert made.slug.startswith(f"{owner}/glass-{unique}-")
assert (made.title, made.private, made.items) == (f"Glass {unique}", False, [])
assert made.description == "Adapters that know light."
assert made.owner["name"] == owner
assert made.url.endswith(f"/collections/{made.slug}")
there = raises(utils.HfHubHTTPError, api.create_collection, f"Glass {unique}")
assert there.response.status_code == 409
assert api.create_collection(f"Glass {unique}", exists_ok=True).slug == made.slug

slug = made.slug
added = api.add_collection_item(slug, shown, "model", note="Good with 0.7.")
assert [(item.item_id, item.item_type, item.note) for item in added.items] == [
    (shown, "model", "Good with 0.7.")
]
again = raises(utils.HfHubHTTPError, api.add_collection_item, slug, shown, "model")
assert again.response.status_code == 409
assert len(api.add_collection_item(slug, shown, "model", exists_ok=True).items) == 1
api.add_collection_item(slug, hidden, "model")
missing = raises(utils.HfHubHTTPError, api.add_collection_item, slug, f"{owner}/nothing", "model")
assert missing.response.status_code == 404
for kind in ("dataset", "space", "paper"):
    refused = raises(utils.HfHubHTTPError, api.add_collection_item, slug, "a/b", kind)
    assert "models and collections" in str(refused)
other = api.create_collection(f"More {unique}", namespace=org, private=True)
assert other.slug.startswith(f"{org}/more-")
assert other.private
whole = api.add_collection_item(slug, other.slug, "collection")
assert [item.item_id for item in whole.items] == [shown, hidden, other.slug]
assert [item.position for item in whole.items] == [0, 1, 2]

# Others see the collection, and in it what is not private.
assert [item.item_id for item in nobody.get_collection(slug).items] == [shown]
raises(utils.HfHubHTTPError, nobody.get_collection, other.slug)

api.update_collection_item(slug, whole.items[2].item_object_id, note="first", position=0)
after = api.get_collection(slug)
assert [(item.item_id, item.note) for item in after.items] == [
    (other.slug, "first"), (shown, "Good with 0.7."), (hidden, None)
]  # fmt: skip
api.delete_collection_item(slug, whole.items[0].item_object_id)
gone = raises(utils.HfHubHTTPError, api.delete_collection_item, slug, whole.items[0].item_object_id)
assert gone.response.status_code == 404
api.delete_collection_item(slug, whole.items[0].item_object_id, missing_ok=True)
assert [item.item_id for item in api.get_collection(slug).items] == [other.slug, hidden]

changed = api.update_collection_metadata(
    slug, title=f"Water {unique}", description="Deep", theme="pink", private=True, position=0
)
assert changed.slug.startswith(f"{owner}/water-")
assert (changed.theme, changed.private, changed.description) == ("pink", True, "Deep")
assert api.get_collection(slug).slug == changed.slug
raises(utils.HfHubHTTPError, nobody.get_collection, slug)
api.update_collection_metadata(slug, private=False)

api.add_collection_item(slug, shown, "model")
found = list(api.list_collections(owner=[owner, org], item=f"models/{shown}", sort="upvotes"))
assert [one.slug for one in found] == [changed.slug]
assert found[0].position == 0
assert list(nobody.list_collections(item=f"models/{hidden}")) == []
assert list(api.list_collections(item="datasets/a/b")) == []
for number in range(3):
    api.create_collection(f"Row {number} {unique}", namespace=org)
listed = [one.title for one in api.list_collections(owner=org, sort="lastModified", limit=3)]
assert listed == [f"Row {number} {unique}" for number in (2, 1, 0)]
for sort in ("lastModified", "trending", "upvotes"):
    assert len(list(api.list_collections(owner=org, sort=sort))) == 4
    assert len(list(nobody.list_collections(owner=org, sort=sort))) == 3

api.delete_collection(slug)
gone = raises(utils.HfHubHTTPError, api.delete_collection, slug)
assert gone.response.status_code == 404
api.delete_collection(slug, missing_ok=True)
assert api.model_info(shown).id == shown
