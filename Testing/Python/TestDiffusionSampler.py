# SPDX-License-Identifier: BSD-3-Clause
"""The Diffusion Sampler in ParaView: arrays and names of its output, properties, errors, stopping, pieces."""
import json
import sys

import Plugins

if not Plugins.with_torch():
    sys.exit()

import ImageCollection as ic
import numpy as np
from tdl.vtkTDLDiffusionSampler import vtkDiffusionSampler
from paraview.simple import *

SMALL = {"InstancesPerPrompt": 2, "InferenceSteps": 4, "Device": "CPU"}


def names_of(collection):
    return [collection.GetMetaData(i).Get(collection.NAME())
            for i in range(collection.GetNumberOfPartitionedDataSets())]


def pixels_of(collection, instance, name="Image"):
    image = collection.GetPartition(instance, 0)
    return ic.array_of(image.GetPointData(), name).reshape(image.GetDimensions()[::-1])


# What comes out of the model that comes with the plugin.
sampler = DiffusionSampler(Prompts=["sneaker", "COAT"], CapturePredictedNoise=1, Seed=5, **SMALL)
output = ic.output_of(sampler)
assert output.GetClassName() == "vtkPartitionedDataSetCollection"
assert names_of(output) == ["Sneaker 0", "Sneaker 1", "Coat 2", "Coat 3"]
fields = output.GetFieldData()
assert ic.array_of(fields, "Prompts") == ["Sneaker", "Coat"]
assert ic.array_of(fields, "Groups") == ["Footwear", "Tops"]
assert ic.array_of(fields, "PromptGroup").tolist() == [0, 1]
provenance = json.loads(ic.array_of(fields, "Provenance")[0])
assert provenance["scheduler"] == "DDIM" and provenance["inference_steps"] == 4, provenance
assert len(provenance["checksum"]) == len("sha256:") + 64, provenance
for i in range(4):
    image = output.GetPartition(i, 0)
    assert image.GetDimensions() == (28, 28, 5)
    points = image.GetPointData()
    assert [points.GetArrayName(a) for a in range(points.GetNumberOfArrays())] == \
        ["Image", "PredictedImage", "PredictedNoise"]
    assert points.GetScalars() is None
    for a in range(3):
        assert points.GetArray(a).GetDataTypeAsString() == "unsigned char"
    fields = image.GetFieldData()
    assert ic.array_of(fields, "Instance").tolist() == [i]
    assert ic.array_of(fields, "PromptId").tolist() == [i // 2]
    assert ic.array_of(fields, "GroupId").tolist() == [i // 2]
    assert ic.array_of(fields, "Seed").tolist() == [5 + i % 2]
    assert fields.GetArray("Seed").GetDataTypeSize() == 8
    assert ic.array_of(fields, "Iteration").tolist() == [0, 1, 2, 3, 4]
    timesteps = ic.array_of(fields, "Timestep")
    assert timesteps[-1] == -1 and (np.diff(timesteps) < 0).all()
    sigmas = ic.array_of(fields, "Sigma")
    assert sigmas[-1] == 0 and (np.diff(sigmas) < 0).all()
assert np.array_equal(pixels_of(output, 0)[0], pixels_of(output, 2)[0])  # the same noise
assert not np.array_equal(pixels_of(output, 0)[-1], pixels_of(output, 2)[-1])
# A sneaker lies on its sole, a coat hangs from its shoulders: the first row is the lowest.
sneaker, coat = (pixels_of(output, i)[-1].astype(float) for i in (0, 2))
assert sneaker[:14].sum() > sneaker[14:].sum(), sneaker
assert coat[:, 9:19].sum() > coat[:, :5].sum() + coat[:, 23:].sum(), coat

# Properties reach the algorithm.
changed = ic.output_of(DiffusionSampler(
    Prompts=["Bag"], CaptureNoisyImage=0, CaptureSteps=[1, 3], StoredImageSize=14,
    Scheduler="DDPM", NegativePrompt="Coat", Threads=1, BatchSize=1, **SMALL))
image = changed.GetPartition(1, 0)
assert image.GetDimensions() == (14, 14, 3)
assert not image.GetPointData().HasArray("Image")
provenance = json.loads(ic.array_of(changed.GetFieldData(), "Provenance")[0])
assert provenance["captured_steps"] == [1, 3, 4] and provenance["scheduler"] == "DDPM"
assert provenance["negative_prompt"] == "Coat"

# What the network has in its middle, beside images that stay the same.
looked_into = ic.output_of(DiffusionSampler(Prompts=["sneaker", "COAT"], Seed=5, CaptureActivations=1, **SMALL))
activations = []
for i in range(4):
    fields = looked_into.GetPartition(i, 0).GetFieldData()
    assert fields.GetArray("Activations").GetDataTypeAsString() == "float"
    activations.append(ic.array_of(fields, "Activations"))
    assert activations[i].shape == (5, 128) and np.array_equal(activations[i][-1], activations[i][-2])
    assert np.array_equal(pixels_of(looked_into, i), pixels_of(output, i))
    assert not output.GetPartition(i, 0).GetFieldData().HasArray("Activations")
assert not np.allclose(activations[0], activations[2], atol=0.01)

# Schedulers by the names that users know; the default model's own is DDIM.
for scheduler, used in (("DPM-Solver++", "DPM-Solver++"), ("Euler Ancestral", "Euler Ancestral"),
                        ("Model's Own", "DDIM")):
    sampled = ic.output_of(DiffusionSampler(Prompts=["Bag"], Scheduler=scheduler, **SMALL))
    provenance = json.loads(ic.array_of(sampled.GetFieldData(), "Provenance")[0])
    assert provenance["scheduler"] == used, provenance
    assert np.array_equal(pixels_of(sampled, 0), pixels_of(ic.output_of(
        DiffusionSampler(Prompts=["Bag"], **SMALL)), 0)) == (used == "DDIM"), scheduler
ic.expect_error(DiffusionSampler(Scheduler="Flow Match Euler", **SMALL),
                "trained by flow matching; choose another")

with open("prompts.txt", "w", encoding="utf-8") as file:
    file.write("[shoes]\nankle boot\nsandal\n")
grouped = ic.output_of(DiffusionSampler(PromptFile="prompts.txt", CaptureEvery=2, **SMALL))
assert ic.array_of(grouped.GetFieldData(), "Groups") == ["shoes"]
assert grouped.GetPartition(0, 0).GetDimensions() == (28, 28, 3)

# What it refuses: one sentence, an empty output.
for words, properties in (
        ("no class 'bird'; choose from T-shirt, ", {"Prompts": ["bird"]}),
        ("no class ''", {"Prompts": [""]}),
        ("Inference Steps is 1001; the model was trained with 1000", {"InferenceSteps": 1001}),
        ("Inference Steps is -1", {"InferenceSteps": -1}),
        ("Instances Per Prompt is 0", {"InstancesPerPrompt": 0}),
        ("Capture Steps holds 5", {"CaptureSteps": [5]}),
        ("free; lower Instances Per Prompt", {"StoredImageSize": 100000}),
        ("nowhere/model_index.json", {"ModelFolder": "nowhere"}),
        ("nowhere.txt cannot be read", {"PromptFile": "nowhere.txt"})):
    ic.expect_error(DiffusionSampler(**{**SMALL, **properties}), words)

# Progress, and stopping: the first batch stays.
algorithm = vtkDiffusionSampler()
algorithm.AddPrompt("Dress")
algorithm.SetInstancesPerPrompt(4)
algorithm.SetInferenceSteps(3)
algorithm.SetBatchSize(2)
algorithm.SetDevice(vtkDiffusionSampler.CPU)
progress = []


def watch(caller, _event):
    progress.append((caller.GetProgressText(), round(caller.GetProgress(), 4)))
    if len(progress) == stop_after:
        caller.SetAbortExecute(1)


stop_after = None
algorithm.AddObserver("ProgressEvent", watch)
algorithm.Update()
last = pixels_of(algorithm.GetOutputDataObject(0), 3).copy()
steps = [fraction for text, fraction in progress if text == "Sampling"]
assert steps[:6] == [round((i + 1) / 6, 4) for i in range(6)], progress
progress.clear()
stop_after = steps.index(round(4 / 6, 4)) + 2
algorithm.Modified()
algorithm.Update()
stopped = algorithm.GetOutputDataObject(0)
assert stopped.GetPartition(1, 0) and not stopped.GetPartition(2, 0), progress

# The next run is whole again; ranks share its instances out among themselves.
stop_after = None
algorithm.Modified()
algorithm.Update()
assert np.array_equal(pixels_of(algorithm.GetOutputDataObject(0), 3), last)
algorithm.UpdatePiece(1, 2, 0)
piece = algorithm.GetOutputDataObject(0)
assert names_of(piece) == ["Dress 0", "Dress 1", "Dress 2", "Dress 3"]
assert [piece.GetNumberOfPartitions(i) for i in range(4)] == [0, 0, 1, 1]
