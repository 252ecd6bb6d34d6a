# SPDX-License-Identifier: BSD-3-Clause
"""
Draws the trees of three data sets by the default parameters and keeps their points: processors with
other vector units draw the same trees turned or mirrored. Writes Testing/Data/Layouts.

Run by pvpython with the plugins loaded:  pvpython Testing/Golden/make_layouts.py
"""
import pathlib
import sys

import numpy as np
from paraview.simple import DiffusionSampler, EvolutionaryEmbedding, FeatureEncoder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Python"))
import ImageCollection as ic
import LayoutData

TABLES = {
    "model": FeatureEncoder(Input=DiffusionSampler(InstancesPerPrompt=4, InferenceSteps=24)),
    "synthetic": ic.as_source(LayoutData.make_synthetic_table()),
    "wide": ic.as_source(LayoutData.make_wide_table()),
}
for name in LayoutData.NAMES:
    for layout in ("radial", "rectilinear"):
        tree = ic.output_of(EvolutionaryEmbedding(Input=TABLES[name], Layout=layout.capitalize()))
        points = [tree.GetPoint(i)[:2] for i in range(tree.GetNumberOfPoints())]
        path = LayoutData.positions_file(name, layout)
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.array(points, np.float32))
