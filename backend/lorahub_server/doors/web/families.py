"""How base-model families are called and coloured on pages."""

from zlib import crc32

from lorahub.adapters.families import names

# Hue of covers and badges: a class of 24 in the style sheet.
_HUES: dict[str, int] = {
    "sd1": 17,
    "sd2": 18,
    "sdxl": 19,
    "sdxl-refiner": 19,
    "sd3": 20,
    "sd3.5-medium": 20,
    "sd3.5-large": 21,
    "flux1": 2,
    "flux2": 3,
    "flux2-klein-4b": 3,
    "flux2-klein-9b": 3,
    "chroma": 1,
    "qwen-image": 14,
    "z-image": 12,
    "hidream": 22,
    "hunyuan-image": 0,
    "lumina2": 5,
    "auraflow": 8,
    "anima": 23,
    "pixart": 9,
    "sana": 10,
    "kandinsky5": 6,
    "krea2": 7,
    "ideogram4": 15,
    "ernie-image": 13,
    "cogview4": 11,
    "kolors": 16,
    "omnigen2": 4,
    "flux3": 3,
    "qwen-image-edit": 14,
    "qwen-image-2.1": 14,
    "nucleus-image": 6,
    "longcat-image": 17,
    "ovis-image": 21,
    "glm-image": 13,
    "cogview3": 11,
    "joyimage": 7,
    "prx": 15,
    "bria": 18,
    "bria-fibo": 18,
    "bria-fibo-2": 18,
    "hunyuan-dit": 0,
    "stable-cascade": 20,
    "cosmos-7b": 8,
    "cosmos-predict2-2b": 8,
    "cosmos-predict2-14b": 8,
    "cosmos3": 8,
    "shapes": 12,
    "animatediff": 16,
    "wan": 4,
    "wan-1.3b": 4,
    "wan-5b": 4,
    "wan-14b": 4,
    "hunyuan-video": 0,
    "hunyuan-video-1.5": 0,
    "skyreels-v2": 4,
    "chronoedit": 8,
    "motif-video": 22,
    "sana-video": 10,
    "kandinsky6": 6,
    "allegro": 19,
    "minimax-h3": 2,
    "svd": 20,
    "modelscope": 14,
    "ltx-video": 11,
    "ltx-video-13b": 11,
    "ltx2": 11,
    "mochi": 5,
    "cogvideox-2b": 12,
    "cogvideox-5b": 12,
    "llama": 15,
    "mistral": 2,
    "mixtral": 2,
    "qwen": 18,
    "gemma": 16,
    "phi3": 14,
    "deepseek": 17,
    "gpt2": 10,
    "gpt-neox": 10,
    "bloom": 22,
    "falcon": 4,
    "chatglm": 13,
    "mpt": 7,
    "mamba": 9,
    "t5": 3,
    "bart": 1,
    "opt": 20,
    "bert": 6,
    "roberta": 6,
    "distilbert": 6,
    "ace-step": 21,
    "stable-audio": 19,
    "whisper": 12,
    "vit": 8,
    "clip-vision": 8,
}
HUES = 24
family_makes = names.makes
is_family = names.is_known


def family_label(name: str | None) -> str:
    """Return the name that people use; an unknown family keeps its own."""
    return names.label(name) if name else "Unknown base"


def family_hue(name: str | None) -> int | None:
    """Return the number of the family's hue class; None when nothing is known."""
    if not name:
        return None
    return _HUES[name] if name in _HUES else crc32(name.encode()) % HUES
