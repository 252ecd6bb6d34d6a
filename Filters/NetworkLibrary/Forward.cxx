// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/NetworkLibrary/Functions.h"

#include <dlfcn.h>

#include <filesystem>

namespace tdl
{
namespace
{
/** @throws ResourceError when the library or what it needs cannot be loaded. */
const NetworkFunctions& Functions()
{
  static const NetworkFunctions* const functions = []
  {
    // The library stands beside the one this code is linked into. It is never closed: LibTorch's
    // threads go on waiting in it.
    Dl_info self{};
    dladdr(reinterpret_cast<const void*>(&Functions), &self);
    const auto file =
      std::filesystem::weakly_canonical(self.dli_fname).parent_path() / TDL_NETWORK_LIBRARY;
    void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* const symbol = library ? dlsym(library, "TdlNetworkFunctions") : nullptr;
    if (!symbol)
    {
      throw ResourceError(std::string("Networks cannot be run: ") + dlerror());
    }
    return static_cast<const NetworkFunctions*>(symbol);
  }();
  return *functions;
}
}

SampledImages SampleImages(
  const SamplerParameters& parameters, const SamplerPiece& piece, const Monitor& monitor)
{
  return Functions().SampleImages(parameters, piece, monitor);
}

EncodedImages EncodeImages(const std::vector<ImageView>& images, const ImageOrigins& origins,
  const EncoderParameters& parameters, const Monitor& monitor)
{
  return Functions().EncodeImages(images, origins, parameters, monitor);
}

Thumbnails MakeThumbnails(const std::vector<ImageView>& images, int longestSide, int threads)
{
  return Functions().MakeThumbnails(images, longestSide, threads);
}

std::string PrepareBlas()
{
  return Functions().PrepareBlas();
}
}
