#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trajectories of diffusers' schedulers, for Filters/DiffusionSampler/Core/Testing.

    pip install torch diffusers
    python make_scheduler_trajectories.py ../Data/SchedulerTrajectories.json

The start and the noise are closed formulas of the step i and the element's number j, the network's
outputs of the evaluation's number, j and the network's input; the C++ test repeats them, so that only
the results are stored.
"""
import importlib
import json
import sys

import diffusers
import torch

SHAPE = (2, 2, 2, 2)
ELEMENT = torch.arange(16, dtype=torch.float64)


def start():
    return (2 * torch.cos(0.5 + ELEMENT)).float().view(SHAPE)


def output(evaluation, value, variance):
    values = (1.5 * torch.sin(0.9 * evaluation + 1.7 * ELEMENT + 0.3)).float().view(SHAPE)
    values = values + 0.25 * torch.cos(value)
    # What a network that learned the variance adds lies in [-1, 1], or (0, 1] for "learned".
    return torch.cat([values, values.abs() / 2 + 0.01], dim=1) if variance else values


def noise(step):
    return (1.2 * torch.cos(1.3 * step + 2.1 * ELEMENT)).float().view(SHAPE)


SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
STABLE = {**SCALED, "steps_offset": 1, "clip_sample": False}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}
TRAINED = {"trained_betas": [0.001 * (i + 1) for i in range(40)], "num_train_timesteps": 40}
CASES = [
    ("DDPM", 10, {}),
    ("DDPM", 7, {**SCALED, "timestep_spacing": "trailing", "clip_sample": False}),
    ("DDPM", 6, {**COSINE, "timestep_spacing": "linspace"}),
    ("DDPM", 8, {"variance_type": "fixed_large", "prediction_type": "v_prediction"}),
    ("DDPM", 8, {"variance_type": "fixed_small_log", "prediction_type": "sample"}),
    ("DDPM", 8, {**COSINE, "variance_type": "learned_range"}),
    ("DDPM", 8, {"variance_type": "learned"}),
    ("DDPM", 9, {**TRAINED, "clip_sample_range": 0.7}),
    ("DDPM", 5, {"thresholding": True, "sample_max_value": 1.5}),
    ("DDIM", 10, {}),
    ("DDIM", 7, {**SCALED, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}),
    ("DDIM", 6, {**COSINE, "timestep_spacing": "linspace", "clip_sample_range": 1.5}),
    ("DDIM", 8, {"timestep_spacing": "trailing", "prediction_type": "v_prediction",
                "rescale_betas_zero_snr": True, "clip_sample": False}),
    ("DDIM", 8, {"prediction_type": "sample"}),
    ("DDIM", 9, {**TRAINED}),
    ("DDIM", 5, {"thresholding": True, "dynamic_thresholding_ratio": 0.8,
                "sample_max_value": 1.5}),
    # As Stable Diffusion 1.5 has it, then without skip_prk_steps.
    ("PNDM", 10, {**STABLE, "skip_prk_steps": True}),
    ("PNDM", 1, {**STABLE, "skip_prk_steps": True}),
    ("PNDM", 2, {"skip_prk_steps": True, "set_alpha_to_one": True}),
    ("PNDM", 8, {**STABLE, "skip_prk_steps": True, "prediction_type": "v_prediction",
                 "timestep_spacing": "trailing"}),
    # Not from the cosine schedule's last timestep: there float32 leaves diffusers off by 1e-4.
    ("PNDM", 6, {**COSINE, "skip_prk_steps": True}),
    ("PNDM", 9, {}),
    ("PNDM", 4, {**STABLE, "prediction_type": "v_prediction"}),
    ("PNDM", 7, {"timestep_spacing": "linspace", "set_alpha_to_one": True}),
    ("LMSDiscrete", 10, {**SCALED}),
    ("LMSDiscrete", 8, {**STABLE, "prediction_type": "v_prediction",
                        "timestep_spacing": "leading"}),
    ("LMSDiscrete", 7, {**SCALED, "use_karras_sigmas": True, "prediction_type": "sample"}),
    ("LMSDiscrete", 3, {"timestep_spacing": "trailing"}),
    # As Stable Diffusion XL has it.
    ("EulerDiscrete", 10, {**STABLE, "timestep_spacing": "leading"}),
    ("EulerDiscrete", 1, {**SCALED, "timestep_spacing": "trailing"}),
    ("EulerDiscrete", 7, {}),
    ("EulerDiscrete", 9, {**SCALED, "use_karras_sigmas": True}),
    ("EulerDiscrete", 9, {**SCALED, "use_karras_sigmas": True, "sigma_min": 0.1, "sigma_max": 9.0}),
    ("EulerDiscrete", 6, {**SCALED, "use_exponential_sigmas": True, "timestep_spacing": "leading"}),
    ("EulerDiscrete", 6, {**SCALED, "use_beta_sigmas": True, "final_sigmas_type": "sigma_min"}),
    ("EulerDiscrete", 8, {**SCALED, "prediction_type": "v_prediction",
                          "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("EulerDiscrete", 8, {**TRAINED, "prediction_type": "sample"}),
    ("EulerAncestralDiscrete", 10, {**STABLE, "timestep_spacing": "leading"}),
    ("EulerAncestralDiscrete", 7, {**SCALED, "prediction_type": "v_prediction",
                                   "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("EulerAncestralDiscrete", 6, {**COSINE}),
    ("HeunDiscrete", 8, {}),
    ("HeunDiscrete", 1, {}),
    ("HeunDiscrete", 7, {**SCALED, "use_karras_sigmas": True, "prediction_type": "v_prediction"}),
    ("HeunDiscrete", 6, {**STABLE, "timestep_spacing": "leading", "clip_sample": True}),
    ("HeunDiscrete", 6, {**COSINE, "timestep_spacing": "trailing", "prediction_type": "sample",
                         "clip_sample": True, "clip_sample_range": 0.6}),
    ("DPMSolverMultistep", 10, {**STABLE}),
    ("DPMSolverMultistep", 16, {**SCALED, "use_karras_sigmas": True}),
    ("DPMSolverMultistep", 8, {**SCALED, "use_karras_sigmas": True, "euler_at_final": True,
                               "final_sigmas_type": "sigma_min"}),
    ("DPMSolverMultistep", 15, {**SCALED, "final_sigmas_type": "sigma_min"}),
    ("DPMSolverMultistep", 8, {**SCALED, "final_sigmas_type": "sigma_min",
                               "lower_order_final": False}),
    ("DPMSolverMultistep", 8, {**STABLE, "prediction_type": "v_prediction",
                               "timestep_spacing": "leading", "solver_order": 1}),
    ("DPMSolverMultistep", 8, {**COSINE, "use_karras_sigmas": True, "prediction_type": "sample"}),
    ("DPMSolverMultistep", 6, {**SCALED, "use_exponential_sigmas": True, "thresholding": True,
                               "sample_max_value": 1.5, "solver_type": "bh2"}),
    ("DPMSolverMultistep", 7, {**SCALED, "use_beta_sigmas": True, "timestep_spacing": "trailing"}),
    ("DPMSolverMultistep", 8, {**SCALED, "prediction_type": "v_prediction",
                               "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("DPMSolverMultistep", 9, {**SCALED, "algorithm_type": "sde-dpmsolver++",
                               "use_karras_sigmas": True}),
    ("DPMSolverMultistep", 7, {**SCALED, "algorithm_type": "sde-dpmsolver++",
                               "final_sigmas_type": "sigma_min", "solver_order": 1}),
    ("UniPCMultistep", 10, {**STABLE}),
    ("UniPCMultistep", 1, {**SCALED}),
    ("UniPCMultistep", 9, {**SCALED, "use_karras_sigmas": True, "disable_corrector": [0, 1]}),
    ("UniPCMultistep", 8, {**SCALED, "final_sigmas_type": "sigma_min",
                           "lower_order_final": False}),
    ("UniPCMultistep", 8, {**SCALED, "use_beta_sigmas": True, "final_sigmas_type": "sigma_min"}),
    ("UniPCMultistep", 7, {**SCALED, "use_exponential_sigmas": True, "sigma_min": 0.1}),
    ("UniPCMultistep", 8, {**SCALED, "prediction_type": "v_prediction",
                           "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("UniPCMultistep", 6, {**COSINE, "timestep_spacing": "leading", "prediction_type": "sample",
                           "solver_order": 1}),
    ("UniPCMultistep", 6, {**SCALED, "thresholding": True, "sample_max_value": 1.5}),
    ("LCM", 4, {}),
    ("LCM", 8, {**SCALED, "original_inference_steps": 40, "timestep_scaling": 0.01,
                "prediction_type": "v_prediction", "clip_sample": True}),
    ("LCM", 1, {**SCALED, "prediction_type": "sample", "thresholding": True}),
    ("FlowMatchEulerDiscrete", 8, {}),
    ("FlowMatchEulerDiscrete", 8, {"shift": 3.0}),  # as Stable Diffusion 3 has it
    ("FlowMatchEulerDiscrete", 1, {"shift": 3.0}),
    ("FlowMatchEulerDiscrete", 7, {"shift": 1.5, "shift_terminal": 0.1}),
    ("FlowMatchEulerDiscrete", 6, {"use_karras_sigmas": True, "stochastic_sampling": True}),
    ("FlowMatchEulerDiscrete", 6, {"shift": 2.0, "use_beta_sigmas": True,
                                   "num_train_timesteps": 100}),
]


def evaluations(name, config, steps):
    """How often each of the steps asks the network."""
    if name == "HeunDiscrete":
        return [2] * (steps - 1) + [1]
    if name == "PNDM" and not config.get("skip_prk_steps"):
        return [4] * 3 + [1] * (steps - 3)
    if name == "PNDM" and steps > 1:
        return [2] + [1] * (steps - 1)
    return [1] * steps


def predicted_image(name, scheduler, result):
    if name in ("DPMSolverMultistep", "UniPCMultistep"):
        return scheduler.model_outputs[-1]
    return result.denoised if name == "LCM" else result.get("pred_original_sample")


def trajectory(name, steps, config):
    kind = getattr(diffusers, name + "Scheduler")
    accepted = {key: value for key, value in config.items()
                if key != "clip_sample" or name in ("DDPM", "DDIM", "LCM", "HeunDiscrete")}
    scheduler = kind(**accepted)
    scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)
    module = importlib.import_module(kind.__module__)
    learned = config.get("variance_type", "").startswith("learned")
    sample, samples, images = start(), [], []
    # Flow matching scales neither its start nor what the network sees.
    if name != "FlowMatchEulerDiscrete":
        sample = sample * scheduler.init_noise_sigma
    timesteps = iter(enumerate(scheduler.timesteps))
    for step, count in enumerate(evaluations(name, config, steps)):
        module.randn_tensor = lambda *_, step=step, **__: noise(step)
        for call in range(count):
            evaluation, timestep = next(timesteps)
            value = sample
            if name != "FlowMatchEulerDiscrete":
                value = scheduler.scale_model_input(sample, timestep)
            result = scheduler.step(output(evaluation, value, learned), timestep, sample)
            sample = result.prev_sample
            image = predicted_image(name, scheduler, result)
            if call == 0 and image is not None:
                images.append(image.flatten().tolist())
        samples.append(sample.flatten().tolist())
    assert next(timesteps, None) is None
    assert torch.isfinite(sample).all(), (name, config)
    return {
        "class": kind.__name__,
        "config": config,
        "steps": steps,
        "timesteps": scheduler.timesteps.tolist(),
        "samples": samples,
        "images": images,
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def main():
    cases = [trajectory(*case) for case in CASES]
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("[\n")
        file.write(",\n".join(
            json.dumps({key: rounded(value) for key, value in case.items()}) for case in cases))
        file.write("\n]\n")


if __name__ == "__main__":
    main()
