"""How base-model families are called and coloured; what is detected is in `lorahub.adapters`."""

from zlib import crc32

# Name for people, what it makes, hue of its covers and badges (a class of 24 in the style sheet).
_KNOWN: dict[str, tuple[str, str, int]] = {
    "sd1": ("SD 1.5", "image", 17),
    "sd2": ("SD 2", "image", 18),
    "sdxl": ("SDXL", "image", 19),
    "sdxl-refiner": ("SDXL Refiner", "image", 19),
    "sd3": ("SD 3", "image", 20),
    "sd3.5-medium": ("SD 3.5 Medium", "image", 20),
    "sd3.5-large": ("SD 3.5 Large", "image", 21),
    "flux1": ("FLUX.1", "image", 2),
    "flux2": ("FLUX.2", "image", 3),
    "flux2-klein-4b": ("FLUX.2 Klein 4B", "image", 3),
    "flux2-klein-9b": ("FLUX.2 Klein 9B", "image", 3),
    "chroma": ("Chroma", "image", 1),
    "qwen-image": ("Qwen-Image", "image", 14),
    "z-image": ("Z-Image", "image", 12),
    "hidream": ("HiDream", "image", 22),
    "hunyuan-image": ("HunyuanImage", "image", 0),
    "lumina2": ("Lumina 2", "image", 5),
    "auraflow": ("AuraFlow", "image", 8),
    "anima": ("Anima", "image", 23),
    "pixart": ("PixArt", "image", 9),
    "sana": ("Sana", "image", 10),
    "kandinsky5": ("Kandinsky 5", "image", 6),
    "krea2": ("Krea 2", "image", 7),
    "ideogram4": ("Ideogram 4", "image", 15),
    "ernie-image": ("ERNIE-Image", "image", 13),
    "cogview4": ("CogView 4", "image", 11),
    "animatediff": ("AnimateDiff", "video", 16),
    "wan": ("Wan", "video", 4),
    "wan-1.3b": ("Wan 1.3B", "video", 4),
    "wan-5b": ("Wan 5B", "video", 4),
    "wan-14b": ("Wan 14B", "video", 4),
    "hunyuan-video": ("HunyuanVideo", "video", 0),
    "ltx-video": ("LTX-Video", "video", 11),
    "ltx-video-13b": ("LTX-Video 13B", "video", 11),
    "ltx2": ("LTX-2", "video", 11),
    "mochi": ("Mochi", "video", 5),
    "cogvideox-2b": ("CogVideoX 2B", "video", 12),
    "cogvideox-5b": ("CogVideoX 5B", "video", 12),
    "llama": ("Llama", "text", 15),
    "mistral": ("Mistral", "text", 2),
    "mixtral": ("Mixtral", "text", 2),
    "qwen": ("Qwen", "text", 18),
    "gemma": ("Gemma", "text", 16),
    "phi3": ("Phi", "text", 14),
    "deepseek": ("DeepSeek", "text", 17),
    "gpt2": ("GPT-2", "text", 10),
    "gpt-neox": ("GPT-NeoX", "text", 10),
    "bloom": ("BLOOM", "text", 22),
    "falcon": ("Falcon", "text", 4),
    "chatglm": ("ChatGLM", "text", 13),
    "mpt": ("MPT", "text", 7),
    "mamba": ("Mamba", "text", 9),
    "t5": ("T5", "text", 3),
    "bart": ("BART", "text", 1),
    "opt": ("OPT", "text", 20),
    "bert": ("BERT", "text", 6),
    "roberta": ("RoBERTa", "text", 6),
    "distilbert": ("DistilBERT", "text", 6),
    "whisper": ("Whisper", "audio", 12),
    "vit": ("ViT", "vision", 8),
    "clip-vision": ("CLIP Vision", "vision", 8),
}
HUES = 24


def family_label(name: str | None) -> str:
    """Return the name that people use; an unknown family keeps its own."""
    if not name:
        return "Unknown base"
    return _KNOWN[name][0] if name in _KNOWN else name


def family_hue(name: str | None) -> int | None:
    """Return the number of the family's hue class; None when nothing is known."""
    if not name:
        return None
    return _KNOWN[name][2] if name in _KNOWN else crc32(name.encode()) % HUES


def family_makes(name: str | None) -> str:
    """Return what models of the family make: image, video, text, audio, vision, or `unknown`."""
    return _KNOWN[name][1] if name in _KNOWN else "unknown"
