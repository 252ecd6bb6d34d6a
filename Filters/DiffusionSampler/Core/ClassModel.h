// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/ClassLabels.h"
#include "Filters/DiffusionSampler/Core/DiffusionModel.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tdl
{
/**
 * Base of models that are unconditional or of classes. Two entries of model_index.json are theirs,
 * beyond those of diffusers: id2label, see ClassLabels, and null_label, the class that stands for
 * none in classifier-free guidance.
 */
class ClassModel : public DiffusionModel
{
public:
  bool IsConditional() const override { return this->Classes.has_value(); }
  std::string PromptName(const std::string& prompt) const override;
  Condition Encode(const std::string& prompt) const override;
  Condition EncodeNegative(const std::string& prompt) const override;

protected:
  using DiffusionModel::DiffusionModel;

  /**
   * @param count number of labels; 0: the model is unconditional.
   * @throws FileError when the entries are not of such labels.
   */
  void ReadClasses(const Configuration& index, std::int64_t count);

  /** The labels, (B) int64; undefined where the model is unconditional. */
  static at::Tensor LabelsOf(const Condition& condition);

  std::vector<Prompt> DefaultPrompts() const override;

private:
  Condition OfLabel(std::int64_t label) const;

  std::optional<ClassLabels> Classes; ///< None: unconditional.
  std::int64_t NullLabel = -1;        ///< -1: none.
};
}
