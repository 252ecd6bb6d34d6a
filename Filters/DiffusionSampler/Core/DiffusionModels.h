// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"

namespace tdl
{
/**
 * The families of models, each opened as DiffusionModel::Open says.
 * @param index the folder's model_index.json.
 */
std::unique_ptr<DiffusionModel> OpenDiTModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenGlideModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenLDMModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenPixelModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenStableDiffusionModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenStableDiffusionXLModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
std::unique_ptr<DiffusionModel> OpenTorchScriptModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options);
}
