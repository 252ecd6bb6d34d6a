# SPDX-License-Identifier: BSD-3-Clause
"""Divergence: its tables, the merge tree over both layouts, its options, and what it refuses."""
import json

import numpy as np
from paraview.simple import CreateView, Divergence, EvolutionaryEmbedding, OutputPort, Show
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkPolyData, vtkTable

import FeatureTables as ft
import ImageCollection as ic

TABLE = ft.make_table(instances_per_prompt=8)
INSTANCES, ITERATIONS, PAIRS = 32, 8, 6
table = ic.as_source(TABLE)


def outputs_of(proxy):
    proxy.UpdatePipeline()
    return [proxy.GetClientSideObject().GetOutputDataObject(port) for port in range(5)]


def columns_of(data):
    rows = data.GetRowData()
    return {rows.GetArrayName(i): ic.array_of(rows, rows.GetArrayName(i))
            for i in range(rows.GetNumberOfArrays())}


def measure(data, **properties):
    return outputs_of(Divergence(Input=ic.as_source(data), **properties))


def renamed(name, values):
    """The table with other names of prompts or groups; none where values is None."""
    other = ft.keep_rows(TABLE, np.arange(TABLE.GetNumberOfRows()))
    if values is None:
        other.GetFieldData().RemoveArray(name)
    else:
        ic.add_array(other.GetFieldData(), vtkStringArray, name, values)
    return other


# Groups part at a quarter of the iterations, prompts at half of them.
tables = measure(TABLE)
separations = columns_of(tables[0])
assert separations["Pair"] == ["Sneaker - Ankle boot", "Sneaker - Coat", "Sneaker - Shirt",
                               "Ankle boot - Coat", "Ankle boot - Shirt", "Coat - Shirt"]
assert separations["First"][0] == "Sneaker" and separations["Second"][0] == "Ankle boot"
assert separations["FirstId"].tolist() == [0, 0, 0, 1, 1, 2]
assert separations["SecondId"].tolist() == [1, 2, 3, 2, 3, 3]
assert separations["Iteration"].tolist() == [4, 2, 2, 2, 2, 4], separations["Iteration"]
assert (separations["Low"] <= separations["Iteration"]).all()
assert (separations["High"] >= separations["Iteration"]).all()
assert separations["Separated"].tolist() == [1] * PAIRS

separability = columns_of(tables[1])
assert list(separability) == ["Iteration"] + separations["Pair"]
assert separability["Iteration"].tolist() == list(range(ITERATIONS))
for pair, iteration, mean in zip(separations["Pair"], separations["Iteration"],
                                 separations["MeanSeparability"]):
    assert (separability[pair][iteration:] >= 0.75).all()
    assert separability[pair][iteration - 1] < 0.75
    assert np.isclose(separability[pair].mean(), mean)

decisions = columns_of(tables[2])
assert list(decisions) == ["Instance", "PromptId", "Prompt", "NeighborhoodId", "Neighborhood",
                           "Iteration", "IsOwn"]
assert decisions["Instance"].tolist() == list(range(INSTANCES))
assert decisions["PromptId"].tolist() == np.repeat(range(4), 8).tolist()
assert decisions["Prompt"] == decisions["Neighborhood"] and decisions["IsOwn"].all()
assert (decisions["Iteration"] <= 4).all() and (decisions["Iteration"] == 4).any()

tree = columns_of(tables[3])
assert tree["Members"][:4] == ft.PROMPTS and tree["Members"][6] == ", ".join(ft.PROMPTS)
assert set(tree["Members"][4:6]) == {"Sneaker, Ankle boot", "Coat, Shirt"}
assert tree["Iteration"].tolist() == [8, 8, 8, 8, 4, 4, 2]
assert tree["Size"].tolist() == [1, 1, 1, 1, 2, 2, 4]
assert tree["Instances"].tolist() == [8, 8, 8, 8, 16, 16, 32]
assert tree["Parent"].tolist()[4:] == [6, 6, -1]
assert tree["Left"].tolist()[:4] == tree["Right"].tolist()[:4] == [-1] * 4
for node in (4, 5, 6):
    left, right = tree["Left"][node], tree["Right"][node]
    assert tree["Parent"][left] == tree["Parent"][right] == node
    parts = f"{tree['Members'][left]}, {tree['Members'][right]}"
    assert sorted(parts.split(", ")) == sorted(tree["Members"][node].split(", "))
assert (tree["Support"] > 0.5).all()

# What travels on, and where it comes from.
for data in tables[:4]:
    fields = data.GetFieldData()
    assert ic.array_of(fields, "Prompts") == ft.PROMPTS
    assert not fields.HasArray("Thumbnails")
    provenance = json.loads(ic.array_of(fields, "Provenance")[0])
    assert provenance["encoder"] == ft.PROVENANCE["encoder"]
    assert provenance["divergence"]["threshold"] == 0.75
assert tables[4].GetNumberOfPoints() == 0

# The merge tree over an embedding.
for layout in ("Radial", "Rectilinear"):
    embedding = EvolutionaryEmbedding(Input=table, Layout=layout, OptimizationSteps=200)
    proxy = Divergence(Input=table, Embedding=embedding)
    branches = outputs_of(proxy)[4]
    assert branches.GetNumberOfLines() == 7 and branches.GetNumberOfVerts() == 0
    cells, points = branches.GetCellData(), branches.GetPointData()
    assert ic.array_of(cells, "PromptId").tolist() == [0, 1, 2, 3, -1, -1, -1]
    assert ic.array_of(cells, "GroupId").tolist() == [0, 0, 1, 1, -1, -1, -1]
    assert ic.array_of(cells, "Size").tolist() == tree["Size"].tolist()
    assert ic.array_of(points, "Instances").max() == INSTANCES
    assert ic.array_of(branches.GetFieldData(), "Members")[0] == "Sneaker"
    assert branches.GetFieldData().HasArray("RingDisplacement")
    source = ic.output_of(embedding)
    at = np.array([source.GetPoint(i) for i in range(source.GetNumberOfPoints())])
    prompt = ic.array_of(source.GetPointData(), "PromptId")
    iteration = ic.array_of(source.GetPointData(), "Iteration")
    rings = ic.array_of(source.GetFieldData(), "RingDisplacement")
    node, k = ic.array_of(points, "Node"), ic.array_of(points, "Iteration")
    for i in range(branches.GetNumberOfPoints()):
        x, y, z = branches.GetPoint(i)
        assert z > 0
        if node[i] == 2 and k[i] >= 4:  # a leaf, after it has parted
            own = at[(prompt == 2) & (iteration == k[i])]
            if layout == "Rectilinear":
                expected = [rings[k[i]], own[:, 1].mean()]
            else:
                mean = (own / np.linalg.norm(own, axis=1)[:, None]).mean(0)[:2]
                assert np.linalg.norm(mean) > 0.5
                expected = rings[k[i]] * mean / np.linalg.norm(mean)
            assert np.allclose([x, y], expected, atol=1e-5), (x, y, expected)
    assert ic.array_of(points, "Iteration")[node == 6].tolist() == [0, 1]
    assert ic.array_of(points, "Iteration")[node == 2].tolist() == [3, 4, 5, 6, 7]
    Show(OutputPort(proxy, 4), CreateView("RenderView"))

# Groups; names that are not there, or the same.
groups = measure(TABLE, Compare="Groups")
found = columns_of(groups[0])
assert found["Pair"] == ["footwear - tops"] and found["Iteration"].tolist() == [2]
assert columns_of(groups[2])["Group"][0] == "footwear"
assert columns_of(measure(renamed("Prompts", None))[0])["Pair"][0] == "prompt 0 - prompt 1"
assert columns_of(measure(renamed("Prompts", ["A", "B"]))[0])["Pair"][-1] == "prompt 2 - prompt 3"
assert columns_of(measure(renamed("Prompts", ["A", "A", "B", "B"]))[1]).keys() == {
    "Iteration", "A (0) - A (1)", "A (0) - B (2)", "A (0) - B (3)", "A (1) - B (2)",
    "A (1) - B (3)", "B (2) - B (3)"}

# Prompts that never part: those of a group, before they do.
early = np.flatnonzero(ic.array_of(TABLE.GetRowData(), "Iteration") < 4)
never = columns_of(measure(ft.keep_rows(TABLE, early))[0])
assert never["Iteration"].tolist() == [4, 2, 2, 2, 2, 4]
assert never["Separated"].tolist() == [0, 1, 1, 1, 1, 0]

# Options that change the result, and those that do not.
strict = columns_of(measure(TABLE, Threshold=1.0, Neighbors=1)[0])
assert (strict["Iteration"] >= separations["Iteration"]).all()
wide = columns_of(measure(TABLE, Confidence=0.99, Resamples=500)[0])
assert (wide["Low"] <= separations["Low"]).all() and (wide["Low"] < separations["Low"]).any()
threads = columns_of(measure(TABLE, Threads=1)[3])
assert np.array_equal(threads["Support"], tree["Support"])
shuffled = measure(ft.keep_rows(TABLE, np.random.RandomState(0).permutation(
    TABLE.GetNumberOfRows())))
assert columns_of(shuffled[3])["Low"].tolist() == tree["Low"].tolist()

# Aborted, it has the iterations from the last one back; the next run is whole again.
proxy = Divergence(Input=table, Threads=1)
algorithm = proxy.GetClientSideObject()
observer = algorithm.AddObserver(
    "ProgressEvent", lambda *_: algorithm.SetAbortExecute(0.4 < algorithm.GetProgress() < 0.9))
part = outputs_of(proxy)
algorithm.RemoveObserver(observer)
reached = columns_of(part[1])["Iteration"]
assert 0 < len(reached) < ITERATIONS and reached[-1] == ITERATIONS - 1, reached
assert part[0].GetNumberOfRows() == part[3].GetNumberOfRows() == 0
algorithm.Modified()
algorithm.Update()
assert algorithm.GetOutputDataObject(0).GetNumberOfRows() == PAIRS

# What it refuses.
ic.expect_error(Divergence(Input=ic.as_source(vtkTable())), "empty")
for name, words in (("Features", "Feature Encoder"), ("Instance", "Feature Encoder"),
                    ("Iteration", "Feature Encoder"), ("PromptId", "compare groups instead")):
    lacking = vtkTable()
    lacking.ShallowCopy(TABLE)
    lacking.GetRowData().RemoveArray(name)
    error = ic.expect_error(Divergence(Input=ic.as_source(lacking)), f"'{name}'")
    assert words in error, error
lacking = vtkTable()
lacking.ShallowCopy(TABLE)
lacking.GetRowData().RemoveArray("GroupId")
ic.expect_error(Divergence(Input=ic.as_source(lacking), Compare="Groups"), "compare prompts")
one = ft.keep_rows(TABLE, np.arange(8 * ITERATIONS))
ic.expect_error(Divergence(Input=ic.as_source(one)), "All instances are of one prompt")
few = ft.keep_rows(TABLE, np.arange(9 * ITERATIONS))
ic.expect_error(Divergence(Input=ic.as_source(few)), "The prompt 1 has instances of one seed only")
broken = ft.keep_rows(TABLE, np.arange(TABLE.GetNumberOfRows()))
features = ic.array_of(TABLE.GetRowData(), "Features").copy()
features[9, 0] = np.nan
ft.set_column(broken, "Features", features)
ic.expect_error(Divergence(Input=ic.as_source(broken)), "Row 9")
ic.expect_error(Divergence(Input=table, Threshold=0.5), "Threshold is 0.5")

data = ic.output_of(embedding)
for name, fields in (("Instance", "point"), ("Iteration", "point"), ("Layout", "field"),
                     ("RingDisplacement", "field")):
    lacking = vtkPolyData()
    lacking.ShallowCopy(data)
    (lacking.GetPointData() if fields == "point" else lacking.GetFieldData()).RemoveArray(name)
    ic.expect_error(Divergence(Input=table, Embedding=ic.as_source(lacking)), f"'{name}'")
other = vtkPolyData()
other.DeepCopy(data)
ic.array_of(other.GetPointData(), "Instance")[:] += 1000
ic.expect_error(Divergence(Input=table, Embedding=ic.as_source(other)),
                "no instance of the feature table")
other.DeepCopy(data)
ic.array_of(other.GetPointData(), "Iteration")[3] = ITERATIONS
ic.expect_error(Divergence(Input=table, Embedding=ic.as_source(other)), "Point 3")
other.DeepCopy(data)
other.GetPoints().SetPoint(5, float("nan"), 0, 0)
ic.expect_error(Divergence(Input=table, Embedding=ic.as_source(other)), "Point 5")
