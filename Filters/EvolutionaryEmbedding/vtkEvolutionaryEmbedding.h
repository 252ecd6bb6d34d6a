// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkEvolutionaryEmbedding
 * @brief draws the intermediate images of a diffusion model as a tree in the plane
 *
 * Places the rows of a feature table such that images alike lie together, the iteration is the
 * distance from the center (or x), and the runs of the model are smooth lines: the evolutionary
 * embedding of Prasad et al. (2024), arXiv 2406.17462.
 *
 * Input: a vtkTable with a row per image, in any order, and the columns `Features` (D components,
 * finite), `Instance` and `Iteration` (an instance has an iteration at most once, but may lack
 * some); `Timestep` or `Sigma` where the displacement is spaced by it.
 *
 * Output 0: a vtkPolyData with a point per row, in the rows' order, at (x, y, 0), one unit being
 * the mean spacing of the iterations; a vertex per point and a polyline per instance. Point data:
 * the table's columns except `Features`, and `TargetDisplacement`, `SemanticLoss`,
 * `DisplacementLoss`, `AlignmentLoss` (double; their means are the losses). Cell data: `Instance`,
 * `PromptId`, `GroupId`, as far as the table has them. Field data: the table's, `Layout` ("radial"
 * or "rectilinear"), `RingDisplacement` (double, one per iteration from 0 to the last), and in the
 * `Provenance` the parameters.
 *
 * Output 1: a vtkTable of the losses during the optimization, unweighted, and their weighted
 * `Total`: `Step` (int), `Total`, `Semantic`, `Displacement`, `Alignment` (double).
 *
 * The result depends on the seed, but not on the number of threads or the order of rows. When
 * aborted, the output is the embedding so far; Continue() goes on. In parallel, the first process
 * gathers the rows of all and has the output; the others' is empty.
 *
 * The affinities are kept as long as the input, the scope, the perplexity and the metric stay. When
 * only the layout, the weights, the spacing or the number of steps change, the points go on from
 * where they are; StartOver() gives what a new filter would.
 *
 * A second input, optional, is an embedding that stays as it is (with its `Features`): the table's
 * elements are embedded into it, and the output has them alone, in its layout and on its rings.
 */
#ifndef vtkEvolutionaryEmbedding_h
#define vtkEvolutionaryEmbedding_h

#include "vtkPolyDataAlgorithm.h"
#include "vtkTDLEvolutionaryEmbeddingModule.h" // for the export macro

#include <memory> // for the cache

namespace tdl
{
struct EmbeddingParameters;
}

class VTKTDLEVOLUTIONARYEMBEDDING_EXPORT vtkEvolutionaryEmbedding : public vtkPolyDataAlgorithm
{
public:
  static vtkEvolutionaryEmbedding* New();
  vtkTypeMacro(vtkEvolutionaryEmbedding, vtkPolyDataAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  enum LayoutType
  {
    RADIAL,
    RECTILINEAR
  };

  ///@{
  /**
   * Whether the iteration is the distance from the center (RADIAL) or x (RECTILINEAR). Default:
   * RADIAL.
   */
  vtkSetClampMacro(Layout, int, RADIAL, RECTILINEAR);
  vtkGetMacro(Layout, int);
  ///@}

  enum NeighborhoodScopeType
  {
    ALL_ELEMENTS,
    WITHIN_ITERATION
  };

  ///@{
  /**
   * Whether an image is compared with all others (ALL_ELEMENTS) or with those of its iteration
   * (WITHIN_ITERATION), which shows branches more clearly.
   * Default: WITHIN_ITERATION.
   */
  vtkSetClampMacro(NeighborhoodScope, int, ALL_ELEMENTS, WITHIN_ITERATION);
  vtkGetMacro(NeighborhoodScope, int);
  ///@}

  ///@{
  /**
   * Effective number of neighbors of an image, >= 1 and at most a third of the images that it is
   * compared with; a larger one is lowered with a warning. Default: 0, chosen by the number of
   * images.
   */
  vtkSetMacro(Perplexity, double);
  vtkGetMacro(Perplexity, double);
  ///@}

  ///@{
  /**
   * Weight, >= 0, of the loss that draws images to the ring or column of their iteration. Default:
   * 0.7.
   */
  vtkSetMacro(DisplacementWeight, double);
  vtkGetMacro(DisplacementWeight, double);
  ///@}

  ///@{
  /**
   * Weight, >= 0, of the loss that straightens the lines of the instances. Default: 0.05.
   */
  vtkSetMacro(AlignmentWeight, double);
  vtkGetMacro(AlignmentWeight, double);
  ///@}

  enum DisplacementSpacingType
  {
    ITERATION,
    TIMESTEP,
    SIGMA
  };

  ///@{
  /**
   * Whether the rings or columns are equally spaced (ITERATION) or in proportion to the column
   * `Timestep` or `Sigma`. Default: ITERATION.
   */
  vtkSetClampMacro(DisplacementSpacing, int, ITERATION, SIGMA);
  vtkGetMacro(DisplacementSpacing, int);
  ///@}

  ///@{
  /**
   * Number of steps of the optimization, >= 0. Default: 500.
   */
  vtkSetMacro(OptimizationSteps, int);
  vtkGetMacro(OptimizationSteps, int);
  ///@}

  ///@{
  /**
   * Factor, >= 1, by which images alike attract each other more in the first quarter of the steps.
   * Larger ones order the branches more freely, but let instances cross. Default: 6.
   */
  vtkSetMacro(EarlyExaggeration, double);
  vtkGetMacro(EarlyExaggeration, double);
  ///@}

  ///@{
  /**
   * Length of a step per unit of t-SNE's gradient, > 0. Default: 0, a twelfth of the number n of
   * images that are compared with each other; of few, the lesser of 50 and n / 4.
   */
  vtkSetMacro(LearningRate, double);
  vtkGetMacro(LearningRate, double);
  ///@}

  enum MetricType
  {
    EUCLIDEAN,
    COSINE
  };

  ///@{
  /**
   * Whether features are compared by their distance (EUCLIDEAN) or their direction (COSINE).
   * Default: EUCLIDEAN.
   */
  vtkSetClampMacro(Metric, int, EUCLIDEAN, COSINE);
  vtkGetMacro(Metric, int);
  ///@}

  ///@{
  /**
   * Seed of the noise that disturbs the start. Default: 0.
   */
  vtkSetMacro(Seed, int);
  vtkGetMacro(Seed, int);
  ///@}

  ///@{
  /**
   * Number of threads; 0 uses all cores. The result does not depend on it. Default: 0.
   */
  vtkSetMacro(Threads, int);
  vtkGetMacro(Threads, int);
  ///@}

  ///@{
  /**
   * How many states on the way are kept, >= 0, equally spaced from the start to the last step.
   * Where there are some, the output has time steps, the times being steps of the optimization: an
   * animation shows the tree growing. Default: 0.
   */
  vtkSetMacro(Snapshots, int);
  vtkGetMacro(Snapshots, int);
  ///@}

  /**
   * Makes the next update go on from the current points: to the end where the run was stopped, else
   * for OptimizationSteps more.
   */
  void Continue();

  /**
   * Makes the next update start anew, as a filter with these properties that was never updated.
   */
  void StartOver();

  ///@{
  /**
   * Whether the output has the column `Features` too, which can be large. Default: off.
   */
  vtkSetMacro(KeepFeatures, bool);
  vtkGetMacro(KeepFeatures, bool);
  vtkBooleanMacro(KeepFeatures, bool);
  ///@}

protected:
  vtkEvolutionaryEmbedding();
  ~vtkEvolutionaryEmbedding() override;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int FillOutputPortInformation(int port, vtkInformation* info) override;
  int RequestInformation(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkEvolutionaryEmbedding(const vtkEvolutionaryEmbedding&) = delete;
  void operator=(const vtkEvolutionaryEmbedding&) = delete;

  tdl::EmbeddingParameters GetParameters() const;

  int Layout;
  int NeighborhoodScope;
  double Perplexity;
  double DisplacementWeight;
  double AlignmentWeight;
  int DisplacementSpacing = ITERATION;
  int OptimizationSteps;
  double EarlyExaggeration;
  double LearningRate;
  int Metric;
  int Seed;
  int Threads;
  int Snapshots;
  bool KeepFeatures = false;
  /** Steps asked for by Continue. */
  int MoreSteps = 0;

  /** What is kept from update to update. */
  class Cache;
  std::unique_ptr<Cache> Kept;
};

#endif
