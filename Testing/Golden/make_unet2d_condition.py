# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/UNet2DCondition: what diffusers' UNet2DConditionModel computes.

Needs: pip install torch diffusers safetensors
Run from the repository's root; give the names of cases to make only those.

A case is a folder as diffusers saves it (random weights in float16, so that the files are small;
they are computed with in float32) beside golden.safetensors: the inputs sample, timestep, context,
where the case has them class_labels, pooled_text, time_ids, guidance, and the output; all again
with the beginning `odd_` for an image whose size is not divisible.
"""
import json
import pathlib
import sys

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

DATA = pathlib.Path("Testing/Data/UNet2DCondition")

CASES = {
    # As Stable Diffusion 1: one number of heads, projections as convolutions.
    "Version1": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2, cross_attention_dim=6),
    # As Stable Diffusion 2: heads per block, linear projections.
    "Version2": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=(2, 4), cross_attention_dim=6, use_linear_projection=True,
        upcast_attention=True),
    # As Stable Diffusion XL: transformer layers per block, pooled text and image sizes.
    "XL": dict(
        sample_size=8, block_out_channels=(4, 4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 3), attention_head_dim=(1, 2, 4),
        cross_attention_dim=6, use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=4, projection_class_embeddings_input_dim=6 + 6 * 4),
    # Every other choice that is supported: the names of the keys say which.
    "Options": dict(
        sample_size=(8, 12), in_channels=3, out_channels=2, block_out_channels=(4, 6, 8),
        layers_per_block=(1, 2, 1), norm_num_groups=2, norm_eps=1e-4,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        only_cross_attention=(True, False, False), attention_head_dim=(2, 3, 4),
        cross_attention_dim=(6, 6, 6), center_input_sample=True, flip_sin_to_cos=False,
        freq_shift=1, downsample_padding=0, mid_block_scale_factor=1.4,
        resnet_time_scale_shift="scale_shift", num_class_embeds=5, time_embedding_dim=20,
        time_cond_proj_dim=6, conv_in_kernel=5, conv_out_kernel=1),
    # Without a middle, as some distilled models are.
    "NoMiddle": dict(
        sample_size=8, block_out_channels=(4, 8), layers_per_block=1, norm_num_groups=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), mid_block_type=None,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2, cross_attention_dim=6, act_fn="swish"),
}


def evaluate(model, height, width, beginning):
    """Runs the model on seeded inputs; returns inputs and output by name."""
    generator = torch.Generator().manual_seed(7)
    config = model.config
    widths = config.cross_attention_dim
    values = {
        "sample": torch.randn(2, config.in_channels, height, width, generator=generator),
        "timestep": torch.tensor([3, 750]),
        "context": torch.randn(
            2, 5, widths if isinstance(widths, int) else widths[0], generator=generator),
    }
    conditions = {}
    if config.num_class_embeds:
        values["class_labels"] = torch.tensor([1, config.num_class_embeds - 1])
        conditions["class_labels"] = values["class_labels"]
    if config.time_cond_proj_dim:
        values["guidance"] = torch.randn(2, config.time_cond_proj_dim, generator=generator)
        conditions["timestep_cond"] = values["guidance"]
    if config.addition_embed_type:
        values["time_ids"] = torch.tensor(
            [[1024.0, 768, 0, 16, 1024, 1024], [64, 64, 8, 0, 64, 96]])
        values["pooled_text"] = torch.randn(
            2, config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim,
            generator=generator)
        conditions["added_cond_kwargs"] = {
            "text_embeds": values["pooled_text"], "time_ids": values["time_ids"]}
    with torch.no_grad():
        values["output"] = model(
            values["sample"], values["timestep"], values["context"], **conditions).sample
    return {beginning + name: value.contiguous() for name, value in values.items()}


def main(names):
    for name in names:
        folder = DATA / name
        torch.manual_seed(11)
        model = UNet2DConditionModel(**CASES[name]).eval()
        for parameter in model.parameters():  # normalizations start as identities: move them too
            parameter.data += 0.1 * torch.randn_like(parameter)
        model.half().save_pretrained(folder)
        model.float()
        size = model.config.sample_size
        height, width = (size, size) if isinstance(size, int) else size
        save_file({**evaluate(model, height, width, ""), **evaluate(model, 7, 10, "odd_")},
                  folder / "golden.safetensors")


main(sys.argv[1:] or CASES)
