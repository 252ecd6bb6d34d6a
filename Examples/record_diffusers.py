# SPDX-License-Identifier: BSD-3-Clause
"""
Records a run of a diffusers pipeline that works on latents, for the Recorded Run Reader:

    pip install torch diffusers transformers
    python record_diffusers.py MODEL FOLDER --prompts "a red coat" "a blue coat" --seeds 0 1 2

MODEL is a folder or a name of the Hugging Face hub. In FOLDER there are then the images and manifest.csv;
open it in ParaView, or by RecordedRunReader(FileName=FOLDER). Recorder can be used in any program that runs
a pipeline.
"""
import argparse
import csv
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
        self.prompt, self.seed = prompt, seed
        (self.folder / f"{self.instance:04}").mkdir(exist_ok=True)

    def __call__(self, pipeline, step, timestep, tensors):
        """For callback_on_step_end: what the latents are after a step."""
        import torch

        vae, latents = pipeline.vae, tensors["latents"]
        with torch.no_grad():
            shift = getattr(vae.config, "shift_factor", None) or 0.0
            image = vae.decode((latents / vae.config.scaling_factor + shift).to(vae.dtype)).sample
        path = f"{self.instance:04}/{step:04}.png"
        pipeline.image_processor.postprocess(image.float())[0].save(self.folder / path)
        self.writer.writerow([path, self.instance, step, self.prompt, self.seed, float(timestep)])
        self.table.flush()
        return tensors


def main():
    import torch
    from diffusers import AutoPipelineForText2Image

    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder")
    parser.add_argument("--prompts", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()

    pipeline = AutoPipelineForText2Image.from_pretrained(arguments.model).to(arguments.device)
    recorder = Recorder(arguments.folder)
    for prompt in arguments.prompts:
        for seed in arguments.seeds:
            recorder.start(prompt, seed)
            pipeline(prompt, num_inference_steps=arguments.steps, output_type="latent",
                     generator=torch.Generator("cpu").manual_seed(seed), callback_on_step_end=recorder)


if __name__ == "__main__":
    main()
