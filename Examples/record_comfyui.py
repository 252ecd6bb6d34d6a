# SPDX-License-Identifier: BSD-3-Clause
"""
A ComfyUI node that samples as KSampler does and records each step, for the Recorded Run Reader. Copy this
file into ComfyUI's folder custom_nodes, and use the node "KSampler (recording)" (group "sampling") in the
place of a KSampler, with the checkpoint's VAE. Each time a workflow runs, instances are added to the folder;
open it in ParaView, or by RecordedRunReader(FileName=FOLDER).

`Image` is the noisy image of each step, `PredictedImage` the final one as it is predicted there.
"""
import csv
import pathlib


class RecordingSampler:
    CATEGORY = "sampling"
    FUNCTION = "sample"
    RETURN_TYPES = ("LATENT",)

    @classmethod
    def INPUT_TYPES(cls):
        import comfy.samplers

        return {"required": {
            "model": ("MODEL",),
            "vae": ("VAE",),
            "positive": ("CONDITIONING",),
            "negative": ("CONDITIONING",),
            "latent_image": ("LATENT",),
            "prompt": ("STRING", {"multiline": True}),
            "folder": ("STRING", {"default": "recorded-run"}),
            "seed": ("INT", {"default": 0, "min": 0, "max": 2**62}),
            "steps": ("INT", {"default": 20, "min": 1, "max": 10000}),
            "cfg": ("FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0}),
            "sampler_name": (comfy.samplers.KSampler.SAMPLERS,),
            "scheduler": (comfy.samplers.KSampler.SCHEDULERS,),
        }}

    def sample(self, model, vae, positive, negative, latent_image, prompt, folder, seed, steps, cfg,
               sampler_name, scheduler):
        import comfy.sample

        latents = latent_image["samples"]
        noise = comfy.sample.prepare_noise(latents, seed, latent_image.get("batch_index"))
        taken = []

        def keep(step, predicted, noisy, _total):
            # Decoded afterwards, so that the VAE does not take the model's place at every step.
            taken.append((step, noisy.cpu(), predicted.cpu()))

        samples = comfy.sample.sample(model, noise, steps, cfg, sampler_name, scheduler, positive,
                                      negative, latents, callback=keep, seed=seed)
        record(vae, model, taken, samples, prompt, folder, seed)
        return ({**latent_image, "samples": samples},)


def record(vae, model, taken, samples, prompt, folder, seed):
    """Decodes what was kept and adds it to the folder and its manifest.csv."""
    scale = model.model.process_latent_out
    steps = [(step, scale(noisy), scale(predicted)) for step, noisy, predicted in taken]
    steps.append((len(steps), samples.cpu(), samples.cpu()))
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.csv"
    first = sum(1 for path in folder.iterdir() if path.is_dir())
    is_new = not manifest.exists()
    with open(manifest, "a", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        if is_new:
            writer.writerow(["file", "array", "instance", "iteration", "prompt", "seed"])
        for i in range(len(samples)):
            for step, noisy, predicted in steps:
                for array, latents in (("Image", noisy), ("PredictedImage", predicted)):
                    path = f"{first + i:04}/{array}-{step:04}.png"
                    save(vae.decode(latents[i:i + 1]), folder / path)
                    # The noise of an image of a batch depends on the seed and its place there.
                    writer.writerow([path, array, first + i, step, prompt, seed + i])


def save(images, path):
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    pixels = (255 * images[0].clamp(0, 1)).round().byte().cpu().numpy()
    Image.fromarray(pixels).save(path)


NODE_CLASS_MAPPINGS = {"TreeOfDiffusionLifeRecordingSampler": RecordingSampler}
NODE_DISPLAY_NAME_MAPPINGS = {"TreeOfDiffusionLifeRecordingSampler": "KSampler (recording)"}
