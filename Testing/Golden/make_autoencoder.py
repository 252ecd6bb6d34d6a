# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/Autoencoder: what diffusers' AutoencoderKL and VQModel compute.

Needs: pip install torch diffusers safetensors
Run from the repository's root; give the names of cases to make only those.

A case is a folder as diffusers saves it (random weights in float16, so that the files are small;
they are computed with in float32) beside golden.safetensors. AutoencoderKL: images and their mean
and log_variance, scaled latents (of the diffusion model), latents (to decode) and decoded; the same
with the beginning `large_` from overlapping tiles, which do not divide the image. VQModel: scaled,
latents, decoded.
"""
import pathlib
import sys

import torch
from diffusers import AutoencoderKL, VQModel
from safetensors.torch import load_file, save_file

DATA = pathlib.Path("Testing/Data/Autoencoder")

THREE_DOWN = ("DownEncoderBlock2D",) * 3
THREE_UP = ("UpDecoderBlock2D",) * 3

CASES = {
    # As Stable Diffusion, smaller.
    "KL": (AutoencoderKL, dict(
        sample_size=16, block_out_channels=(4, 4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=THREE_DOWN, up_block_types=THREE_UP)),
    # Every other choice: the names of the keys say which.
    "KLOptions": (AutoencoderKL, dict(
        sample_size=24, in_channels=1, out_channels=2, latent_channels=3,
        block_out_channels=(4, 6), layers_per_block=2, norm_num_groups=2, act_fn="swish",
        down_block_types=("AttnDownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "AttnUpDecoderBlock2D"),
        scaling_factor=0.5, latents_mean=(0.1, -0.2, 0.3), latents_std=(2.0, 1.5, 0.5),
        force_upcast=False, use_quant_conv=False, use_post_quant_conv=False,
        mid_block_add_attention=False)),
    # As latent diffusion models without text.
    "VQ": (VQModel, dict(
        block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, num_vq_embeddings=40,
        down_block_types=THREE_DOWN[:2], up_block_types=THREE_UP[:2], scaling_factor=0.7)),
    "VQOptions": (VQModel, dict(
        block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2, num_vq_embeddings=30,
        latent_channels=2, vq_embed_dim=5, mid_block_add_attention=False,
        down_block_types=THREE_DOWN[:2], up_block_types=THREE_UP[:2])),
}


def unscale(config, scaled):
    """As the pipelines of Stable Diffusion XL and, without mean and std, of the others."""
    if config.get("latents_mean") and config.get("latents_std"):
        mean = torch.tensor(config.latents_mean).view(1, -1, 1, 1)
        std = torch.tensor(config.latents_std).view(1, -1, 1, 1)
        return scaled * std / config.scaling_factor + mean
    return scaled / config.scaling_factor


def decoding(model, channels, height, width, generator, beginning):
    scaled = torch.randn(1 if beginning else 2, channels, height, width, generator=generator)
    latents = unscale(model.config, scaled)
    return {beginning + "scaled": scaled, beginning + "latents": latents,
            beginning + "decoded": model.decode(latents).sample}


def encoding(model, height, width, generator, beginning):
    images = torch.randn(
        1 if beginning else 2, model.config.in_channels, height, width, generator=generator)
    moments = model.encode(images).latent_dist
    return {beginning + "images": images, beginning + "mean": moments.mean,
            beginning + "log_variance": moments.logvar}


def golden(model):
    generator = torch.Generator().manual_seed(7)
    config = model.config
    channels = config.get("vq_embed_dim") or config.latent_channels
    values = decoding(model, channels, 3, 5, generator, "")
    if isinstance(model, AutoencoderKL):
        values.update(encoding(model, 13, 18, generator, ""))
        model.enable_tiling()
        values.update(decoding(model, channels, 9, 13, generator, "large_"))
        values.update(encoding(model, 41, 53, generator, "large_"))
    return {name: value.contiguous() for name, value in values.items()}


def rename_attention(path):
    """Gives attention layers the names of early versions, the decoder weights of convolutions."""
    tensors = {}
    for name, tensor in load_file(path).items():
        for now, before in ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."),
                            (".to_out.0.", ".proj_attn.")):
            if now in name:
                name = name.replace(now, before)
                if tensor.dim() == 2 and name.startswith("decoder"):
                    tensor = tensor[:, :, None, None]
        tensors[name] = tensor.contiguous()
    save_file(tensors, path)


def main(names):
    for name in names:
        network, options = CASES[name]
        folder = DATA / name
        torch.manual_seed(11)
        model = network(**options).eval()
        for parameter in model.parameters():  # normalizations start as identities: move them too
            parameter.data += 0.1 * torch.randn_like(parameter)
        if network is VQModel:  # codes far from one another, so that the nearest is certain
            model.quantize.embedding.weight.data.normal_()
        model.half().save_pretrained(folder)
        with torch.no_grad():
            save_file(golden(model.float()), folder / "golden.safetensors")
        if name == "KL":
            rename_attention(folder / "diffusion_pytorch_model.safetensors")


main(sys.argv[1:] or CASES)
