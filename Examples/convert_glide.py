# SPDX-License-Identifier: BSD-3-Clause
"""
Makes a model folder for the Diffusion Sampler of GLIDE's published checkpoints, base.pt and, to enlarge
its images, upsample.pt. Runs in any Python with torch and safetensors:

    python convert_glide.py base.pt glide --upsampler upsample.pt --merges vocab.bpe.gz

vocab.bpe.gz is beside the published implementation, github.com/openai/glide-text2im, in
glide_text2im/tokenizer; the merges.txt of GPT-2 is the same.

The folder:

    model_index.json         _class_name GlidePipeline; upsample_temp, by which the upsampler's noise is scaled
    base/, upsampler/        config.json, which Filters/Networks/GlideText2ImUNet.h describes, and weights
    scheduler/, upsampler_scheduler/   scheduler_config.json
    tokenizer/               vocab.json, merges.txt
"""
import argparse
import gzip
import json
import pathlib
import re
import sys

# Not told by the shapes of a checkpoint's tensors.
HEAD_CHANNELS = 64
TEXT_HEADS = 8
SAMPLE_SIZES = {"base": 64, "upsampler": 256}


def section_timesteps(counts, total):
    """Timesteps of `total`, cut into equal sections with a count of steps in each; decreasing."""
    size, rest = divmod(total, len(counts))
    first, timesteps = 0, []
    for i, count in enumerate(counts):
        length = size + (i < rest)
        stride = (length - 1) / (count - 1)
        timesteps += [first + round(k * stride) for k in range(count)]
        first += length
    return timesteps[::-1]


# The 27 steps that the authors chose; the noisiest but two instead of the noisiest.
UPSAMPLER_TIMESTEPS = [997, *section_timesteps([10, 10, 3, 2, 2], 1000)[1:]]

INDEX = {"_class_name": "GlidePipeline", "upsample_temp": 0.997}

SCHEDULERS = {
    "base": {
        "_class_name": "DDPMScheduler",
        "beta_schedule": "squaredcos_cap_v2",
        "clip_sample": True,
        "float64_betas": True,
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "timestep_spacing": "linspace",
        "variance_type": "learned_range",
    },
    "upsampler": {
        "_class_name": "DDIMScheduler",
        "beta_end": 0.02,
        "beta_schedule": "linear",
        "beta_start": 0.0001,
        "clip_sample": True,
        "float64_betas": True,
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
        "timesteps": UPSAMPLER_TIMESTEPS,
        "use_clipped_model_output": True,
    },
}


def network_configuration(kind, shapes):
    """What config.json says of a network whose tensors have these shapes, by name."""
    images = {"base": 3, "upsampler": 6}
    channels = shapes["input_blocks.0.0.weight"][1]
    if channels != images[kind]:
        of = {3: "the base model", 6: "the upsampler", 7: "the base model for inpainting",
              10: "the upsampler for inpainting"}.get(channels, "none of GLIDE's networks")
        sys.exit(f"The {kind}'s checkpoint is of {of}; give {'upsample' if kind == 'upsampler' else 'base'}.pt.")
    width = shapes["time_embed.0.weight"][1]
    stages = len({name.split(".")[1] for name in shapes if name.startswith("input_blocks.")})
    # The last stage of a level has a second residual layer, which enlarges.
    enlarging = [int(match[1]) for name in shapes
                 if (match := re.fullmatch(r"output_blocks\.(\d+)\.[1-9]\.in_layers\.0\.weight", name))]
    blocks = min(enlarging, default=stages - 1)
    first = [1 + level * (blocks + 1) for level in range(stages // (blocks + 1))]
    texts, text_width = shapes["positional_embedding"]
    return {
        "_class_name": "GlideText2ImUNet",
        "attention_downsample": [2 ** level for level, stage in enumerate(first)
                                 if f"input_blocks.{stage}.1.qkv.weight" in shapes],
        "channel_mult": [shapes[f"input_blocks.{stage}.0.out_layers.3.weight"][0] // width for stage in first],
        "in_channels": 3,
        "model_channels": width,
        "n_vocab": shapes["token_embedding.weight"][0],
        "num_head_channels": HEAD_CHANNELS,
        "num_res_blocks": blocks,
        "out_channels": 6,
        "sample_size": SAMPLE_SIZES[kind],
        "super_res": kind == "upsampler",
        "text_ctx": texts,
        "xf_heads": TEXT_HEADS,
        "xf_layers": len({name.split(".")[2] for name in shapes if name.startswith("transformer.resblocks.")}),
        "xf_width": text_width,
    }


def network_shapes(config):
    """The shapes of all tensors of a network, by name."""
    shapes = {}
    width, embedding, text = config["model_channels"], 4 * config["model_channels"], config["xf_width"]
    levels = [width * factor for factor in config["channel_mult"]]

    def layer(name, *weight):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = weight, weight[:1]

    def residual(name, inputs, outputs):
        layer(f"{name}.in_layers.0", inputs)
        layer(f"{name}.in_layers.2", outputs, inputs, 3, 3)
        layer(f"{name}.emb_layers.1", 2 * outputs, embedding)
        layer(f"{name}.out_layers.0", outputs)
        layer(f"{name}.out_layers.3", outputs, outputs, 3, 3)
        if inputs != outputs:
            layer(f"{name}.skip_connection", outputs, inputs, 1, 1)

    def attention(name, channels):
        layer(f"{name}.norm", channels)
        layer(f"{name}.qkv", 3 * channels, channels, 1)
        layer(f"{name}.encoder_kv", 2 * channels, text, 1)
        layer(f"{name}.proj_out", channels, channels, 1)

    shapes["positional_embedding"] = shapes["padding_embedding"] = (config["text_ctx"], text)
    shapes["token_embedding.weight"] = (config["n_vocab"], text)
    for i in range(config["xf_layers"]):
        block = f"transformer.resblocks.{i}"
        layer(f"{block}.ln_1", text)
        layer(f"{block}.attn.c_qkv", 3 * text, text)
        layer(f"{block}.attn.c_proj", text, text)
        layer(f"{block}.ln_2", text)
        layer(f"{block}.mlp.c_fc", 4 * text, text)
        layer(f"{block}.mlp.c_proj", text, 4 * text)
    layer("final_ln", text)
    layer("transformer_proj", embedding, text)
    layer("time_embed.0", embedding, width)
    layer("time_embed.2", embedding, embedding)

    channels, stage = levels[0], 1
    layer("input_blocks.0.0", channels, config["in_channels"] * (2 if config["super_res"] else 1), 3, 3)
    skips = [channels]
    for level, outputs in enumerate(levels):
        for i in range(config["num_res_blocks"] + (level + 1 < len(levels))):
            residual(f"input_blocks.{stage}.0", channels, outputs)
            channels = outputs
            if i < config["num_res_blocks"] and 2 ** level in config["attention_downsample"]:
                attention(f"input_blocks.{stage}.1", channels)
            skips.append(channels)
            stage += 1
    residual("middle_block.0", channels, channels)
    attention("middle_block.1", channels)
    residual("middle_block.2", channels, channels)
    stage = 0
    for level, outputs in reversed(list(enumerate(levels))):
        for i in range(config["num_res_blocks"] + 1):
            residual(f"output_blocks.{stage}.0", channels + skips.pop(), outputs)
            channels, attends = outputs, 2 ** level in config["attention_downsample"]
            if attends:
                attention(f"output_blocks.{stage}.1", channels)
            if level > 0 and i == config["num_res_blocks"]:
                residual(f"output_blocks.{stage}.{2 if attends else 1}", channels, channels)
            stage += 1
    layer("out.0", channels)
    layer("out.2", config["out_channels"], channels, 3, 3)
    return shapes


def describe_network(kind, tensors):
    """config.json of a checkpoint's network; ends where its tensors are not of such a network."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    try:
        config = network_configuration(kind, shapes)
    except KeyError as error:
        sys.exit(f"The {kind}'s checkpoint lacks {error}; give one of GLIDE's published checkpoints.")
    expected = network_shapes(config)
    for name in sorted(expected.keys() | shapes.keys()):
        if expected.get(name) != shapes.get(name):
            sys.exit(f"The {kind}'s checkpoint has {name} {shapes.get(name, 'not at all')}, but GLIDE's networks "
                     f"have it {expected.get(name, 'not at all')}; give one of GLIDE's published checkpoints.")
    return config


def read_merges(path):
    """The pairs of a merge list, which may be compressed."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        pairs = [tuple(line.split()) for line in file if line.strip() and not line.startswith("#version")]
    if not pairs or any(len(pair) != 2 for pair in pairs):
        sys.exit(f"{path} is no merge list, two symbols a line; give the tokenizer's vocab.bpe.gz.")
    return pairs


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def write_tokenizer(folder, merges):
    """A symbol per byte, one per merge and the one that ends a text and pads it."""
    printable = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    symbols = [chr(byte) for byte in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
    symbols += ["".join(pair) for pair in merges] + ["<|endoftext|>"]
    write_json(folder / "vocab.json", {symbol: i for i, symbol in enumerate(symbols)})
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(symbols)


def convert(folder, checkpoints, merges, save):
    """Writes the folder. `checkpoints`: tensors by name, by kind; `save(tensors, path)` writes safetensors."""
    write_json(folder / "model_index.json", INDEX)
    symbols = write_tokenizer(folder / "tokenizer", merges)
    for kind, tensors in checkpoints.items():
        config = describe_network(kind, tensors)
        if config["n_vocab"] != symbols:
            sys.exit(f"The {kind} knows {config['n_vocab']} tokens, but the merge list makes {symbols}; give the one "
                     "that belongs to GLIDE.")
        write_json(folder / kind / "config.json", config)
        scheduler = "scheduler" if kind == "base" else f"{kind}_scheduler"
        write_json(folder / scheduler / "scheduler_config.json", SCHEDULERS[kind])
        save(tensors, folder / kind / "diffusion_pytorch_model.safetensors")


def main():
    parser = argparse.ArgumentParser(description="Makes a model folder of GLIDE's checkpoints.")
    parser.add_argument("base", type=pathlib.Path, help="base.pt")
    parser.add_argument("folder", type=pathlib.Path, help="the folder to write")
    parser.add_argument("--upsampler", type=pathlib.Path, help="upsample.pt")
    parser.add_argument("--merges", type=pathlib.Path, required=True, help="vocab.bpe.gz or merges.txt")
    arguments = parser.parse_args()

    import torch
    from safetensors.torch import save_file

    paths = {"base": arguments.base, "upsampler": arguments.upsampler}
    checkpoints = {kind: torch.load(path, map_location="cpu", weights_only=True) for kind, path in paths.items() if path}
    convert(arguments.folder, checkpoints, read_merges(arguments.merges),
            lambda tensors, path: save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path))


if __name__ == "__main__":
    main()
