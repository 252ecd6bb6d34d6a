# SPDX-License-Identifier: BSD-3-Clause
"""
Grows the tree of features that were computed elsewhere. Any program that writes a .npy file and a JSON
file like the ones here can hand its features over; these are made up.

    pvpython recorded_features.py
"""
import json

import numpy as np
from paraview.simple import *

prompts = [("Sneaker", "footwear"), ("Ankle boot", "footwear"), ("Coat", "tops")]
instances, iterations, components = 30, 20, 64

# Random walks that drift from the noise they start in to the place of their prompt.
random = np.random.default_rng(1)
places = random.normal(size=(len(prompts), components))
prompt = np.arange(instances) % len(prompts)
share = np.linspace(0, 1, iterations)[:, None]
noise = random.normal(size=(instances, 1, components)) + 0.1 * random.normal(
    size=(instances, iterations, components)).cumsum(axis=1)
features = share * places[prompt][:, None] + (1 - share) * noise

np.save("features.npy", features.reshape(-1, components).astype(np.float32))
with open("features.json", "w") as manifest:
    json.dump({
        "format": "tree-of-diffusion-life-features",
        "version": 1,
        "prompts": [{"text": text, "group": group} for text, group in prompts],
        "iterations": [{"timestep": 999 - 50 * k} for k in range(iterations)],
        "instances": [{"instance": i, "prompt": int(prompt[i])} for i in range(instances)],
        "features": "features.npy",
    }, manifest)

tree = EvolutionaryEmbedding(Input=FeatureReader(FileName="features.json"))
SaveData("tree.vtp", tree)
