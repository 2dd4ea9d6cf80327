// The mix of training.hpp. (Mixes are compiled once, for all experiments.)
#include "src/mixes/active.cpp"
#include "src/mixes/pcgrad.cpp"
#include "src/mixes/surgery.cpp"
