# SPDX-License-Identifier: BSD-3-Clause
"""A made-up embedding with the arrays of a real one: ten prompts whose groups part first."""
import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkPoints, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

PROMPTS = ["Sandal", "Sneaker", "Ankle boot", "Bag", "T-shirt", "Pullover", "Coat", "Shirt",
           "Dress", "Trouser"]
GROUPS = ["footwear", "bag", "tops", "dress", "trouser"]
PROMPT_GROUP = [0, 0, 0, 1, 2, 2, 2, 2, 3, 4]


def _part(iteration, begin, end):
    """0 before `begin`, 1 after `end`, smooth between."""
    t = np.clip((iteration - begin) / (end - begin), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _array(data, name, values, dtype):
    array = numpy_to_vtk(np.ascontiguousarray(values, dtype=dtype), deep=True)
    array.SetName(name)
    data.AddArray(array)


def _strings(data, name, values):
    array = vtkStringArray()
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    data.AddArray(array)


def make_embedding(layout, instances=10, iterations=50, prompts=len(PROMPTS)):
    """The vtkPolyData that Evolutionary Embedding would return for that layout."""
    random = np.random.RandomState(7)
    extent = 50.0
    displacement = extent * (np.arange(iterations) + 1.0) / iterations
    group_of = np.array(PROMPT_GROUP[:prompts])
    lane = np.arange(prompts) - (prompts - 1) / 2.0
    group_lane = np.array([lane[group_of == group].mean() for group in group_of])

    count = prompts * instances
    prompt = np.repeat(np.arange(prompts), instances)
    t = np.linspace(0.0, 1.0, iterations)
    start = random.normal(0.0, 0.6, count)
    wobble = random.normal(0.0, 0.16, count)
    phase = random.uniform(0.0, 2.0 * np.pi, count)
    across = (start[:, None] * (1.0 - 0.8 * _part(t, 0.0, 0.5))
              + group_lane[prompt][:, None] * _part(t, 0.1, 0.55)
              + (lane - group_lane)[prompt][:, None] * _part(t, 0.5, 0.85)
              + wobble[:, None] * np.sin(7.0 * t + phase[:, None]))
    along = displacement + random.normal(0.0, 0.12, (count, iterations))
    if layout == "radial":
        angle = 0.5 * np.pi - across * (1.7 * np.pi / max(prompts, 4))
        x, y = along * np.cos(angle), along * np.sin(angle)
    else:
        x, y = along, -across * (extent / max(prompts, 4))

    size = count * iterations
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.column_stack([x.ravel(), y.ravel(), np.zeros(size)]), deep=True))
    vertices, lines = vtkCellArray(), vtkCellArray()
    for element in range(size):
        vertices.InsertNextCell(1, [element])
    for instance in range(count):
        first = instance * iterations
        lines.InsertNextCell(iterations, range(first, first + iterations))
    embedding = vtkPolyData()
    embedding.SetPoints(points)
    embedding.SetVerts(vertices)
    embedding.SetLines(lines)

    iteration = np.tile(np.arange(iterations), count)
    timestep = np.round(999.0 * (1.0 - t))
    point_data, cell_data = embedding.GetPointData(), embedding.GetCellData()
    _array(point_data, "Instance", np.repeat(np.arange(count), iterations), np.int32)
    _array(point_data, "Iteration", iteration, np.int32)
    _array(point_data, "PromptId", np.repeat(prompt, iterations), np.int32)
    _array(point_data, "GroupId", np.repeat(group_of[prompt], iterations), np.int32)
    _array(point_data, "Seed", np.repeat(np.arange(count) + 42, iterations), np.int64)
    _array(point_data, "Timestep", timestep[iteration], np.float64)
    _array(point_data, "Sigma", np.tan(0.5 * np.pi * timestep[iteration] / 1000.0), np.float64)
    _array(point_data, "TargetDisplacement", displacement[iteration], np.float64)
    for name in ("SemanticLoss", "DisplacementLoss", "AlignmentLoss"):
        _array(point_data, name, random.exponential(1.0, size), np.float64)
    point_data.SetActiveScalars("PromptId")
    for name, values in (("Instance", np.arange(count)), ("PromptId", prompt),
                         ("GroupId", group_of[prompt])):
        _array(cell_data, name, np.concatenate([np.repeat(values, iterations), values]), np.int32)
    field = embedding.GetFieldData()
    _strings(field, "Layout", [layout])
    _array(field, "RingDisplacement", displacement, np.float64)
    _strings(field, "Prompts", PROMPTS[:prompts])
    _strings(field, "Groups", GROUPS)
    _array(field, "PromptGroup", group_of, np.int32)
    _strings(field, "Provenance", ["{}"])
    return embedding


def write_polydata(data, path):
    """Writes a .vtp file that ParaView reads back."""
    writer = vtkXMLPolyDataWriter()
    writer.SetInputData(data)
    writer.SetFileName(path)
    writer.SetDataModeToBinary()
    if not writer.Write():
        raise OSError(f"cannot write {path}")
