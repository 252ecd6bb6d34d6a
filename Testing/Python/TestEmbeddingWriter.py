# SPDX-License-Identifier: BSD-3-Clause
"""Embeddings are written for NumPy and as tables; a writer that fails leaves the old file."""
import csv
import json
import pathlib

import numpy as np
from paraview import servermanager
from paraview.simple import FeatureReader, SaveData, Sphere
from tdl.vtkTDLEmbeddingWriter import vtkEmbeddingWriter
from vtkmodules.vtkCommonDataModel import vtkPolyData

import ImageCollection as ic
import SyntheticEmbedding

tree = SyntheticEmbedding.make_embedding("radial", instances=2, iterations=6)
count = tree.GetNumberOfPoints()
places = np.array([tree.GetPoint(i)[:2] for i in range(count)])
prompts = ic.array_of(tree.GetFieldData(), "Prompts")


def column(name):
    return ic.array_of(tree.GetPointData(), name)


SaveData("tree.npz", proxy=ic.as_source(tree))
written = np.load("tree.npz")
assert np.array_equal(written["points"], places)
for i in range(tree.GetPointData().GetNumberOfArrays()):
    name = tree.GetPointData().GetArrayName(i)
    assert np.array_equal(written[name], column(name), equal_nan=True), name
    assert written[name].dtype == column(name).dtype, name
assert np.char.decode(written["Prompts"], "utf-8").tolist() == prompts
assert json.loads(written["Provenance"][0]) == json.loads(
    ic.array_of(tree.GetFieldData(), "Provenance")[0])


def write(name, data=tree):
    writer = vtkEmbeddingWriter()
    writer.SetFileName(name)
    writer.SetInputData(data)
    errors = ic.errors_of(writer, writer.Write)
    assert bool(errors) == (writer.GetErrorCode() != 0)
    return errors


servermanager.writers.EmbeddingWriter(Input=ic.as_source(tree), FileName="tree.csv").UpdatePipeline()
with open("tree.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
assert len(rows) == count
assert [int(row["instance"]) for row in rows] == column("Instance").tolist()
assert [int(row["iteration"]) for row in rows] == column("Iteration").tolist()
assert [row["prompt"] for row in rows] == [prompts[p] for p in column("PromptId")]
assert np.array_equal([[float(row["x"]), float(row["y"])] for row in rows], places)

# The table is one that the reader of features takes.
table = ic.output_of(FeatureReader(FileName="tree.csv"))
assert np.array_equal(ic.array_of(table.GetRowData(), "Instance"), np.sort(column("Instance")))

# What it refuses; the old files stay.
before = {name: pathlib.Path(name).read_bytes() for name in ("tree.npz", "tree.csv")}
assert "Choose the file" in write("")[0]
assert "end it in .npz or .csv" in write("tree.txt")[0]
assert "Cannot write" in write("nowhere/tree.npz")[0]
sphere = ic.output_of(Sphere())
for name in before:
    assert "lack the array Instance" in write(name, sphere)[0]
    assert "lack the array Instance" in write(name, vtkPolyData())[0]
assert before == {name: pathlib.Path(name).read_bytes() for name in before}
assert not list(pathlib.Path(".").glob("*.part*"))
