// What engines begin with, which the build may read once for all of them. (Experiments include what they
// use.)
#pragma once

#include "medley/engine/trainer_engine.hpp"
#include "medley/layers/activation.hpp"
#include "medley/layers/conv.hpp"
#include "medley/layers/dense.hpp"
#include "medley/layers/dropout.hpp"
#include "medley/layers/flatten.hpp"
#include "medley/layers/join.hpp"
#include "medley/layers/norm.hpp"
#include "medley/layers/pool.hpp"
#include "medley/layers/upsample.hpp"
#include "medley/losses/binary_cross_entropy.hpp"
#include "medley/losses/hinge.hpp"
#include "medley/losses/mean_squared_error.hpp"
#include "medley/losses/penalty.hpp"
#include "medley/losses/soft_iou.hpp"
#include "medley/losses/softmax_cross_entropy.hpp"
#include "medley/mixes/all.hpp"
#include "medley/optimizers/adam.hpp"
#include "medley/optimizers/sgd.hpp"
