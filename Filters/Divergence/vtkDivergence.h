// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkDivergence
 * @brief measures when prompts part and when instances are decided
 *
 * Turns what one reads off an evolutionary embedding into numbers, from the features alone.
 *
 * Input 0: the vtkTable of features, a row per image, in any order, with the columns `Features`,
 * `Instance`, `Iteration`, `PromptId` or `GroupId`, optionally `Seed`; names of prompts and groups
 * in the field data `Prompts` and `Groups`.
 *
 * Input 1, optional: a vtkPolyData of vtkEvolutionaryEmbedding of the same instances.
 *
 * Output 0: a vtkTable with a row per pair of prompts (or groups): `Pair`, `First`, `Second`
 * (string), `FirstId`, `SecondId` (int), `Iteration`, `Low`, `High` (int): the iteration from which
 * on the two are apart and its bounds, or the last iteration + 1 where they never are;
 * `Separated` (int, 1 where they are), `MeanSeparability` (double, over the iterations).
 *
 * Output 1: a vtkTable with a row per iteration: `Iteration` (int), and the separability of each
 * pair in a column of the pair's name (double; 0.5 is inseparable, 1 is apart; NaN where one of the
 * two has less than two instances).
 *
 * Output 2: a vtkTable with a row per instance: `Instance`, `PromptId` (int), `Prompt` (string),
 * where groups are compared `GroupId` (int), `Group` (string) instead; `NeighborhoodId` (int),
 * `Neighborhood` (string): the prompt (or group) that most of its nearest have in its last
 * iteration, -1 where none is ahead; `Iteration` (int): the first from which on it is that;
 * `IsOwn` (int): whether it is the instance's.
 *
 * Output 3: a vtkTable with a row per branch of the merge tree, leaves first, the root last:
 * `Node`, `Left`, `Right`, `Parent` (int, -1 for none), `Iteration` (double) at which it parts,
 * `Low`, `High` (double), `Support` (double, share of the resamples that have this branch),
 * `Size`, `Instances` (int: of how many prompts and instances), `Members` (string).
 *
 * Output 4: a vtkPolyData with a polyline per branch, in front of the points of input 1; empty
 * without. Point and cell data: `Node`, `PromptId`, `GroupId` (int, -1 where it has several),
 * `Size`, `Instances` (int); point data `Iteration` (int); cell data `Support` (double). Field
 * data: that of input 1, and `Members` (string, one per node).
 *
 * The field data of the features travel on, except thumbnails. When aborted, only output 1 has
 * rows: the iterations reached, from the last one back. In parallel, the first process gathers the
 * rows of all and has the outputs.
 */
#ifndef vtkDivergence_h
#define vtkDivergence_h

#include "vtkTDLDivergenceModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

class VTKTDLDIVERGENCE_EXPORT vtkDivergence : public vtkTableAlgorithm
{
public:
  static vtkDivergence* New();
  vtkTypeMacro(vtkDivergence, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  enum CompareType
  {
    PROMPTS,
    GROUPS
  };

  ///@{
  /**
   * Whether prompts or groups are compared. Default: PROMPTS.
   */
  vtkSetClampMacro(Compare, int, PROMPTS, GROUPS);
  vtkGetMacro(Compare, int);
  ///@}

  ///@{
  /**
   * Number k >= 1 of nearest images of its iteration that tell where an image belongs; lowered to
   * half of the instances that the smaller prompt offers. Default: 5.
   */
  vtkSetMacro(Neighbors, int);
  vtkGetMacro(Neighbors, int);
  ///@}

  ///@{
  /**
   * Separability, in (0.5, 1], from which on two prompts count as apart. Default: 0.75.
   */
  vtkSetMacro(Threshold, double);
  vtkGetMacro(Threshold, double);
  ///@}

  ///@{
  /**
   * Number of bootstrap resamples of the seeds, in [1, 2000]. Default: 200.
   */
  vtkSetMacro(Resamples, int);
  vtkGetMacro(Resamples, int);
  ///@}

  ///@{
  /**
   * Share of the resamples, in (0, 1), that lies between the bounds. Default: 0.9.
   */
  vtkSetMacro(Confidence, double);
  vtkGetMacro(Confidence, double);
  ///@}

  ///@{
  /**
   * Seed of the resamples. Default: 0.
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

protected:
  vtkDivergence();
  ~vtkDivergence() override = default;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int FillOutputPortInformation(int port, vtkInformation* info) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkDivergence(const vtkDivergence&) = delete;
  void operator=(const vtkDivergence&) = delete;

  int Compare = PROMPTS;
  int Neighbors;
  double Threshold;
  int Resamples;
  double Confidence;
  int Seed;
  int Threads;
};

#endif
