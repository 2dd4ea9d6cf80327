// The tables behind a page for pipelines: a value a row, all rows, digits as the files have them.
#pragma once

#include <filesystem>
#include <span>

#include "medley/report/page_of_study.hpp"
#include "medley/report/run_files.hpp"

namespace medley::page {

// Into the folder, which is made where it is missing:
//   losses.csv, metrics.csv, diagnostics.csv, timing.csv, learning-rate.csv, range-test.csv
//                   run,step,split,name,value   (`split` is empty where a file has none)
//   confusion.csv   run,target,split,true,predicted,count
//   options.csv     run,name,value
// A file that no run has anything for is not written. Throws io_error.
void write_tidy(std::span<const RunFiles> runs, const std::filesystem::path& folder);

// settings.csv (setting,name,value), trials.csv (trial,name,value), test.csv as it is. Throws io_error.
void write_tidy(const StudyFiles& study, const std::filesystem::path& folder);

}  // namespace medley::page
