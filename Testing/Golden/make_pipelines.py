# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/Pipelines: what diffusers' pipelines sample from small folders.

Needs: pip install torch diffusers transformers safetensors
Run from the repository's root; give the names of cases to make only those.

A case is a folder as diffusers loads it. The networks and tokenizers of the other golden data are
linked into it; text encoders (random weights in float16, computed with in float32), scheduler and
model_index.json are its own. Beside them stand golden.json, a list of runs (name, prompts,
negative_prompt, guidance_scale, steps, scheduler as the sampler calls it, seeds, captured), and
golden.safetensors with the final images of each, `<name>`: uint8 (prompts x seeds, H, W, C), instance
by instance, and of the steps that are captured, the sample before them and the image predicted then,
decoded alike: `<name>.Image`, `<name>.PredictedImage`, uint8 (prompts x seeds, captured, H, W, C), and what
the middle block of the network gave for it, averaged over its positions: `<name>.Activations`, float32
(prompts x seeds, captured, C).
"""
import inspect
import json
import pathlib
import shutil
import sys

import diffusers
import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

DATA = pathlib.Path("Testing/Data")
VOCABULARY = len(json.loads((DATA / "ClipTokenizer/Version1/vocab.json").read_text()))
SEEDS = [3, 4]
LATENT_NOISE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")

PROMPTS = ["A photograph of an astronaut riding a HORSE on the moon, 4K, it's golden hour!", "",
           "the quick brown fox jumps over the lazy dog, " * 20]
NEGATIVE = "a Painting of the sea"


def text_encoder(network, hidden, heads, **options):
    torch.manual_seed(5)
    model = network(CLIPTextConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, intermediate_size=8, num_hidden_layers=3,
        num_attention_heads=heads, max_position_embeddings=77, bos_token_id=VOCABULARY - 2, eos_token_id=VOCABULARY - 1,
        **options)).eval()
    for parameter in model.parameters():  # embeddings start near zero, normalizations as identities
        parameter.data += 0.5 * torch.randn_like(parameter)
    return model.half()


def run(name, steps, guidance_scale=7.5, scheduler="Model's Own", prompts=PROMPTS, negative_prompt="",
        captured=()):
    return dict(name=name, prompts=prompts, negative_prompt=negative_prompt, guidance_scale=guidance_scale,
                steps=steps, scheduler=scheduler, seeds=SEEDS[:1] if captured else SEEDS, captured=captured)


CASES = {
    # The files of unet and scheduler beside model_index.json, as old models have them.
    "DDPM": dict(
        pipeline="DDPMPipeline", links={".": "UNet2D/Plain"},
        scheduler=diffusers.DDPMScheduler(variance_type="fixed_large"),
        runs=[run("own", 20, prompts=["Unconditional"]),
              run("ddim", 6, prompts=["Unconditional"], scheduler="DDIM", captured=[0, 3])]),
    "LDM": dict(
        pipeline="LDMPipeline", links={"unet": "UNet2D/Plain", "vqvae": "Autoencoder/VQ"},
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False),
        runs=[run("own", 6, prompts=["Unconditional"], captured=[0, 3])]),
    "DiT": dict(
        pipeline="DiTPipeline", links={"transformer": "DiT/DiT", "vae": "Autoencoder/KL"},
        scheduler=diffusers.DDIMScheduler(clip_sample=False),
        index=dict(id2label={"0": "tench, Tinca tinca", "1": "goldfish", "2": "crane", "3": "crane",
                             "4": "cock", "5": "hen", "6": "great gray owl, Strix nebulosa"}),
        runs=[run("own", 6, 4.0, prompts=["tench", "Strix nebulosa", "crane"], captured=[0, 3]),
              run("unguided", 4, 1.0, prompts=["hen"])]),
    "StableDiffusion1": dict(
        pipeline="StableDiffusionPipeline",
        links={"unet": "UNet2DCondition/Version1", "vae": "Autoencoder/KL",
               "tokenizer": "ClipTokenizer/Version1"},
        # As of before the pipeline corrected them: steps_offset 0, clip_sample true.
        scheduler=diffusers.PNDMScheduler(skip_prk_steps=True, set_alpha_to_one=False, **LATENT_NOISE),
        text_encoders={"text_encoder": text_encoder(CLIPTextModel, 6, 2)},
        runs=[run("own", 6), run("negative", 5, 3.0, "DDIM", negative_prompt=NEGATIVE, captured=[0, 3]),
              run("unguided", 4, 1.0, "DPM-Solver++")]),
    "StableDiffusion2": dict(
        pipeline="StableDiffusionPipeline",
        links={"unet": "UNet2DCondition/Version2", "vae": "Autoencoder/KL",
               "tokenizer": "ClipTokenizer/Version2"},
        scheduler=diffusers.DDIMScheduler(
            prediction_type="v_prediction", clip_sample=False, set_alpha_to_one=False, steps_offset=1,
            **LATENT_NOISE),
        text_encoders={"text_encoder": text_encoder(CLIPTextModel, 6, 3, hidden_act="gelu")},
        runs=[run("own", 5, captured=[0, 3]), run("negative", 4, 3.0, "Euler", negative_prompt=NEGATIVE)]),
    "StableDiffusionXL": dict(
        pipeline="StableDiffusionXLPipeline",
        links={"unet": "UNet2DCondition/XL", "vae": "Autoencoder/KL",
               "tokenizer": "ClipTokenizer/Version1", "tokenizer_2": "ClipTokenizer/Listed"},
        scheduler=diffusers.EulerDiscreteScheduler(
            timestep_spacing="leading", steps_offset=1, **LATENT_NOISE),
        text_encoders={
            "text_encoder": text_encoder(CLIPTextModel, 2, 1),
            "text_encoder_2": text_encoder(
                CLIPTextModelWithProjection, 4, 2, hidden_act="gelu", projection_dim=6)},
        index=dict(force_zeros_for_empty_prompt=True),
        runs=[run("own", 6, 5.0), run("negative", 4, 3.0, "DDIM", negative_prompt=NEGATIVE, captured=[0, 3]),
              run("unguided", 3, 1.0)]),
}

SCHEDULERS = {"DDIM": diffusers.DDIMScheduler, "DPM-Solver++": diffusers.DPMSolverMultistepScheduler,
              "Euler": diffusers.EulerDiscreteScheduler}


def link(folder, place, target):
    """Links a component's folder or, for ".", its files."""
    source = DATA / target
    if place != ".":
        (folder / place).symlink_to(pathlib.Path("../..") / target)
        return
    for name in ("config.json", "diffusion_pytorch_model.safetensors"):
        (folder / name).symlink_to(pathlib.Path("../..") / target / name)
        assert (source / name).exists()


def make_folder(folder, case):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for place, target in case["links"].items():
        link(folder, place, target)
    own = folder if "." in case["links"] else folder / "scheduler"
    case["scheduler"].save_pretrained(own)
    components = {"scheduler": ["diffusers", type(case["scheduler"]).__name__]}
    for name, model in case.get("text_encoders", {}).items():
        model.save_pretrained(folder / name)
        components[name] = ["transformers", type(model).__name__]
        components[name.replace("text_encoder", "tokenizer")] = ["transformers", "CLIPTokenizer"]
    for place in case["links"]:
        place = "unet" if place == "." else place
        if "tokenizer" not in place:
            config = json.loads(((folder if "." in case["links"] else folder / place) / "config.json").read_text())
            components[place] = ["diffusers", config["_class_name"]]
    if case["pipeline"].startswith("Stable"):
        components["feature_extractor"] = [None, None]
    if case["pipeline"] == "StableDiffusionPipeline":
        components["safety_checker"] = [None, None]
    index = {"_class_name": case["pipeline"], "_diffusers_version": diffusers.__version__,
             **case.get("index", {}), **dict(sorted(components.items()))}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def pixels(images):
    """(B, C, H, W) or (B, H, W, C) in [0, 1] -> uint8 (B, H, W, C)."""
    return (torch.as_tensor(images).clamp(0, 1) * 255).round().to(torch.uint8)


def decode(pipe, samples):
    """Images of samples by the pipeline's autoencoder, if any."""
    decoder = getattr(pipe, "vae", None) or getattr(pipe, "vqvae", None)
    if decoder:
        samples = decoder.decode(samples / decoder.config.scaling_factor).sample
    return pixels((samples / 2 + 0.5).permute(0, 2, 3, 1))


def load_autoencoder(folder):
    """An AutoencoderKL whose attention layers may have the names and shapes of make_autoencoder.py."""
    vae = diffusers.AutoencoderKL.from_config(diffusers.AutoencoderKL.load_config(folder))
    weights = {}
    for name, tensor in load_file(folder / "diffusion_pytorch_model.safetensors").items():
        for now, before in ((".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."),
                            (".to_out.0.", ".proj_attn.")):
            if before in name:
                name, tensor = name.replace(before, now), tensor.reshape(tensor.shape[:2])
        weights[name] = tensor.float()
    vae.load_state_dict(weights)
    return vae.eval()


def middle_of(pipe):
    """The middle block of a pipeline's network, and the dimensions of its output that are positions."""
    if hasattr(pipe, "transformer"):
        blocks = pipe.transformer.transformer_blocks
        return blocks[(len(blocks) - 1) // 2], (1,)
    return pipe.unet.mid_block, (2, 3)


@torch.no_grad()
def sample(folder, settings):
    components = {"vae": load_autoencoder(folder / "vae")} if (folder / "vae").exists() else {}
    pipe = getattr(diffusers, settings["pipeline"]).from_pretrained(
        folder, torch_dtype=torch.float32, **components)
    pipe.set_progress_bar_config(disable=True)
    options = settings["run"]
    if options["scheduler"] in SCHEDULERS:
        # Where the model's own scheduler knows no clipping, that of another would cut latents.
        keywords = {} if "clip_sample" in pipe.scheduler.config else {"clip_sample": False}
        pipe.scheduler = SCHEDULERS[options["scheduler"]].from_config(pipe.scheduler.config, **keywords)
    if settings["pipeline"] == "DiTPipeline":  # which takes 1000 for the label of no class
        forward, classes = pipe.transformer.forward, pipe.transformer.config.num_embeds_ada_norm
        pipe.transformer.forward = lambda *arguments, class_labels, **keywords: forward(
            *arguments, class_labels=class_labels.clamp(max=classes), **keywords)
    steps, activations = [], []
    middle, positions = middle_of(pipe)
    middle.register_forward_hook(lambda _module, _inputs, output: activations.append(output.mean(positions)))
    step = pipe.scheduler.step

    def record(output, timestep, latents, *arguments, **keywords):
        result = step(output, timestep, latents, *arguments, **{**keywords, "return_dict": True})
        steps.append((latents, getattr(result, "pred_original_sample", None)))
        return result if keywords.get("return_dict", True) else (result.prev_sample,)

    record.__signature__ = inspect.signature(step)  # by which the pipelines know what it takes
    pipe.scheduler.step = record
    prompts = [prompt for prompt in options["prompts"] for _ in options["seeds"]]
    generators = [torch.Generator().manual_seed(seed) for _ in options["prompts"] for seed in options["seeds"]]
    arguments = dict(generator=generators, num_inference_steps=options["steps"], output_type="np")
    if settings["pipeline"].startswith("Stable"):
        arguments.update(prompt=prompts, guidance_scale=options["guidance_scale"])
        if options["negative_prompt"]:
            arguments.update(negative_prompt=[options["negative_prompt"]] * len(prompts))
    elif settings["pipeline"] == "DiTPipeline":
        arguments.update(class_labels=pipe.get_label_ids(prompts), guidance_scale=options["guidance_scale"])
    else:
        arguments.update(batch_size=len(prompts))
    values = {options["name"]: pixels(pipe(**arguments).images)}
    if options["captured"]:
        # The pipelines may give the scheduler a batch that holds the samples twice.
        count = len(prompts)
        for i, name in enumerate(("Image", "PredictedImage")):
            values[f"{options['name']}.{name}"] = torch.stack(
                [decode(pipe, steps[k][i][:count]) for k in options["captured"]], dim=1)
        # Of Stable Diffusion those with the prompt come last, of DiT first.
        assert len(activations) == len(steps)
        prompted = slice(-count, None) if settings["pipeline"].startswith("Stable") else slice(count)
        values[f"{options['name']}.Activations"] = torch.stack(
            [activations[k][prompted] for k in options["captured"]], dim=1)
    return values


def main(names):
    for name in names:
        folder = DATA / "Pipelines" / name
        case = CASES[name]
        make_folder(folder, case)
        golden = {}
        for options in case["runs"]:
            golden.update(sample(folder, dict(pipeline=case["pipeline"], run=options)))
        for key, value in golden.items():
            saturated = ((value == 0) | (value == 255)).float().mean().item()
            print(name, key, tuple(value.shape), f"{saturated:.0%} saturated, {value.float().std():.2g} deviation")
        save_file({key: value.contiguous() for key, value in golden.items()}, folder / "golden.safetensors")
        (folder / "golden.json").write_text(json.dumps(case["runs"], indent=1) + "\n")


main(sys.argv[1:] or CASES)
