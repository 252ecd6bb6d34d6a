# SPDX-License-Identifier: BSD-3-Clause
"""Encoder Comparison: its tables, what encoders are called, that a state file brings it back, and what
it refuses."""
import json

import numpy as np
from paraview.simple import (CreateView, Delete, Divergence, EncoderComparison, FeatureReader,
                             GetRepresentation, GetSources, GetViews, LoadState, OutputPort,
                             SaveState, Show)
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

import FeatureTables as ft
import ImageCollection as ic

INSTANCES, ITERATIONS, PAIRS = 32, 8, 6
TABLE = ft.make_table(instances_per_prompt=8)
COUNT = TABLE.GetNumberOfRows()
FEATURES = ic.array_of(TABLE.GetRowData(), "Features")


def encoded(values, encoder, rows=None):
    """The table by another encoder, with its rows in another order."""
    rows = np.arange(COUNT) if rows is None else rows
    table = ft.keep_rows(TABLE, rows)
    ft.set_column(table, "Features", np.ascontiguousarray(values[rows], np.float32))
    ic.add_array(table.GetFieldData(), vtkStringArray, "Provenance",
                 [json.dumps({"model": "made up", "encoder": encoder})])
    return table


PART = FEATURES[:, :2] + np.random.RandomState(1).normal(scale=0.3, size=(COUNT, 2))
TABLES = [encoded(FEATURES, {"encoder": "Pixels", "normalization": "None"}),
          encoded(PART, {"encoder": "PCA", "components": 2},
                  np.random.RandomState(0).permutation(COUNT)),
          encoded(FEATURES ** 2, "squares")]
NAMES = ["Pixels", "PCA", "squares"]
PAIR_NAMES = ["Pixels - PCA", "Pixels - squares", "PCA - squares"]


def outputs_of(proxy):
    proxy.UpdatePipeline()
    return [proxy.GetClientSideObject().GetOutputDataObject(port) for port in range(3)]


def columns_of(data):
    rows = data.GetRowData()
    return {rows.GetArrayName(i): ic.array_of(rows, rows.GetArrayName(i))
            for i in range(rows.GetNumberOfArrays())}


def measure(tables, **properties):
    return outputs_of(EncoderComparison(Input=[ic.as_source(table) for table in tables],
                                        **properties))


def expect_same(found, expected):
    assert found.keys() == expected.keys(), (list(found), list(expected))
    for name, values in expected.items():
        assert np.array_equal(found[name], values, equal_nan=not isinstance(values, list)), name


def nearest(values, neighbors):
    distances = np.linalg.norm(values[:, None] - values[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1)[:, :neighbors]


def centered(matrix):
    return matrix - matrix.mean(0) - matrix.mean(1)[:, None] + matrix.mean()


# One column per measure and pair, one row per iteration, for a line chart; compared with NumPy.
tables = measure(TABLES, Neighbors=6)
agreement = columns_of(tables[0])
assert list(agreement) == ["Iteration", *(f"{name}: {pair}" for name in (
    "Neighbor overlap", "CKA", "Distance correlation") for pair in PAIR_NAMES)], list(agreement)
quality = columns_of(tables[1])
assert list(quality) == [
    "Iteration", *(f"Prompt neighborhood hit: {name}" for name in NAMES),
    "Chance of a prompt neighborhood hit", *(f"Group neighborhood hit: {name}" for name in NAMES),
    "Chance of a group neighborhood hit"], list(quality)
iteration = ic.array_of(TABLE.GetRowData(), "Iteration")
prompt = ic.array_of(TABLE.GetRowData(), "PromptId")[iteration == 0]
group = ic.array_of(TABLE.GetRowData(), "GroupId")[iteration == 0]
values = [np.float32(v).astype(float) for v in (FEATURES, PART, FEATURES ** 2)]
for k in range(ITERATIONS):
    assert agreement["Iteration"][k] == quality["Iteration"][k] == k
    near = [nearest(v[iteration == k], 6) for v in values]
    distances = [np.linalg.norm(v[iteration == k][:, None] - v[iteration == k][None], axis=2)
                 for v in values]
    for pair, (a, b) in zip(PAIR_NAMES, ((0, 1), (0, 2), (1, 2))):
        overlap = np.mean([len(set(p) & set(q)) / 6 for p, q in zip(near[a], near[b])])
        assert np.isclose(agreement[f"Neighbor overlap: {pair}"][k], overlap)
        for name, power in (("CKA", 2), ("Distance correlation", 1)):
            one, other = centered(distances[a] ** power), centered(distances[b] ** power)
            expected = (one * other).sum() / np.sqrt((one ** 2).sum() * (other ** 2).sum())
            expected = expected if name == "CKA" else np.sqrt(expected)
            assert np.isclose(agreement[f"{name}: {pair}"][k], expected, rtol=1e-9)
    for name, found in zip(NAMES, near):
        assert np.isclose(quality[f"Prompt neighborhood hit: {name}"][k],
                          (prompt[found] == prompt[:, None]).mean())
        assert np.isclose(quality[f"Group neighborhood hit: {name}"][k],
                          (group[found] == group[:, None]).mean())
assert np.allclose(quality["Chance of a prompt neighborhood hit"], 7 / 31)
assert np.allclose(quality["Chance of a group neighborhood hit"], 15 / 31)

# The separations of Divergence, side by side.
separations = columns_of(tables[2])
assert list(separations) == ["Pair", "First", "Second", "FirstId", "SecondId", *(
    f"{what}: {name}" for name in NAMES for what in ("Separation", "Low", "High"))]
for table, name in zip(TABLES, NAMES):
    divergence = Divergence(Input=ic.as_source(table))
    divergence.UpdatePipeline()
    expected = columns_of(divergence.GetClientSideObject().GetOutputDataObject(0))
    for column in ("Pair", "First", "Second", "FirstId", "SecondId"):
        assert np.array_equal(separations[column], expected[column]), column
    assert np.array_equal(separations[f"Separation: {name}"], expected["Iteration"])
    assert np.array_equal(separations[f"Low: {name}"], expected["Low"])
    assert np.array_equal(separations[f"High: {name}"], expected["High"])
assert separations["Separation: Pixels"].tolist() == [4, 2, 2, 2, 2, 4]

# What travels on, and where it comes from.
for port, data in enumerate(tables):
    fields = data.GetFieldData()
    assert ic.array_of(fields, "Encoders") == NAMES
    assert ic.array_of(fields, "Prompts") == ft.PROMPTS
    provenance = json.loads(ic.array_of(fields, "Provenance")[0])
    assert provenance["model"] == "made up"
    assert provenance["encoder_comparison"] == {
        "encoders": NAMES, "neighbors": 6, "sample_size": 2000}
    if port < 2:
        assert ic.array_of(fields, "Elements").tolist() == [INSTANCES] * ITERATIONS
        assert ic.array_of(fields, "Sample").tolist() == [INSTANCES] * ITERATIONS

# Options; the number of threads is none of the result.
expect_same(columns_of(measure(TABLES, Neighbors=6, Threads=1)[0]), agreement)
ten = columns_of(measure(TABLES)[0])
assert (ten["Neighbor overlap: Pixels - PCA"] != agreement["Neighbor overlap: Pixels - PCA"]).any()
assert np.array_equal(ten["CKA: Pixels - PCA"], agreement["CKA: Pixels - PCA"])
sampled = measure(TABLES, Neighbors=6, SampleSize=20)
assert ic.array_of(sampled[0].GetFieldData(), "Sample").tolist() == [20] * ITERATIONS
columns = columns_of(sampled[0])
assert (columns["CKA: Pixels - PCA"] != agreement["CKA: Pixels - PCA"]).all()
assert np.array_equal(columns["Neighbor overlap: Pixels - PCA"],
                      agreement["Neighbor overlap: Pixels - PCA"])

# Names that nothing tells, or nothing tells apart.
untold = ft.keep_rows(TABLE, np.arange(COUNT))
untold.GetFieldData().RemoveArray("Provenance")
names = [ic.array_of(measure(of)[0].GetFieldData(), "Encoders") for of in (
    [untold, untold], [TABLES[0], TABLES[0], encoded(PART, {"encoder": "Pixels",
                                                          "normalization": "L2"})])]
assert names == [["Encoder 1", "Encoder 2"], ["Pixels", "Pixels 2", "Pixels (L2)"]], names

# One encoder has no pairs; without prompts there is agreement only; constant features have none.
one = measure(TABLES[:1], Neighbors=6)
assert list(columns_of(one[0])) == ["Iteration"]
assert np.array_equal(columns_of(one[1])["Prompt neighborhood hit: Pixels"],
                      quality["Prompt neighborhood hit: Pixels"])
bare = []
for table in TABLES:
    bare.append(vtkTable())
    bare[-1].ShallowCopy(table)
    for name in ("PromptId", "GroupId", "Seed"):
        bare[-1].GetRowData().RemoveArray(name)
bare = measure(bare, Neighbors=6)
expect_same(columns_of(bare[0]), agreement)
assert list(columns_of(bare[1])) == ["Iteration"] and bare[2].GetNumberOfRows() == 0
constant = columns_of(measure([TABLES[0], encoded(np.ones((COUNT, 1)), "constant")])[0])
assert all(np.isnan(values).all() for name, values in constant.items() if name != "Iteration")

# A prompt alone parts from none, which is said.
alone = [ft.keep_rows(table, np.flatnonzero(ic.array_of(table.GetRowData(), "PromptId") == 1))
         for table in TABLES]
proxy = EncoderComparison(Input=[ic.as_source(table) for table in alone])
warnings = []


def warn(_object, _event, text):
    warnings.append(text)


warn.CallDataType = "string0"
proxy.GetClientSideObject().AddObserver("WarningEvent", warn)
found = outputs_of(proxy)
assert len(warnings) == 1 and "All instances are of one prompt" in warnings[0], warnings
assert found[2].GetNumberOfRows() == 0 and found[0].GetNumberOfRows() == ITERATIONS

# Aborted, it has the iterations reached; the next run is whole again.
proxy = EncoderComparison(Input=[ic.as_source(table) for table in TABLES], Neighbors=6, Threads=1)
algorithm = proxy.GetClientSideObject()
observer = algorithm.AddObserver(
    "ProgressEvent", lambda *_: algorithm.SetAbortExecute(0.2 < algorithm.GetProgress() < 0.9))
part = [columns_of(data) for data in outputs_of(proxy)]
algorithm.RemoveObserver(observer)
reached = len(part[0]["Iteration"])
assert 0 < reached < ITERATIONS and len(part[1]["Iteration"]) == reached, reached
expect_same(part[0], {name: values[:reached] for name, values in agreement.items()})
assert not part[2]
algorithm.Modified()
algorithm.Update()
expect_same(columns_of(algorithm.GetOutputDataObject(0)), agreement)

# A line chart has the iterations below and a line per pair and measure; a state file brings both back.
def clear():
    for source in [*GetViews(), *GetSources().values()]:
        Delete(source)


clear()
files = ft.write_features("first", FEATURES, TABLE), ft.write_features("second", PART, TABLE)
proxy = EncoderComparison(Input=[FeatureReader(FileName=file) for file in files], Neighbors=6)
recorded = columns_of(outputs_of(proxy)[0])
assert np.array_equal(recorded["CKA: first - second"], agreement["CKA: Pixels - PCA"])
display = Show(OutputPort(proxy, 0), CreateView("XYChartView"))
assert set(display.SeriesVisibility) == set(recorded), display.SeriesVisibility
display.UseIndexForXAxis = 0
display.XArrayName = "Iteration"
display.SeriesVisibility = [name for name in recorded if name != "Iteration"]
SaveState("comparison.pvsm")
clear()
LoadState("comparison.pvsm")
loaded, = (source for source in GetSources().values()
           if source.GetXMLName() == "EncoderComparison")
assert loaded.Neighbors == 6 and len(loaded.Input) == 2
expect_same(columns_of(outputs_of(loaded)[0]), recorded)
chart, = (view for view in GetViews() if view.GetXMLName() == "XYChartView")
display = GetRepresentation(OutputPort(loaded, 0), chart)
assert display.XArrayName == "Iteration" and len(display.SeriesVisibility) == 3

# What it refuses.
def expect_error(tables, words, **properties):
    return ic.expect_error(EncoderComparison(Input=[ic.as_source(table) for table in tables],
                                             **properties), words)


expect_error([TABLES[0], vtkTable()], "Features of Encoder 2: The feature table is empty")
expect_error([TABLES[0], ft.keep_rows(TABLES[2], np.arange(COUNT - 1))],
             "The features of Pixels have a row for iteration 7 of instance 31, those of squares "
             "have none")
other = ft.keep_rows(TABLES[2], np.arange(COUNT))
ft.set_column(other, "PromptId", ic.array_of(other.GetRowData(), "PromptId") + 1)
expect_error([TABLES[0], other], "connect features of the same images")
for name in ("Features", "Instance", "Iteration"):
    lacking = vtkTable()
    lacking.ShallowCopy(TABLES[1])
    lacking.GetRowData().RemoveArray(name)
    expect_error([TABLES[0], lacking], f"Features of PCA: There is no array of numbers '{name}'")
broken = FEATURES.copy()
broken[9, 0] = np.nan
expect_error([TABLES[0], encoded(broken, "broken")], "Features of broken: Row 9")
expect_error(TABLES, "Neighbors is 0", Neighbors=0)
expect_error(TABLES, "Sample Size is 2", SampleSize=2)
