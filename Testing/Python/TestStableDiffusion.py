# SPDX-License-Identifier: BSD-3-Clause
"""The example of text-to-image models on a small model of random weights, and latent models in ParaView."""
import json
import pathlib
import runpy
import sys

import Plugins

if not Plugins.with_torch():
    sys.exit()

import ImageCollection as ic
import numpy as np
from paraview.simple import *

MODELS = Plugins.SOURCE / "Testing/Data/Pipelines"
TEXT = str(MODELS / "StableDiffusion1")
SMALL = {"InstancesPerPrompt": 1, "InferenceSteps": 2, "Device": "CPU"}

# The example, with each of its sets of prompts.
sets = sorted((Plugins.SOURCE / "Examples/Prompts").glob("*.txt"))
assert len(sets) == 3
for prompts in sets:
    output = pathlib.Path(prompts.stem)
    sys.argv = ["stable_diffusion.py", TEXT, "--prompts", str(prompts), "--output", str(output), "--steps", "4",
                "--instances", "2", "--size", "16"]
    runpy.run_path(str(Plugins.SOURCE / "Examples/stable_diffusion.py"))
    written = ic.output_of(OpenDataFile(str((output / "tree.vtp").resolve())))
    fields = written.GetFieldData()
    lines = [line for line in prompts.read_text().splitlines() if line and line[0] not in "[#"]
    assert ic.array_of(fields, "Prompts") == lines
    assert len(ic.array_of(fields, "Groups")) == 3
    assert written.GetNumberOfPoints() == len(lines) * 2 * 5
    assert np.isfinite(ic.array_of(written.GetPointData(), "TargetDisplacement")).all()
    assert (output / "tree.png").stat().st_size > 10000 and (output / "film-strip.png").stat().st_size > 1000
    for proxy in GetSources().values():
        Delete(proxy)

# Latents as they can be shown.
sizes = {}
for decoding in ("Autoencoder", "Linear Approximation", "Tiled Autoencoder"):
    output = ic.output_of(DiffusionSampler(ModelFolder=TEXT, Prompts=["A Cat, 4k"], LatentDecoding=decoding, **SMALL))
    assert output.GetMetaData(0).Get(output.NAME()) == "A Cat, 4k 0"
    sizes[decoding] = output.GetPartition(0, 0).GetDimensions()
    provenance = json.loads(ic.array_of(output.GetFieldData(), "Provenance")[0])
    assert provenance["latent_decoding"] == decoding, provenance
assert sizes == {"Autoencoder": (32, 32, 3), "Linear Approximation": (8, 8, 3), "Tiled Autoencoder": (32, 32, 3)}

# One warning names the prompt that the text encoder cuts.
cut = DiffusionSampler(ModelFolder=TEXT, Prompts=["a cat", "a " * 80 + "cat"], **SMALL)
warnings = ic.messages_of(cut.GetClientSideObject(), cut.UpdatePipeline, "WarningEvent")
assert len(warnings) == 1, warnings
assert f"The prompt '{'a ' * 80}cat' is cut: the model takes the first 75 of its 81 tokens" in warnings[0]
assert ic.output_of(cut).GetNumberOfPartitionedDataSets() == 2
whole = DiffusionSampler(ModelFolder=TEXT, Prompts=["a cat"], **SMALL)
assert not ic.messages_of(whole.GetClientSideObject(), whole.UpdatePipeline, "WarningEvent")

# Unconditional models ignore the default guidance.
for model in ("DDPM", "LDM"):
    output = ic.output_of(DiffusionSampler(ModelFolder=str(MODELS / model), **SMALL))
    assert ic.array_of(output.GetFieldData(), "Prompts") == ["Unconditional"]

for words, properties in (
        ("suggests no prompts; list some", {"ModelFolder": TEXT}),
        ("no class 'pike'; choose from tench", {"ModelFolder": str(MODELS / "DiT"), "Prompts": ["pike"]}),
        ("scheduler/model_index.json'; check the path", {"ModelFolder": str(MODELS / "DiT/scheduler")}),
        ("2 prompts are given; give one", {"ModelFolder": str(MODELS / "LDM"), "Prompts": ["a", "b"]})):
    ic.expect_error(DiffusionSampler(**{**SMALL, **properties}), words)
