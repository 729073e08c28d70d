"""Examples out of a schema: the one it declares, else one made of its parts."""

from collections.abc import Mapping
from typing import Any

_PLAIN: dict[str, Any] = {"string": "text", "integer": 0, "number": 0.0, "boolean": False}
_DEPTH = 8


def sample(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = _DEPTH) -> Any:
    """Return a value that fits the schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return sample(document["components"]["schemas"][name], document, depth)
    for key in ("example", "default", "const"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], document, depth)
    return _made(schema, document, depth)


def _made(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type", "")
    if depth and kind == "array":
        return [sample(schema.get("items", {}), document, depth - 1)]
    if depth and kind == "object":
        parts = schema.get("properties", {})
        return {name: sample(part, document, depth - 1) for name, part in parts.items()}
    return _PLAIN.get(kind)
