// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/FeatureEncoder/Core/Thumbnails.h"
#include "Filters/Networks/Blas.h"

namespace tdl
{
/** What the library of networks offers, under the name TdlNetworkFunctions. */
struct NetworkFunctions
{
  decltype(&tdl::SampleImages) SampleImages;
  decltype(&tdl::EncodeImages) EncodeImages;
  decltype(&tdl::MakeThumbnails) MakeThumbnails;
  decltype(&tdl::PrepareBlas) PrepareBlas;
};
}
