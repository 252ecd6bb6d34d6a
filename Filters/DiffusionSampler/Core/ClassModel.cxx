// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassModel.h"

#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Foundation/Error.h"

#include <ATen/ATen.h>

namespace tdl
{
void ClassModel::ReadClasses(const Configuration& index, std::int64_t count)
{
  const auto null = index.Get<std::int64_t>("null_label", -1);
  if (null < -1 || null >= count)
  {
    index.Refuse("null_label");
  }
  if (count > 0)
  {
    this->Classes.emplace(index, count, null);
    this->NullLabel = null;
  }
}

std::string ClassModel::PromptName(const std::string& prompt) const
{
  return this->Classes ? this->Classes->Find(prompt).Name : prompt;
}

Condition ClassModel::Encode(const std::string& prompt) const
{
  return this->Classes ? this->OfLabel(this->Classes->Find(prompt).Label) : Condition{};
}

Condition ClassModel::EncodeNegative(const std::string& prompt) const
{
  if (!prompt.empty())
  {
    return this->Encode(prompt);
  }
  if (this->NullLabel < 0)
  {
    throw ParameterError("The model '" + this->Folder() +
      "' has no null label to guide away from; set Guidance Scale to 1 or name a Negative "
      "Prompt.");
  }
  return this->OfLabel(this->NullLabel);
}

at::Tensor ClassModel::LabelsOf(const Condition& condition)
{
  return condition.empty() ? at::Tensor() : condition.front();
}

std::vector<Prompt> ClassModel::DefaultPrompts() const
{
  return this->Classes ? this->Classes->Prompts()
                       : std::vector<Prompt>{ { UnconditionalName, {} } };
}

Condition ClassModel::OfLabel(std::int64_t label) const
{
  return { at::tensor({ label }, at::kLong).to(this->Device()) };
}
}
