// Eigenvalues and eigenvectors of a symmetric matrix, A = VΛVᵀ, by cyclic Jacobi rotations: the
// pairs (i, j), i < j, in the order of their rows, until Σ_{i≠j} a_ij² ≤ 1e-30 ‖A‖², at most 30
// times. For entries of about 1, such as of cosines, or of a Gramian over its trace.
//
// Source: Golub and Van Loan, "Matrix Computations", section 8.5.
// PyTorch: torch.linalg.eigh(A), whose eigenvalues ascend
#pragma once

#include <cstddef>

#include "medley/mixes/small.hpp"

namespace medley {

struct Spectrum {
  std::size_t count = 0;
  std::size_t rank = 0;                     // eigenvalues above 1e-10 of the largest
  bool ended = false;                       // within the 30 rounds
  SmallVector values = small_vector(0.0);   // descending
  SmallMatrix vectors = small_matrix(0.0);  // a column each, its component of largest size positive
};

Spectrum spectrum_of(const SmallMatrix& symmetric, std::size_t count);

// A⁺q, with the eigenvalues that the rank counts.
SmallVector pseudo_solve(const Spectrum& a, const SmallVector& q);

}  // namespace medley
