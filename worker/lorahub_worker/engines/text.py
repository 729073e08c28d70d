"""A language model that is kept: prompts in, completions out, several adapters in one batch."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lorahub_server.insight.previews.recipe import TextRecipe
from lorahub_worker.engines import devices, loading
from lorahub_worker.engines.spec import BaseSpec
from lorahub_worker.engines.swapping import Slots, fingerprint

_BASE = "__base__"  # PEFT's word for rows of a batch without an adapter
OnPart = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Written:
    """A completion. `changed`: the share of its tokens that the base alone would not have chosen;
    `kl`: how far its likelihoods are from the base's, in nats a token.
    """

    text: str
    tokens: int
    changed: float | None = None
    kl: float | None = None


class Writer:
    """One language model. `size`: bytes of its weights."""

    task = "text"

    def __init__(self, spec: BaseSpec) -> None:
        self.spec = spec
        self.device = devices.device_name()
        self.dtype = loading.dtype_of(spec, self.device)
        self.model, self.tokenizer = loading.language_model(spec, self.dtype)
        self.model.to(self.device).eval().requires_grad_(requires_grad=False)
        self.parts = {"model": self.model}
        self.slots = Slots(self.parts)
        self.size = devices.bytes_of([self.model])
        self._print = fingerprint(self.parts)

    def write(
        self,
        recipes: Sequence[TextRecipe],
        rows: Sequence[str | None] | None,
        on_part: OnPart,
        *,
        compare: bool = True,
        least: int = 0,
    ) -> list[Written]:
        """Complete one prompt for each recipe; all recipes have the same prompt and settings.

        `rows`: the slot that acts in each row, None for the base; None for all: whatever acts.
        `least`: so many tokens at least.
        """
        import torch
        from transformers import StoppingCriteriaList

        first = recipes[0]
        asked = self._tokens(first.prompt)
        given = asked.repeat(len(recipes), 1)
        with torch.inference_mode(), self._mixed(rows), torch.random.fork_rng():
            torch.manual_seed(first.seed)
            made = self.model.generate(
                given,
                attention_mask=torch.ones_like(given),
                generation_config=self._generation(first, least),
                stopping_criteria=StoppingCriteriaList(
                    [_told(on_part, given.shape[1], first.max_new_tokens)]
                ),
            )
            length = given.shape[1]
            found = [self._written(row, length) for row in made]
            if not (compare and self.slots.acting):
                return found
            return [self.compared(each, asked) for each in found]

    def compared(self, written: Written, asked: Any) -> Written:
        """The same with how far it is from what the base alone would say at each place."""
        import torch

        own = self.tokenizer(written.text, add_special_tokens=False, return_tensors="pt")
        given = torch.cat([asked, own.input_ids.to(self.device)], dim=1)[:, : self._most]
        start = asked.shape[1] - 1
        with torch.inference_mode():
            ours = self.model(given).logits[0, start:].float().log_softmax(-1)
            with self.slots.alone():
                base = self.model(given).logits[0, start:].float().log_softmax(-1)
        changed = (ours.argmax(-1) != base.argmax(-1)).float().mean().item()
        kl = (ours.exp() * (ours - base)).sum(-1).mean().item()
        return Written(written.text, written.tokens, round(changed, 6), round(max(0.0, kl), 6))

    def asked(self, prompt: str) -> Any:
        return self._tokens(prompt)

    def unharmed(self) -> bool:
        """Take the adapters out and say whether the base is what it was when it was loaded."""
        self.slots.unload()
        return fingerprint(self.parts) == self._print

    def _tokens(self, prompt: str) -> Any:
        if self.tokenizer.chat_template:
            turns = [{"role": "user", "content": prompt}]
            prompt = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
            found = self.tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
        else:
            found = self.tokenizer(prompt or " ", return_tensors="pt")
        return found.input_ids[:, -self._most :].to(self.device)

    @property
    def _most(self) -> int:
        return int(getattr(self.model.config, "max_position_embeddings", None) or 2048)

    def _generation(self, recipe: TextRecipe, least: int) -> Any:
        import transformers

        settings: Any = transformers.GenerationConfig
        sampled: dict[str, Any] = {"do_sample": False}
        if recipe.temperature > 0:
            sampled = {"do_sample": True, "temperature": recipe.temperature, "top_k": 0}
        own = self.model.generation_config
        return settings(
            max_new_tokens=recipe.max_new_tokens,
            min_new_tokens=least or None,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=own.eos_token_id or self.tokenizer.eos_token_id,
            bos_token_id=own.bos_token_id,
            num_beams=1,
            **sampled,
        )

    def _written(self, row: Any, length: int) -> Written:
        made = row[length:]
        kept = made[made != self.tokenizer.pad_token_id]
        text = self.tokenizer.decode(kept, skip_special_tokens=True).replace("\0", "")
        return Written(text, int(kept.shape[0]))

    @contextmanager
    def _mixed(self, rows: Sequence[str | None] | None) -> Iterator[None]:
        """Tell every layer which adapter acts in which row, as PEFT does for its own models."""
        if rows is None:
            yield
            return
        names = [row or _BASE for row in rows]

        def told(_layer: Any, args: Any, kwargs: dict[str, Any]) -> Any:
            return args, {**kwargs, "adapter_names": names}

        hooks = [
            layer.register_forward_pre_hook(told, with_kwargs=True) for layer in self.slots.layers
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _told(on_part: OnPart, length: int, most: int) -> Callable[..., Any]:
    """What transformers asks after every token whether to stop: it hears and never does."""

    def told(ids: Any, _scores: Any, **_: Any) -> Any:
        import torch

        on_part(min(1.0, (ids.shape[1] - length) / most))
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)

    return told
