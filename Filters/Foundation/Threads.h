// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/**
 * Number of threads to run with: `requested` where it is positive, else (0) every core this process
 * may use. Hosts such as pvpython start OpenMP and LibTorch with one thread, so their own defaults
 * are never relied on.
 * @throws ParameterError when `requested` is negative.
 */
int ResolveThreads(int requested);
}
