// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Manifest/Manifest.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace tdl
{
/** Which elements of a run are wanted. */
struct RunChoice
{
  /** Empty: all. */
  std::set<int> Instances;
  int FirstIteration = 0;
  /** -1: the final one. */
  int LastIteration = -1;
  /** Of the iterations from first to last every n-th, and the last. */
  int Every = 1;

  /**
   * The iterations of K.
   * @throws ParameterError when there is none such.
   */
  std::vector<int> ChooseIterations(int iterations) const;

  /**
   * Indices of the instances.
   * @throws ParameterError when one is not there.
   */
  std::vector<int> ChooseInstances(const std::vector<ManifestInstance>& instances) const;
};

/** "3 of 60 elements are missing: ..."; empty where none is. At most five are named. */
std::string DescribeHoles(const std::vector<ManifestElement>& holes, std::size_t elements);
}
