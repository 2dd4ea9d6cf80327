// What a study answers: the table of settings, sentences, and options to train the chosen setting with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medley/study/plan.hpp"
#include "medley/study/selection.hpp"

namespace medley {

// settings.csv: a row a setting, or with `chosen_only` a row for each that is on the front or chosen.
// Means, standard errors and differences to the default of each objective; of a setting that was not
// trained to the last rung, those at the last one that it has come to.
std::string settings_text(const Design& design, const Plan& plan, const Criteria& criteria,
                          const Selection& selection, bool chosen_only);

// answer.txt: what was trained, what was chosen and why, how sure that is. One sentence a line.
// `is_final`: a final training follows, so that it need not be recommended.
std::vector<std::string> answer_sentences(const Design& design, const Plan& plan,
                                          const Criteria& criteria, const Selection& selection,
                                          bool is_final = false);

// What the final training's test.csv says of the objectives.
std::vector<std::string> test_sentences(const Criteria& criteria,
                                        const std::filesystem::path& test_csv);

}  // namespace medley
