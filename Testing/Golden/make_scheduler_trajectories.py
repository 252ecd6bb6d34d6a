#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Trajectories of diffusers' schedulers, for Filters/DiffusionSampler/Core/Testing.

    pip install torch diffusers
    python make_scheduler_trajectories.py ../Data/SchedulerTrajectories.json

The start, the network's outputs and the noise are closed formulas of the step i and the element's
number j, which the C++ test repeats, so that only the results are stored.
"""
import json
import sys

import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddpm

SHAPE = (2, 2, 2, 2)
ELEMENT = torch.arange(16, dtype=torch.float64)


def start():
    return (2 * torch.cos(0.5 + ELEMENT)).float().view(SHAPE)


def output(step, variance):
    values = (1.5 * torch.sin(0.9 * step + 1.7 * ELEMENT + 0.3)).float().view(SHAPE)
    # What a network that learned the variance adds lies in [-1, 1], or (0, 1] for "learned".
    return torch.cat([values, values.abs() / 2 + 0.01], dim=1) if variance else values


def noise(step):
    return (1.2 * torch.cos(1.3 * step + 2.1 * ELEMENT)).float().view(SHAPE)


SCALED = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}
TRAINED = {"trained_betas": [0.001 * (i + 1) for i in range(40)], "num_train_timesteps": 40}
CASES = [
    (DDPMScheduler, 10, {}),
    (DDPMScheduler, 7, {**SCALED, "timestep_spacing": "trailing", "clip_sample": False}),
    (DDPMScheduler, 6, {**COSINE, "timestep_spacing": "linspace"}),
    (DDPMScheduler, 8, {"variance_type": "fixed_large", "prediction_type": "v_prediction"}),
    (DDPMScheduler, 8, {"variance_type": "fixed_small_log", "prediction_type": "sample"}),
    (DDPMScheduler, 8, {**COSINE, "variance_type": "learned_range"}),
    (DDPMScheduler, 8, {"variance_type": "learned"}),
    (DDPMScheduler, 9, {**TRAINED, "clip_sample_range": 0.7}),
    (DDPMScheduler, 5, {"thresholding": True, "sample_max_value": 1.5}),
    (DDIMScheduler, 10, {}),
    (DDIMScheduler, 7, {**SCALED, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}),
    (DDIMScheduler, 6, {**COSINE, "timestep_spacing": "linspace", "clip_sample_range": 1.5}),
    (DDIMScheduler, 8, {"timestep_spacing": "trailing", "prediction_type": "v_prediction",
                        "rescale_betas_zero_snr": True, "clip_sample": False}),
    (DDIMScheduler, 8, {"prediction_type": "sample"}),
    (DDIMScheduler, 9, {**TRAINED}),
    (DDIMScheduler, 5, {"thresholding": True, "dynamic_thresholding_ratio": 0.8,
                        "sample_max_value": 1.5}),
]


def trajectory(kind, steps, config):
    scheduler = kind(**config)
    scheduler.set_timesteps(steps)
    learned = config.get("variance_type", "").startswith("learned")
    sample, samples, images = start(), [], []
    for step, timestep in enumerate(scheduler.timesteps):
        scheduling_ddpm.randn_tensor = lambda *_, step=step, **__: noise(step)
        result = scheduler.step(output(step, learned), timestep, sample)
        sample = result.prev_sample
        samples.append(sample.flatten().tolist())
        images.append(result.pred_original_sample.flatten().tolist())
    return {
        "scheduler": kind.__name__.removesuffix("Scheduler"),
        "config": config,
        "steps": steps,
        "timesteps": scheduler.timesteps.tolist(),
        "samples": samples,
        "images": images,
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.8g}")
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
