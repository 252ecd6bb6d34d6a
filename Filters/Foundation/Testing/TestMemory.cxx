// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Memory.h"

#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

TEST(Memory, IsDemanded)
{
  EXPECT_NO_THROW(tdl::RequireMemory("It needs", 1, "do less"));
  try
  {
    tdl::RequireMemory("It needs", std::uint64_t(1) << 60, "do less");
    ADD_FAILURE() << "that much memory";
  }
  catch (const tdl::ResourceError& error)
  {
    const std::string message = error.what();
    EXPECT_EQ(message.rfind("It needs 1152921504.61 GB of memory, but ", 0), 0U) << message;
    EXPECT_NE(message.find(" are free; do less."), std::string::npos) << message;
  }
}
