// The options of `tune`. Those of a study are in its study.ini, so that any process can go on with it;
// what a process decides for itself is not.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medley/base/arguments.hpp"
#include "medley/experiment/description.hpp"
#include "medley/files/options.hpp"
#include "medley/run/train_options.hpp"
#include "medley/study/search_plan.hpp"
#include "medley/study/selection.hpp"

namespace medley {

struct StudyOptions {
  // Of a process.
  std::filesystem::path study;
  int threads = 0, jobs = 1;  // threads of a trial; 0: the processors, shared out among jobs
  std::string isa;
  bool help = false, status = false;
  bool is_given = false;  // whether any option of the study itself is

  // Of the study.
  std::string data;
  std::vector<std::string> searches;  // as they were written
  SearchDesign search;                // without objectives
  int folds = 0, seeds = 1;
  std::vector<std::string> objectives, requirements;
  bool at_best = false, has_default = true, is_final = false;
  Arguments shared;              // options of `train`
  std::filesystem::path config;  // the file that --config names; in a study, its base.ini
  std::string config_text;
};

// Where a study keeps what --config named.
inline constexpr const char* base_ini = "base.ini";

// Tune's own options; the others on its command line are those of `train`.
po::options_description describe_tune(const Description& description);

// Throws usage_error.
StudyOptions parse_study_options(const Arguments& arguments, const Description& description);

// Name and value ("" for a switch) of each option on a command line of `train`.
std::vector<std::pair<std::string, std::string>> option_pairs(const Arguments& arguments);

// The lines of a study.ini as arguments, --study before them. Throws io_error.
Arguments ini_arguments(const std::filesystem::path& study);

// What --config named when the study began, if anything.
void read_base_ini(StudyOptions& options);

// Throws usage_error naming the first line of two study.ini that differs; comments do not count.
void require_same_lines(const std::filesystem::path& study, std::string_view has,
                        std::string_view wants);

// Lines `name = value`, and back. `config_text` has a file of its own, base.ini.
std::string to_ini(const StudyOptions& options, const Description& description);
StudyOptions read_ini(const std::filesystem::path& study, const Description& description);

// Throws usage_error naming the first option that is another one in the study.
void require_same_study(const StudyOptions& given, const StudyOptions& study,
                        const Description& description);

// What trials have in common, and what they are judged by. Throws usage_error where options
// contradict each other.
Design make_design(const StudyOptions& options, const Description& description);
Criteria make_criteria(const StudyOptions& options, const Design& design);

// Of `train`, with these options behind those that all trials share.
TrainOptions train_options(const StudyOptions& options, const Design& design,
                           const Arguments& of_setting, const Description& description);

// The experiment's own setting, with the values that options have there.
Setting default_setting(const StudyOptions& options, const Design& design,
                        const Description& description);

Simplicity simplicity(const TrainOptions& options, const Description& description, bool is_default);

}  // namespace medley
