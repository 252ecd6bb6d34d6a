// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Choice.h"

#include "Filters/Foundation/Error.h"

#include <algorithm>

namespace tdl
{
std::vector<int> RunChoice::ChooseIterations(int iterations) const
{
  const int last = this->LastIteration < 0 ? iterations - 1 : this->LastIteration;
  if (this->FirstIteration < 0 || this->FirstIteration > last || last >= iterations ||
    this->Every < 1)
  {
    throw ParameterError("There are no iterations from " + std::to_string(this->FirstIteration) +
      " to " + std::to_string(last) + " every " + std::to_string(this->Every) +
      "; choose some of 0 to " + std::to_string(iterations - 1) + ".");
  }
  std::vector<int> chosen;
  for (int k = this->FirstIteration; k < last; k += std::min(this->Every, iterations))
  {
    chosen.push_back(k);
  }
  chosen.push_back(last);
  return chosen;
}

std::vector<int> RunChoice::ChooseInstances(const std::vector<ManifestInstance>& instances) const
{
  std::set<int> missing = this->Instances;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < instances.size(); ++i)
  {
    if (this->Instances.empty() || missing.erase(instances[i].Instance) > 0)
    {
      chosen.push_back(static_cast<int>(i));
    }
  }
  if (!missing.empty())
  {
    throw ParameterError("There is no instance " + std::to_string(*missing.begin()) +
      "; choose Instances from those of the run.");
  }
  return chosen;
}

std::string DescribeHoles(const std::vector<ManifestElement>& holes, std::size_t elements)
{
  constexpr std::size_t shown = 5;
  if (holes.empty())
  {
    return {};
  }
  std::string text =
    std::to_string(holes.size()) + " of " + std::to_string(elements) + " elements are missing: ";
  for (std::size_t i = 0; i < std::min(shown, holes.size()); ++i)
  {
    text += (i == 0 ? "instance " : ", instance ") + std::to_string(holes[i].Instance) +
      " iteration " + std::to_string(holes[i].Iteration);
  }
  return text + (holes.size() > shown ? ", ..." : "");
}
}
