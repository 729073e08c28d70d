"""How large base models are, counted from their published configurations."""

# Family -> component -> parameters.
PARAMETERS: dict[str, dict[str, int]] = {
    "sd1": {"unet": 859_520_964, "text_encoder": 123_060_480},
    "sd2": {"unet": 865_910_724, "text_encoder": 340_387_840},
    "sdxl": {
        "unet": 2_567_463_684,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
    "sd3": {
        "transformer": 2_028_328_000,
        "text_encoder": 123_650_304,
        "text_encoder_2": 694_659_840,
    },
    "sd3.5-medium": {
        "transformer": 2_243_171_520,
        "text_encoder": 123_650_304,
        "text_encoder_2": 694_659_840,
    },
    "sd3.5-large": {
        "transformer": 8_056_627_520,
        "text_encoder": 123_650_304,
        "text_encoder_2": 694_659_840,
    },
    "flux1": {"transformer": 11_901_408_320, "text_encoder": 123_060_480},
    "chroma": {"transformer": 8_899_983_424},
    "flux2": {"transformer": 32_223_281_152},
    "wan-14b": {"transformer": 14_288_491_584},
    "qwen-image": {"transformer": 20_430_401_088},
    "z-image": {"transformer": 6_154_908_736},
    "lumina2": {"transformer": 2_606_818_752},
    "hunyuan-video": {"transformer": 12_821_012_544},
    "ltx-video": {"transformer": 1_923_385_472},
    "shapes": {"unet": 4_555_240, "text_encoder": 252_192},
}


def base_parameters(family: str | None, component: str) -> int | None:
    """The parameters of a component of a family's base model, None where sizes differ."""
    return PARAMETERS.get(family or "", {}).get(component)
