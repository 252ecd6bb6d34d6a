# SPDX-License-Identifier: BSD-3-Clause
"""
Records a run of a diffusers pipeline for the Recorded Run Reader: of one that takes prompts and works on
latents (Stable Diffusion, PixArt, ...), or of one that takes none and works on pixels (DDPM, DDIM).

    pip install torch diffusers transformers
    python record_diffusers.py MODEL FOLDER --prompts "a red coat" "a blue coat" --seeds 0 1 2

MODEL is a folder or a name of the Hugging Face hub. In FOLDER there are then the images and manifest.csv;
open it in ParaView, or by RecordedRunReader(FileName=FOLDER). Recorder can be used in any program that runs
a pipeline.
"""
import argparse
import csv
import inspect
import pathlib


class Recorder:
    """Writes the image of each step, and what it is, into a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.table = open(self.folder / "manifest.csv", "w", newline="", encoding="utf-8")
        self.writer = csv.writer(self.table)
        self.writer.writerow(["file", "instance", "iteration", "prompt", "seed", "timestep"])
        self.instance = -1

    def start(self, prompt, seed):
        """Begins an instance; its images come from one call of the pipeline."""
        self.instance += 1
        self.step = 0
        self.prompt, self.seed = prompt, seed
        (self.folder / f"{self.instance:04}").mkdir(exist_ok=True)

    def __call__(self, pipeline, _step, timestep, tensors):
        """For callback_on_step_end: what the latents are after a step."""
        import torch

        vae, latents = pipeline.vae, tensors["latents"]
        with torch.no_grad():
            shift = getattr(vae.config, "shift_factor", None) or 0.0
            image = vae.decode((latents / vae.config.scaling_factor + shift).to(vae.dtype)).sample
        self.save(image, timestep)
        return tensors

    def watch(self, pipeline):
        """For pipelines without this callback: what their scheduler makes of each step, in pixels."""
        take_step = pipeline.scheduler.step

        def step(noise, timestep, *others, **options):
            result = take_step(noise, timestep, *others, **options)
            self.save(result.prev_sample, timestep)
            return result

        pipeline.scheduler.step = step

    def save(self, images, timestep):
        """Writes the first of images from -1 to 1 as that of the next step."""
        from diffusers.image_processor import VaeImageProcessor

        path = f"{self.instance:04}/{self.step:04}.png"
        VaeImageProcessor().postprocess(images[:1].float())[0].save(self.folder / path)
        self.writer.writerow([path, self.instance, self.step, self.prompt, self.seed, float(timestep)])
        self.table.flush()
        self.step += 1


def main():
    import torch
    from diffusers import DiffusionPipeline

    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--prompts", nargs="+", default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()

    pipeline = DiffusionPipeline.from_pretrained(arguments.model).to(arguments.device)
    recorder = Recorder(arguments.folder)
    takes = inspect.signature(pipeline.__call__).parameters
    if "callback_on_step_end" in takes and "prompt" in takes:
        if not arguments.prompts:
            parser.error("this model takes --prompts")
        options = {"output_type": "latent", "callback_on_step_end": recorder}
    elif arguments.prompts or {"vae", "vqvae"} & pipeline.components.keys():
        parser.error("only models that take prompts and have a callback, or work on pixels, are recorded")
    else:
        recorder.watch(pipeline)
        options = {}
    for prompt in arguments.prompts or ["Unconditional"]:
        for seed in arguments.seeds:
            recorder.start(prompt, seed)
            pipeline(*[prompt] if arguments.prompts else [], num_inference_steps=arguments.steps,
                     generator=torch.Generator("cpu").manual_seed(seed), **options)


if __name__ == "__main__":
    main()
