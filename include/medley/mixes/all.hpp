// Every mix there is, with its usual numbers; the weighted sum is the default.
//
//   static constexpr auto mix = every_mix;
#pragma once

#include <array>
#include <tuple>
#include <type_traits>

#include "medley/base/any_of.hpp"
#include "medley/mixes/aligned_mtl.hpp"
#include "medley/mixes/any_mix.hpp"
#include "medley/mixes/auto_lambda.hpp"
#include "medley/mixes/blend.hpp"
#include "medley/mixes/cagrad.hpp"
#include "medley/mixes/constrained.hpp"
#include "medley/mixes/db_mtl.hpp"
#include "medley/mixes/dual_projection.hpp"
#include "medley/mixes/dwa.hpp"
#include "medley/mixes/equal_angles.hpp"
#include "medley/mixes/fairgrad.hpp"
#include "medley/mixes/famo.hpp"
#include "medley/mixes/geometric.hpp"
#include "medley/mixes/gradnorm.hpp"
#include "medley/mixes/gradvac.hpp"
#include "medley/mixes/log_sum.hpp"
#include "medley/mixes/mgda.hpp"
#include "medley/mixes/pcd.hpp"
#include "medley/mixes/pcgrad.hpp"
#include "medley/mixes/probe.hpp"
#include "medley/mixes/random_weights.hpp"
#include "medley/mixes/raw_blend.hpp"
#include "medley/mixes/sdmgrad.hpp"
#include "medley/mixes/tchebycheff.hpp"
#include "medley/mixes/trained_blend.hpp"
#include "medley/mixes/uncertainty.hpp"
#include "medley/mixes/upgrad.hpp"
#include "medley/mixes/uw_so.hpp"
#include "medley/mixes/weighted_sum.hpp"

namespace medley {

inline constexpr auto every_mix = any_of(
    // From the losses' own weights, their values and what is kept: one backward pass.
    WeightedSum{}, Probe{}, RandomWeights{}, Blend{}, TrainedBlend{}, RawBlend{}, LogSum{},
    Geometric{}, Uncertainty{}, UncertaintySoftOptimal{}, DynamicWeightAverage{}, Tchebycheff{},
    Constrained{}, Famo{}, GradNorm{}, AutoLambda{},
    // From the Gramian of the losses' gradients: a backward pass of the trunk a loss.
    Mgda{}, SdmGrad{}, EqualAngles{}, Nash{}, FairGrad{}, CaGrad{}, UpGrad{}, DualProjection{},
    Pcd{}, PcGrad{}, GradVac{}, AlignedMtl{}, DbMtl{});

// What each of them can do, compiled once for all experiments that list them.
using EveryMix = std::remove_cvref_t<decltype(parts_of(every_mix))>;
std::array<AnyMix, std::tuple_size_v<EveryMix>> compiled_mixes(const EveryMix& mixes);

}  // namespace medley
