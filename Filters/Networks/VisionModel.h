// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;

/**
 * A network that turns images into features: one of transformers' vision models, or one stored as
 * TorchScript. B is the batch, C a channel count.
 */
class VisionModel : public torch::nn::Module
{
public:
  /** What Forward shall give. */
  struct Request
  {
    bool Summary = true;     ///< All but HiddenState.
    std::int64_t Layer = -1; ///< Of HiddenState, from 0 to HiddenLayers() - 1; -1 = none.
  };

  /** Undefined are those that were not asked for, or that the network does not have. */
  struct Output
  {
    at::Tensor Pooled;      ///< (B, C), what the network itself gives for the whole image.
    at::Tensor ClassToken;  ///< (B, C), of the last layer, behind the network's last normalization.
    at::Tensor Patches;     ///< (B, patches, C), the last layer's.
    at::Tensor ClassScores; ///< (B, labels), the classification head's, before softmax.
    at::Tensor Embedding;   ///< (B, C), to be compared with embeddings of texts.
    at::Tensor HiddenState; ///< (B, patches, C), a layer's.
  };

  /**
   * Opens a folder as transformers stores it (config.json, model.safetensors), or one with a
   * TorchScript file, model.pt; for inference.
   * @throws FileError when a file is missing or broken, or asks for what is not supported.
   */
  static std::shared_ptr<VisionModel> Open(const std::string& folder, c10::Device device);

  /** The files that hold the weights of a folder that Open takes. */
  static std::vector<std::string> WeightPaths(const std::string& folder);

  /**
   * @param pixels preprocessed images, (B, Channels(), H, W).
   * @throws DataError when the network does not take images of this size.
   */
  virtual Output Forward(const at::Tensor& pixels, const Request& request) const = 0;

  /** Of the images, or 0 where that is not known. */
  virtual std::int64_t Channels() const = 0;

  /**
   * The number of hidden states, as transformers counts them: that of the embedding, then that of
   * each layer or stage. 0 where they cannot be had.
   */
  virtual std::int64_t HiddenLayers() const = 0;

protected:
  /**
   * Runs layers one after the other and notes the hidden state that is asked for.
   * @param patchesOf turns what a layer gives into (B, patches, C).
   * @return what the last layer gives; undefined where no summary is asked for.
   */
  template <typename Layer, typename PatchesOf>
  static at::Tensor RunLayers(const std::vector<std::shared_ptr<Layer>>& layers, at::Tensor hidden,
    const Request& request, const PatchesOf& patchesOf, Output& output)
  {
    for (std::size_t i = 0;; ++i)
    {
      if (static_cast<std::int64_t>(i) == request.Layer)
      {
        output.HiddenState = patchesOf(hidden);
        if (!request.Summary)
        {
          return {};
        }
      }
      if (i == layers.size())
      {
        return hidden;
      }
      hidden = layers[i]->Forward(hidden);
    }
  }

  /** (B, 1 + patches, C) -> (B, patches, C) */
  static at::Tensor WithoutClassToken(const at::Tensor& tokens);
  /** (B, C, H, W) -> (B, H W, C) */
  static at::Tensor PixelsAsPatches(const at::Tensor& map);
};

/**
 * The labels of a classification head, which is there where `architectures` names `classifier`; 0 =
 * there is none.
 */
std::int64_t ReadLabelCount(const Configuration& file, const std::string& classifier);
}
