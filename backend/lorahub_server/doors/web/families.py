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
    "kolors": ("Kolors", "image", 16),
    "omnigen2": ("OmniGen 2", "image", 4),
    "flux3": ("FLUX.3", "image", 3),
    "qwen-image-edit": ("Qwen-Image-Edit", "image", 14),
    "qwen-image-2.1": ("Qwen-Image 2.1", "image", 14),
    "nucleus-image": ("Nucleus-Image", "image", 6),
    "longcat-image": ("LongCat-Image", "image", 17),
    "ovis-image": ("Ovis-Image", "image", 21),
    "glm-image": ("GLM-Image", "image", 13),
    "cogview3": ("CogView 3", "image", 11),
    "joyimage": ("JoyImage", "image", 7),
    "prx": ("PRX", "image", 15),
    "bria": ("Bria", "image", 18),
    "bria-fibo": ("Bria FIBO", "image", 18),
    "bria-fibo-2": ("Bria FIBO 2", "image", 18),
    "hunyuan-dit": ("Hunyuan-DiT", "image", 0),
    "stable-cascade": ("Stable Cascade", "image", 20),
    "cosmos-7b": ("Cosmos 7B", "video", 8),
    "cosmos-predict2-2b": ("Cosmos Predict2 2B", "video", 8),
    "cosmos-predict2-14b": ("Cosmos Predict2 14B", "video", 8),
    "cosmos3": ("Cosmos 3", "video", 8),
    "shapes": ("Shapes (demo base)", "image", 12),
    "animatediff": ("AnimateDiff", "video", 16),
    "wan": ("Wan", "video", 4),
    "wan-1.3b": ("Wan 1.3B", "video", 4),
    "wan-5b": ("Wan 5B", "video", 4),
    "wan-14b": ("Wan 14B", "video", 4),
    "hunyuan-video": ("HunyuanVideo", "video", 0),
    "hunyuan-video-1.5": ("HunyuanVideo 1.5", "video", 0),
    "skyreels-v2": ("SkyReels V2", "video", 4),
    "chronoedit": ("ChronoEdit", "image", 8),
    "motif-video": ("Motif-Video", "video", 22),
    "sana-video": ("Sana Video", "video", 10),
    "kandinsky6": ("Kandinsky 6", "video", 6),
    "allegro": ("Allegro", "video", 19),
    "minimax-h3": ("MiniMax H3", "video", 2),
    "svd": ("Stable Video Diffusion", "video", 20),
    "modelscope": ("ModelScope T2V", "video", 14),
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
    "ace-step": ("ACE-Step", "audio", 21),
    "stable-audio": ("Stable Audio", "audio", 19),
    "whisper": ("Whisper", "audio", 12),
    "vit": ("ViT", "vision", 8),
    "clip-vision": ("CLIP Vision", "vision", 8),
}
HUES = 24


def is_known(name: str) -> bool:
    return name in _KNOWN


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
