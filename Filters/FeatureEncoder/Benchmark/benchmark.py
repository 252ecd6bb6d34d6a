#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Times the feature encoder beside PyTorch, on the same images in the same run.

    python3 -m venv benchmark && benchmark/bin/pip install torch torchvision transformers "pillow<13"
    benchmark/bin/python benchmark.py <build>/Filters/FeatureEncoder/Benchmark/tdlBenchmarkEncoder

Encoders: the default one (28 x 28 gray images of any content) and a ViT-B/16 with random weights (224 x 224
color images, of 256 x 256). Both sides begin with 8-bit images in memory and end with features: the image
processor counts. PyTorch runs eagerly, in inference mode, with transformers' torchvision-based processors,
at the fastest of several batch sizes; "network" is its time without the processor. The turns alternate, and
the best of each side counts. Opening the network and a first batch do not.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, ViTConfig, ViTImageProcessor, ViTModel

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / "Networks/Models/FashionEncoder"


def make_vit(folder):
    torch.manual_seed(1)
    ViTModel(ViTConfig()).eval().save_pretrained(folder)
    ViTImageProcessor().save_pretrained(folder)


def make_images(count, size, channels, path):
    images = np.random.default_rng(1).integers(0, 256, (count, size, size, channels), np.uint8)
    save_file({"images": torch.from_numpy(images)}, path)
    return torch.from_numpy(images)


class Eager:
    """PyTorch's side."""

    def __init__(self, folder):
        self.processor = ViTImageProcessor.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()

    def prepare(self, images):
        return self.processor(list(images.permute(0, 3, 1, 2)), return_tensors="pt").pixel_values

    def encode(self, pixels):
        return self.model(pixels).pooler_output.flatten(1)

    @torch.inference_mode()
    def measure(self, images, batch, features):
        """Images per second: with the processor, and of the network by itself."""
        self.encode(self.prepare(images[:batch]))
        whole = network = 0.0
        for begin in range(0, len(images), batch):
            start = time.perf_counter()
            pixels = self.prepare(images[begin:begin + batch])
            prepared = time.perf_counter()
            features[begin:begin + batch] = self.encode(pixels)
            end = time.perf_counter()
            whole += end - start
            network += end - prepared
        return len(images) / whole, len(images) / network


def run_ours(program, folder, images, output, threads, repeats):
    return json.loads(subprocess.run(
        [program, folder, images, output, "--threads", str(threads), "--repeats", str(repeats)],
        check=True, capture_output=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, help="tdlBenchmarkEncoder")
    parser.add_argument("--encoders", nargs="+", default=["default", "ViT-B/16"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--turns", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print("| encoder | images/s | PyTorch's | ratio | its network's | ratio | largest difference |\n"
          "|---|---|---|---|---|---|---|")
    for name in arguments.encoders:
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            if name == "default":
                folder, count, size, channels, repeats, batches = DEFAULT, 2048, 28, 1, 4, (64, 512)
            else:
                folder, count, size, channels, repeats, batches = scratch, 16, 256, 3, 2, (1, 8)
                make_vit(folder)
            images = make_images(count, size, channels, scratch / "images.safetensors")
            eager = Eager(folder)
            ours, whole, network = 0.0, 0.0, 0.0
            with torch.inference_mode():
                width = eager.encode(eager.prepare(images[:1])).shape[1]
            features = torch.empty(count, width)
            for _ in range(arguments.turns):
                report = run_ours(arguments.program, folder, scratch / "images.safetensors",
                                  scratch / "features.safetensors", arguments.threads, repeats)
                ours = max(ours, report["images_per_s"])
                for batch in batches:
                    of_all, of_network = eager.measure(images, batch, features)
                    whole, network = max(whole, of_all), max(network, of_network)
            difference = (load_file(scratch / "features.safetensors")["features"] - features).abs().max()
            print(f"| {name} | {ours:.1f} | {whole:.1f} | {ours / whole:.2f} | {network:.1f} "
                  f"| {ours / network:.2f} | {difference / features.abs().max():.1e} |", flush=True)


if __name__ == "__main__":
    main()
