// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkEmbeddingQuality
 * @brief measures how well an embedding shows what the features say
 *
 * Input 0: the vtkPolyData of vtkEvolutionaryEmbedding, or part of it: points with the arrays
 * `Instance`, `Iteration`, `TargetDisplacement`, optionally `PromptId` and `SemanticLoss`, and the
 * field data `Layout` and `RingDisplacement`.
 *
 * Input 1, optional: the vtkTable of features that the embedding was made of; its rows are found by
 * `Instance` and `Iteration`. Not needed when the embedding has the point data `Features`.
 *
 * Output 0: a vtkTable with a row per measure: `Measure` (string), `Value` (double, NaN where the
 * data has none), `Elements` (int, how many it was taken of: a sample's size, too). Neighborhoods
 * are the k nearest:
 * - "Within-iteration recall", "... trustworthiness", "... continuity" (Venna & Kaski 2001):
 * whether those of the features are those of the embedding, among the elements of an iteration;
 * - "Recall", "Trustworthiness", "Continuity": the same among all elements;
 * - "Prompt neighborhood hit": share of the neighbors in the embedding, of the same iteration,
 *   that have the element's prompt;
 * - "Displacement error": root mean square, in spacings of the rings;
 * - "Alignment error": mean absolute angle or offset between consecutive iterations of an instance,
 *   0 where its line is straight and 1 where it jumps about the ring;
 * - "Divergence": the mean of `SemanticLoss`, the KL divergence that the embedding arrived at.
 *
 * Output 1: a vtkTable with a row per iteration, the same measures in columns.
 *
 * Output 2: the embedding with the elements' own measures as point data: `Recall`,
 * `Trustworthiness`, `Continuity`, `PromptNeighborhoodHit` (within the iteration),
 * `DisplacementError` (signed), `AlignmentError` (double).
 *
 * A stop leaves NaN in what was not reached, the iteration or the sample under way included; then
 * `Elements` of output 0 tells how many were.
 *
 * In parallel, the first process has the embedding, gathers the feature table and has the outputs.
 */
#ifndef vtkEmbeddingQuality_h
#define vtkEmbeddingQuality_h

#include "vtkTDLEmbeddingQualityModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

class VTKTDLEMBEDDINGQUALITY_EXPORT vtkEmbeddingQuality : public vtkTableAlgorithm
{
public:
  static vtkEmbeddingQuality* New();
  vtkTypeMacro(vtkEmbeddingQuality, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * Number k >= 1 of neighbors that make a neighborhood; lowered where there are fewer than
   * 2 k + 1 elements. Default: 10.
   */
  vtkSetMacro(Neighbors, int);
  vtkGetMacro(Neighbors, int);
  ///@}

  ///@{
  /**
   * Where there are more elements than this, >= 3, the measures over all elements are taken of a
   * random sample of so many, whose size the table tells. Those within iterations are exact. Time
   * grows with its square. Default: 20000.
   */
  vtkSetMacro(SampleSize, int);
  vtkGetMacro(SampleSize, int);
  ///@}

  ///@{
  /**
   * Number of threads; 0 uses all cores. The result does not depend on it. Default: 0.
   */
  vtkSetMacro(Threads, int);
  vtkGetMacro(Threads, int);
  ///@}

protected:
  vtkEmbeddingQuality();
  ~vtkEmbeddingQuality() override = default;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int FillOutputPortInformation(int port, vtkInformation* info) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkEmbeddingQuality(const vtkEmbeddingQuality&) = delete;
  void operator=(const vtkEmbeddingQuality&) = delete;

  int Neighbors;
  int SampleSize;
  int Threads;
};

#endif
