// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkTDLAxesRepresentation
 * @brief draws an evolutionary embedding as a tree with labeled axes
 *
 * Base of vtkTDLRadialAxesRepresentation and vtkTDLRectilinearAxesRepresentation, which differ in
 * where axes and labels stand. The elements are drawn as round points, colored as any array says;
 * beneath them the instances' trajectories as translucent lines; beneath those the rings or columns
 * of the iterations, labeled; around all of it the names of the prompts. Axes and labels take their
 * colors from the background and rearrange themselves with every change of the camera, so that they
 * never overlap. The bounds reported to the view contain the labels: resetting the camera shows
 * them all.
 *
 * The input is the output of vtkEvolutionaryEmbedding. Needed are the point arrays `Iteration` and
 * `PromptId` (integers) and the field arrays `Prompts` (strings), `RingDisplacement` (one value per
 * iteration) and `Layout`. The point arrays `Timestep` and `Sigma` are used where they exist. Any
 * other data is drawn as plain geometry, with a warning.
 *
 * Of the properties inherited from surfaces, Point Size is the radius of a point in pixels, Line
 * Width the width of the trajectories, and Render Points As Spheres shades the points.
 */
#ifndef vtkTDLAxesRepresentation_h
#define vtkTDLAxesRepresentation_h

#include "vtkGeometryRepresentationWithFaces.h"
#include "vtkTDLTreeAxesModule.h" // for the export macro

#include <memory> // for std::unique_ptr
#include <string> // for std::string

namespace tdl
{
struct AxesDrawing;
struct AxesStyle;
struct Tree;
}

class VTKTDLTREEAXES_EXPORT vtkTDLAxesRepresentation : public vtkGeometryRepresentationWithFaces
{
public:
  vtkAbstractTypeMacro(vtkTDLAxesRepresentation, vtkGeometryRepresentationWithFaces);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /** Draw the rings or columns, and their labels. Default: true. */
  vtkSetMacro(AxesVisibility, bool);
  vtkGetMacro(AxesVisibility, bool);
  ///@}

  enum AxesLabelType
  {
    ITERATION = 0,
    TIMESTEP = 1,
    SIGMA = 2
  };
  ///@{
  /**
   * What stands beside a ring or column: the index of the iteration, the scheduler's own timestep,
   * or the noise level. Default: ITERATION.
   */
  vtkSetClampMacro(AxesLabels, int, ITERATION, SIGMA);
  vtkGetMacro(AxesLabels, int);
  ///@}

  ///@{
  /** At most so many rings or columns are drawn. Range: at least 2. Default: 6. */
  vtkSetClampMacro(MaximumAxes, int, 2, VTK_INT_MAX);
  vtkGetMacro(MaximumAxes, int);
  ///@}

  ///@{
  /** Draw the names of the prompts. Default: true. */
  vtkSetMacro(PromptVisibility, bool);
  vtkGetMacro(PromptVisibility, bool);
  ///@}

  ///@{
  /** Longer names of prompts are cut to so many characters. Range: at least 1. Default: 24. */
  vtkSetClampMacro(MaximumPromptLength, int, 1, VTK_INT_MAX);
  vtkGetMacro(MaximumPromptLength, int);
  ///@}

  ///@{
  /** Size of the prompts' names in points; labels of axes are a little smaller. Default: 14. */
  vtkSetClampMacro(LabelFontSize, int, 4, 100);
  vtkGetMacro(LabelFontSize, int);
  ///@}

  ///@{
  /** Draw the instances' trajectories. Default: true. */
  vtkSetMacro(TrajectoryVisibility, bool);
  vtkGetMacro(TrajectoryVisibility, bool);
  ///@}

  ///@{
  /** Opacity of the trajectories. Range: [0, 1]. Default: 0.4. */
  vtkSetClampMacro(TrajectoryOpacity, double, 0.0, 1.0);
  vtkGetMacro(TrajectoryOpacity, double);
  ///@}

  /**
   * Names of prompts and groups, and the group of each prompt, of the tree in this process: JSON
   * with the keys `Prompts`, `Groups` and `PromptGroup`. It is a text for the client's proxy to ask
   * for.
   */
  std::string GetCategories();

  int ProcessViewRequest(
    vtkInformationRequestKey* request, vtkInformation* inInfo, vtkInformation* outInfo) override;
  void SetVisibility(bool visible) override;
  void SetPointSize(double radius) override;
  void SetRenderPointsAsSpheres(bool shaded) override;

protected:
  vtkTDLAxesRepresentation();
  ~vtkTDLAxesRepresentation() override;

  /** Value of the field array `Layout` of the embeddings this class draws. */
  virtual const char* GetLayout() const = 0;
  /** Where axes and labels stand. */
  virtual tdl::AxesDrawing LayOut(const tdl::Tree& tree, const tdl::AxesStyle& style) const = 0;

  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  bool AddToView(vtkView* view) override;
  bool RemoveFromView(vtkView* view) override;
  void UpdateColoringParameters() override;
  bool NeedsOrderedCompositing() override;

private:
  vtkTDLAxesRepresentation(const vtkTDLAxesRepresentation&) = delete;
  void operator=(const vtkTDLAxesRepresentation&) = delete;

  bool AxesVisibility = true;
  int AxesLabels = ITERATION;
  int MaximumAxes = 6;
  bool PromptVisibility = true;
  int MaximumPromptLength = 24;
  int LabelFontSize = 14;
  bool TrajectoryVisibility = true;
  double TrajectoryOpacity = 0.4;

  class vtkInternals;
  std::unique_ptr<vtkInternals> Internals;
};

#endif
