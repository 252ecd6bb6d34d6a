# SPDX-License-Identifier: BSD-3-Clause
"""Evolutionary Embedding: its arrays, its determinism, its options, and what it refuses."""
import json

import numpy as np
from paraview.simple import CreateView, EvolutionaryEmbedding, OutputPort, Show
from vtkmodules.vtkCommonDataModel import vtkTable

import FeatureTables as ft
import ImageCollection as ic

TABLE = ft.make_table()
COUNT = TABLE.GetNumberOfRows()
INSTANCES, ITERATIONS = 16, 8
ITERATION = ic.array_of(TABLE.GetRowData(), "Iteration")


def embed(table, **properties):
    return EvolutionaryEmbedding(Input=ic.as_source(table), **properties)


def points_of(data):
    return np.array([data.GetPoint(i) for i in range(data.GetNumberOfPoints())])


def displacement_of(points, layout):
    return np.hypot(points[:, 0], points[:, 1]) if layout == "Radial" else points[:, 0]


def warnings_of(proxy):
    texts = []

    def observe(_object, _event, text):
        texts.append(text)

    observe.CallDataType = "string0"
    proxy.GetClientSideObject().AddObserver("WarningEvent", observe)
    proxy.UpdatePipeline()
    return texts


# The arrays of the data model, for every layout and scope.
for layout in ("Radial", "Rectilinear"):
    for scope in ("Within Iteration", "All Elements"):
        proxy = embed(TABLE, Layout=layout, NeighborhoodScope=scope)
        data = ic.output_of(proxy)
        points = points_of(data)
        assert points.shape == (COUNT, 3) and np.isfinite(points).all() and not points[:, 2].any()
        assert data.GetNumberOfVerts() == COUNT and data.GetNumberOfLines() == INSTANCES

        for name in ("Instance", "Iteration", "PromptId", "GroupId", "Seed", "Timestep", "Sigma",
                     "ThumbnailId"):
            assert np.array_equal(ic.array_of(data.GetPointData(), name),
                                  ic.array_of(TABLE.GetRowData(), name)), name
        assert not data.GetPointData().HasArray("Features")
        target = ic.array_of(data.GetPointData(), "TargetDisplacement")
        rings = ic.array_of(data.GetFieldData(), "RingDisplacement")
        assert rings.shape == (ITERATIONS,) and np.allclose(np.diff(rings), 1.0)
        assert np.array_equal(target, rings[ITERATION])
        error = displacement_of(points, layout) - target
        assert np.allclose(ic.array_of(data.GetPointData(), "DisplacementLoss"), error**2, atol=1e-5)
        assert np.sqrt((error**2).mean()) < 0.4, (layout, scope)

        # A line per instance through its iterations in order.
        for i in range(INSTANCES):
            ids = data.GetCell(COUNT + i).GetPointIds()
            chain = [ids.GetId(j) for j in range(ids.GetNumberOfIds())]
            assert chain == list(range(ITERATIONS * i, ITERATIONS * (i + 1))), chain
        for name in ("Instance", "PromptId", "GroupId"):
            of_points = ic.array_of(TABLE.GetRowData(), name)
            assert np.array_equal(ic.array_of(data.GetCellData(), name),
                                  np.concatenate([of_points, of_points[::ITERATIONS]])), name

        assert ic.array_of(data.GetFieldData(), "Layout") == [layout.lower()]
        assert ic.array_of(data.GetFieldData(), "Prompts") == ft.PROMPTS
        assert ic.array_of(data.GetFieldData(), "Groups") == ft.GROUPS
        assert ic.array_of(data.GetFieldData(), "PromptGroup").tolist() == ft.PROMPT_GROUP
        provenance = json.loads(ic.array_of(data.GetFieldData(), "Provenance")[0])
        assert provenance["model"] == "made up" and provenance["encoder"]["kind"] == "made up"
        assert provenance["embedding"]["neighborhood_scope"] == scope.lower()
        assert provenance["embedding"]["optimization_steps"] == 500

        history = proxy.GetClientSideObject().GetOutputDataObject(1).GetRowData()
        steps = ic.array_of(history, "Step")
        assert steps[0] == 0 and steps[-1] == 500 and (np.diff(steps) > 0).all()
        losses = {name: ic.array_of(history, name)
                  for name in ("Total", "Semantic", "Displacement", "Alignment")}
        assert np.allclose(losses["Total"], losses["Semantic"] + 0.7 * losses["Displacement"]
                           + 0.05 * losses["Alignment"])
        assert losses["Total"][-1] < losses["Total"][0]
        for name in ("Semantic", "Displacement", "Alignment"):
            parts = ic.array_of(data.GetPointData(), name + "Loss")
            assert np.isclose(parts.mean(), losses[name][-1]), name

        # Prompts are apart at the end.
        last = ITERATION == ITERATIONS - 1
        leaves, prompts = points[last], ic.array_of(TABLE.GetRowData(), "PromptId")[last]
        distances = np.linalg.norm(leaves[:, None] - leaves[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        assert (prompts[distances.argmin(axis=1)] == prompts).all(), (layout, scope)

# The same bits for a seed, at any number of threads and order of rows.
FAST = dict(OptimizationSteps=40)
reference = points_of(ic.output_of(embed(TABLE, **FAST)))
for threads in (1, 2, 3):
    assert np.array_equal(points_of(ic.output_of(embed(TABLE, Threads=threads, **FAST))), reference)
assert not np.array_equal(points_of(ic.output_of(embed(TABLE, Seed=5, **FAST))), reference)
shuffled = np.random.RandomState(0).permutation(COUNT)
data = ic.output_of(embed(ft.keep_rows(TABLE, shuffled), **FAST))
assert np.array_equal(points_of(data), reference[shuffled])
ids = data.GetCell(COUNT).GetPointIds()
assert (np.diff([ITERATION[shuffled[ids.GetId(j)]] for j in range(ITERATIONS)]) > 0).all()

# Options.
data = ic.output_of(embed(TABLE, KeepFeatures=1, **FAST))
assert np.array_equal(ic.array_of(data.GetPointData(), "Features"),
                      ic.array_of(TABLE.GetRowData(), "Features"))
for spacing in ("Timestep", "Sigma"):
    data = ic.output_of(embed(TABLE, DisplacementSpacing=spacing, **FAST))
    levels = ic.array_of(TABLE.GetRowData(), spacing)[:ITERATIONS]
    expected = 1 + (ITERATIONS - 1) * (levels[0] - levels) / (levels[0] - levels[-1])
    assert np.allclose(ic.array_of(data.GetFieldData(), "RingDisplacement"), expected)
warnings = warnings_of(embed(TABLE, Perplexity=30, **FAST))
assert len(warnings) == 1 and "used 5, the largest usable" in warnings[0], warnings
assert not warnings_of(embed(TABLE, Perplexity=5, Metric="Cosine", **FAST))

# Small and degenerate tables.
first_instance = np.flatnonzero(ic.array_of(TABLE.GetRowData(), "Instance") == 0)
first_iteration = np.flatnonzero(ITERATION == 0)
for rows, lines in ((first_instance, 1), (first_iteration, 0), ([5], 0), ([0, 1], 1), ([0, 8], 0),
                    ([0, 8, 9], 1), ([0, 3, 7], 1)):
    data = ic.output_of(embed(ft.keep_rows(TABLE, rows)))
    assert data.GetNumberOfPoints() == len(rows) and np.isfinite(points_of(data)).all()
    assert data.GetNumberOfLines() == lines
equal = ft.keep_rows(TABLE, np.arange(COUNT))
ft.set_column(equal, "Features", np.full((COUNT, 5), 0.25, np.float32))
points = points_of(ic.output_of(embed(equal)))
assert np.isfinite(points).all() and np.abs(points).max() < 5 * ITERATIONS
without_prompts = ft.keep_rows(TABLE, np.arange(COUNT))
for name in ("PromptId", "GroupId", "Seed", "Timestep", "Sigma"):
    without_prompts.GetRowData().RemoveArray(name)
data = ic.output_of(embed(without_prompts, **FAST))
assert np.array_equal(points_of(data), reference)
double = ft.keep_rows(TABLE, np.arange(COUNT))
ft.set_column(double, "Features", ic.array_of(TABLE.GetRowData(), "Features").astype(np.float64))
assert np.array_equal(points_of(ic.output_of(embed(double, **FAST))), reference)

# What it refuses.
ic.expect_error(embed(vtkTable()), "The feature table is empty")
for name in ("Features", "Instance", "Iteration"):
    lacking = ft.keep_rows(TABLE, np.arange(COUNT))
    lacking.GetRowData().RemoveArray(name)
    ic.expect_error(embed(lacking), f"no array of numbers '{name}'")
lacking = ft.keep_rows(TABLE, np.arange(COUNT))
lacking.GetRowData().RemoveArray("Sigma")
ic.expect_error(embed(lacking, DisplacementSpacing="Sigma"), "no array of numbers 'Sigma'")
for bad in (np.nan, np.inf):
    features = ic.array_of(TABLE.GetRowData(), "Features").copy()
    features[17, 2] = bad
    broken = ft.keep_rows(TABLE, np.arange(COUNT))
    ft.set_column(broken, "Features", features)
    ic.expect_error(embed(broken), "Row 17")
twice = ft.keep_rows(TABLE, np.append(np.arange(COUNT), 4))
ic.expect_error(embed(twice), f"Rows 4 and {COUNT}")
unordered = ft.keep_rows(TABLE, np.arange(COUNT))
ft.set_column(unordered, "Timestep", np.tile([9.0, 8, 7, 8, 6, 5, 4, 3], INSTANCES))
ic.expect_error(embed(unordered, DisplacementSpacing="Timestep"), "set Displacement Spacing")

# A stop keeps what is there, and the next run is a whole one.
proxy = embed(TABLE)
algorithm = proxy.GetClientSideObject()
observer = algorithm.AddObserver(
    "ProgressEvent", lambda *_: algorithm.SetAbortExecute(0.5 < algorithm.GetProgress() < 0.9))
data = ic.output_of(proxy)
algorithm.RemoveObserver(observer)


def last_step():
    return ic.array_of(algorithm.GetOutputDataObject(1).GetRowData(), "Step")[-1]


assert 50 < last_step() < 400, last_step()
assert data.GetNumberOfPoints() == COUNT and np.isfinite(points_of(data)).all()
algorithm.Modified()
algorithm.Update()
assert last_step() == 500

# It is shown with radial axes, and its losses are a table of their own.
view = CreateView("RenderView")
display = Show(proxy, view)
assert display.Representation == "TDL Radial Axes", display.Representation
assert OutputPort(proxy, "Loss History").GetDataInformation().GetNumberOfRows() > 0
