# SPDX-License-Identifier: BSD-3-Clause
"""Evolutionary Embedding is changed, continued, stopped, watched growing, and embedded into."""
import json

import numpy as np
from paraview.simple import EvolutionaryEmbedding, GetAnimationScene, GetTimeKeeper

import FeatureTables as ft
import ImageCollection as ic

TABLE = ft.make_table()
COUNT = TABLE.GetNumberOfRows()
ITERATION = ic.array_of(TABLE.GetRowData(), "Iteration")
PROMPT = ic.array_of(TABLE.GetRowData(), "PromptId")


def embed(table=TABLE, **properties):
    return EvolutionaryEmbedding(Input=ic.as_source(table), **properties)


def points_of(proxy):
    data = ic.output_of(proxy)
    return np.array([data.GetPoint(i)[:2] for i in range(data.GetNumberOfPoints())])


def facts_of(proxy):
    fields = ic.output_of(proxy).GetFieldData()
    return json.loads(ic.array_of(fields, "Provenance")[0])["embedding"]


def stages_of(proxy):
    """The stages that an update passes."""
    algorithm = proxy.GetClientSideObject()
    stages = []
    observer = algorithm.AddObserver(
        "ProgressEvent", lambda *_: stages.append(algorithm.GetProgressText()))
    proxy.UpdatePipeline()
    algorithm.RemoveObserver(observer)
    return set(stages)




# Weights and layouts change from where the points are, without another search for neighbors.
tree = embed()
fresh = points_of(tree)
assert not facts_of(tree)["continued"]
tree.AlignmentWeight = 0.06
assert stages_of(tree) == {"Optimization"}
near = points_of(tree)
assert facts_of(tree)["continued"]
assert 0 < np.linalg.norm(near - fresh, axis=1).max() < 2.0, "the tree stays recognizable"
tree.Layout = "Rectilinear"
assert stages_of(tree) == {"Optimization"}
columns = points_of(tree)
assert np.sqrt(((columns[:, 0] - ITERATION) ** 2).mean()) < 0.4
tree.Layout = "Radial"
rings = points_of(tree)
assert np.sqrt(((np.hypot(*rings.T) - 1 - ITERATION) ** 2).mean()) < 0.4
for points in (columns, rings):
    leaves = points[ITERATION == ITERATION.max()]
    distance = np.linalg.norm(leaves[:, None] - leaves, axis=2) + np.diag(np.full(len(leaves), np.inf))
    prompts = PROMPT[ITERATION == ITERATION.max()]
    assert (prompts[distance.argmin(axis=1)] == prompts).all()

# What the neighbors depend on is searched anew, and started anew.
tree.Perplexity = 4
assert "Neighbors" in stages_of(tree)
assert not facts_of(tree)["continued"]

# Start Over gives what a new filter gives.
tree = embed(AlignmentWeight=0.2)
points_of(tree)
tree.AlignmentWeight = 0.05
assert not np.array_equal(points_of(tree), fresh)
tree.InvokeCommand("StartOver")
assert np.array_equal(points_of(tree), fresh)

# More steps go on: neither neighbors nor a new start.
tree = embed(OptimizationSteps=200)
points_of(tree)
tree.OptimizationSteps = 300
assert stages_of(tree) == {"Optimization"}
assert facts_of(tree)["steps_done"] == 300 and not facts_of(tree)["continued"]
tree.InvokeCommand("Continue")
points_of(tree)
assert facts_of(tree)["steps_done"] == 600
tree.OptimizationSteps = 100
tree.InvokeCommand("StartOver")
assert np.array_equal(points_of(tree), points_of(embed(OptimizationSteps=100)))

# A run that is stopped is continued to its end.
tree = embed()
algorithm = tree.GetClientSideObject()
observer = algorithm.AddObserver(
    "ProgressEvent", lambda *_: algorithm.SetAbortExecute(0.6 < algorithm.GetProgress() < 0.9))
points_of(tree)
algorithm.RemoveObserver(observer)
assert 100 < facts_of(tree)["steps_done"] < 400
tree.InvokeCommand("Continue")
assert np.array_equal(points_of(tree), fresh), "as if it had not been stopped"
# Stopped before there are points, there are none, and the next run is a whole one.
tree = embed()
algorithm = tree.GetClientSideObject()
observer = algorithm.AddObserver("ProgressEvent", lambda *_: algorithm.SetAbortExecute(algorithm.GetProgress() < 0.9))
assert len(points_of(tree)) == 0
algorithm.RemoveObserver(observer)
tree.InvokeCommand("Continue")
assert np.array_equal(points_of(tree), fresh)

# Another input is another embedding.
tree = embed()
points_of(tree)
half = ft.keep_rows(TABLE, np.arange(COUNT // 2))
tree.Input = ic.as_source(half)
assert np.array_equal(points_of(tree), points_of(embed(half)))

# Snapshots are time steps; going through them computes nothing anew.
tree = embed(Snapshots=4)
tree.UpdatePipelineInformation()
assert list(tree.TimestepValues) == [0, 125, 250, 375, 500], tree.TimestepValues
GetAnimationScene().UpdateAnimationUsingDataTimeSteps()
assert list(GetTimeKeeper().TimestepValues) == [0, 125, 250, 375, 500]
states = []
for time in tree.TimestepValues:
    tree.UpdatePipeline(time)
    states.append(points_of(tree))
    assert facts_of(tree)["steps_done"] == time
    history = tree.GetClientSideObject().GetOutputDataObject(1).GetRowData()
    assert ic.array_of(history, "Step")[-1] == 500
assert np.array_equal(states[-1], fresh)
assert all(not np.array_equal(a, b) for a, b in zip(states, states[1:]))
tree.UpdatePipeline(130.0)
assert np.array_equal(points_of(tree), states[1]), "the last state not after it"
tree.Snapshots = 2**31 - 1
tree.UpdatePipelineInformation()
assert len(tree.TimestepValues) == 501, "not more than steps"
tree.Snapshots = 0
tree.UpdatePipelineInformation()
assert len(tree.TimestepValues) == 0

# New instances join an embedding that stays as it is.
old = np.flatnonzero(ic.array_of(TABLE.GetRowData(), "Instance") % 4 != 3)
new = np.setdiff1d(np.arange(COUNT), old)
for layout in ("Radial", "Rectilinear"):
    frozen = embed(ft.keep_rows(TABLE, old), Layout=layout, KeepFeatures=1)
    there = points_of(frozen)
    joined = embed(ft.keep_rows(TABLE, new), FrozenEmbedding=frozen)
    points = points_of(joined)
    assert len(points) == len(new) and np.array_equal(points_of(frozen), there)
    assert ic.array_of(ic.output_of(joined).GetFieldData(), "Layout") == [layout.lower()]
    assert facts_of(joined)["into_frozen_embedding"] and not facts_of(frozen)["into_frozen_embedding"]
    last = ITERATION.max()
    leaves, others = new[ITERATION[new] == last], old[ITERATION[old] == last]
    distance = np.linalg.norm(points[ITERATION[new] == last][:, None] - there[ITERATION[old] == last],
                              axis=2)
    assert (PROMPT[others][distance.argmin(axis=1)] == PROMPT[leaves]).all(), layout
without = embed(ft.keep_rows(TABLE, old), OptimizationSteps=5)
ic.expect_error(embed(ft.keep_rows(TABLE, new), FrozenEmbedding=without), "whose Keep Features is on")
