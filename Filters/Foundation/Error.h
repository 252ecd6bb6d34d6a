// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <stdexcept>
#include <string>

namespace tdl
{
/**
 * Base of everything the algorithms throw. what() is one sentence for the user that names the
 * thing at fault and the remedy; the VTK classes pass it on unchanged.
 */
class Error : public std::runtime_error
{
public:
  using std::runtime_error::runtime_error;
};

/** A file or folder is missing, unreadable, truncated or not what its format demands. */
class FileError : public Error
{
public:
  using Error::Error;
};

/** A parameter lies outside its documented range, or parameters contradict each other. */
class ParameterError : public Error
{
public:
  using Error::Error;
};

/** The input data cannot be processed: wrong shape, NaN, empty. */
class DataError : public Error
{
public:
  using Error::Error;
};

/** The machine lacks what the run needs: memory, a device. */
class ResourceError : public Error
{
public:
  using Error::Error;
};
}
