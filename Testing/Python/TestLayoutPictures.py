# SPDX-License-Identifier: BSD-3-Clause
"""The trees of three data sets look as they should in both layouts (Golden/make_layouts.py)."""
import numpy as np
import paraview.simple as pv
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.util.numpy_support import numpy_to_vtk

import ImageCollection as ic
import LayoutData
import Plugins
import TreeAxes

TABLES = {
    # The points are kept: of the model, the names and the number of images count here.
    "model": lambda: pv.FeatureEncoder(Input=pv.DiffusionSampler(InstancesPerPrompt=4, InferenceSteps=24)),
    "synthetic": lambda: ic.as_source(LayoutData.make_synthetic_table()),
    "wide": lambda: ic.as_source(LayoutData.make_wide_table()),
}
for name in LayoutData.NAMES:
    if name == "model" and not Plugins.with_torch():
        continue
    table = TABLES[name]()
    for layout, representation in TreeAxes.TYPES.items():
        start = pv.EvolutionaryEmbedding(Input=table, Layout=layout.capitalize(), OptimizationSteps=0)
        tree = ic.output_of(start)
        positions = np.load(LayoutData.positions_file(name, layout))
        points = vtkPoints()
        points.SetData(numpy_to_vtk(np.pad(positions, ((0, 0), (0, 1))), deep=True))
        tree.SetPoints(points)
        reader, _, view = TreeAxes.show(tree, representation, size=(600, 600))
        TreeAxes.expect_baseline(view, f"Layout-{name}-{layout}")
        pv.Hide(reader, view)  # the next has colors of its own
