#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Samples of the default denoiser by diffusers, for Filters/DiffusionSampler/Core/Testing.

    pip install torch diffusers
    python make_default_samples.py ../../Filters/Networks/Models/FashionDenoiser \\
        ../Data/DefaultSamples.safetensors

To be run again whenever the weights change: the test compares their checksum, too.
"""
import hashlib
import json
import pathlib
import sys

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.utils.torch_utils import randn_tensor
from safetensors.torch import save_file

PROMPTS = ["Sneaker", "Dress"]
SEEDS = [0, 1]
GUIDANCE_SCALE = 3.0
RUNS = [("DDIM", DDIMScheduler, 50, [0, 25, 50]), ("DDPM", DDPMScheduler, 20, [0, 10, 20])]


def pixels(images):
    return ((images / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)[:, 0]


@torch.no_grad()
def sample(folder, scheduler_class, steps, captured):
    """uint8 [instance, captured step, row, column] of the noisy and the predicted images."""
    unet = UNet2DModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32).eval()
    index = json.loads((folder / "model_index.json").read_text())
    classes = {name: int(label) for label, name in index["id2label"].items()}
    labels = torch.tensor([classes[prompt] for prompt in PROMPTS for _ in SEEDS])
    null = torch.full_like(labels, index["null_label"])
    generators = [torch.Generator().manual_seed(seed) for _ in PROMPTS for seed in SEEDS]
    scheduler = scheduler_class.from_pretrained(folder, subfolder="scheduler")
    scheduler.set_timesteps(steps)

    images = randn_tensor((len(labels), 1, 28, 28), generator=generators)
    noisy, predicted = [], []
    for step, timestep in enumerate(scheduler.timesteps):
        output = unet(torch.cat([images, images]), timestep, torch.cat([null, labels])).sample
        unguided, prompted = output.chunk(2)
        output = unguided + GUIDANCE_SCALE * (prompted - unguided)
        result = scheduler.step(output, timestep, images, generator=generators)
        if step in captured:
            noisy.append(pixels(images))
            predicted.append(pixels(result.pred_original_sample))
        images = result.prev_sample
    noisy.append(pixels(images))
    predicted.append(pixels(result.pred_original_sample))
    return torch.stack(noisy, dim=1), torch.stack(predicted, dim=1)


def main():
    folder = pathlib.Path(sys.argv[1])
    weights = (folder / "unet/diffusion_pytorch_model.safetensors").read_bytes()
    tensors = {"weights_sha256": torch.tensor(list(hashlib.sha256(weights).digest()),
                                              dtype=torch.uint8)}
    for name, scheduler_class, steps, captured in RUNS:
        noisy, predicted = sample(folder, scheduler_class, steps, captured)
        tensors[name + ".Image"] = noisy.contiguous()
        tensors[name + ".PredictedImage"] = predicted.contiguous()
    save_file(tensors, sys.argv[2])


if __name__ == "__main__":
    main()
