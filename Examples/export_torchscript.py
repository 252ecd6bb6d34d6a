# SPDX-License-Identifier: BSD-3-Clause
"""
Exports a denoiser of one's own for the Diffusion Sampler, as TorchScript. Runs in any Python with torch,
best one no newer than the plugins' LibTorch:

    python export_torchscript.py shapes

The denoiser here needs no training: of a few hundred drawn shapes it computes the noise exactly, which is
what networks approximate. Export another by calling export() with it. The folder:

    model_index.json   _class_name TorchScriptPipeline; in_channels; sample_size: W and H, or [H, W];
                       torch_version; of classes, num_class_embeds: number of labels, id2label: their names,
                       null_label: the one that stands for no class
    denoiser.pt        forward(sample [B, C, H, W] float32, timestep [B] float32), of classes forward(sample,
                       timestep, class_labels [B] int64), returns [B, C, H, W], what the scheduler's
                       prediction_type says; or [B, 2 C, H, W] where it predicts the variance, too
    scheduler/         scheduler_config.json, as diffusers has it
"""
import json
import pathlib
import sys

import torch

SCHEDULER = {"_class_name": "DDIMScheduler", "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001,
             "clip_sample": False, "num_train_timesteps": 1000, "prediction_type": "epsilon"}


class ExactDenoiser(torch.nn.Module):
    """
    The noise to expect in a noisy sample of known images, each blurred by a Gaussian of deviation `blur`.
    Label k stands for the images of class k, the label behind the last for all.
    """

    def __init__(self, images, labels, blur=0.1):
        super().__init__()
        betas = torch.linspace(SCHEDULER["beta_start"], SCHEDULER["beta_end"], SCHEDULER["num_train_timesteps"])
        classes = torch.arange(int(labels.max()) + 2)[:, None]
        member = (classes == labels[None]) | (classes == classes.max())
        self.blur = blur
        self.register_buffer("alpha_bars", torch.cumprod(1 - betas.double(), dim=0).float())
        self.register_buffer("images", images)
        self.register_buffer("log_prior", torch.where(member, 0.0, -torch.inf))

    def forward(self, sample, timestep, class_labels):
        alpha_bar = self.alpha_bars[timestep.round().long()][:, None]
        signal, variance = alpha_bar.sqrt(), alpha_bar * self.blur ** 2 + 1 - alpha_bar
        known, noisy = self.images.flatten(1), sample.flatten(1)
        distance = ((noisy[:, None] - signal[:, None] * known) ** 2).sum(2)
        weights = torch.softmax(self.log_prior[class_labels] - distance / (2 * variance), dim=1)
        mean = weights @ known
        expected = mean + signal * self.blur ** 2 / variance * (noisy - signal * mean)
        return ((noisy - signal * expected) / (1 - alpha_bar).sqrt()).view_as(sample)


def export(folder, denoiser, sample_size, in_channels, classes=(), null_label=None, scheduler=SCHEDULER):
    """Writes the folder. `classes`: the names of the labels from 0 on; none: forward takes no labels."""
    folder = pathlib.Path(folder)
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    index = {"_class_name": "TorchScriptPipeline", "in_channels": in_channels, "sample_size": sample_size,
             "torch_version": torch.__version__.partition("+")[0]}
    height, width = sample_size if isinstance(sample_size, (list, tuple)) else (sample_size, sample_size)
    inputs = [torch.randn(2, in_channels, height, width), torch.tensor([0.0, 999.0])]
    if classes:
        labels = len(classes) + (null_label is not None)
        index.update(num_class_embeds=labels, id2label={str(i): name for i, name in enumerate(classes)})
        inputs.append(torch.zeros(2, dtype=torch.int64))
    if null_label is not None:
        index["null_label"] = null_label
    for path, content in (("model_index.json", index), ("scheduler/scheduler_config.json", scheduler)):
        (folder / path).write_text(json.dumps(content, indent=2) + "\n")
    with torch.no_grad():
        torch.jit.trace(denoiser.eval(), tuple(inputs)).save(str(folder / "denoiser.pt"))


def draw_shapes(size, count):
    """Images [4 count, 1, size, size] in [-1, 1] of discs, squares, crosses and rings, and their labels."""
    generator = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    images = []
    for label in range(4):
        for _ in range(count):
            center, radius = torch.rand(2, generator=generator), torch.rand(1, generator=generator)
            radius = size * (0.2 + 0.15 * radius)
            dy, dx = ((p - radius - center[i] * (size - 1 - 2 * radius)).abs() for i, p in enumerate((y, x)))
            distance = (dx ** 2 + dy ** 2).sqrt()
            inside = [distance < radius, torch.maximum(dx, dy) < 0.9 * radius,
                      (torch.minimum(dx, dy) < 0.3 * radius) & (torch.maximum(dx, dy) < radius),
                      (distance < radius) & (distance > 0.55 * radius)][label]
            images.append(2.0 * inside - 1)
    return torch.stack(images)[:, None], torch.arange(4).repeat_interleave(count)


def main():
    size = 16
    export(sys.argv[1] if len(sys.argv) > 1 else "shapes", ExactDenoiser(*draw_shapes(size, 100)), size, 1,
           classes=["Disc", "Square", "Cross", "Ring"], null_label=4)


if __name__ == "__main__":
    main()
