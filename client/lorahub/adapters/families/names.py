"""Base-model families by name: what people call them and what their models make."""

from typing import Literal

Makes = Literal["image", "video", "text", "audio", "vision", "unknown"]

# Name for people, and what it makes.
_KNOWN: dict[str, tuple[str, Makes]] = {
    "sd1": ("SD 1.5", "image"),
    "sd2": ("SD 2", "image"),
    "sdxl": ("SDXL", "image"),
    "sdxl-refiner": ("SDXL Refiner", "image"),
    "sd3": ("SD 3", "image"),
    "sd3.5-medium": ("SD 3.5 Medium", "image"),
    "sd3.5-large": ("SD 3.5 Large", "image"),
    "flux1": ("FLUX.1", "image"),
    "flux2": ("FLUX.2", "image"),
    "flux2-klein-4b": ("FLUX.2 Klein 4B", "image"),
    "flux2-klein-9b": ("FLUX.2 Klein 9B", "image"),
    "chroma": ("Chroma", "image"),
    "qwen-image": ("Qwen-Image", "image"),
    "z-image": ("Z-Image", "image"),
    "hidream": ("HiDream", "image"),
    "hunyuan-image": ("HunyuanImage", "image"),
    "lumina2": ("Lumina 2", "image"),
    "auraflow": ("AuraFlow", "image"),
    "anima": ("Anima", "image"),
    "pixart": ("PixArt", "image"),
    "sana": ("Sana", "image"),
    "kandinsky5": ("Kandinsky 5", "image"),
    "krea2": ("Krea 2", "image"),
    "ideogram4": ("Ideogram 4", "image"),
    "ernie-image": ("ERNIE-Image", "image"),
    "cogview4": ("CogView 4", "image"),
    "kolors": ("Kolors", "image"),
    "omnigen2": ("OmniGen 2", "image"),
    "flux3": ("FLUX.3", "image"),
    "qwen-image-edit": ("Qwen-Image-Edit", "image"),
    "qwen-image-2.1": ("Qwen-Image 2.1", "image"),
    "nucleus-image": ("Nucleus-Image", "image"),
    "longcat-image": ("LongCat-Image", "image"),
    "ovis-image": ("Ovis-Image", "image"),
    "glm-image": ("GLM-Image", "image"),
    "cogview3": ("CogView 3", "image"),
    "joyimage": ("JoyImage", "image"),
    "prx": ("PRX", "image"),
    "bria": ("Bria", "image"),
    "bria-fibo": ("Bria FIBO", "image"),
    "bria-fibo-2": ("Bria FIBO 2", "image"),
    "hunyuan-dit": ("Hunyuan-DiT", "image"),
    "stable-cascade": ("Stable Cascade", "image"),
    "cosmos-7b": ("Cosmos 7B", "video"),
    "cosmos-predict2-2b": ("Cosmos Predict2 2B", "video"),
    "cosmos-predict2-14b": ("Cosmos Predict2 14B", "video"),
    "cosmos3": ("Cosmos 3", "video"),
    "shapes": ("Shapes (demo base)", "image"),
    "animatediff": ("AnimateDiff", "video"),
    "wan": ("Wan", "video"),
    "wan-1.3b": ("Wan 1.3B", "video"),
    "wan-5b": ("Wan 5B", "video"),
    "wan-14b": ("Wan 14B", "video"),
    "hunyuan-video": ("HunyuanVideo", "video"),
    "hunyuan-video-1.5": ("HunyuanVideo 1.5", "video"),
    "skyreels-v2": ("SkyReels V2", "video"),
    "chronoedit": ("ChronoEdit", "image"),
    "motif-video": ("Motif-Video", "video"),
    "sana-video": ("Sana Video", "video"),
    "kandinsky6": ("Kandinsky 6", "video"),
    "allegro": ("Allegro", "video"),
    "minimax-h3": ("MiniMax H3", "video"),
    "svd": ("Stable Video Diffusion", "video"),
    "modelscope": ("ModelScope T2V", "video"),
    "ltx-video": ("LTX-Video", "video"),
    "ltx-video-13b": ("LTX-Video 13B", "video"),
    "ltx2": ("LTX-2", "video"),
    "mochi": ("Mochi", "video"),
    "cogvideox-2b": ("CogVideoX 2B", "video"),
    "cogvideox-5b": ("CogVideoX 5B", "video"),
    "llama": ("Llama", "text"),
    "mistral": ("Mistral", "text"),
    "mixtral": ("Mixtral", "text"),
    "qwen": ("Qwen", "text"),
    "gemma": ("Gemma", "text"),
    "phi3": ("Phi", "text"),
    "deepseek": ("DeepSeek", "text"),
    "gpt2": ("GPT-2", "text"),
    "gpt-neox": ("GPT-NeoX", "text"),
    "bloom": ("BLOOM", "text"),
    "falcon": ("Falcon", "text"),
    "chatglm": ("ChatGLM", "text"),
    "mpt": ("MPT", "text"),
    "mamba": ("Mamba", "text"),
    "t5": ("T5", "text"),
    "bart": ("BART", "text"),
    "opt": ("OPT", "text"),
    "bert": ("BERT", "text"),
    "roberta": ("RoBERTa", "text"),
    "distilbert": ("DistilBERT", "text"),
    "ace-step": ("ACE-Step", "audio"),
    "stable-audio": ("Stable Audio", "audio"),
    "whisper": ("Whisper", "audio"),
    "vit": ("ViT", "vision"),
    "clip-vision": ("CLIP Vision", "vision"),
}


def known() -> tuple[str, ...]:
    """Return the names of all families."""
    return tuple(_KNOWN)


def is_known(name: str) -> bool:
    return name in _KNOWN


def label(name: str) -> str:
    """Return the name that people use; an unknown family keeps its own."""
    return _KNOWN[name][0] if name in _KNOWN else name


def makes(name: str | None) -> Makes:
    """Return what models of the family make; `unknown` where it is none of ours."""
    return _KNOWN[name][1] if name in _KNOWN else "unknown"
