# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/Glide: what the published implementation of GLIDE computes.

Needs: pip install torch safetensors regex diffusers, and a clone of
github.com/openai/glide-text2im in PYTHONPATH
Run from the repository's root.

The folder is one that Examples/convert_glide.py writes of smaller networks, with few of the merges and
without the weights: these are drawn from a seed, in the order of their names, by the tests as here.
Beside it:

  base, upsampler   golden.safetensors: ids, mask, summary, tokens, sample, timesteps, smaller, output,
                    activations (what the middle block gives, averaged over the pixels)
  tokenizer         golden.json: texts with their ids; texts with ids and mask of a length
  trajectories.json the samplers' paths, as make_scheduler_trajectories.py has them
  samples.safetensors  uint8 [instance, captured step, channel, row, column], noisy and predicted images;
                    the predicted images of the last two captured steps, enlarged
"""
import json
import pathlib
import shutil
import sys

import torch
from glide_text2im import gaussian_diffusion, respace
from glide_text2im.text2im_model import SuperResText2ImUNet, Text2ImUNet
from glide_text2im.tokenizer.bpe import Encoder, get_encoder
from safetensors.torch import save_file

sys.path.insert(0, "Examples")
import convert_glide
from difficult_texts import TEXTS
from make_scheduler_trajectories import noise, output, rounded, start

DATA = pathlib.Path("Testing/Data/Glide")
WEIGHTS_SEED = {"base": 3, "upsampler": 4}
SIZES = {"base": 16, "upsampler": 32}
NETWORKS = {
    "base": dict(model_channels=32, channel_mult=(2, 4), num_res_blocks=1, attention_resolutions=(1, 2)),
    "upsampler": dict(model_channels=32, channel_mult=(1, 2, 4), num_res_blocks=2, attention_resolutions=(4,)),
}
TEXT = dict(text_ctx=8, xf_width=64, xf_layers=2, xf_heads=8, xf_final_ln=True, xf_padding=True)
COMMON = dict(in_channels=3, out_channels=6, num_head_channels=64, use_scale_shift_norm=True, resblock_updown=True)

MORE_TEXTS = [
    "an oil painting of a corgi", "a hedgehog using a calculator", "  two  spaces \n and\n\nlines ", "a\n b \nc", "x  's  y",
    "a\x1cb\x1d \x1e\x1fc", "\u3000\u3000a", "a \u3000b", "\u00a0 a", " ' s", "don't DON'T", " 12 3 ４５", "ΑΣ. ΑΣΑ Σ ΣΣ", "ends in space ",
]
PADDED = [("", 8), ("an oil painting of a corgi", 8), ("an oil painting of a corgi on the moon, at night", 8), ("a", 1)]

PROMPTS = ["an oil painting of a corgi", "a red cat"]
SEEDS = [0, 1]
GUIDANCE_SCALE = 3.0
CAPTURED = [0, 50, 99, 100]


def small_tokenizer():
    """The published one with the first merges and those that the texts need."""
    full = get_encoder()
    ranked = sorted(full.bpe_ranks, key=full.bpe_ranks.get)
    parts = {"".join(pair): pair for pair in ranked}
    needed = set(ranked[:300])

    def need(symbol):
        if symbol in parts and parts[symbol] not in needed:
            needed.add(parts[symbol])
            for part in parts[symbol]:
                need(part)

    for text in [*MORE_TEXTS, *(text for text, _ in PADDED), *PROMPTS, *TEXTS[:40]]:
        for token in full.encode(text):
            need(full.decoder[token])
    merges = [pair for pair in ranked if pair in needed]
    convert_glide.write_tokenizer(DATA / "tokenizer", merges)
    vocabulary = json.loads((DATA / "tokenizer/vocab.json").read_text(encoding="utf-8"))
    return merges, Encoder(vocabulary, merges)


def make_network(kind, tokenizer):
    """A network with weights of a seed."""
    network = {"base": Text2ImUNet, "upsampler": SuperResText2ImUNet}[kind](
        tokenizer=tokenizer, **TEXT, **COMMON, **NETWORKS[kind]).eval()
    generator = torch.Generator().manual_seed(WEIGHTS_SEED[kind])
    for name, tensor in sorted(network.state_dict().items()):
        values = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() > 1:
            values *= (tensor.shape[0] / tensor.numel()) ** 0.5
        else:
            values = 0.1 * values + name.endswith("weight")
        tensor.copy_(values)
    return network


def encode(tokenizer, texts):
    encoded = [tokenizer.padded_tokens_and_mask(tokenizer.encode(text), TEXT["text_ctx"]) for text in texts]
    return {"tokens": torch.tensor([ids for ids, _ in encoded]), "mask": torch.tensor([mask for _, mask in encoded])}


@torch.no_grad()
def evaluate(kind, network, tokenizer):
    generator = torch.Generator().manual_seed(7)
    size = SIZES[kind]
    texts = encode(tokenizer, ["an oil painting", "", "an oil painting of a corgi on the moon, at night"])
    inputs = {"x": torch.randn(3, 3, size, size, generator=generator), "timesteps": torch.tensor([0.0, 423.0, 999.0])}
    if kind == "upsampler":
        inputs["low_res"] = torch.rand(3, 3, 16, 16, generator=generator) * 2 - 1
    encoded = network.get_text_emb(**texts)
    middle = []
    network.middle_block.register_forward_hook(lambda _module, _inputs, result: middle.append(result.mean((2, 3))))
    golden = {"ids": texts["tokens"], "mask": texts["mask"].to(torch.uint8), "summary": encoded["xf_proj"],
              "tokens": encoded["xf_out"], "sample": inputs["x"], "timesteps": inputs["timesteps"],
              "output": network(**inputs, **texts)}
    golden["activations"] = middle[0]
    if kind == "upsampler":
        golden["smaller"] = inputs["low_res"]
    save_file({name: value.contiguous() for name, value in golden.items()}, DATA / kind / "golden.safetensors")


def make_tokenizer_golden(tokenizer):
    def lines(pairs):
        return ",\n".join(json.dumps(pair, separators=(",", ":")) for pair in pairs)
    texts = [[text, tokenizer.encode(text)] for text in [*MORE_TEXTS, *TEXTS]]
    padded = [[text, length, *tokenizer.padded_tokens_and_mask(tokenizer.encode(text), length)]
              for text, length in PADDED]
    (DATA / "tokenizer/golden.json").write_text(
        f'{{"texts": [\n{lines(texts)}\n],\n"padded": [\n{lines(padded)}\n]}}\n')


def diffusion(kind):
    schedule, respacing = {"base": ("squaredcos_cap_v2", "100"), "upsampler": ("linear", "fast27")}[kind]
    return respace.SpacedDiffusion(respace.space_timesteps(1000, respacing),
                                   betas=gaussian_diffusion.get_named_beta_schedule(schedule, 1000))


@torch.no_grad()
def trajectory(kind):
    process = diffusion(kind)
    config = dict(convert_glide.SCHEDULERS[kind])
    steps = process.num_timesteps
    sample, samples, timesteps = start(), [], []
    for step in range(steps):
        def network(x, t, step=step):
            timesteps.append(int(t[0]))
            return output(step, x, True)
        torch.randn_like = lambda _, step=step: noise(step)
        move = process.p_sample if kind == "base" else process.ddim_sample
        sample = move(network, sample, torch.full((2,), steps - 1 - step), clip_denoised=True)["sample"]
        samples.append(sample.flatten().tolist())
    return {"class": config.pop("_class_name"), "config": config, "steps": steps, "timesteps": timesteps,
            "samples": samples, "images": []}


def pixels(images):
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


@torch.no_grad()
def sample_images(base, upsampler, tokenizer):
    """The flow of the published notebook, with noise of a generator for each instance."""
    prompts = [prompt for prompt in PROMPTS for _ in SEEDS]
    seeds = SEEDS * len(PROMPTS)
    count, size = len(prompts), SIZES["base"]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw(size):
        return torch.cat([torch.randn(1, 3, size, size, generator=generator) for generator in generators])

    def guided(x, t, **text):
        half = x[:count]
        values = base(torch.cat([half, half]), t, **text)
        epsilon, rest = values[:, :3], values[:, 3:]
        conditional, unconditional = epsilon.chunk(2)
        epsilon = unconditional + GUIDANCE_SCALE * (conditional - unconditional)
        return torch.cat([torch.cat([epsilon, epsilon]), rest], dim=1)

    torch.randn_like = lambda _: draw(size).repeat(2, 1, 1, 1)
    before = draw(size)
    noisy, predicted = [], []
    steps = diffusion("base").p_sample_loop_progressive(
        guided, (2 * count, 3, size, size), noise=before.repeat(2, 1, 1, 1), device="cpu",
        model_kwargs=encode(tokenizer, prompts + [""] * count))
    for step, result in enumerate(steps):
        if step in CAPTURED:
            noisy.append(before)
            predicted.append(result["pred_xstart"][:count])
        before = result["sample"][:count]
    noisy.append(before)
    predicted.append(result["pred_xstart"][:count])

    torch.randn_like = torch.zeros_like  # which steps without fresh noise draw all the same
    enlarged = []
    for images in predicted[-2:]:
        generators = [torch.Generator().manual_seed(0) for _ in seeds]  # the same for every image
        enlarged.append(diffusion("upsampler").ddim_sample_loop(
            upsampler, (count, 3, SIZES["upsampler"], SIZES["upsampler"]), device="cpu",
            noise=draw(SIZES["upsampler"]) * convert_glide.INDEX["upsample_temp"],
            model_kwargs={"low_res": ((images + 1) * 127.5).round() / 127.5 - 1, **encode(tokenizer, prompts)}))
    stacked = {"Image": noisy, "PredictedImage": predicted, "Enlarged": enlarged}
    save_file({name: torch.stack([pixels(image) for image in images], dim=1).contiguous()
               for name, images in stacked.items()}, DATA / "samples.safetensors")


def main():
    shutil.rmtree(DATA, ignore_errors=True)
    merges, tokenizer = small_tokenizer()
    make_tokenizer_golden(tokenizer)
    networks = {kind: make_network(kind, tokenizer) for kind in NETWORKS}
    convert_glide.convert(DATA, {kind: network.state_dict() for kind, network in networks.items()}, merges,
                          lambda *_: None)
    for kind, network in networks.items():
        path = DATA / kind / "config.json"
        config = json.loads(path.read_text())
        convert_glide.write_json(path, {**config, "sample_size": SIZES[kind]})
        evaluate(kind, network, tokenizer)
    fresh = torch.randn_like
    with open(DATA / "trajectories.json", "w", encoding="utf-8") as file:
        cases = [json.dumps({key: rounded(value) for key, value in trajectory(kind).items()}) for kind in NETWORKS]
        file.write("[\n" + ",\n".join(cases) + "\n]\n")
    sample_images(networks["base"], networks["upsampler"], tokenizer)
    torch.randn_like = fresh


if __name__ == "__main__":
    main()
