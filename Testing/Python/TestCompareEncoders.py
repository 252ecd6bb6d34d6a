# SPDX-License-Identifier: BSD-3-Clause
"""The example that compares encoders: its page, its figures, and its state, whose views share camera and
selection."""
import csv
import pathlib
import runpy
import sys

import numpy as np
from paraview import servermanager
from paraview.simple import (Delete, EncoderComparison, ExtractSelection, FeatureReader, GetSources,
                             GetViews, LoadState, Render)
from paraview.selection import ClearSelection, SelectSurfacePoints

import FeatureTables as ft
import ImageCollection as ic
import Plugins
import TreeAxes

EXAMPLE = str(Plugins.SOURCE / "Examples" / "compare_encoders.py")
TABLE = ft.make_table(instances_per_prompt=4)
FEATURES = ic.array_of(TABLE.GetRowData(), "Features")
names = ["whole", "half", "sine"]
files = [ft.write_features(name, features, TABLE)
         for name, features in zip(names, (FEATURES, FEATURES[:, :3], np.sin(FEATURES)))]


def clear():
    for proxy in [*GetViews(), *GetSources().values()]:
        Delete(proxy)


def read(name):
    with open(f"out/{name}.csv", newline="") as stream:
        return list(csv.DictReader(stream))


sys.argv = ["compare_encoders.py", *files, "--output", "out"]
runpy.run_path(EXAMPLE)
assert sorted(path.name for path in pathlib.Path("out").iterdir()) == [
    "agreement.csv", "compare-encoders.png", "compare-encoders.pvsm", "encoders.csv", "pairs.csv",
    "quality.csv", "separations.csv"]
clear()

# The figures are those of the filter.
comparison = EncoderComparison(Input=[FeatureReader(FileName=file) for file in files])
comparison.UpdatePipeline()
agreement, quality, separations = (
    comparison.GetClientSideObject().GetOutputDataObject(port).GetRowData() for port in range(3))
pairs = read("pairs")
assert [(row["first"], row["second"]) for row in pairs] == [
    ("whole", "half"), ("whole", "sine"), ("half", "sine")]
for row in pairs:
    for measure in ("Neighbor overlap", "CKA", "Distance correlation"):
        column = ic.array_of(agreement, f"{measure}: {row['first']} - {row['second']}")
        assert np.isclose(float(row[measure]), column.mean()), (row, measure)
encoders = read("encoders")
assert [row["encoder"] for row in encoders] == names
assert [row["components"] for row in encoders] == ["6", "3", "6"]
for row in encoders:
    hits = ic.array_of(quality, f"Prompt neighborhood hit: {row['encoder']}")
    assert np.isclose(float(row["prompt hit"]), hits.mean())
    parts = ic.array_of(separations, f"Separation: {row['encoder']}")
    assert float(row["median separation"]) == np.median(parts)
    assert int(row["pairs apart"]) == (parts < 8).sum()
    assert 0 < float(row["recall, radial"]) <= 1 and 0 < float(row["recall, rectilinear"]) <= 1
assert len(read("agreement")) == len(read("quality")) == 8 and len(read("separations")) == 6

# The page is of A4 and has ink where trees, charts and figures belong.
page = TreeAxes.read_png("out/compare-encoders.png")
height, width, _ = page.shape
assert (width, height) == (1654, 2338), page.shape
inked = (page.min(axis=2) < 200).reshape(7, height // 7, width).mean(axis=(1, 2))
assert (inked > 0.002).all(), inked
edges = np.concatenate([page[:, 0], page[:, -1], page[0], page[-1]])
assert (edges == 255).all()  # nothing is cut off

# Encoders of the plugin, with the sampled model's own view.
if Plugins.with_torch():
    clear()
    sys.argv = ["compare_encoders.py", "Activations", "Pixels", "--instances", "2", "--steps", "3", "--output", "own"]
    runpy.run_path(EXAMPLE)
    with open("own/encoders.csv", newline="") as stream:
        assert [(row["encoder"], row["components"]) for row in csv.DictReader(stream)] == [
            ("Activations", "128"), ("Pixels", "784")]

# The state comes back: a view per encoder and layout; what is selected in one is in all.
clear()
LoadState("out/compare-encoders.pvsm")
views = [view for view in GetViews() if view.GetXMLName() == "RenderView"]
assert len(views) == 6, views
trees = [source for source in GetSources().values()
         if source.GetXMLName() == "EvolutionaryEmbedding"]
assert len(trees) == 6
for view in views:
    Render(view)
for view in (views[0], views[5]):
    width, height = view.ViewSize
    SelectSurfacePoints(Rectangle=[0, 0, width // 2, height], View=view)
    found = []
    for tree in trees:
        selected = servermanager.Fetch(ExtractSelection(Input=tree)).GetPointData()
        found.append([ic.array_of(selected, name).tolist() for name in ("Instance", "Iteration")])
    assert 0 < len(found[0][0]) < TABLE.GetNumberOfRows(), found[0]
    assert all(other == found[0] for other in found), found
    ClearSelection()

# The camera of the first view is that of its layout's views and of no other.
views[0].CameraParallelScale = 1.25
views[0].CameraPosition = [1, 2, 30]
views[0].CameraFocalPoint = [1, 2, 0]
Render(views[0])
moved = [view for view in views if view.CameraParallelScale == 1.25]
assert len(moved) == 3, [view.CameraParallelScale for view in views]
