"""One description from all that trainers and libraries write into a header and a configuration."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from lorahub.adapters.config import AdapterConfig, component_configs
from lorahub.adapters.metadata import (
    base_model_hint,
    bounded_json,
    clean_text,
    number,
    training_facts,
)
from lorahub.adapters.triggers import Trigger, triggers

# What a hash over no bytes begins with: some programs wrote it where a hash belongs.
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]{8,64})")
_STRENGTH = re.compile(
    r"(?:strength|weight|scale|multiplier)\D{0,20}?(\d(?:\.\d{1,3})?)(?!\d)"
    r"|<lora:[^:>]{1,100}:(\d(?:\.\d{1,3})?)>",
    re.IGNORECASE,
)
_STRENGTH_KEYS = (
    "modelspec.usage_hint", "modelspec.description", "ss_training_comment", "notes",
    "activation text", "preferred weight",
)  # fmt: skip
_STRONGEST = 2.0
_MAX_NOTES = 2000
_BASE_HASHES = ("ss_sd_model_hash", "ss_new_sd_model_hash", "ss_vae_hash", "ss_new_vae_hash")
_MODULES = (
    (r"networks\.(lora_(wan|hunyuan|framepack|flux_2|qwen|z_image|kandinsky|krea|zimage)|\w+_video)",
     "musubi-tuner"),
    (r"lycoris\.", "sd-scripts with LyCORIS"),
    (r"networks\.", "sd-scripts"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Strength:
    """A strength that the file suggests, and where it says so."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A hash of the tensors that the header claims. `verdict`: "right", "wrong", "empty" (the hash
    of nothing, a known mistake), "malformed", or "unchecked".
    """

    key: str
    value: str
    verdict: str


@dataclass(slots=True)
class Description:
    """What a file says about itself; nothing of it is proven but the verdicts on hashes.

    `network` holds module, dim, alpha and args as they were given to the trainer, which need not be
    what the weights have. `base_hashes` are those of the base model.
    """

    trainer: str | None = None
    title: str | None = None
    author: str | None = None
    license: str | None = None
    network: dict[str, object] = field(default_factory=dict)
    training: dict[str, object] = field(default_factory=dict)
    base_model: str | None = None
    base_hashes: dict[str, str] = field(default_factory=dict)
    triggers: list[Trigger] = field(default_factory=list)
    strength: Strength | None = None
    notes: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    config: dict[str, object] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, object]:
        """The description as JSON knows it."""
        return asdict(self)


def describe(
    metadata: Mapping[str, str],
    config: AdapterConfig | None = None,
    *,
    data_sha256: str | None = None,
) -> Description:
    """Make one description. `data_sha256`, if known, judges the hashes that the header claims."""
    embedded = component_configs(metadata)
    used = config or next(iter(embedded.values()), None)
    base = base_model_hint(metadata, {"base_model_name_or_path": used.base_model} if used else {})
    claims = claimed_hashes(metadata, data_sha256)
    return Description(
        trainer=_trainer(metadata, config, embedded),
        title=_text(metadata, "modelspec.title") or _text(metadata, "ss_output_name"),
        author=_text(metadata, "modelspec.author"),
        license=_text(metadata, "modelspec.license"),
        network=_network(metadata),
        training=training_facts(metadata),
        base_model=base,
        base_hashes={
            key.removeprefix("ss_"): match[1].lower()
            for key in _BASE_HASHES
            if (match := _HEX.fullmatch(metadata.get(key, "").strip()))
        },
        triggers=triggers(metadata),
        strength=_strength(metadata),
        notes=_notes(metadata),
        claims=claims,
        config=_config(used),
        warnings=[*(used.flagged if used else ()), *_hash_warnings(claims)],
    )


def claimed_hashes(metadata: Mapping[str, str], data_sha256: str | None) -> list[Claim]:
    """The hashes of the tensors in the header, each judged if the true one is known."""
    found = []
    for key in ("sshs_model_hash", "modelspec.hash_sha256", "sshs_legacy_hash"):
        value = metadata.get(key, "").strip()
        if not value:
            continue
        match = _HEX.fullmatch(value)
        claimed = match[1].lower() if match else ""
        if not claimed:
            verdict = "malformed"
        elif EMPTY_SHA256.startswith(claimed):
            verdict = "empty"
        elif data_sha256 is None or key == "sshs_legacy_hash":
            # The legacy hash was taken from a file that no longer exists in that form.
            verdict = "unchecked"
        else:
            verdict = "right" if data_sha256.startswith(claimed) else "wrong"
        found.append(Claim(key, clean_text(value, 80), verdict))
    return found


def _hash_warnings(claims: list[Claim]) -> list[str]:
    says = {
        "wrong": "does not fit the tensors: they were changed after it was written.",
        "empty": "is the hash of nothing, which some tools write by mistake.",
        "malformed": "is no hash.",
    }
    return [f"{claim.key} {says[claim.verdict]}" for claim in claims if claim.verdict in says]


def _trainer(
    metadata: Mapping[str, str],
    config: AdapterConfig | None,
    embedded: Mapping[str, AdapterConfig],
) -> str | None:
    software = bounded_json(metadata.get("software", ""))
    name = software.get("name") if isinstance(software, dict) else None
    if isinstance(name, str) and name:
        version = software.get("version")
        return clean_text(f"{name} {version}" if isinstance(version, str) else name, 80)
    if any(key.startswith("ot_") for key in metadata):
        return "OneTrainer"
    module = metadata.get("ss_network_module", "")
    known = [trainer for pattern, trainer in _MODULES if re.match(pattern, module)]
    if {"ss_sd_scripts_commit_hash", "sshs_model_hash"} & metadata.keys():
        known.append("sd-scripts")
    if embedded:
        known.append("diffusers")
    if config is not None:
        version = config.texts.get("peft_version", "")
        known.append(clean_text(f"PEFT {version}", 80))
    return known[0] if known else None


def _network(metadata: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {}
    module = _text(metadata, "ss_network_module")
    if module:
        found["module"] = module
    for name in ("dim", "alpha", "dropout"):
        text = metadata.get(f"ss_network_{name}", "")
        value = number(text)
        # kohya's resize writes the word Dynamic.
        if value is not None or text.strip().lower() == "dynamic":
            found[name] = "dynamic" if value is None else value
    arguments = bounded_json(metadata.get("ss_network_args", ""))
    if isinstance(arguments, dict):
        found["args"] = {
            clean_text(str(key), 60): clean_text(str(value), 120)
            for key, value in list(arguments.items())[:50]
            if isinstance(value, str | int | float | bool)
        }
    return found


def _strength(metadata: Mapping[str, str]) -> Strength | None:
    for key in _STRENGTH_KEYS:
        value = metadata.get(key, "")[:_MAX_NOTES]
        found = number(value)
        if found is None:
            match = _STRENGTH.search(value)
            found = number(match[1] or match[2]) if match else None
        if found is not None and 0 < found <= _STRONGEST:
            return Strength(float(found), key)
    return None


def _notes(metadata: Mapping[str, str]) -> list[str]:
    keys = ("modelspec.description", "modelspec.usage_hint", "ss_training_comment")
    texts = [clean_text(metadata.get(key, ""), _MAX_NOTES) for key in keys]
    return [text for text in texts if text and text.lower() != "none"]


def _config(config: AdapterConfig | None) -> dict[str, object]:
    if config is None:
        return {}
    found: dict[str, object] = {
        "peft_type": config.peft_type,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "target_modules": list(config.targets) or config.target_pattern,
        "modules_to_save": list(config.modules_to_save),
        "task_type": config.texts.get("task_type"),
        "rank_pattern": dict(config.rank_pattern),
        "alpha_pattern": dict(config.alpha_pattern),
        "use_rslora": config.use_rslora,
        "use_dora": config.use_dora,
    }
    return {name: value for name, value in found.items() if value not in (None, [], {}, False)}


def _text(metadata: Mapping[str, str], key: str) -> str | None:
    text = clean_text(metadata.get(key, ""))
    return text if text and text.lower() != "none" else None
