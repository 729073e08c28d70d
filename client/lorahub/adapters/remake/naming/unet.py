"""The U-Nets of Stable Diffusion 1, 2 and XL, in the names of diffusers and of SGM."""

from collections.abc import Iterator
from functools import lru_cache

from lorahub.adapters.remake.naming.rules import Names, Place, Rule, same

_ATTENTION = (
    "proj_in", "proj_out", "transformer_blocks.{}.ff.net.0.proj", "transformer_blocks.{}.ff.net.2",
    *(
        f"transformer_blocks.{{}}.{attention}.{layer}"
        for attention in ("attn1", "attn2")
        for layer in ("to_q", "to_k", "to_v", "to_out.0")
    ),
)  # fmt: skip
_RESNET = ("conv1", "conv2", "time_emb_proj", "conv_shortcut")
_OTHERS = (
    "conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2",
    "add_embedding.linear_1", "add_embedding.linear_2", "down_blocks.{}.downsamplers.0.conv",
    "up_blocks.{}.upsamplers.0.conv",
)  # fmt: skip


def _templates() -> Iterator[str]:
    for block in ("down_blocks.{}", "up_blocks.{}", "mid_block"):
        yield from (f"{block}.attentions.{{}}.{layer}" for layer in _ATTENTION)
        yield from (f"{block}.resnets.{{}}.{layer}" for layer in _RESNET)
    yield from _OTHERS


_RESNET_SGM = {
    "conv1": "in_layers.2",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_OTHERS_SGM = {
    "conv_in": "input_blocks.0.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
# The shape of SDXL: three levels, two layers each (three on the way up), up to ten transformers.
_LEVELS, _DOWN, _UP, _DEPTH = 3, 2, 3, 10


def _layers(diffusers: str, sgm: str, kind: str) -> Iterator[tuple[str, str]]:
    if kind == "resnets":
        for layer, name in _RESNET_SGM.items():
            yield f"{diffusers}.{layer}", f"{sgm}.{name}"
        return
    for layer in _ATTENTION:
        for depth in range(_DEPTH if "{}" in layer else 1):
            yield f"{diffusers}.{layer}".format(depth), f"{sgm}.{layer}".format(depth)


def _sdxl() -> Iterator[tuple[str, str]]:
    """(diffusers, SGM) of every module that can carry a LoRA."""
    for level in range(_LEVELS):
        for slot, kind in enumerate(("resnets", "attentions")):
            for layer in range(_DOWN):
                number = 1 + 3 * level + layer
                yield from _layers(
                    f"down_blocks.{level}.{kind}.{layer}", f"input_blocks.{number}.{slot}", kind
                )
            for layer in range(_UP):
                number = 3 * level + layer
                yield from _layers(
                    f"up_blocks.{level}.{kind}.{layer}", f"output_blocks.{number}.{slot}", kind
                )
        yield f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{3 * level + 3}.0.op"
        yield f"up_blocks.{level}.upsamplers.0.conv", f"output_blocks.{3 * level + 2}.2.conv"
    yield from _layers("mid_block.resnets.0", "middle_block.0", "resnets")
    yield from _layers("mid_block.attentions.0", "middle_block.1", "attentions")
    yield from _layers("mid_block.resnets.1", "middle_block.2", "resnets")
    yield from _OTHERS_SGM.items()


class SdxlNames(Names):
    """SGM numbers its blocks through, so its names come from a table and not from templates."""

    def __init__(self) -> None:
        super().__init__(list(same(*_templates())))
        self._sgm = dict(_sdxl())
        self._diffusers: dict[str, str] = {}
        for path, sgm in self._sgm.items():
            self._diffusers[sgm] = self._diffusers[sgm.replace(".", "_")] = path

    def read(self, path: str) -> Place | None:
        known = self._diffusers.get(path)
        return self.piece(known) if known else super().read(path)

    def piece(self, path: str) -> Place | None:
        sgm = self._sgm.get(path)
        return Place(Rule(sgm, (path,)), (), 0) if sgm else None


@lru_cache
def sdxl_names() -> SdxlNames:
    return SdxlNames()


@lru_cache
def sd_names() -> Names:
    """SD 1 and 2, whose trainers use the names of diffusers."""
    return Names(list(same(*_templates())))
