// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/NetworkLibrary/Functions.h"

extern "C" __attribute__((visibility("default"))) const tdl::NetworkFunctions TdlNetworkFunctions;
const tdl::NetworkFunctions TdlNetworkFunctions = { &tdl::SampleImages, &tdl::EncodeImages,
  &tdl::MakeThumbnails, &tdl::PrepareBlas };
