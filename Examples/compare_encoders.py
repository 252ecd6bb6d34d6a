# SPDX-License-Identifier: BSD-3-Clause
"""
What several encoders see in the same images, side by side. Writes

  compare-encoders.png   a page: both trees of each encoder, charts and figures of how far they agree
  encoders.csv           the figures of each encoder;  pairs.csv  those of each pair
  agreement.csv, quality.csv, separations.csv  the tables of Encoder Comparison
  compare-encoders.pvsm  a state for ParaView: a view per encoder and layout, of one camera and one
                         selection

An encoder is given as the Feature Encoder's kind (Pixels), with a Feature Output (Model/Class Scores),
as a folder of a network, or as a file of features made elsewhere (Readers/README.md), which need to be
of the same images. Activations are those of the sampled model, which a recorded run has none of. Run by
pvpython with the plugins loaded:

    pvpython compare_encoders.py
    pvpython compare_encoders.py Model "Model/Class Scores" PCA Pixels
    pvpython compare_encoders.py --run run/run.json Model dinov2-small PCA
    pvpython compare_encoders.py one.json other.json
"""
import argparse
import itertools
import pathlib
import sys

import numpy as np
from paraview import servermanager
from paraview.simple import *

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from comparison import (LAYOUTS, columns_of, crop, draw_pair, draw_table, frame_alike, legend_of_prompts,
                        line_colors, make_view, output_of, pictures_of, prompts_of, style_chart, update,
                        write_csv)
from matplotlib import pyplot

MEASURES = ("Neighbor overlap", "CKA", "Distance correlation")


def make_features(encoder, images):
    """The proxy that gives an encoder's feature table."""
    path = pathlib.Path(encoder)
    if path.suffix == ".json":
        return FeatureReader(FileName=str(path.resolve()))
    if path.is_dir():
        return FeatureEncoder(Input=images, Encoder="Model", EncoderFolder=str(path.resolve()))
    kind, _, output = encoder.partition("/")
    features = FeatureEncoder(Input=images, Encoder=kind)
    if output:
        features.FeatureOutput = output
    return features


def link(kind, name, add, proxies):
    """Links proxies such that a change of any of them is one of all."""
    shared = kind()
    for proxy in proxies:
        getattr(shared, add)(proxy.SMProxy, shared.OUTPUT)
        getattr(shared, add)(proxy.SMProxy, shared.INPUT)
    servermanager.ProxyManager().RegisterLink(name, shared)


def make_layout(names, trees):
    """Views [layout][encoder] in a grid, of one camera per layout and one selection."""
    grid = CreateLayout("Encoders")
    rows = {}
    for row, (layout, representation) in enumerate(LAYOUTS.items()):
        rows[layout] = [make_view(tree, name, representation)
                        for tree, name in zip(trees[layout], names)]
        views = [view for view, _, _ in rows[layout]]
        frame_alike(views)
        link(servermanager.vtkSMCameraLink, f"{layout} cameras", "AddLinkedProxy", views)
    link(servermanager.vtkSMSelectionLink, "Images", "AddLinkedSelection",
         [tree for layout in LAYOUTS for tree in trees[layout]])

    # Split into equal rows and columns; a cell's children are 2 i + 1 and 2 i + 2.
    grid.SplitVertical(0, 0.5)
    for half, layout in zip((1, 2), LAYOUTS):
        cell = half
        for column, (view, _, _) in enumerate(rows[layout]):
            left = len(names) - column
            if left > 1:
                grid.SplitHorizontal(cell, 1 / left)
                grid.AssignView(2 * cell + 1, view)
                cell = 2 * cell + 2
            else:
                grid.AssignView(cell, view)
    return grid, rows


def figures_of_encoders(names, features, quality, separations, trees):
    """A row of figures per encoder."""
    rows = []
    never = None
    for i, name in enumerate(names):
        iterations = quality["Iteration"]
        row = {"encoder": name,
               "components": output_of(features[i]).GetRowData().GetArray("Features")
               .GetNumberOfComponents()}
        for label, column in (("prompt hit", "Prompt"), ("group hit", "Group")):
            hits = quality.get(f"{column} neighborhood hit: {name}")
            if hits is not None:
                row[label] = np.nanmean(hits)
        if separations:
            never = iterations.max() + 1
            at = separations[f"Separation: {name}"]
            row["median separation"] = float(np.median(at))
            row["pairs apart"] = int((at < never).sum())
        for layout in LAYOUTS:
            measure = EmbeddingQuality(Input=trees[layout][i], FeatureTable=features[i])
            update(measure, f"Measuring {name}, {layout.lower()}")
            measured = columns_of(output_of(measure).GetRowData())
            recall = measured["Measure"].index("Within-iteration recall")
            row[f"recall, {layout.lower()}"] = measured["Value"][recall]
            Delete(measure)
        rows.append(row)
    return rows


def figures_of_pairs(names, agreement):
    return [{"first": a, "second": b,
             **{measure: np.nanmean(agreement[f"{measure}: {a} - {b}"]) for measure in MEASURES}}
            for a, b in itertools.combinations(names, 2)]


def draw_page(file, names, pictures, prompts, agreement, quality, encoders, pairs, caption, note):
    """A page of A4, longer where many encoders need it: trees, charts, figures."""
    line, note_line = 0.0145, 0.0105
    table_heights = (len(encoders) + 2) * line, (len(pairs) + 2) * line
    footer = max(table_heights[0] + 0.012 + note_line * (note.count("\n") + 1), table_heights[1])
    top = 0.775  # of the tables, in pages from above as all heights here
    length = max(1.0, top + footer + 0.04)
    page = pyplot.figure(figsize=(8.27, 11.69 * length), dpi=200)
    left, width = 0.075, 0.865
    colors = line_colors(names)

    def box(x, y, box_width, box_height):
        return [x, 1 - (y + box_height) / length, box_width, box_height / length]

    def write(x, y, text, **style):
        page.text(x, 1 - y / length, text, **style)

    write(left, 0.042, "What encoders see in the same images", fontsize=13, fontweight="bold")
    write(left, 0.058, caption, fontsize=8, color="0.3")

    # Trees: a column per encoder, a row per layout, as large as their room and proportions allow.
    shapes = {layout: pictures[layout][0].shape for layout in LAYOUTS}
    column = width / len(names)
    proportion = 8.27 / 11.69
    room = 0.275
    size = min(0.95 * column, room / sum(proportion * h / w for h, w, _ in shapes.values()))
    y = 0.085
    for layout, (rows, columns, _) in shapes.items():
        height = size * proportion * rows / columns
        for i, (name, picture) in enumerate(zip(names, pictures[layout])):
            axes = page.add_axes(box(left + (i + 0.5) * column - size / 2, y, size, height))
            axes.imshow(picture, aspect="auto", interpolation="antialiased")
            axes.set_axis_off()
            if layout == "Radial":
                axes.set_title(name, fontsize=8.5, fontweight="bold", color=colors[name], pad=5)
        write(left - 0.012, y + height / 2, layout.lower(), fontsize=8, rotation=90, ha="right",
              va="center", color="0.3")
        y += height + 0.01
    if prompts:
        legend_of_prompts(page, prompts, (left + width / 2, 1 - (y + 0.008) / length))

    # Charts.
    iterations = agreement["Iteration"]
    chart_width, chart_height = 0.46 * width, 0.125
    charts = [page.add_axes(box(x, y, chart_width, chart_height)) for y in (0.42, 0.595)
              for x in (left, left + width - chart_width)]
    titles = ("Nearest neighbors shared by a pair of encoders", "CKA of a pair of encoders",
              "Distance correlation of a pair of encoders")
    for axes, measure, title in zip(charts[1:], MEASURES, titles):
        for a, b in itertools.combinations(names, 2):
            draw_pair(axes, iterations, agreement[f"{measure}: {a} - {b}"], colors[a], colors[b])
        style_chart(axes, iterations, title)
    style_chart(charts[0], iterations, "Nearest neighbors of the same prompt")
    for name, thickness in zip(names, np.linspace(3.2, 1.2, len(names))):
        hits = quality.get(f"Prompt neighborhood hit: {name}")
        if hits is not None:  # a line beneath another that is like it is seen at its sides
            charts[0].plot(iterations, hits, color=colors[name], linewidth=thickness, label=name)
    if "Chance of a prompt neighborhood hit" in quality:
        charts[0].plot(iterations, quality["Chance of a prompt neighborhood hit"], color="0.5",
                       linewidth=1, linestyle=":", label="by chance")
        charts[0].legend(loc="best", frameon=False, fontsize=6.5, labelspacing=0.25)

    # Figures.
    labels = {"components": "features", "prompt hit": "same\nprompt", "group hit": "same\ngroup",
              "median separation": "part\nat", "recall, radial": "recall,\nradial",
              "recall, rectilinear": "recall,\nrectil."}
    keys = [key for key in labels if key in encoders[0]]
    text = [[row["encoder"], *(f"{row[key]:g}" if key in ("components", "median separation")
                               else f"{row[key]:.2f}" for key in keys)] for row in encoders]
    draw_table(page, box(left, top, 0.49 * width, table_heights[0]), 0.32,
               ["encoder", *(labels[key] for key in keys)], text,
               [[colors[row["encoder"]]] for row in encoders])
    write(left, top + table_heights[0] + 0.012, note, fontsize=6.5, color="0.3", va="top",
          linespacing=1.3)
    if pairs:
        text = [[f"{row['first']} \u2013 {row['second']}",
                 *(f"{row[measure]:.2f}" for measure in MEASURES)] for row in pairs]
        draw_table(page, box(left + 0.53 * width, top, 0.47 * width, table_heights[1]), 0.61,
                   ["pair of encoders", "shared\nneighbors", "CKA", "distance\ncorr."], text,
                   [[colors[row["first"]], colors[row["second"]]] for row in pairs])
    page.savefig(file)


parser = argparse.ArgumentParser(description="Compares encoders side by side.")
parser.add_argument("encoders", nargs="*",
                    help="kind, kind/output, folder of a network, or .json file of features "
                         "(default: Model, Activations, Gradients and Pixels; of a recorded run Model, "
                         "Gradients, PCA and Pixels)")
parser.add_argument("--run", type=pathlib.Path, help="a recorded run instead of a sampler")
parser.add_argument("--instances", type=int, default=10, help="per prompt (default: %(default)s)")
parser.add_argument("--steps", type=int, default=50, help="of the sampler (default: %(default)s)")
parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: %(default)s)")
parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("encoders"),
                    help="folder for the results (default: %(default)s)")
arguments = parser.parse_args()
if not arguments.encoders:
    arguments.encoders = (["Model", "Gradients", "PCA", "Pixels"] if arguments.run
                          else ["Model", "Activations", "Gradients", "Pixels"])
folder = arguments.output.resolve()
folder.mkdir(parents=True, exist_ok=True)

images = None
if not all(encoder.endswith(".json") for encoder in arguments.encoders):
    if arguments.run:
        images = RecordedRunReader(FileName=str(arguments.run.resolve()))
    else:
        images = DiffusionSampler(InstancesPerPrompt=arguments.instances,
                                  InferenceSteps=arguments.steps, Seed=arguments.seed,
                                  CaptureActivations="Activations" in arguments.encoders)
    update(images, "Images")
features = []
for encoder in arguments.encoders:
    features.append(make_features(encoder, images))
    update(features[-1], f"Features: {encoder}")
comparison = EncoderComparison(Input=features)
update(comparison, "Comparison")
names = columns_of(output_of(comparison).GetFieldData())["Encoders"]
agreement, quality, separations = (columns_of(output_of(comparison, port).GetRowData())
                                   for port in range(3))

trees = {}
for layout in LAYOUTS:
    trees[layout] = []
    for table, name in zip(features, names):
        trees[layout].append(EvolutionaryEmbedding(Input=table, Layout=layout, Seed=arguments.seed))
        RenameSource(f"{name}, {layout.lower()}", trees[layout][-1])
        update(trees[layout][-1], f"Tree: {name}, {layout.lower()}")
grid, rows = make_layout(names, trees)
SaveState(str(folder / "compare-encoders.pvsm"))

for port, file in enumerate(("agreement", "quality", "separations")):
    SaveData(str(folder / f"{file}.csv"), OutputPort(comparison, port))
encoders = figures_of_encoders(names, features, quality, separations, trees)
pairs = figures_of_pairs(names, agreement)
write_csv(folder / "encoders.csv", encoders)
if pairs:
    write_csv(folder / "pairs.csv", pairs)

shape = {"Radial": (900, 900), "Rectilinear": (900, 720)}
pictures = {layout: crop(pictures_of(rows[layout], shape[layout], folder)) for layout in LAYOUTS}
table = output_of(features[0])
prompts = prompts_of(table)
instances = len(np.unique(columns_of(table.GetRowData())["Instance"]))
caption = (f"{instances} runs of {len(prompts)} prompts, {len(agreement['Iteration'])} iterations; "
           f"neighbors are the {comparison.Neighbors} nearest images of the iteration")
note = """same prompt, same group: share of the nearest neighbors
part at: median iteration from which on two prompts are told apart
recall: share of the nearest neighbors that are so in the tree
Shares, CKA and correlations are means over the iterations."""
draw_page(folder / "compare-encoders.png", names, pictures, prompts, agreement, quality, encoders,
          pairs, caption, note)
print(f"In {folder}:")
for file in sorted(folder.iterdir()):
    print(f"  {file.name}")
