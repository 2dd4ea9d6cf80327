// The options of `compare`: those of a study, and what is compared.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "medley/study/arms.hpp"
#include "medley/study/study_options.hpp"

namespace medley::comparison {

// A learning rate that all arms are tried with: of all groups, or times what each group has by itself.
struct Rate {
  double value = 1.0;
  bool is_factor = false;

  std::string text() const;  // "0.003", "x0.333"
};

struct CompareOptions {
  StudyOptions study;
  ArmChoice arms;
  std::vector<Rate> rates;
  double effect = 0.1;     // share of the plain sum's error from which on a difference matters
  bool equal_time = true;  // whether costly arms come again with fewer steps
  // Of a step of arms by their number, in steps of the plain sum, where that is not 1: measured when the
  // study begins.
  std::map<std::size_t, double> costs;
};

po::options_description describe_compare(const Description& description);

// Throws usage_error.
CompareOptions parse_compare_options(const Arguments& arguments, const Description& description);

// study.ini, and back.
std::string to_ini(const CompareOptions& options, const Description& description);
CompareOptions read_compare_ini(const std::filesystem::path& study, const Description& description);

// Throws usage_error naming the first option that is another one in the study.
void require_same_study(const CompareOptions& given, const CompareOptions& study,
                        const Description& description);

}  // namespace medley::comparison
