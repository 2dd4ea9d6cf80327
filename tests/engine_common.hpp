// What most tests of engines begin with, which the build may read once for all of them. Tests include what they use.
#pragma once

#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/weighted_sum.hpp"
#include "medley/optimizers/sgd.hpp"
#include "tests/common.hpp"
#include "tests/training_harness.hpp"
