# SPDX-License-Identifier: BSD-3-Clause
"""Embedding Quality: its tables and arrays, where the features come from, and what it refuses."""
import numpy as np
from paraview.simple import EmbeddingQuality, EvolutionaryEmbedding
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkTable

import FeatureTables as ft
import ImageCollection as ic

TABLE = ft.make_table()
COUNT = TABLE.GetNumberOfRows()
table = ic.as_source(TABLE)
embedding = EvolutionaryEmbedding(Input=table, OptimizationSteps=200)


def outputs_of(proxy):
    proxy.UpdatePipeline()
    return [proxy.GetClientSideObject().GetOutputDataObject(port) for port in range(3)]


def measures_of(data):
    rows = data.GetRowData()
    return dict(zip(ic.array_of(rows, "Measure"), ic.array_of(rows, "Value")))


def sizes_of(data):
    rows = data.GetRowData()
    return dict(zip(ic.array_of(rows, "Measure"), ic.array_of(rows, "Elements")))


OVER_ALL = ("Recall", "Trustworthiness", "Continuity")

# One row per measure.
overall, iterations, elements = outputs_of(EmbeddingQuality(Input=embedding, FeatureTable=table))
measures = measures_of(overall)
assert list(measures) == [
    "Within-iteration recall", "Within-iteration trustworthiness", "Within-iteration continuity",
    "Prompt neighborhood hit", "Recall", "Trustworthiness", "Continuity", "Displacement error",
    "Alignment error", "Divergence"], list(measures)
assert np.isfinite(list(measures.values())).all(), measures
assert set(ic.array_of(overall.GetRowData(), "Elements")) == {COUNT}
data = ic.output_of(embedding)
assert np.isclose(measures["Divergence"],
                  ic.array_of(data.GetPointData(), "SemanticLoss").mean())
assert np.isclose(measures["Displacement error"],
                  np.sqrt(ic.array_of(data.GetPointData(), "DisplacementLoss").mean()))

# One row per iteration, which average to the measures.
columns = {name: ic.array_of(iterations.GetRowData(), name) for name in (
    "Iteration", "Elements", "Recall", "Trustworthiness", "Continuity", "PromptNeighborhoodHit",
    "DisplacementError", "AlignmentError", "Divergence")}
assert columns["Iteration"].tolist() == list(range(8))
assert (columns["Elements"] == 16).all()
assert np.isclose(columns["Recall"].mean(), measures["Within-iteration recall"])
assert np.isclose(columns["Trustworthiness"].mean(), measures["Within-iteration trustworthiness"])
assert np.isclose(columns["PromptNeighborhoodHit"].mean(), measures["Prompt neighborhood hit"])
assert np.isclose(columns["Divergence"].mean(), measures["Divergence"])
assert np.isnan(columns["AlignmentError"][0]) and np.isfinite(columns["AlignmentError"][1:]).all()

# The elements' own, on the embedding.
assert elements.GetNumberOfPoints() == COUNT and elements.GetNumberOfLines() == 16
iteration = ic.array_of(elements.GetPointData(), "Iteration")
for name in ("Recall", "Trustworthiness", "Continuity", "PromptNeighborhoodHit"):
    own = ic.array_of(elements.GetPointData(), name)
    assert np.allclose([own[iteration == k].mean() for k in range(8)], columns[name]), name
error = ic.array_of(elements.GetPointData(), "DisplacementError")
assert error.min() < 0 < error.max()
assert elements.GetFieldData().HasArray("RingDisplacement")

# The features may come with the embedding instead.
embedding.KeepFeatures = 1
kept = measures_of(outputs_of(EmbeddingQuality(Input=embedding))[0])
assert kept == measures, (kept, measures)

# Fewer neighbors; a sample.
few = measures_of(outputs_of(EmbeddingQuality(Input=embedding, Neighbors=1))[0])
assert few["Within-iteration recall"] != measures["Within-iteration recall"]
sampled = outputs_of(EmbeddingQuality(Input=embedding, SampleSize=50))[0]
sizes = sizes_of(sampled)
assert all(sizes[name] == 50 for name in OVER_ALL) and list(sizes.values()).count(COUNT) == 7, sizes
assert measures_of(sampled)["Within-iteration recall"] == measures["Within-iteration recall"]

# Rows of the table are found by instance and iteration.
shuffled = ft.keep_rows(TABLE, np.random.RandomState(0).permutation(COUNT))
embedding.KeepFeatures = 0
again = measures_of(outputs_of(
    EmbeddingQuality(Input=embedding, FeatureTable=ic.as_source(shuffled)))[0])
assert again == measures

# The table may have more rows, and features in double precision.
longer = ft.keep_rows(TABLE, np.append(np.arange(COUNT), 4))
doubles = ft.keep_rows(TABLE, np.arange(COUNT))
ft.set_column(doubles, "Features", ic.array_of(TABLE.GetRowData(), "Features").astype(float))
for other in (longer, doubles):
    again = measures_of(outputs_of(
        EmbeddingQuality(Input=embedding, FeatureTable=ic.as_source(other)))[0])
    assert again == measures

# A stop leaves NaN in what was not reached, and the next run is a whole one.
proxy = EmbeddingQuality(Input=embedding, FeatureTable=table)
algorithm = proxy.GetClientSideObject()
observer = algorithm.AddObserver(
    "ProgressEvent", lambda *_: algorithm.SetAbortExecute(0.05 < algorithm.GetProgress() < 0.9))
stopped, stopped_iterations, stopped_elements = outputs_of(proxy)
algorithm.RemoveObserver(observer)
assert all(np.isnan(measures_of(stopped)[name]) for name in OVER_ALL)
assert all(sizes_of(stopped)[name] == 0 for name in OVER_ALL)
sizes = sizes_of(stopped)
columns = ic.array_of(stopped_iterations.GetRowData(), "Recall")
assert sizes["Within-iteration recall"] == 16 * np.isfinite(columns).sum() < COUNT, sizes
assert stopped_elements.GetNumberOfPoints() == COUNT
algorithm.Modified()
algorithm.Update()
assert measures_of(algorithm.GetOutputDataObject(0)) == measures

# What it refuses.
ic.expect_error(EmbeddingQuality(Input=embedding), "turn on Keep Features")
ic.expect_error(EmbeddingQuality(Input=ic.as_source(vtkPolyData()), FeatureTable=table), "empty")
part = ic.as_source(ft.keep_rows(TABLE, np.arange(COUNT - 1)))
ic.expect_error(EmbeddingQuality(Input=embedding, FeatureTable=part),
                "no row for iteration 7 of instance 15")
ic.expect_error(EmbeddingQuality(Input=embedding, FeatureTable=ic.as_source(vtkTable())),
                "connect the feature table")
for name in ("Instance", "Iteration", "TargetDisplacement"):
    lacking = vtkPolyData()
    lacking.ShallowCopy(data)
    lacking.GetPointData().RemoveArray(name)
    ic.expect_error(EmbeddingQuality(Input=ic.as_source(lacking), FeatureTable=table),
                    f"no array '{name}'")
    short = vtkPolyData()
    short.ShallowCopy(data)
    array = numpy_to_vtk(np.zeros(COUNT - 1), deep=True)
    array.SetName(name)
    short.GetPointData().AddArray(array)
    ic.expect_error(EmbeddingQuality(Input=ic.as_source(short), FeatureTable=table),
                    f"'{name}' has {COUNT - 1} rows instead of {COUNT}")
for name in ("Iteration", "Features"):
    short = ft.keep_rows(TABLE, np.arange(COUNT))
    ft.set_column(short, name, ic.array_of(TABLE.GetRowData(), name)[1:])
    ic.expect_error(EmbeddingQuality(Input=embedding, FeatureTable=ic.as_source(short)),
                    f"'{name}' has {COUNT - 1} rows")
for name in ("Layout", "RingDisplacement"):
    lacking = vtkPolyData()
    lacking.ShallowCopy(data)
    lacking.GetFieldData().RemoveArray(name)
    ic.expect_error(EmbeddingQuality(Input=ic.as_source(lacking), FeatureTable=table), f"'{name}'")
broken = ft.keep_rows(TABLE, np.arange(COUNT))
features = ic.array_of(TABLE.GetRowData(), "Features").copy()
features[9, 0] = np.nan
ft.set_column(broken, "Features", features)
ic.expect_error(EmbeddingQuality(Input=embedding, FeatureTable=ic.as_source(broken)), "Row 9")
