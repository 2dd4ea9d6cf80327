// What a page shows of an experiment and of a trained model, as JSON for it to draw. Numbers are the
// program's own, so that they read back to the same bits; a number that is not defined is null.
//
// network_block(d): the layers in order, as `info` has them
//   {"parameters": n, "mflop": x,                        sums; MFLOP of one picture forward
//    "layers": [{"path": "trunk.0", "type": "conv", "options": "outputs 16, kernel 3",
//                "algorithm": "" | "Winograd ...", "reads": ["input"], "output": "16x32x32",
//                "parameters": n, "mflop": x}]}
//
// arena_block(d): where everything lies; offsets count bytes from the arena's start
//   {"bytes": n, "budget": n,
//    "kinds": [{"kind": "parameters", "count": n, "bytes": n}],   sections of a kind together, as they
//                                                                 come; "alignment" is what is between
//    "sections": [{"name": "worker 0: staging", "kind": "staging", "worker": 0 | null,
//                  "offset": n, "bytes": n, "lifetime": "run" | "step" | "pass" | ...}],
//    "activations": {"offset": n, "bytes": n,            of worker 0
//                    "first": -1, "last": n,             steps of the pass, forward then backward
//                    "buffers": [{"name": "value of trunk.0", "offset": n, "bytes": n,
//                                 "first": n, "last": n}]}}       is needed from first to last
//
// model_blocks(program, options): of a checkpoint on a split
//   {"left_out": "why"}                                  nothing could be shown: the data have gone,
//                                                        no checkpoint yet, another experiment; else
//   {"checkpoint": "runs/a/best", "step": n, "data": "dir" | "the experiment's own data",
//    "split": "validation", "records": n,
//    "terms": [{"name": "colour", "value": x,            of the split, as `eval` tells them
//               "standard_error": x, "low": x, "high": x}],
//    "metrics": [...],                                   likewise, "colour.accuracy" and others
//    "samples": ..., "curves": [...], "reliability": [...]}
//
// samples:
//   {"picture": {"width": n, "height": n,                as drawn: at most options.most_side
//                "reduced": true | false,                from the network's input
//                "shown": "in colour" | "in gray" | "channel 1 of 2, in gray" |
//                         "channels 1, 2, 3 of 5 as red, green, blue"},
//    "heads": [{"head": "mask", "target": "mask", "kind": "classes" | "values" | "mask",
//               "classes": [{"name": "background", "color": "#rrggbb"}],  of a mask; as it is drawn
//               "opacity": x,                            to draw a mask with
//               "unknown": "#rrggbb"}],                  of a mask's pixels that are not known
//    "records": [{"record": n,                           its number in the data
//                 "picture": "data:image/png;base64,...",
//                 "losses": [x | null],                  one a term, as in "terms"; null: a penalty,
//                                                        or the record has not the target
//                 "heads": [one a head, as in samples.heads:
//                   classes {"truth": "red" | null, "prediction": "blue", "right": true | false | null,
//                            "probability": x}           or "score" where there are no probabilities
//                   values  {"truth": [x] | null, "prediction": [x]}
//                   mask    {"truth": "data:..." | null, "prediction": "data:..."}  of the picture's
//                            size as drawn, the first class clear, to be laid over the picture
//                 ]}],
//    "shown": [i],                                       of records: evenly spread over the split
//    "worst": [{"term": "colour", "records": [i]}]}      of records: by falling loss
//
// curves: one for each head on a target of two classes, and of those that tell probabilities of 3 to
// 10 classes one for each class against the others
//   {"head": "kind", "target": "kind", "name": "kind" (that of its metrics), "class": "yes",
//    "positives": n, "negatives": n,                     labelled records of the class, and others
//    "area": x, "standard_error": x,                     under the ROC curve: <name>.auc of metrics
//    "average_precision": x,                             Σ (R_i - R_{i-1}) P_i, all thresholds
//    "threshold": [null, x...],                          falling; null: above all scores
//    "false_positive_rate": [0 ... 1], "true_positive_rate": [0 ... 1],   the latter is the recall
//    "precision": [1 ...],
//    "thinned": true | false}                            see ranking.hpp
//
// reliability: one for each head on classes or a mask whose outputs are logits of probabilities
//   {"head", "target", "name", "unit": "records" | "pixels", "count": n,
//    "expected_calibration_error": x, "largest_calibration_error": x,
//    "bins": [{"lower": x, "upper": x, "count": n, "confidence": x | null, "accuracy": x | null,
//              "standard_error": x | null,               see reliability.hpp
//              "low": x | null, "high": x | null}]}
//
// All of it is the same for the same parameters, records and binary, whatever the threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "medley/experiment/records.hpp"
#include "medley/run/session.hpp"

namespace medley {

struct ModelBlocksOptions {
  std::filesystem::path run{};         // the folder of a run
  std::filesystem::path checkpoint{};  // empty: its `best`, or its `last` where there is none
  std::string data{};                  // where its data set is now; empty: where config.ini says
  Split split = Split::validation;     // --split
  std::size_t samples = 24;            // --samples; 0: "samples" has neither these nor the worst
  std::size_t worst = 8;               // by each loss; half of `samples` at most
  int most_side = 256;                 // pixels of a picture as drawn
  int threads = 0;                     // 0: the processors at hand
  std::string instruction_set{};       // empty: the best
};

nlohmann::json network_block(const Description& description);
nlohmann::json arena_block(const Description& description);
// Takes the program's arena while it works. What is wrong with the run or its data is told in
// "left_out", and nothing is thrown but what is the caller's fault (usage_error).
nlohmann::json model_blocks(const Program& program, const ModelBlocksOptions& options);

}  // namespace medley
