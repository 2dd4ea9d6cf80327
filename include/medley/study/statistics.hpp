// What is said of repeated runs: means and their errors, intervals, paired differences.
//
//   estimate(values)            mean and its standard error, s / √n
//   interval(estimate)          mean ± t · standard error, Student's t with n - 1 degrees of freedom
//   paired(a, b)                a - b run by run (same seed, same fold), and a t test of the mean
//   paired_folds(a, b, share)   the same where runs share training records, with a wider error
//   holm(p)                     p values of many comparisons at once
//   treatments(values)          whether several ways differ at all, run by run: an F test
//   bootstrap_interval(...)     an interval of any statistic, by drawing from the values again
//
// Tests compare with SciPy (tests/golden/statistics.py). Numbers that are not known are NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace medley::statistics {

struct Estimate {
  double mean, standard_error;
  std::size_t n;
};

struct Interval {
  double low, high;
};

// The mean of a difference, its standard error, and the two-sided p value of a t test that it is 0.
struct Paired {
  double difference, standard_error, p;
  std::size_t n;
};

// Mean, and s / √n with s² = Σ (x - mean)² / (n - 1); the error is NaN for a single value, both are
// for none. As numpy.mean and scipy.stats.sem.
Estimate estimate(std::span<const double> values);

// The t below which Student's distribution with so many degrees of freedom (above 0) has the share
// p, 0 < p < 1. As scipy.stats.t.ppf(p, degrees).
double student_t_quantile(double p, double degrees);

// The share of Student's distribution beyond ±|t|: a p value. As 2 * scipy.stats.t.sf(abs(t), degrees).
double student_t_two_sided(double t, double degrees);

// mean ± t · standard_error, the interval that covers the expectation with this probability. As
// scipy.stats.t.interval(level, n - 1, mean, standard_error).
Interval interval(const Estimate& estimate, double level = 0.95);
Interval interval(const Paired& paired, double level = 0.95);

// Of runs that are alike but for one thing: a[i] and b[i] have the same seed and fold. As
// scipy.stats.ttest_rel(a, b). Where all differences are the same, p is 1 if they are 0, else 0.
// The spans have the same length.
Paired paired(std::span<const double> a, std::span<const double> b);

// The same for cross-validation, where runs have most of their training records in common and the
// error above is too small: 1/n becomes 1/n + share, with share = held-out records over training
// records of a run, 1 / (K - 1) for K folds. Nadeau and Bengio, "Inference for the Generalization
// Error", Machine Learning 52, 2003, section 4.2.
Paired paired_folds(std::span<const double> a, std::span<const double> b, double share);

// p values as they are after m comparisons, in the order given: the k-th smallest times m - k + 1,
// none below one before it, 1 at most; a difference whose value is below α is there with less than α
// of any wrong claim. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian
// Journal of Statistics 6, 1979. NaN stays and is not counted. As statsmodels multipletests(method="holm").
std::vector<double> holm(std::span<const double> p);

// The p value of an F test that several treatments have the same mean, where values[i][s] is that of
// treatment i in run s (same seed, same fold): analysis of variance with repeated measures, F the mean
// square between treatments over that of what neither treatment nor run explains. Of two treatments it
// is that of `paired`. NaN with less than two treatments or runs; where nothing is left to explain, 1 if
// the treatments are alike, else 0. As statsmodels AnovaRM.
double treatments(std::span<const std::vector<double>> values);

// So many pairs (runs of both) that a difference of `effect` is twice its standard error, if single
// differences deviate as those of `paired` do; at least 2, and 0 where that is not known.
std::size_t pairs_needed(const Paired& paired, double effect);

// The interval between the quantiles of a statistic over `resamples` sets of values, each drawn with
// replacement from all. Depends on the seed alone (Philox). Efron 1979; as scipy.stats.bootstrap(...,
// method="percentile").
Interval bootstrap_interval(std::span<const double> values,
                            const std::function<double(std::span<const double>)>& statistic,
                            double level = 0.95, std::uint32_t resamples = 2000,
                            std::uint64_t seed = 1);

// The value below which the share p of sorted values lies, between neighbours by a straight line. As
// numpy.quantile.
double quantile(std::span<const double> sorted, double p);

}  // namespace medley::statistics
