"""Putting adapters into a model and taking them out again, without loading it anew.

A model has up to three slots. What stands in a slot is replaced in place where the shapes are the
same, so that neither memory nor a compiled graph changes; modules that the next adapter does not
have are emptied, those it has in addition are wrapped. PEFT makes the layers, from configurations
that are written here; the weights of the base are never touched.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lorahub_worker.engines.adapters import Change, Weights
from lorahub_worker.engines.spec import AdapterRefused

_SLOTS = ("first", "second", "third")
_MATRIX = 2
_LISTED = 3


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a change goes: the component, the module's own path, the change in its shape."""

    component: str
    path: str
    change: Change


class Slots:
    """The slots of one model. `parts`: component -> module, such as "unet" and "text_encoder"."""

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self._parts = dict(parts)
        self._names = {component: _names(part) for component, part in self._parts.items()}
        self._layers: dict[tuple[str, str], Any] = {}
        self._held: dict[str, Weights] = {}
        self._scales: dict[str, dict[tuple[str, str], float]] = {}
        self.acting: tuple[str, ...] = ()

    @property
    def layers(self) -> list[Any]:
        return list(self._layers.values())

    def use(self, wanted: Sequence[tuple[Weights, float]]) -> int:
        """Let these adapters act, each with its strength, and no other.

        Returns how many had to be put in; those that were there only change their strength.
        Raises AdapterRefused for one that does not fit; then none acts.
        """
        put = 0
        try:
            slots = self._assign([weights for weights, _ in wanted])
            for slot, (weights, _) in zip(slots, wanted, strict=True):
                if self._held.get(slot) is not weights:
                    self._fill(slot, weights)
                    put += 1
        except BaseException:
            self._activate([])
            raise
        # In the order that was asked for, as sums of numbers depend on it in the last bit.
        strengths = [strength for _, strength in wanted]
        self._activate(list(zip(slots, strengths, strict=True)))
        return put

    def held(self) -> dict[str, str]:
        """The slot of each adapter that is in the model, by its SHA-256."""
        return {weights.sha256: slot for slot, weights in self._held.items()}

    def unload(self) -> None:
        """Take every layer out: the model is as it was before."""
        for part in self._parts.values():
            # All that there are, also those of an attempt that broke off.
            for path, layer in list(part.named_modules()):
                if hasattr(layer, "lora_A") and hasattr(layer, "get_base_layer"):
                    parent, _, name = path.rpartition(".")
                    setattr(part.get_submodule(parent), name, layer.get_base_layer())
        for part in self._parts.values():
            for name in ("peft_config", "_hf_peft_config_loaded"):
                part.__dict__.pop(name, None)
        self._layers.clear()
        self._held.clear()
        self._scales.clear()
        self.acting = ()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The base without its adapters for a while."""
        if not self.acting:
            yield
            return
        for layer in self.layers:
            layer.enable_adapters(enabled=False)
        try:
            yield
        finally:
            for layer in self.layers:
                layer.enable_adapters(enabled=True)

    @contextmanager
    def fused(self) -> Iterator[None]:
        """The acting adapters folded into the weights, which are put back from copies after it."""
        import torch

        copies: list[tuple[Any, Any]] = []
        try:
            with torch.no_grad():
                for layer in self.layers:
                    here = [slot for slot in self.acting if slot in layer.scaling]
                    weight = layer.get_base_layer().weight
                    if here:
                        copies.append((weight, weight.detach().clone()))
                    for slot in here:
                        weight.data += layer.get_delta_weight(slot).to(weight.dtype)
            with self.alone():
                yield
        finally:
            for weight, before in copies:
                weight.data.copy_(before)

    def _assign(self, wanted: Sequence[Weights]) -> list[str]:
        """A slot for each; what stands in one already stays there."""
        if len(wanted) > len(_SLOTS):
            raise AdapterRefused("too_many_adapters", f"At most {len(_SLOTS)} adapters together.")
        found: list[str | None] = []
        for weights in wanted:
            held = [slot for slot, there in self._held.items() if there is weights]
            found.append(next((slot for slot in held if slot not in found), None))
        free = iter([slot for slot in _SLOTS if slot not in found])
        return [slot or next(free) for slot in found]

    def _fill(self, slot: str, weights: Weights) -> None:
        places = [self._place(weights, *entry) for entry in weights]
        self._held.pop(slot, None)
        try:
            self._empty(slot, {(place.component, place.path) for place in places})
            self._wrap(slot, places)
            self._scales[slot] = {
                (place.component, place.path): self._put(slot, place) for place in places
            }
        except AdapterRefused as error:
            error.sha256 = weights.sha256
            raise
        except BaseException:
            self.unload()
            raise
        reached = [layer for layer in self.layers if slot in layer.scaling]
        if len(reached) != len(places):
            self._empty(slot, set())
            raise AdapterRefused(
                "not_loaded", "Not every module took its change.", sha256=weights.sha256
            )
        self._held[slot] = weights

    def _place(self, weights: Weights, component: str, path: str, change: Change) -> _Place:
        part = self._component(component)
        found = None
        if part is not None:
            names = self._names[part]
            found = next((names[name] for name in _spellings(path) if name in names), None)
        if part is None or found is None:
            raise AdapterRefused(
                "wrong_family",
                f"The base has no module {component}.{path[:120]}: the adapter was made for "
                "another model.",
                sha256=weights.sha256,
            )
        base = _base_of(self._parts[part].get_submodule(found))
        shaped = _shaped(change, base)
        if shaped is None:
            rows, columns = change.up.shape[0], change.down[0].numel()
            raise AdapterRefused(
                "wrong_family",
                f"{component}.{path[:120]} is {rows} x {columns} in the adapter and "
                f"{' x '.join(map(str, base.weight.shape))} in the base: the adapter was made for "
                "another model.",
                sha256=weights.sha256,
            )
        return _Place(part, found, shaped)

    def _component(self, component: str) -> str | None:
        """The part that a file's component is; PEFT's "model" is the first of all."""
        if component in self._parts:
            return component
        return next(iter(self._parts)) if component in ("model", "transformer", "unet") else None

    def _empty(self, slot: str, keep: set[tuple[str, str]]) -> None:
        self._held.pop(slot, None)
        for key, layer in self._layers.items():
            if key not in keep and slot in layer.scaling:
                _drop(layer, slot)

    def _wrap(self, slot: str, places: Sequence[_Place]) -> None:
        """Give each place a layer with this slot, of the right kind; the numbers come later."""
        wanted: dict[tuple[str, bool, bool], list[str]] = {}
        for place in places:
            dora, bias = place.change.magnitude is not None, place.change.bias is not None
            layer = self._layers.get((place.component, place.path))
            if layer is not None and slot in layer.scaling:
                if layer.use_dora[slot] == dora and bool(layer.lora_bias[slot]) == bias:
                    continue
                _drop(layer, slot)
            wanted.setdefault((place.component, dora, bias), []).append(place.path)
        for (component, dora, bias), paths in wanted.items():
            try:
                _inject(self._parts[component], slot, paths, dora=dora, bias=bias)
            except (TypeError, ValueError) as error:
                self.unload()
                raise AdapterRefused(
                    "not_loaded",
                    f"{component} has modules that can't take this kind of adapter "
                    f"({type(error).__name__}).",
                ) from error
            for path in paths:
                self._layers[component, path] = self._parts[component].get_submodule(path)

    def _put(self, slot: str, place: _Place) -> float:
        layer, change = self._layers[place.component, place.path], place.change
        like = layer.get_base_layer().weight
        if change.embedding:
            _set_entry(layer.lora_embedding_A, slot, change.down, like)
            _set_entry(layer.lora_embedding_B, slot, change.up, like)
        else:
            _set(layer.lora_A[slot], "weight", change.down, like)
            _set(layer.lora_B[slot], "weight", change.up, like)
        if change.magnitude is not None:
            _set(layer.lora_magnitude_vector[slot], "weight", change.magnitude, like)
        if change.bias is not None:
            # It is scaled together with the product, and must come out as it is in the file.
            _set(layer.lora_B[slot], "bias", change.bias / (change.scale or 1.0), like)
        layer.r[slot] = change.down.shape[0]
        return change.scale

    def _activate(self, acting: Sequence[tuple[str, float]]) -> None:
        for slot, strength in acting:
            for key, scale in self._scales[slot].items():
                self._layers[key].scaling[slot] = scale * strength
        names = [slot for slot, _ in acting]
        self.acting = tuple(names)
        for layer in self.layers:
            if layer.active_adapters != names:
                layer.set_adapter(list(names))
            if layer.disable_adapters == bool(names):
                layer.enable_adapters(enabled=bool(names))


def fingerprint(parts: Mapping[str, Any]) -> dict[str, int]:
    """A sum over the bits of each part's own weights, without what adapters added."""
    import torch

    found = {}
    with torch.no_grad():
        for component, part in parts.items():
            total: Any = 0
            for name, weight in part.named_parameters():
                if "lora_" not in name:
                    total = total + _bits(weight.detach())
            found[component] = int(total)
    return found


def _bits(weight: Any) -> Any:
    import torch

    kinds = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    return weight.contiguous().view(kinds[weight.element_size()]).sum(dtype=torch.int64)


def _names(part: Any) -> dict[str, str]:
    """Every spelling of a module's path, dotted or flattened, to the path."""
    own = [name for name, module in part.named_modules() if _is_weighted(module)]
    return {name.replace(".", "_"): name for name in own} | {name: name for name in own}


def _spellings(path: str) -> tuple[str, ...]:
    """CLIP's layers are called with and without text_model, by the version of transformers."""
    flat = path.replace(".", "_")
    return path, path.removeprefix("text_model."), flat, flat.removeprefix("text_model_")


def _is_weighted(module: Any) -> bool:
    weight = getattr(module, "weight", None)
    return weight is not None and getattr(weight, "ndim", 0) >= _MATRIX


def _base_of(module: Any) -> Any:
    return module.get_base_layer() if hasattr(module, "get_base_layer") else module


def _shaped(change: Change, base: Any) -> Change | None:
    """The change in the shape that the layer of this module wants; None where it does not fit."""
    rank = change.down.shape[0]
    shape = tuple(base.weight.shape)
    if type(base).__name__ == "Conv1D":  # GPT-2's: a linear layer that lies on its side
        shape = shape[::-1]
    if change.embedding:
        fits = change.down.shape == (rank, shape[0]) and change.up.shape == (shape[1], rank)
        return change if fits else None
    inner = shape[1:]
    kernel = (1,) * (len(inner) - 1)
    if change.down.numel() != rank * _product(inner) or change.up.numel() != shape[0] * rank:
        return None
    if len(change.down.shape) > _MATRIX and tuple(change.down.shape[1:]) != inner and kernel:
        return None
    up, down = change.up.reshape(shape[0], rank, *kernel), change.down.reshape(rank, *inner)
    return change._replace(up=up, down=down)


def _product(numbers: Sequence[int]) -> int:
    found = 1
    for number in numbers:
        found *= number
    return found


def _inject(part: Any, slot: str, paths: Sequence[str], *, dora: bool, bias: bool) -> None:
    """Wrap these modules, or give their layers the slot; rank and numbers are set afterwards."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=1, lora_alpha=1, target_modules=list(paths), init_lora_weights=False, use_dora=dora,
        lora_bias=bias, inference_mode=True,
    )  # fmt: skip
    keys: dict[str, Any] = {f"{path}.lora_A.weight": None for path in paths}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inject_adapter_in_model(config, part, slot, low_cpu_mem_usage=True, state_dict=keys)


def _drop(layer: Any, slot: str) -> None:
    layer.set_adapter([name for name in layer.active_adapters if name != slot])
    layer.delete_adapter(slot)
    layer.lora_variant.pop(slot, None)


def _set(module: Any, name: str, value: Any, like: Any) -> None:
    """In place where the shape is the same, so that graphs and memory stay as they are."""
    import torch

    there = getattr(module, name)
    if there.device == like.device and there.shape == value.shape and there.dtype == like.dtype:
        with torch.no_grad():
            there.copy_(value)
        return
    made = value.to(device=like.device, dtype=like.dtype, copy=True)
    setattr(module, name, torch.nn.Parameter(made, requires_grad=False))


def _set_entry(entries: Any, slot: str, value: Any, like: Any) -> None:
    import torch

    made = value.to(device=like.device, dtype=like.dtype, copy=True)
    entries[slot] = torch.nn.Parameter(made, requires_grad=False)
