# SPDX-License-Identifier: BSD-3-Clause
"""
The same prompts and seeds by several schedulers, aligned by noise level. Writes

  compare-schedulers.png  a page: trees, a run's images, charts and figures of how far schedulers agree
  schedulers.csv          the figures of each scheduler;  pairs.csv  those of each pair
  levels.csv              the noise levels, each scheduler's iteration there, and the measures of the charts

A noise level counts where every scheduler has an iteration of its own near it: of that with the fewest
steps all iterations, of the others those nearest in the logarithm of Sigma. The first scheduler's tree is
laid out; the others' images are placed among its points, so that the same place means the same look.

A scheduler is given by its name in the Diffusion Sampler, with its steps (default: those of --steps) where
they differ. Run by pvpython with the plugins loaded:

    pvpython compare_schedulers.py DDIM DPM-Solver++:25 "Euler Ancestral" LCM
    pvpython compare_schedulers.py --model stable-diffusion-v1-5 --prompts Prompts/objects.txt --encoder PCA
"""
import argparse
import itertools
import json
import pathlib
import sys

import numpy as np
from paraview.simple import *
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from comparison import (columns_of, crop, draw_pair, draw_table, frame_alike, legend_of_prompts, line_colors,
                        make_view, output_of, pictures_of, prompts_of, style_chart, update, write_csv)
from matplotlib import pyplot

MEASURES = ("Twins", "Neighbor overlap", "CKA")


def scheduler(text):
    """The name and, where they are given, the steps of an argument."""
    kind, _, steps = text.partition(":")
    if steps and not steps.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' has no number of steps after the colon")
    return kind, int(steps) if steps else None


def sample(kind, steps, arguments):
    """The proxy of a run by a scheduler; ends where the sampler has none of that name."""
    images = DiffusionSampler(InstancesPerPrompt=arguments.instances, InferenceSteps=steps,
                              Seed=arguments.seed, StoredImageSize=arguments.size)
    known = images.GetProperty("Scheduler").Available
    if kind not in known:
        sys.exit(f"There is no scheduler '{kind}'; choose from {', '.join(known)}.")
    images.Scheduler = kind
    if arguments.model:
        images.ModelFolder = str(arguments.model.resolve())
    if arguments.prompts:
        images.PromptFile = str(arguments.prompts.resolve())
    if arguments.guidance is not None:
        images.GuidanceScale = arguments.guidance
    return images


def encode(images, arguments):
    features = FeatureEncoder(Input=images, ImageArray=arguments.array)
    if pathlib.Path(arguments.encoder).is_dir():
        features.EncoderFolder = str(pathlib.Path(arguments.encoder).resolve())
    else:
        features.Encoder = arguments.encoder
    return features


def levels_of(sigmas):
    """
    Where runs with these noise levels, falling to the 0 of the final image, meet: [level] the noise
    level, [level, run] the iteration of each.
    """
    coarsest = min(sigmas, key=len)
    levels, iterations = [], []
    for sigma in coarsest[:-1]:
        nearest = [int(np.argmin(np.abs(np.log(run[:-1] / sigma)))) for run in sigmas]
        if not iterations or all(np.greater(nearest, iterations[-1])):
            levels.append(sigma)
            iterations.append(nearest)
    return (np.array([*levels, 0.0]),
            np.array([*iterations, [len(run) - 1 for run in sigmas]]))


def align(table, name, levels, iterations):
    """A feature table of the rows of these iterations, which become the levels' numbers; the comparison and
    the views call it by the name."""
    columns = columns_of(table.GetRowData())
    level_of = np.full(columns["Iteration"].max() + 1, -1)
    level_of[iterations] = np.arange(len(levels))
    rows = np.flatnonzero(level_of[columns["Iteration"]] >= 0)
    kept = {column: values[rows] for column, values in columns.items()}
    kept["Iteration"] = level_of[kept["Iteration"]].astype(np.int32)
    kept["Sigma"] = levels[kept["Iteration"]]
    aligned = vtkTable()
    for column, values in kept.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(column)
        aligned.GetRowData().AddArray(array)
    aligned.GetFieldData().ShallowCopy(table.GetFieldData())
    provenance = json.loads(columns_of(table.GetFieldData())["Provenance"][0])
    provenance["encoder"] = name
    text = vtkStringArray()
    text.SetName("Provenance")
    text.InsertNextValue(json.dumps(provenance))
    aligned.GetFieldData().AddArray(text)
    source = TrivialProducer(registrationName=name)
    source.GetClientSideObject().SetOutput(aligned)
    source.UpdatePipeline()
    return source


def features_by_level(table, count):
    """[level, run, component]"""
    columns = columns_of(output_of(table).GetRowData())
    return columns["Features"].reshape(-1, count, columns["Features"].shape[-1]).swapaxes(0, 1)


def twins(one, other):
    """[level] The share of one's images to which, of all the other's, that of the same prompt and seed is the
    nearest."""
    shares = []
    for a, b in zip(one.astype(float), other.astype(float)):
        distances = (a ** 2).sum(1)[:, None] - 2 * a @ b.T + (b ** 2).sum(1)
        shares.append(np.mean(distances.argmin(1) == np.arange(len(a))))
    return np.array(shares)


def pixels_of(images, instance, array):
    """[iteration, row from the top, column, component]"""
    image = output_of(images).GetPartition(instance, 0)
    width, height, iterations = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetArray(array))
    return pixels.reshape(iterations, height, width, -1)[:, ::-1]


def final_difference(one, other, instances):
    """Mean difference of final images of the same prompt and seed, as a share of the range."""
    return np.mean([np.abs(pixels_of(one, i, "Image")[-1].astype(float)
                           - pixels_of(other, i, "Image")[-1]).mean() for i in range(instances)]) / 255


def tell(sigma):
    return f"{sigma:.3g}" if sigma < 100 else f"{sigma:.0f}"


def style_level_chart(axes, levels, title):
    style_chart(axes, np.arange(len(levels)), title, "sigma")
    ticks = np.unique(np.linspace(0, len(levels) - 1, 7).round().astype(int))
    axes.set_xticks(ticks, [tell(levels[tick]) for tick in ticks])


def draw_strips(page, place, names, colors, strips, levels):
    """A row of images per scheduler, a column per noise level."""
    shown = np.unique(np.linspace(0, len(levels) - 1, 12).round().astype(int))
    height, width = strips[0].shape[1:3]
    canvas = np.full((len(names) * (height + 1), len(shown) * (width + 1), 3), 255, np.uint8)
    for row, strip in enumerate(strips):
        for column, level in enumerate(shown):
            canvas[row * (height + 1):row * (height + 1) + height,
                   column * (width + 1):column * (width + 1) + width] = strip[level]
    axes = page.add_axes(place)
    axes.imshow(canvas, aspect="auto", interpolation="nearest")
    axes.set_yticks([(row + 0.5) * (height + 1) - 1 for row in range(len(names))], names, fontsize=7)
    for label, name in zip(axes.get_yticklabels(), names):
        label.set_color(colors[name])
    axes.set_xticks([(column + 0.5) * (width + 1) - 1 for column in range(len(shown))],
                    [tell(levels[level]) for level in shown], fontsize=7)
    axes.set_xlabel("sigma", fontsize=7, labelpad=1)
    axes.tick_params(length=0, pad=2)
    axes.spines[:].set_visible(False)


def draw_page(file, names, pictures, prompts, strips, levels, measures, hits, schedulers, pairs, caption,
              strip_title, note):
    """A page of A4, longer where many schedulers need it: trees, images, charts, figures."""
    line, note_line, row_height = 0.0145, 0.0105, 0.0425
    table_heights = (len(schedulers) + 2) * line, (len(pairs) + 2) * line
    strips_top = 0.305
    charts_top = strips_top + row_height * len(names) + 0.035
    top = charts_top + 0.34
    note_top = top + max(table_heights) + 0.012
    length = max(1.0, note_top + note_line * (note.count("\n") + 1) + 0.03)
    page = pyplot.figure(figsize=(8.27, 11.69 * length), dpi=200)
    left, width = 0.075, 0.865
    colors = line_colors(names)

    def box(x, y, box_width, box_height):
        return [x, 1 - (y + box_height) / length, box_width, box_height / length]

    def write(x, y, text, **style):
        page.text(x, 1 - y / length, text, **style)

    write(left, 0.042, "The same noise by several schedulers", fontsize=13, fontweight="bold")
    write(left, 0.058, caption, fontsize=8, color="0.3")

    # Trees.
    column = width / len(names)
    rows, columns, _ = pictures[0].shape
    proportion = 8.27 / 11.69 * rows / columns
    size = min(0.95 * column, 0.17 / proportion)
    for i, (name, picture) in enumerate(zip(names, pictures)):
        axes = page.add_axes(box(left + (i + 0.5) * column - size / 2, 0.09, size, size * proportion))
        axes.imshow(picture, aspect="auto", interpolation="antialiased")
        axes.set_axis_off()
        axes.set_title(name, fontsize=8.5, fontweight="bold", color=colors[name], pad=5)
    legend_of_prompts(page, prompts, (left + width / 2, 1 - (0.1 + size * proportion) / length))

    # A run's images.
    write(left, strips_top - 0.008, strip_title, fontsize=8, fontweight="bold")
    label_width = 0.11
    draw_strips(page, box(left + label_width, strips_top, width - label_width, row_height * len(names)),
                names, colors, strips, levels)

    # Charts.
    chart_width, chart_height = 0.46 * width, 0.115
    charts = [page.add_axes(box(x, y, chart_width, chart_height))
              for y in (charts_top + 0.015, charts_top + 0.18) for x in (left, left + width - chart_width)]
    number = np.arange(len(levels))
    style_level_chart(charts[0], levels, "Nearest neighbors of the same prompt")
    for name, thickness in zip(names, np.linspace(3.2, 1.2, len(names))):
        charts[0].plot(number, hits[name], color=colors[name], linewidth=thickness, label=name)
    charts[0].plot(number, hits["chance"], color="0.5", linewidth=1, linestyle=":", label="by chance")
    charts[0].legend(loc="best", frameon=False, fontsize=6.5, labelspacing=0.25)
    titles = ("Nearest image by the other is of the same run",
              "Nearest neighbors shared by a pair of schedulers", "CKA of a pair of schedulers")
    for axes, measure, title in zip(charts[1:], MEASURES, titles):
        for a, b in itertools.combinations(names, 2):
            draw_pair(axes, number, measures[f"{measure}: {a} - {b}"], colors[a], colors[b])
        style_level_chart(axes, levels, title)

    # Figures.
    text = [[row["scheduler"], str(row["steps"]), f"{row['largest mismatch']:.2f}",
             f"{row['prompt hit']:.2f}", tell(row["median separation"]) if row["median separation"] else "\u2013",
             f"{row['final difference']:.3f}"] for row in schedulers]
    draw_table(page, box(left, top, 0.48 * width, table_heights[0]), 0.42,
               ["scheduler", "steps", "mis-\nmatch", "same\nprompt", "part at\nsigma", "final\ndiffers"],
               text, [[colors[row["scheduler"]]] for row in schedulers])
    write(left, note_top, note, fontsize=6.5, color="0.3", va="top", linespacing=1.3)
    if pairs:
        text = [[f"{row['first']} \u2013 {row['second']}", *(f"{row[measure]:.2f}" for measure in MEASURES)]
                for row in pairs]
        draw_table(page, box(left + 0.54 * width, top, 0.46 * width, table_heights[1]), 0.7,
                   ["pair of schedulers", "same\nrun", "shared\nneigh.", "CKA"], text,
                   [[colors[row["first"]], colors[row["second"]]] for row in pairs])
    page.savefig(file)


parser = argparse.ArgumentParser(description="Compares schedulers from the same noise.")
parser.add_argument("schedulers", nargs="*", type=scheduler,
                    default=[scheduler(text) for text in ("DDIM", "DPM-Solver++:25", "Euler Ancestral", "LCM")],
                    help="name or name:steps (default: DDIM DPM-Solver++:25 'Euler Ancestral' LCM)")
parser.add_argument("--model", type=pathlib.Path, help="folder (default: the model of the plugins)")
parser.add_argument("--prompts", type=pathlib.Path, help="file of prompts (default: the model's own)")
parser.add_argument("--guidance", type=float, help="scale (default: the sampler's)")
parser.add_argument("--encoder", default="Model", help="kind, or folder of a network (default: %(default)s)")
parser.add_argument("--array", default="Image", choices=["Image", "PredictedImage"],
                    help="what is compared (default: %(default)s)")
parser.add_argument("--instances", type=int, default=6, help="per prompt (default: %(default)s)")
parser.add_argument("--steps", type=int, default=50, help="of the sampler (default: %(default)s)")
parser.add_argument("--size", type=int, default=0, help="of the images kept, in pixels (default: the model's)")
parser.add_argument("--show", type=int, default=0, help="the instance whose images are shown (default: %(default)s)")
parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: %(default)s)")
parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("schedulers"),
                    help="folder for the results (default: %(default)s)")
arguments = parser.parse_args()
folder = arguments.output.resolve()
folder.mkdir(parents=True, exist_ok=True)

names, steps, runs, encoded = [], [], [], []
for kind, count in arguments.schedulers:
    steps.append(count or arguments.steps)
    names.append(f"{kind}, {count}" if count else kind)
    if names[-1] in names[:-1]:
        sys.exit(f"{names[-1]} is listed twice; remove one.")
    runs.append(sample(kind, steps[-1], arguments))
    update(runs[-1], f"Images: {names[-1]}")
    encoded.append(encode(runs[-1], arguments))
    update(encoded[-1], f"Features: {names[-1]}")
instances = output_of(runs[0]).GetNumberOfPartitionedDataSets()
if not 0 <= arguments.show < instances:
    sys.exit(f"There is no instance {arguments.show} to show; choose from 0 to {instances - 1}.")
sigmas = [columns_of(output_of(run).GetPartition(0, 0).GetFieldData())["Sigma"] for run in runs]
levels, iterations = levels_of(sigmas)
tables = [align(output_of(features), name, levels, iterations[:, i])
          for i, (features, name) in enumerate(zip(encoded, names))]

comparison = EncoderComparison(Input=tables)
update(comparison, "Comparison")
agreement, quality, separations = (columns_of(output_of(comparison, port).GetRowData()) for port in range(3))
trees = [EvolutionaryEmbedding(Input=tables[0], Layout="Radial", Seed=arguments.seed, KeepFeatures=1)]
update(trees[0], f"Tree: {names[0]}")
for table, name in zip(tables[1:], names[1:]):
    trees.append(EvolutionaryEmbedding(Input=table, FrozenEmbedding=trees[0], Seed=arguments.seed))
    update(trees[-1], f"Tree: {name}")

# Figures.
by_level = [features_by_level(table, len(levels)) for table in tables]
measures = {}
for (a, one), (b, other) in itertools.combinations(zip(names, by_level), 2):
    measures[f"Twins: {a} - {b}"] = (twins(one, other) + twins(other, one)) / 2
    for measure in MEASURES[1:]:
        measures[f"{measure}: {a} - {b}"] = agreement[f"{measure}: {a} - {b}"]
hits = {name: quality[f"Prompt neighborhood hit: {name}"] for name in names}
hits["chance"] = quality["Chance of a prompt neighborhood hit"]
schedulers = []
for i, name in enumerate(names):
    own = sigmas[i][iterations[:-1, i]]
    row = {"scheduler": name, "steps": steps[i],
           "largest mismatch": np.exp(np.abs(np.log(own / levels[:-1])).max()),
           "prompt hit": np.nanmean(hits[name]),
           "final difference": final_difference(runs[0], runs[i], instances)}
    if separations:
        at = np.median(separations[f"Separation: {name}"])
        # Prompts that never part come after the final image.
        row["median separation"] = levels[int(np.ceil(at))] if at <= len(levels) - 1 else np.nan
    schedulers.append(row)
pairs = [{"first": a, "second": b,
          **{measure: np.nanmean(measures[f"{measure}: {a} - {b}"]) for measure in MEASURES}}
         for a, b in itertools.combinations(names, 2)]
write_csv(folder / "schedulers.csv", schedulers)
if pairs:
    write_csv(folder / "pairs.csv", pairs)
write_csv(folder / "levels.csv",
          [{"Sigma": sigma,
            **{f"Iteration: {name}": iterations[level, i] for i, name in enumerate(names)},
            **{f"Prompt neighborhood hit: {name}": hits[name][level] for name in names},
            **{measure: values[level] for measure, values in measures.items()}}
           for level, sigma in enumerate(levels)])

# The page.
row = [make_view(tree, name, "TDL Radial Axes") for tree, name in zip(trees, names)]
for _, display, _ in row:
    display.AxesLabels = "Sigma"
frame_alike([view for view, _, _ in row])
pictures = crop(pictures_of(row, (900, 900), folder))
prompts = prompts_of(output_of(tables[0]))
strips = [pixels_of(run, arguments.show, "PredictedImage")[iterations[:, i]] for i, run in enumerate(runs)]
of_shown = columns_of(output_of(runs[0]).GetPartition(arguments.show, 0).GetFieldData())
caption = (f"{instances} runs of {len(prompts)} prompts by each, compared at {len(levels)} noise levels; the images "
           f"of the others are placed in the tree of {names[0]}")
strip_title = (f"What the model predicts on the way of one run: prompt {prompts[of_shown['PromptId'][0]][0]}, "
               f"seed {of_shown['Seed'][0]}")
note = f"""mismatch: largest ratio of a scheduler's sigma to that of the level
same prompt: share of the {comparison.Neighbors} nearest neighbors
same run: share of images to which that of the same prompt and seed is the nearest of the other scheduler's
part at: median sigma from which on two prompts are told apart
final differs: mean difference of final images to those by {names[0]}, 1 being black to white
Shares and CKA are means over the levels."""
draw_page(folder / "compare-schedulers.png", names, pictures, prompts, strips, levels, measures, hits, schedulers,
          pairs, caption, strip_title, note)
print(f"In {folder}:")
for file in sorted(folder.iterdir()):
    print(f"  {file.name}")
