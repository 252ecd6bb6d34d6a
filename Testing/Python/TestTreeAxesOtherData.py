# SPDX-License-Identifier: BSD-3-Clause
"""Data that is no tree is drawn as plain geometry with one warning; degenerate trees are drawn."""
from paraview.simple import Render
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkPoints, vtkStringOutputWindow
from vtkmodules.vtkCommonDataModel import vtkPolyData
from vtkmodules.vtkFiltersSources import vtkSphereSource

import SyntheticEmbedding
import TreeAxes

messages = vtkStringOutputWindow()
vtkOutputWindow.SetInstance(messages)


def warnings(action):
    """What is written to the output window meanwhile, and the result."""
    before = len(messages.GetOutput())
    result = action()
    return messages.GetOutput()[before:], result


def tree_without(layout, point_array=None, field_array=None):
    tree = SyntheticEmbedding.make_embedding(layout, instances=2, iterations=8)
    if point_array:
        tree.GetPointData().RemoveArray(point_array)
    if field_array:
        tree.GetFieldData().RemoveArray(field_array)
    return tree


sphere = vtkSphereSource()
sphere.Update()
for layout, representation in TreeAxes.TYPES.items():
    other = {"radial": "rectilinear", "rectilinear": "radial"}[layout]
    for data, lacks in (
            (sphere.GetOutput(), "point array Iteration"),
            (tree_without(layout, point_array="Iteration"), "point array Iteration"),
            (tree_without(layout, point_array="PromptId"), "point array PromptId"),
            (tree_without(layout, field_array="RingDisplacement"), "field array RingDisplacement"),
            (tree_without(layout, field_array="Prompts"), "field array Prompts"),
            (tree_without(layout, field_array="Layout"), "field array Layout"),
            (tree_without(other), f"its layout is {other}")):
        text, (_, display, view) = warnings(
            lambda: TreeAxes.show(data, representation, color=None, LineWidth=2, PointSize=1))
        assert text.count("drawn without axes") == 1 and lacks in text, text
        display.LineWidth = 1
        text, _ = warnings(lambda: Render(view))
        assert not text, text
        assert not TreeAxes.labels(view)
        found = TreeAxes.picture(view, "other")
        display.SetRepresentationType("Surface")
        display.PointSize = 2
        Render(view)
        TreeAxes.expect_like(found, TreeAxes.picture(view, "surface"), f"{lacks} as plain geometry")

    empty = vtkPolyData()
    empty.SetPoints(vtkPoints())
    text, (_, display, view) = warnings(lambda: TreeAxes.show(empty, representation, color=None))
    assert not text and not TreeAxes.labels(view), text

    # One instance of one prompt, one iteration, both; nothing that moves.
    for sizes in ({"instances": 1, "prompts": 1}, {"iterations": 1},
                  {"instances": 1, "prompts": 1, "iterations": 1}):
        tree = SyntheticEmbedding.make_embedding(layout, **sizes)
        text, (_, display, view) = warnings(lambda: TreeAxes.show(tree, representation))
        assert not text, text
        assert "Sandal" in {label for label, _ in TreeAxes.labels(view)}, sizes
    point = SyntheticEmbedding.make_embedding(layout, instances=2, iterations=5)
    for i in range(point.GetNumberOfPoints()):
        point.GetPoints().SetPoint(i, 0.0, 0.0, 0.0)
    point.GetFieldData().GetArray("RingDisplacement").Fill(0.0)
    text, _ = warnings(lambda: TreeAxes.show(point, representation))
    assert not text, text

    # Values out of range: such elements are drawn, but name no prompt.
    wild = SyntheticEmbedding.make_embedding(layout, instances=2, iterations=5)
    wild.GetPoints().SetPoint(4, float("nan"), 0.0, 0.0)
    wild.GetPointData().GetArray("PromptId").Fill(99)
    wild.GetPointData().GetArray("Iteration").SetValue(7, -3)
    wild.GetPointData().GetArray("Iteration").SetValue(9, 1000)
    text, (_, display, view) = warnings(lambda: TreeAxes.show(wild, representation))
    assert not text, text
    assert not set(SyntheticEmbedding.PROMPTS) & {label for label, _ in TreeAxes.labels(view)}
