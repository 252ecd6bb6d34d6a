# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/UNet2D: what diffusers' UNet2DModel computes.

Needs: pip install torch diffusers safetensors
Run from the repository's root; give the names of cases to make only those.

A case is a folder as diffusers saves it (random weights), or the shipped default model, beside
golden.safetensors: the inputs sample, timestep, class_labels and the output.
"""
import pathlib
import sys

import torch
from diffusers import UNet2DModel
from safetensors.torch import save_file

DATA = pathlib.Path("Testing/Data/UNet2D")
SHIPPED = pathlib.Path("Filters/Networks/Models/FashionDenoiser/unet")

CASES = {
    # Shift by the time embedding, attention only at the lowest resolution, no classes.
    "Plain": dict(
        sample_size=8, in_channels=3, out_channels=3, block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1, norm_num_groups=4),
    # Every other choice the class offers: the names of the keys say which.
    "Conditioned": dict(
        sample_size=8, in_channels=1, out_channels=2, block_out_channels=(8, 16, 8),
        down_block_types=("AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D"),
        layers_per_block=2, norm_num_groups=2, attn_norm_num_groups=4, norm_eps=1e-6,
        attention_head_dim=None, resnet_time_scale_shift="scale_shift", downsample_padding=0,
        flip_sin_to_cos=False, freq_shift=1, mid_block_scale_factor=1.4, time_embedding_dim=20,
        center_input_sample=True, num_class_embeds=5),
}


def golden(model, folder):
    """Runs the model on seeded inputs and keeps inputs and output."""
    generator = torch.Generator().manual_seed(7)
    config = model.config
    size = config.sample_size
    inputs = {
        "sample": torch.randn(2, config.in_channels, size, size, generator=generator),
        "timestep": torch.tensor([3, 750]),
    }
    if config.num_class_embeds:
        inputs["class_labels"] = torch.tensor([1, config.num_class_embeds - 1])
    with torch.no_grad():
        output = model.eval()(**inputs).sample
    save_file({**inputs, "output": output.contiguous()}, folder / "golden.safetensors")


def main(names):
    for name in names:
        folder = DATA / name
        folder.mkdir(parents=True, exist_ok=True)
        if name == "Shipped":
            golden(UNet2DModel.from_pretrained(SHIPPED, torch_dtype=torch.float32), folder)
            continue
        torch.manual_seed(11)
        model = UNet2DModel(**CASES[name])
        for parameter in model.parameters():  # normalizations start as identities: move them too
            parameter.data += 0.1 * torch.randn_like(parameter)
        model.save_pretrained(folder)
        golden(model, folder)


main(sys.argv[1:] or [*CASES, "Shipped"])
