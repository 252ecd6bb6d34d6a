// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tdl
{
/**
 * The layers that networks are made of. Their parameters bear the names of PyTorch's, so that a
 * network's named parameters are the keys of its weight file, and start uninitialized: weights come
 * from a file (LoadWeights) or from InitializeParameters, never from work that is thrown away.
 */
class Linear : public torch::nn::Module
{
public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool bias = true);
  /** (..., inputs) -> (..., outputs) */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Weight;
  at::Tensor Bias;
};

class Conv2d : public torch::nn::Module
{
public:
  struct Options
  {
    std::int64_t Stride = 1;
    std::int64_t Padding = 0;
    bool Bias = true;
    std::int64_t Groups = 1; ///< Of channels that see only each other.
  };
  Conv2d(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, Options options);
  /** (B, inputs, H, W) -> (B, outputs, H', W') */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Weight;
  at::Tensor Bias;
  Options Settings;
};

class GroupNorm : public torch::nn::Module
{
public:
  GroupNorm(std::int64_t groups, std::int64_t channels, double epsilon);
  /** (B, channels, ...) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Weight;
  at::Tensor Bias;
  std::int64_t Groups;
  double Epsilon;
};

/** Normalizes over the last dimension. */
class LayerNorm : public torch::nn::Module
{
public:
  /** @param affine whether a weight and a bias follow. */
  LayerNorm(std::int64_t channels, double epsilon, bool affine = true);
  /** (..., channels) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Weight;
  at::Tensor Bias;
  std::int64_t Channels;
  double Epsilon;
};

/** Batch normalization: batch statistics in training mode, running ones otherwise. */
class BatchNorm2d : public torch::nn::Module
{
public:
  BatchNorm2d(std::int64_t channels, double epsilon, double momentum);
  /** (B, channels, H, W) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Weight;
  at::Tensor Bias;
  at::Tensor RunningMean;
  at::Tensor RunningVariance;
  double Epsilon;
  double Momentum;
};

class Embedding : public torch::nn::Module
{
public:
  Embedding(std::int64_t count, std::int64_t channels);
  /** (B) int64 -> (B, channels) */
  at::Tensor Forward(const at::Tensor& indices) const;

private:
  at::Tensor Weight;
};

/** Makes a module, registers it as child `name` of `parent` and returns it. */
template <typename T, typename... Arguments>
std::shared_ptr<T> RegisterChild(
  torch::nn::Module& parent, const std::string& name, Arguments&&... arguments)
{
  return parent.register_module(name, std::make_shared<T>(std::forward<Arguments>(arguments)...));
}

/** Registers a convolution over 3 x 3 pixels that keeps the image's size. */
std::shared_ptr<Conv2d> RegisterConvolution(
  torch::nn::Module& parent, const std::string& name, std::int64_t inputs, std::int64_t outputs);

/** A level of names in a weight file that has no parameters of its own. */
class NameLevel : public torch::nn::Module
{
};

/** Where a module or parameter is registered. */
struct NamePlace
{
  torch::nn::Module* Parent;
  std::string Name;
};

/** The place of a dotted path below `root`, whose levels are made where they are not there. */
NamePlace FindPlace(torch::nn::Module& root, const std::string& path);

/** Registers `modules` as children "0", "1", ... of a list that is child `name` of `parent`. */
template <typename T>
void RegisterList(torch::nn::Module& parent, const std::string& name,
  const std::vector<std::shared_ptr<T>>& modules)
{
  auto list = std::make_shared<NameLevel>();
  for (std::size_t i = 0; i < modules.size(); ++i)
  {
    list->register_module(std::to_string(i), modules[i]);
  }
  parent.register_module(name, list);
}

/**
 * Random start for training, from LibTorch's global generator: fan-in scaled uniform weights
 * (PyTorch's default for linear and convolution layers), unit normal embeddings, ones and zeros for
 * normalizations and biases.
 */
void InitializeParameters(torch::nn::Module& network);
}
