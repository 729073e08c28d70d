"""`adapter_config.json`, read by a schema.

The file is active content: a regular expression in it can hang PEFT, a rank can exhaust memory, a
module path can import code. Known fields are kept when they have the right type and size, the rest
is dropped and named. Nothing here is ever handed to another library.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lorahub.adapters import limits
from lorahub.adapters.errors import AdapterFileError, shown
from lorahub.adapters.patterns import Lookup, read_pattern

CONFIG_NAME = "adapter_config.json"
MAX_CONFIG_BYTES = 256 * 1024
MAX_CONFIG_DEPTH = 10
MAX_PATTERNS = 5_000
MAX_TARGETS = 5_000
_MAX_TEXT = 500
_MAX_REGEX = 20_000

PEFT_TYPES = frozenset(
    {
        "ADALORA", "ADAMSS", "ADAPTION_PROMPT", "BEFT", "BOFT", "C3A", "CARTRIDGE", "CPT", "DEFT",
        "DELORA", "FOURIERFT", "FROD", "GLORA", "GRALORA", "HIRA", "HRA", "IA3", "LILY",
        "LN_TUNING", "LOHA", "LOKR", "LORA", "MISS", "MULTITASK_PROMPT_TUNING", "OFT", "OSF",
        "PEANUT", "POLY", "PREFIX_TUNING", "PROMPT_TUNING", "PSOFT", "PVERA", "P_TUNING",
        "RANDLORA", "ROAD", "SHADOW", "SHIRA", "SUPERTUNING", "TINYLORA", "TRAINABLE_TOKENS",
        "UNILORA", "VBLORA", "VERA", "WAVEFT", "XLORA",
    }
)  # fmt: skip

# Fields that load, import, resize or rebuild something when a library follows them.
_ACTIVE = {
    "auto_mapping": "names Python code to import",
    "megatron_config": "configures Megatron",
    "megatron_core": "names Python code to import",
    "layer_replication": "makes copies of the base model's layers",
    "loftq_config": "changes the base model",
    "eva_config": "changes how the adapter begins",
    "corda_config": "changes how the adapter begins",
    "lora_ga_config": "changes how the adapter begins",
    "arrow_config": "loads further adapters",
    "runtime_config": "changes how the adapter runs",
    "prompt_tuning_init_state_dict_path": "names a file to load",
    "tokenizer_name_or_path": "names a tokenizer to load",
    "adapters": "names further adapters to load",
}
# What PEFT writes into every configuration.
_USUAL = {"megatron_core": "megatron.core"}
_NEW_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")
_TEXTS = (
    "base_model_name_or_path", "revision", "task_type", "bias", "peft_version", "layers_pattern",
    "prompt_tuning_init_text", "num_transformer_submodules",
)  # fmt: skip
_FLAGS = (
    "use_rslora", "use_dora", "lora_bias", "fan_in_fan_out", "inference_mode",
    "use_effective_conv2d", "decompose_both", "coft", "block_share",
    "save_projection", "prefix_projection", "use_qalora",
)  # fmt: skip
_NUMBERS = (
    "lora_dropout", "num_virtual_tokens", "token_dim", "num_layers", "num_attention_heads",
    "n_frequency", "scaling", "oft_block_size", "boft_block_size", "boft_block_num",
    "boft_n_butterfly_factor", "decompose_factor", "projection_prng_key", "random_loc_seed",
    "init_r", "target_r", "eps", "encoder_hidden_size", "num_ranks", "num_tasks",
)  # fmt: skip
# Methods whose `r` is no rank or may be as large as a matrix.
_MOST_FREE = 2**31 - 1
_MOST_NUMBER = 1e300
_FREE_RANK = frozenset({"LOKR", "VERA", "PVERA", "RANDLORA", "OFT", "SHIRA"})


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What the configuration says, each field checked.

    `targets`: the target modules as a list; `target_pattern`: a regular expression for them, kept
    as text and never run. `flagged`: a sentence for each field that deserves attention.
    """

    peft_type: str = "LORA"
    rank: int | None = None
    alpha: float | None = None
    targets: tuple[str, ...] = ()
    target_pattern: str | None = None
    modules_to_save: tuple[str, ...] = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    use_rslora: bool = False
    use_dora: bool = False
    fan_in_fan_out: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, bool] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()
    ranks: Lookup[int] = field(default_factory=lambda: Lookup({}), repr=False, compare=False)
    alphas: Lookup[float] = field(default_factory=lambda: Lookup({}), repr=False, compare=False)

    @property
    def base_model(self) -> str | None:
        return self.texts.get("base_model_name_or_path") or None

    def rank_of(self, module: str) -> int | None:
        """The declared rank of a module: the first pattern that fits its name, else `r`.

        `module` is its path in the base model, without `base_model.model.`.
        """
        found = self.ranks.get(module)
        return self.rank if found is None else found

    def alpha_of(self, module: str) -> float | None:
        """The declared alpha of a module: the first pattern that fits its name, else lora_alpha."""
        found = self.alphas.get(module)
        return self.alpha if found is None else found


def parse_config(data: bytes) -> AdapterConfig:
    """Read the bytes of an adapter_config.json. Raises AdapterFileError."""
    if len(data) > MAX_CONFIG_BYTES:
        raise _invalid(f"It is larger than {MAX_CONFIG_BYTES // 1024} KiB.")
    try:
        found = json.loads(data.decode(), parse_constant=_refuse, object_pairs_hook=_once)
    except UnicodeDecodeError as error:
        raise _invalid(f"It is not UTF-8 at byte {error.start}.") from None
    except RecursionError:
        raise _invalid("It is nested too deeply.") from None
    except ValueError as error:
        raise _invalid(f"It is not JSON: {str(error)[:200]}.") from None
    if not isinstance(found, dict):
        raise _invalid("It is not a JSON object.")
    return read_config(found)


def read_config(fields: Mapping[str, Any]) -> AdapterConfig:
    """Check the parsed fields of a configuration. Raises AdapterFileError."""
    if _depth(fields) > MAX_CONFIG_DEPTH:
        raise _invalid("It is nested too deeply.")
    peft_type = fields.get("peft_type", "LORA")
    if not isinstance(peft_type, str) or peft_type.upper() not in PEFT_TYPES:
        raise AdapterFileError(
            "config_unknown_type",
            f"adapter_config.json has the unknown peft_type {shown(str(peft_type), 60)}.",
            hint="Use a method of a released PEFT, such as LORA.",
            key="peft_type",
        )
    peft_type = peft_type.upper()
    targets, pattern = _targets(fields.get("target_modules"))
    free = peft_type in _FREE_RANK
    ranks = {
        name: rank
        for name, value in _patterns(fields, "rank_pattern")
        if (rank := _rank(f"rank_pattern.{name[:100]}", value, free=free)) is not None
    }
    alphas = {
        name: alpha
        for name, value in _patterns(fields, "alpha_pattern")
        if (alpha := _alpha(f"alpha_pattern.{name[:100]}", value)) is not None
    }
    return AdapterConfig(
        peft_type=peft_type,
        rank=_rank("r", fields.get("r", fields.get("init_r")), free=free),
        alpha=_alpha("lora_alpha", fields.get("lora_alpha", fields.get("alpha"))),
        targets=targets,
        target_pattern=pattern,
        modules_to_save=_targets(fields.get("modules_to_save"))[0],
        rank_pattern=ranks,
        alpha_pattern=alphas,
        ranks=Lookup(ranks),
        alphas=Lookup(alphas),
        use_rslora=fields.get("use_rslora") is True,
        use_dora=fields.get("use_dora") is True,
        fan_in_fan_out=fields.get("fan_in_fan_out") is True,
        texts={
            name: value[:_MAX_TEXT]
            for name in _TEXTS
            if isinstance(value := fields.get(name), str) and value
        },
        flags={name: value for name in _FLAGS if isinstance(value := fields.get(name), bool)},
        numbers={
            name: value for name in _NUMBERS if (value := _number(fields.get(name))) is not None
        },
        flagged=tuple(_flagged(fields, pattern)),
    )


def beside(weights: Path) -> tuple[dict[str, Any] | None, AdapterFileError | None]:
    """The fields of the adapter_config.json beside a file of weights, or why they can't be used.

    Both are None where there is no such file. Raises OSError where it can't be read.
    """
    try:
        with weights.with_name(CONFIG_NAME).open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
        parse_config(data)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except AdapterFileError as error:
        return None, error
    return json.loads(data), None


def component_configs(metadata: Mapping[str, str]) -> dict[str, AdapterConfig]:
    """The configurations that diffusers keeps in the header, for each component.

    `lora_adapter_metadata` holds flat fields such as `unet.lora_alpha`. What cannot be read is
    left out.
    """
    from lorahub.adapters.metadata import component_config

    grouped: dict[str, dict[str, object]] = {}
    for name, value in component_config(metadata).items():
        component, dot, wanted = name.partition(".")
        if dot and component.isidentifier():
            grouped.setdefault(component, {})[wanted] = value
    found = {}
    for component, fields in grouped.items():
        try:
            found[component] = read_config(fields)
        except AdapterFileError:
            continue
    return found


def _rank(name: str, value: object, *, free: bool) -> int | None:
    if value is None:
        return None
    lowest, highest = (0, _MOST_FREE) if free else (1, limits.MAX_RANK)
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise AdapterFileError(
            "config_bad_rank",
            f"adapter_config.json gives {name} as {shown(str(value), 40)}; a rank is a whole "
            f"number from {lowest} to {highest}.",
            hint="Write the rank that the weights have.",
            key=name,
        )
    return value


def _alpha(name: str, value: object) -> float | None:
    if value is None:
        return None
    found = _number(value)
    if found is None or abs(found) > limits.MAX_ALPHA:
        raise AdapterFileError(
            "config_bad_alpha",
            f"adapter_config.json gives {name} as {shown(str(value), 40)}, which is no finite "
            "number of a sensible size.",
            hint="Write the alpha that the adapter was trained with.",
            key=name,
        )
    return found


def _number(value: object) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_MOST_NUMBER < value < _MOST_NUMBER else None


def _targets(value: object) -> tuple[tuple[str, ...], str | None]:
    """A list of names, or a regular expression that stays text."""
    if isinstance(value, str):
        if len(value) > _MAX_REGEX:
            raise _invalid("target_modules is longer than any real pattern.", "target_modules")
        return (), value
    if not isinstance(value, list):
        return (), None
    if len(value) > MAX_TARGETS:
        raise _invalid(f"It names more than {MAX_TARGETS} modules.", "target_modules")
    return tuple(name[:_MAX_TEXT] for name in value if isinstance(name, str)), None


def _patterns(fields: Mapping[str, Any], name: str) -> list[tuple[str, object]]:
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, Mapping) or len(value) > MAX_PATTERNS:
        raise _invalid(f"{name} is no object of at most {MAX_PATTERNS} entries.", name)
    return [(str(key), entry) for key, entry in value.items()]


def _flagged(fields: Mapping[str, Any], target_pattern: str | None) -> list[str]:
    found = [
        f"{name} {what}; it is ignored."
        for name, what in _ACTIVE.items()
        if fields.get(name) and fields[name] != _USUAL.get(name)
    ]
    start = fields.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_NEW_BASES):
        found.append(
            f"init_lora_weights is {shown(start, 40)}: unless the adapter was converted, it fits "
            "only a base model that was changed in the same way."
        )
    if fields.get("layers_to_transform") is not None:
        found.append("layers_to_transform limits the adapter to some layers.")
    if fields.get("target_parameters"):
        found.append("target_parameters trains parameters that are no modules; few tools load it.")
    if fields.get("alora_invocation_tokens"):
        found.append("alora_invocation_tokens: the adapter acts only after these tokens.")
    if target_pattern is not None and target_pattern != "all-linear":
        found.append("target_modules is a regular expression; it is kept as text and never run.")
    for name in ("rank_pattern", "alpha_pattern"):
        patterns = fields.get(name)
        hard = [key for key in patterns or () if read_pattern(key) is None]
        if hard:
            found.append(
                f"{name} has {len(hard)} regular expressions too complicated to follow, such as "
                f"{shown(hard[0], 80)}; they count only where they equal a module's name."
            )
    return found


def _depth(value: object, level: int = 1) -> int:
    if level > MAX_CONFIG_DEPTH or not isinstance(value, Mapping | list):
        return level
    inside = value.values() if isinstance(value, Mapping) else value
    return max((_depth(each, level + 1) for each in inside), default=level)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _invalid(what: str, key: str | None = None) -> AdapterFileError:
    return AdapterFileError(
        "config_invalid",
        f"adapter_config.json can't be used. {what}",
        hint="Save the adapter again with PEFT.",
        key=key,
    )
