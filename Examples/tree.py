# SPDX-License-Identifier: BSD-3-Clause
"""
The whole chain with the default models: samples every prompt several times, encodes all intermediate
images, embeds them, and writes

  tree.vtp           the embedding, one point per intermediate image (ParaView draws it as below)
  tree-radial.png    the tree: noise in the center, final images at the rim, a color per prompt
  tree-rectilinear.png  the same from left to right
  film-strip.png     some instances on their way from noise to image
  quality.csv        figures of how faithful the embedding is

Run by pvpython with the plugins loaded, or by quickstart.sh:  pvpython tree.py [--help]
"""
import argparse
import pathlib
import sys
import time

from paraview import servermanager
from paraview.simple import *

parser = argparse.ArgumentParser(description="Grows the tree of diffusion life.")
parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("tree-of-diffusion-life"),
                    help="folder for the results (default: %(default)s)")
parser.add_argument("--instances", type=int, default=10, help="per prompt (default: %(default)s)")
parser.add_argument("--steps", type=int, default=50, help="of the sampler (default: %(default)s)")
parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: %(default)s)")
arguments = parser.parse_args()


def run(proxy, what):
    """Brings a stage up to date, with a progress bar on the terminal; ends at its first error."""
    start = time.time()
    drawn = -1

    def show(algorithm, _):
        nonlocal drawn
        percent = round(100 * algorithm.GetProgress())
        if percent > drawn and (sys.stderr.isatty() or percent == 100):
            print(f"\r{what:<24}[{'#' * (percent * 3 // 10):<30}] {percent:3} %  {time.time() - start:3.0f} s",
                  end="", file=sys.stderr, flush=True)
            drawn = percent

    def fail(algorithm, _, message):
        sys.exit(f"\n{message}")
    fail.CallDataType = "string0"

    algorithm = proxy.GetClientSideObject()
    algorithm.AddObserver("ProgressEvent", show)
    algorithm.AddObserver("ErrorEvent", fail)
    proxy.UpdatePipeline()
    print(file=sys.stderr)


def draw(embedding, representation, file):
    """Saves a picture of an embedding on white."""
    left, right, bottom, top = embedding.GetDataInformation().GetBounds()[:4]
    view = CreateView("RenderView")
    view.ViewSize = [1200, min(1000, round(1200 * (top - bottom) / (right - left)) + 100)]
    view.UseColorPaletteForBackground = 0
    view.Background = [1, 1, 1]
    view.OrientationAxesVisibility = 0
    display = Show(embedding, view)
    display.SetRepresentationType(representation)
    ResetCamera(view)
    SaveScreenshot(str(file), view)


images = DiffusionSampler(InstancesPerPrompt=arguments.instances, InferenceSteps=arguments.steps,
                          Seed=arguments.seed)
features = FeatureEncoder(Input=images)
radial = EvolutionaryEmbedding(Input=features, Layout="Radial", Seed=arguments.seed)
rectilinear = EvolutionaryEmbedding(Input=features, Layout="Rectilinear", Seed=arguments.seed)
quality = EmbeddingQuality(Input=radial, FeatureTable=features)
run(images, "Sampling")
run(features, "Encoding")
run(radial, "Embedding, radial")
run(rectilinear, "Embedding, rectilinear")
run(quality, "Measuring")

output = arguments.output.resolve()
output.mkdir(parents=True, exist_ok=True)
SaveData(str(output / "tree.vtp"), OutputPort(radial, 0), DataMode="Binary")
SaveData(str(output / "quality.csv"), quality)
first = [arguments.instances * prompt for prompt in range(10)]
strip = FilmStrip(Input=images, Instances=first, Every=max(1, arguments.steps // 10))
SaveData(str(output / "film-strip.png"), strip)
draw(radial, "TDL Radial Axes", output / "tree-radial.png")
draw(rectilinear, "TDL Rectilinear Axes", output / "tree-rectilinear.png")

table = quality.GetClientSideObject().GetOutputDataObject(0)
print("\nQuality of the radial embedding:")
for row in range(table.GetNumberOfRows()):
    print(f"  {table.GetValueByName(row, 'Measure').ToString():<34}"
          f"{table.GetValueByName(row, 'Value').ToDouble():.3f}")

print(f"\nIn {output}:")
for file in sorted(output.iterdir()):
    print(f"  {file.name}")
