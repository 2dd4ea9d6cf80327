// The nearest direction to one that is given, among those along which losses fall as asked:
//
//   min_d ½‖d - Jᵀu‖²  with  Jd ≥ b;   d = Jᵀ(u + z),  z ≥ 0
//
// for K gradients, the rows of J, in the space of their Gramian alone: a bound of -∞ asks nothing.
// It is a dual active-set method: starting without bounds, it takes in the one that is violated
// most, and drops those whose multiplier z would become negative. Gradients are scaled to length one
// and 1e-8 is added to the diagonal, so that it copes with gradients that are dependent: with
// equal, opposite and many more than their dimension, conflicts of about 1e-5 of a norm may remain.
//
// Source: Goldfarb and Idnani, "A numerically stable dual method for solving strictly convex
// quadratic programs", Mathematical Programming 27, 1983.
// Python: quadprog.solve_qp(G, -(G @ u), G, b) gives u + z
#pragma once

#include <cstdint>

#include "medley/mixes/active.hpp"

namespace medley {

enum class ProjectionEnd : std::uint8_t {
  solved,
  infeasible,  // no direction is as asked: Σ_k z_k g_k is zero beside what z are
  unsolved,    // not within 20 K² + 50 steps
};

struct Projection {
  SmallVector z = small_vector(0.0);
  ProjectionEnd end = ProjectionEnd::unsolved;
  int steps = 0;
};

Projection project(const ScaledGramian& gramian, const SmallVector& u, const SmallVector& b);

// The convex combination of least norm, min_w ‖Jᵀw‖² with w ≥ 0 and Σw = 1. Zero is among the
// combinations (`is_zero`) where no direction is downhill for all losses.
struct LeastNorm {
  SmallVector w = small_vector(0.0);
  double norm = 0.0;
  bool is_zero = false;
  bool solved = false;
};

LeastNorm least_norm(const ScaledGramian& gramian);

}  // namespace medley
