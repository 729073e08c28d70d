"""`lorahub convert`: another layout or dtype, the same effect."""

from collections.abc import Sequence

from lorahub.cli.common import Parser, add_output
from lorahub.cli.remaking import (
    Bar,
    add_form,
    attempt,
    needs,
    out_of,
    require_something,
    tell,
)

_DESCRIPTION = """\
Write an adapter in another layout or dtype. Its effect stays the same, and that is proven module by
module before the file appears. What the other layout cannot say without loss is refused.

With --dtype alone every tensor keeps its name, whatever the method."""

_EPILOG = """\
layouts:
  kohya      one file, for ComfyUI, A1111, Forge and kohya's own tools
  diffusers  one file, for load_lora_weights of diffusers
  peft       a folder with adapter_config.json, for PEFT and vLLM
  comfyui    one file with the names of the original model, for transformers such as FLUX

examples:
  lorahub convert style.safetensors --to diffusers
  lorahub convert style.safetensors --to kohya --dtype fp16 -o loras/style.safetensors
  lorahub convert my-llm-adapter/ --dtype bf16
"""


def run(words: Sequence[str]) -> int:
    parser = Parser("convert", _DESCRIPTION, _EPILOG)
    parser.add_argument("path", metavar="FILE|FOLDER")
    add_form(parser)
    parser.add_argument(
        "--keep-alpha",
        action="store_true",
        help="for diffusers: write scales into the header, which only newer versions read",
    )
    add_output(parser)
    options = parser.parse(words)
    require_something(options, ("to", "dtype"), "Say --to LAYOUT or --dtype DTYPE, or both.")
    path = needs(options.path)
    label = "-".join(word for word in (options.to, options.dtype) if word)

    def work() -> int:
        from lorahub.adapters.remake.convert import convert

        bar = Bar(options, "Converting", [path])
        try:
            report = convert(
                path,
                out_of(options, path, label),
                layout=options.to,
                dtype=options.dtype,
                family=options.family,
                keep_alpha=options.keep_alpha,
                force=options.force,
                progress=bar.progress,
            )
        finally:
            bar.stop()
        return tell(report, options)

    return attempt(work)
