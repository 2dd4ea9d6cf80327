// What tests of layers begin with, which the build may read once for all of them. Tests include what they use.
#pragma once

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "tests/common.hpp"
#include "tests/layer_harness.hpp"
