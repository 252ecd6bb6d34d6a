# SPDX-License-Identifier: BSD-3-Clause
"""
When the prompts of the default model part, in numbers and over the tree. Writes

  separations.csv  a row per pair of prompts: the iteration from which on they are apart
  decisions.csv    a row per instance: the iteration at which its outcome is decided
  merge-tree.csv   a row per branch of the tree of prompts
  merge-tree.png   that tree over the embedding, its branches as wide as they have prompts

Run by pvpython with the plugins loaded:  pvpython divergence.py
"""
from paraview.simple import *

images = DiffusionSampler(InstancesPerPrompt=10, InferenceSteps=50, Seed=1)
features = FeatureEncoder(Input=images)
tree = EvolutionaryEmbedding(Input=features, Layout="Rectilinear")
divergence = Divergence(Input=features, Embedding=tree)
for port, name in ((0, "separations"), (2, "decisions"), (3, "merge-tree")):
    SaveData(f"{name}.csv", OutputPort(divergence, port))

view = CreateView("RenderView")
view.ViewSize = [1000, 480]
view.UseColorPaletteForBackground = 0
view.Background = [1, 1, 1]
view.OrientationAxesVisibility = 0
Show(tree, view).SetRepresentationType("TDL Rectilinear Axes")
ResetCamera(view)
branches = Tube(Input=OutputPort(divergence, 4), Scalars=["POINTS", "Size"],
                VaryRadius="By Scalar", Radius=0.15, RadiusFactor=4)
display = Show(branches, view)
ColorBy(display, ("POINTS", "PromptId"))
display.Ambient, display.Diffuse = 1, 0
SaveScreenshot("merge-tree.png", view)
