# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/DiT: what diffusers' DiTTransformer2DModel computes.

Needs: pip install torch diffusers safetensors
Run from the repository's root; give the names of cases to make only those.

A case is a folder as diffusers saves it (random weights in float16, so that the files are small;
they are computed with in float32) beside golden.safetensors: sample, timestep, class_labels and
output, again with the beginning `other_` for an image of another size.
"""
import json
import pathlib
import sys

import torch
from diffusers import DiTTransformer2DModel
from safetensors.torch import save_file

DATA = pathlib.Path("Testing/Data/DiT")

CASES = {
    # As DiT-XL/2, smaller, under the name that the class had then.
    "DiT": dict(
        num_attention_heads=2, attention_head_dim=6, in_channels=4, out_channels=8, num_layers=2,
        sample_size=8, patch_size=2, num_embeds_ada_norm=7),
    # Every other choice: the names of the keys say which.
    "Options": dict(
        num_attention_heads=3, attention_head_dim=4, in_channels=3, num_layers=1, sample_size=12,
        patch_size=3, num_embeds_ada_norm=4, attention_bias=False, norm_eps=1e-3),
}


def evaluate(model, size, beginning):
    generator = torch.Generator().manual_seed(7)
    config = model.config
    inputs = {
        "hidden_states": torch.randn(2, config.in_channels, size, size, generator=generator),
        "timestep": torch.tensor([3, 750]),
        "class_labels": torch.tensor([1, config.num_embeds_ada_norm]),
    }
    with torch.no_grad():
        output = model(**inputs).sample
    values = {**inputs, "output": output}
    values["sample"] = values.pop("hidden_states")
    return {beginning + name: value.contiguous() for name, value in values.items()}


def main(names):
    for name in names:
        folder = DATA / name
        torch.manual_seed(11)
        model = DiTTransformer2DModel(**CASES[name]).eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
        model.half().save_pretrained(folder)
        # Converting to float16 and back rounded the table of positions, which no file holds.
        model = DiTTransformer2DModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
        size = model.config.sample_size
        save_file({**evaluate(model, size, ""),
                   **evaluate(model, size + model.config.patch_size, "other_")},
                  folder / "golden.safetensors")
        if name == "DiT":
            config = json.loads((folder / "config.json").read_text())
            config["_class_name"] = "Transformer2DModel"
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


main(sys.argv[1:] or CASES)
