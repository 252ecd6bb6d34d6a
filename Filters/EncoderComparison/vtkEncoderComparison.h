// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkEncoderComparison
 * @brief compares feature tables that several encoders made of the same images
 *
 * Measures how far encoders agree, how well each tells prompts apart, and when prompts part by it.
 *
 * Input 0, repeatable: a vtkTable of features per encoder, a row per image, in any order, with the
 * columns `Features`, `Instance`, `Iteration`, the same images in all; optionally `PromptId`,
 * `GroupId`, `Seed`, and names of prompts in the field data `Prompts`, which are taken from the
 * first table.
 *
 * An encoder is called what the field data `Provenance` tell: `encoder.encoder`, or `encoder` where
 * that is a text; where several are called the same, their network's folder, output, normalization,
 * components or images are added as far as they differ, and a number where nothing does. Without
 * provenance it is `Encoder` and its number. Names below are for encoders A and B.
 *
 * Output 0: a vtkTable with a row per iteration: `Iteration` (int), and per pair of encoders, in
 * [0, 1] (double), `Neighbor overlap: A - B`, the share of an image's nearest by the one that are
 * among its nearest by the other; `CKA: A - B`, linear centered kernel alignment; `Distance
 * correlation: A - B`. NaN in iterations in which either encoder's features are all the same, and
 * of too few images (overlap 3, others 2).
 *
 * Output 1: a vtkTable with a row per iteration: `Iteration` (int), and where prompts are known
 * `Prompt neighborhood hit: A` (double), the share of an image's nearest that have its prompt, and
 * `Chance of a prompt neighborhood hit`, the share of all others that have; `Group` instead of
 * `Prompt` where groups are known.
 *
 * Output 2: a vtkTable with a row per pair of prompts: `Pair`, `First`, `Second` (string),
 * `FirstId`, `SecondId` (int), and per encoder `Separation: A`, `Low: A`, `High: A` (int): the
 * iteration from which on the two are apart and its bounds, or the last iteration + 1 where they
 * never are, as vtkDivergence has it by its defaults. Empty, with a warning, where prompts do not
 * allow for it, for instance where there is only one.
 *
 * The field data of the first table travel on, except thumbnails; `Encoders` (string) has the
 * names, and outputs 0 and 1 have `Elements` and `Sample` (int, a value per row): of how many
 * images neighborhoods, and of how many CKA and distance correlation were taken. When aborted,
 * outputs 0 and 1 have the iterations reached and output 2 has no rows. In parallel, the first
 * process gathers the rows of all and has the outputs.
 */
#ifndef vtkEncoderComparison_h
#define vtkEncoderComparison_h

#include "vtkTDLEncoderComparisonModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

class VTKTDLENCODERCOMPARISON_EXPORT vtkEncoderComparison : public vtkTableAlgorithm
{
public:
  static vtkEncoderComparison* New();
  vtkTypeMacro(vtkEncoderComparison, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * Number k >= 1 of nearest images of its iteration that are an image's neighborhood; lowered
   * where there are fewer than 2 k others. Default: 10.
   */
  vtkSetMacro(Neighbors, int);
  vtkGetMacro(Neighbors, int);
  ///@}

  ///@{
  /**
   * Number >= 3 of images of an iteration that CKA and distance correlation are taken of at most.
   * Default: 2000.
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
  vtkEncoderComparison();
  ~vtkEncoderComparison() override = default;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkEncoderComparison(const vtkEncoderComparison&) = delete;
  void operator=(const vtkEncoderComparison&) = delete;

  int Neighbors;
  int SampleSize;
  int Threads;
};

#endif
