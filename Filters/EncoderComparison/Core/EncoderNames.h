// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace tdl
{
/**
 * Names of encoders by what the provenance of their features tells, all distinct and none empty.
 *
 * An encoder is called by `encoder.encoder`, or by `encoder` where that is a text itself. Where
 * several are called the same, what else `encoder` says of them follows in parentheses as far as it
 * differs: the last part of the folder, the output, the normalization, the image array, then the
 * rest by its name. Where nothing differs, all but the first get a number. An encoder that is not
 * told is "Encoder" and its number, from 1.
 * @param provenances JSON objects, as a Feature Encoder writes them; anything else tells nothing.
 */
std::vector<std::string> NameEncoders(const std::vector<std::string>& provenances);
}
