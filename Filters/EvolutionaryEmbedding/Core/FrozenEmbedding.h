// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"

#include <vector>

namespace tdl
{
/** An embedding that stays as it is while others are embedded into it. */
struct FrozenEmbedding
{
  /** M elements. */
  tdl::Elements Elements;
  tdl::Layout Layout = tdl::Layout::Radial;
  /** M x 2, finite, in the order of the elements. */
  Points Position;
  /** [K] Target displacement of each iteration. */
  std::vector<double> RingDisplacement;
};

/**
 * Embeds further elements into an embedding whose points stay. As in openTSNE (Policar, Strazar,
 * Zupan 2019), a new element has affinities to its nearest frozen ones alone, and starts at their
 * mean; here, each new element's own divergence is minimized, together with the displacement and
 * the alignment loss of the new ones. New elements neither attract nor repel each other: what one
 * becomes depends on the frozen embedding and its own instance only.
 *
 * Exact: a step takes time in proportion to the pairs of new and frozen elements that are compared.
 * @param parameters Layout, spacing and early exaggeration are the frozen embedding's, or not used.
 * @throws DataError for elements that Arrange refuses, another dimension of the features, an
 * iteration that the frozen embedding does not have; ParameterError as EvolutionaryEmbedding.
 * @return As Embed, of the new elements.
 */
EmbeddingResult EmbedInto(const FrozenEmbedding& frozen, const Elements& elements,
  const EmbeddingParameters& parameters, const Monitor& monitor = {});
}
