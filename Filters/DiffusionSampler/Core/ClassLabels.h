// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/PromptFile.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;

/** The classes that a class-conditional model knows, by name. */
class ClassLabels
{
public:
  struct Class
  {
    std::string Name;               ///< How the output calls it.
    std::vector<std::string> Words; ///< What prompts may call it.
    std::int64_t Label;
  };

  /**
   * Reads id2label from model_index.json: names by label, in which commas part synonyms, as in
   * those of ImageNet; the first is the name, or all where another class has that, too. Where the
   * key is missing, the classes are called by their numbers.
   * @param count there are labels in [0, count).
   * @param null the label of no class; -1: there is none.
   * @throws FileError when the names are not those of such labels.
   */
  ClassLabels(const Configuration& index, std::int64_t count, std::int64_t null = -1);

  /**
   * The class a prompt names, whatever the case of its letters; as in diffusers the last of that
   * name.
   * @throws ParameterError that lists the classes when there is none.
   */
  const Class& Find(const std::string& prompt) const;

  /**
   * All classes that their names tell, as prompts without groups; none where there are too many to
   * sample them all.
   */
  std::vector<Prompt> Prompts() const;

private:
  std::vector<Class> Classes; ///< In the order of their labels.
};
}
