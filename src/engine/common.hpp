// What engines begin with, which the build may read once for all of them. (Experiments include what they
// use.)
#pragma once

#include "medley/engine/trainer_engine.hpp"
#include "medley/parts.hpp"
