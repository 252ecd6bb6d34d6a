#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Times the diffusion sampler beside diffusers, on the same models in the same run.

    python3 -m venv benchmark && benchmark/bin/pip install torch diffusers transformers
    benchmark/bin/python benchmark.py <build>/Filters/DiffusionSampler/Benchmark/tdlBenchmarkSampler

Models: the default one, and one of Stable Diffusion 1.5's shape (a UNet of 860 million parameters on
4 x 64 x 64 latents) with random weights. Both sides sample as many images at once as there are threads,
by DDIM, with guidance; diffusers in one batch, in inference mode. Times are medians of the steps but the
first and the last; the turns alternate, and the best of each side counts.

    network      the same network in the same LibTorch with nothing around it
    peak         most memory, less that of the program before it opened the model
    activations  most memory that tensors take while the network runs, for the instances at work at once
    beyond       what the peak has beyond the weights, in activations
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel, UNet2DModel
from transformers import CLIPTextConfig, CLIPTextModel

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEFAULT = ROOT / "Filters/Networks/Models/FashionDenoiser"
TOKENIZER = ROOT / "Testing/Data/Pipelines/StableDiffusion1/tokenizer"
GUIDANCE = 2.0


def make_stable_diffusion(folder):
    torch.manual_seed(1)
    UNet2DConditionModel(sample_size=64, cross_attention_dim=768).save_pretrained(folder / "unet")
    # Not measured, hence small.
    AutoencoderKL(block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4,
                  up_block_types=("UpDecoderBlock2D",) * 4).save_pretrained(folder / "vae")
    CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=64, num_hidden_layers=1,
                                 num_attention_heads=8)).save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").symlink_to(TOKENIZER.resolve())
    DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                  set_alpha_to_one=False, steps_offset=1).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"]}))


@torch.inference_mode()
def step_seconds(network, scheduler, condition, instances, steps):
    """Of diffusers: what its pipelines do between two steps."""
    scheduler.set_timesteps(steps)
    size = network.config.sample_size
    sample = torch.randn(instances, network.config.in_channels, size, size)
    seconds = []
    for timestep in scheduler.timesteps:
        begin = time.perf_counter()
        output = network(torch.cat([sample, sample]), timestep, **condition).sample
        unguided, guided = output.chunk(2)
        sample = scheduler.step(unguided + GUIDANCE * (guided - unguided), timestep, sample).prev_sample
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:-1])


def run_ours(program, folder, prompt, instances, steps, threads):
    return json.loads(subprocess.run(
        [program, folder, prompt, "--instances", str(instances), "--steps", str(steps),
         "--guidance", str(GUIDANCE), "--threads", str(threads)],
        check=True, capture_output=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, help="tdlBenchmarkSampler")
    parser.add_argument("--models", nargs="+", default=["default", "Stable Diffusion"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--turns", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    instances = arguments.threads
    print("| model | s/image and step | network | ratio | diffusers | ratio | network's ratio | peak MB | weights MB "
          "| activations MB | beyond |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for name in arguments.models:
        with tempfile.TemporaryDirectory() as scratch:
            if name == "default":
                folder, prompt, steps = DEFAULT, "Sneaker", 30
                network = UNet2DModel.from_pretrained(folder / "unet")
                condition = {"class_labels": torch.zeros(2 * instances, dtype=torch.long)}
            else:
                folder, prompt, steps = pathlib.Path(scratch), "a photograph", 4
                make_stable_diffusion(folder)
                network = UNet2DConditionModel.from_pretrained(folder / "unet")
                condition = {"encoder_hidden_states": torch.randn(2 * instances, 77, 768)}
            network.eval()
            scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
            ours = bare = theirs = float("inf")
            for _ in range(arguments.turns):
                report = run_ours(arguments.program, folder, prompt, instances, steps, arguments.threads)
                ours, bare = min(ours, report["step_s"]), min(bare, report["bare_s"])
                theirs = min(theirs, step_seconds(network, scheduler, condition, instances, steps))
            beyond = (report["peak_mb"] - report["weights_mb"]) / report["activations_mb"]
            print(f"| {name} | {ours / instances:.4f} | {bare / instances:.4f} | {ours / bare:.3f} "
                  f"| {theirs / instances:.4f} | {ours / theirs:.2f} | {bare / theirs:.2f} "
                  f"| {report['peak_mb']:.0f} | {report['weights_mb']:.0f} | {report['activations_mb']:.0f} "
                  f"| {beyond:.2f} |", flush=True)


if __name__ == "__main__":
    main()
