#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Times the diffusion sampler beside diffusers, on the same models in the same run.

    python3 -m venv benchmark && benchmark/bin/pip install torch diffusers transformers
    benchmark/bin/python benchmark.py <build>/Filters/DiffusionSampler/Benchmark/tdlBenchmarkSampler

Models: the default one, and one of Stable Diffusion 1.5's shape (a UNet of 860 million parameters on
4 x 64 x 64 latents) with random weights. Both sides sample as many images at once as there are threads,
on a GPU --instances, by DDIM, with guidance; diffusers in one batch, in inference mode. Times are medians
of the steps but the first and the last; the turns alternate, and the best of each side counts. On a GPU
(--device cuda) both calculate in half precision, and once more with the images of all steps, decoded by
an autoencoder of Stable Diffusion's shape and brought to the CPU.

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
    AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
                  down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                  sample_size=512).save_pretrained(folder / "vae")
    CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=64, num_hidden_layers=1,
                                 num_attention_heads=8)).save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").symlink_to(TOKENIZER.resolve())
    DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                  set_alpha_to_one=False, steps_offset=1).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(json.dumps({
        "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"], "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"], "scheduler": ["diffusers", "DDIMScheduler"]}))


class Peer:
    """A model in diffusers."""

    def __init__(self, network, scheduler, condition, autoencoder=None):
        self.network, self.scheduler, self.condition = network, scheduler, condition
        self.autoencoder = autoencoder

    def image(self, sample):
        """What its pipelines do to show one."""
        if self.autoencoder:
            sample = self.autoencoder.decode(sample / self.autoencoder.config.scaling_factor).sample
        return ((sample / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()

    @torch.inference_mode()
    def step_seconds(self, instances, steps, images):
        """What its pipelines do between two steps, and where asked for the images."""
        self.scheduler.set_timesteps(steps)
        config, like = self.network.config, next(self.network.parameters())
        sample = torch.randn(instances, config.in_channels, config.sample_size, config.sample_size).to(like)
        seconds = []
        for timestep in self.scheduler.timesteps:
            begin = time.perf_counter()
            output = self.network(torch.cat([sample, sample]), timestep, **self.condition).sample
            unguided, guided = output.chunk(2)
            step = self.scheduler.step(unguided + GUIDANCE * (guided - unguided), timestep, sample)
            if images:
                self.image(sample)
            sample = step.prev_sample
            if like.is_cuda:
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)
        return statistics.median(seconds[1:-1])


def run_ours(program, folder, prompt, steps, images, arguments):
    return json.loads(subprocess.run(
        [program, folder, prompt, "--instances", str(arguments.instances), "--steps", str(steps), "--guidance",
         str(GUIDANCE), "--threads", str(arguments.threads), "--device", arguments.device]
        + (["--precision", "half"] if arguments.device == "cuda" else []) + (["--decode"] if images else []),
        check=True, stdout=subprocess.PIPE).stdout)


def open_model(name, folder, instances):
    """Folder, prompt, steps and the peer."""
    if name == "default":
        network = UNet2DModel.from_pretrained(DEFAULT / "unet")
        condition = {"class_labels": torch.zeros(2 * instances, dtype=torch.long)}
        return DEFAULT, "Sneaker", 30, Peer(network, DDIMScheduler.from_pretrained(DEFAULT / "scheduler"), condition)
    make_stable_diffusion(folder)
    network = UNet2DConditionModel.from_pretrained(folder / "unet")
    condition = {"encoder_hidden_states": torch.randn(2 * instances, 77, 768)}
    return folder, "a photograph", 4, Peer(network, DDIMScheduler.from_pretrained(folder / "scheduler"), condition,
                                           AutoencoderKL.from_pretrained(folder / "vae"))


def measure(name, images, arguments):
    with tempfile.TemporaryDirectory() as scratch:
        folder, prompt, steps, peer = open_model(name, pathlib.Path(scratch), arguments.instances)
        if arguments.device == "cuda":
            steps = 30
            peer.network.cuda().half()
            peer.condition = {key: value.cuda() if value.dtype == torch.long else value.cuda().half()
                              for key, value in peer.condition.items()}
            if peer.autoencoder:
                peer.autoencoder.cuda().half()
        peer.network.eval()
        ours = bare = theirs = float("inf")
        for _ in range(arguments.turns):
            report = run_ours(arguments.program, folder, prompt, steps, images, arguments)
            ours, bare = min(ours, report["step_s"]), min(bare, report["bare_s"])
            theirs = min(theirs, peer.step_seconds(arguments.instances, steps, images))
    count = arguments.instances
    line = (f"| {name}{', images' if images else ''} | {ours / count:.4f} | {bare / count:.4f} | {ours / bare:.3f} "
            f"| {theirs / count:.4f} | {ours / theirs:.2f} | {bare / theirs:.2f} |")
    if arguments.device == "cpu":
        beyond = (report["peak_mb"] - report["weights_mb"]) / report["activations_mb"]
        line += (f" {report['peak_mb']:.0f} | {report['weights_mb']:.0f} | {report['activations_mb']:.0f} "
                 f"| {beyond:.2f} |")
    print(line, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path, help="tdlBenchmarkSampler")
    parser.add_argument("--models", nargs="+", default=["default", "Stable Diffusion"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--instances", type=int, help="Images at once; on the CPU one per thread, on a GPU 16")
    parser.add_argument("--turns", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    on_cpu = arguments.device == "cpu"
    arguments.instances = arguments.instances or (arguments.threads if on_cpu else 16)
    memory = [" peak MB", " weights MB", " activations MB", " beyond"] if on_cpu else []
    columns = ["| model", " s/image and step", " network", " ratio", " diffusers", " ratio", " network's ratio"] + memory
    print("|".join(columns + ["\n"]) + "|---" * len(columns) + "|")
    for name in arguments.models:
        for images in [False] if on_cpu else [False, True]:
            measure(name, images, arguments)


if __name__ == "__main__":
    main()
