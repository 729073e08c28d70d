"""The families that the name of a model, or an architecture id, speaks of."""

import re

_SEPARATORS = re.compile(r"[\s_./-]+")
# First match wins, so the narrow names stand before the wide ones.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"sdxl refiner", "sdxl-refiner"),
    (r"sdxl|stable diffusion xl|pony|illustrious|noobai", "sdxl"),
    (r"(sd|stable diffusion) ?v? ?3 5 large", "sd3.5-large"),
    (r"(sd|stable diffusion) ?v? ?3 5 medium", "sd3.5-medium"),
    (r"(sd|stable diffusion) ?v?3", "sd3"),
    (r"(sd|stable diffusion) ?v?2", "sd2"),
    (r"(sd|stable diffusion) ?v?1", "sd1"),
    (r"flux ?2 klein 4b", "flux2-klein-4b"),
    (r"flux ?2 klein 9b", "flux2-klein-9b"),
    (r"flux ?2", "flux2"),
    (r"flux ?3", "flux3"),
    (r"flux ?1|flux", "flux1"),
    (r"chroma", "chroma"),
    (r"hunyuan image", "hunyuan-image"),
    (r"hunyuan ?video ?1 5", "hunyuan-video-1.5"),
    (r"hunyuan ?video|framepack", "hunyuan-video"),
    (r"hunyuan ?dit", "hunyuan-dit"),
    (r"sky ?reels ?v?2", "skyreels-v2"),
    (r"chrono ?edit", "chronoedit"),
    (r"motif video", "motif-video"),
    (r"wan(?: ?\d|\b)", "wan"),
    (r"qwen image ?(?:2 1|21)", "qwen-image-2.1"),
    (r"qwen image edit", "qwen-image-edit"),
    (r"qwen image", "qwen-image"),
    (r"nucleus (?:moe )?image", "nucleus-image"),
    (r"longcat image", "longcat-image"),
    (r"ovis image", "ovis-image"),
    (r"glm image", "glm-image"),
    (r"joy ?image", "joyimage"),
    (r"ernie image", "ernie-image"),
    (r"bria fibo ?2|fibo 2", "bria-fibo-2"),
    (r"(?:bria )?fibo\b", "bria-fibo"),
    (r"bria \d", "bria"),
    (r"kolors", "kolors"),
    (r"omni ?gen ?2", "omnigen2"),
    (r"cosmos ?3", "cosmos3"),
    (r"cosmos predict ?2 14b", "cosmos-predict2-14b"),
    (r"cosmos predict ?2 2b", "cosmos-predict2-2b"),
    (r"cog ?view ?4", "cogview4"),
    (r"cog ?view ?3", "cogview3"),
    (r"aura ?flow", "auraflow"),
    (r"pix ?art", "pixart"),
    (r"sana video", "sana-video"),
    (r"sana ?(?:\d{3,4}m|1 [05]|sprint)", "sana"),
    (r"mochi 1\b", "mochi"),
    (r"minimax h3", "minimax-h3"),
    (r"ace ?step", "ace-step"),
    (r"stable audio", "stable-audio"),
    (r"stable video diffusion|svd (?:xt|img2vid)", "svd"),
    (r"z ?image", "z-image"),
    (r"lumina ?2", "lumina2"),
    (r"ltx ?2", "ltx2"),
    (r"ltx", "ltx-video"),
    (r"kandinsky ?6", "kandinsky6"),
    (r"kandinsky ?5", "kandinsky5"),
    (r"krea ?2", "krea2"),
    (r"ideogram ?4", "ideogram4"),
    # HiDream-O1 is another model than HiDream-I1.
    (r"hidream(?! ?o1)", "hidream"),
    (r"anima\b", "anima"),
    (r"(lorahub|demo) shapes\b|shapes (demo|base)\b|^shapes$", "shapes"),
    (r"mixtral", "mixtral"),
    (r"mistral", "mistral"),
    (r"deepseek", "deepseek"),
    (r"tiny ?llama|llama|smollm|vicuna", "llama"),
    (r"qwen", "qwen"),
    (r"gemma", "gemma"),
    (r"phi ?[34]", "phi3"),
    (r"distilbert", "distilbert"),
    (r"xlm roberta|roberta", "roberta"),
    (r"bert", "bert"),
    (r"gpt ?2", "gpt2"),
    (r"pythia|gpt neox", "gpt-neox"),
    (r"bloom", "bloom"),
    (r"falcon", "falcon"),
    (r"whisper", "whisper"),
    (r"bart\b", "bart"),
    (r"opt\b", "opt"),
    (r"(flan )?t5", "t5"),
)
_WORD_PATTERNS = [(re.compile(rf"\b(?:{words})"), name) for words, name in _WORDS]


def family_of_words(text: str) -> str | None:
    """The family that a model's name or an architecture id speaks of."""
    return next(iter(families_of_words(text)), None)


def families_of_words(text: str) -> list[str]:
    """Every family that a name speaks of, the likeliest first ("DeepSeek-R1-Distill-Llama-8B").

    Of `owner/name` the owner counts only if the name speaks of none.
    """
    owner, slash, name = text[:300].partition("/")
    if owner and slash and "/" not in name and (found := families_of_words(name)):
        return found
    plain = _SEPARATORS.sub(" ", text[:300].lower())
    found = []
    taken: list[tuple[int, int]] = []
    for pattern, name in _WORD_PATTERNS:
        for match in pattern.finditer(plain):
            # A word counts once: the "flux" of "flux 2" is not FLUX.1.
            if not any(match.start() < end and start < match.end() for start, end in taken):
                found.append(name)
                taken.append(match.span())
                break
    return found
