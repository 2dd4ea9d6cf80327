// The former place of experiment/definition.hpp, for experiments that were written when it was here.
#pragma once

#include "medley/experiment/definition.hpp"
