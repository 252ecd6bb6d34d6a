# SPDX-License-Identifier: BSD-3-Clause
"""Selecting on the screen picks the elements under the rectangle, not lines, rings or labels."""
from paraview import servermanager
from paraview.simple import ExtractSelection, SetActiveSource
from paraview.selection import ClearSelection, SelectSurfacePoints  # 6.x wants paraview.simple first
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkRenderingCore import vtkCoordinate

import SyntheticEmbedding
import TreeAxes

for layout, representation in TreeAxes.TYPES.items():
    embedding = SyntheticEmbedding.make_embedding(layout, instances=1, iterations=10)
    reader, display, view = TreeAxes.show(embedding, representation, PointSize=3)
    renderer = view.GetRenderer()
    coordinate = vtkCoordinate()
    coordinate.SetCoordinateSystemToWorld()
    pixels = []
    for point in range(embedding.GetNumberOfPoints()):
        coordinate.SetValue(*embedding.GetPoint(point))
        pixels.append(coordinate.GetComputedDisplayValue(renderer))

    for point in (0 * 10 + 9, 3 * 10 + 7, 9 * 10 + 5):
        x, y = pixels[point]
        box = [x - 6, y - 6, x + 6, y + 6]
        inside = [p for p, (px, py) in enumerate(pixels) if abs(px - x) <= 3 and abs(py - y) <= 3]
        near = [p for p, (px, py) in enumerate(pixels) if abs(px - x) <= 10 and abs(py - y) <= 10]
        SetActiveSource(reader)
        SelectSurfacePoints(Rectangle=box, View=view)
        selected = servermanager.Fetch(ExtractSelection(Input=reader)).GetPointData()
        ids = set(vtk_to_numpy(selected.GetArray("vtkOriginalPointIds")))
        assert set(inside) <= ids <= set(near), f"{layout}: {ids} selected around {inside}"
        iterations = set(vtk_to_numpy(selected.GetArray("Iteration")))
        assert point % 10 in iterations
        ClearSelection()
