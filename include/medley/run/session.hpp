// What a binary was built for, and a session of it: an engine at work in the one static arena.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "medley/data/source.hpp"
#include "medley/engine/engine.hpp"
#include "medley/experiment/description.hpp"

namespace medley {

// An experiment, memory for one session of it at a time, and engines by instruction set. There is one a
// binary, made by src/experiments/experiment.cpp; tests make their own.
struct Program {
  struct Variant {
    std::string_view name;  // of the instruction set
    std::unique_ptr<Engine> (*make)(float* arena);
    bool runs;  // on this processor
  };
  const Description& description;
  std::span<float> arena;         // description.arena_bytes of them, zero, aligned to 128
  const Source* generator;        // the experiment's own records; null where it has none
  std::vector<Variant> variants;  // best first
  // Makes an engine one of several processes'; empty: this one works alone.
  std::function<std::unique_ptr<Engine>(std::unique_ptr<Engine>)> share{};
  // Whether a session has been at work in the arena, and whether one is.
  mutable bool touched = false, occupied = false;

  // Names of the instruction sets that run here.
  std::vector<std::string_view> instruction_sets() const;
  // The instruction set of that name; empty: MEDLEY_ISA of the environment, or the best. Throws a
  // usage error where there is none.
  const Variant& variant(std::string_view wanted) const;
};

// The program of this binary.
const Program& program();

class Session {
 public:
  // Takes the arena, which must be free, and clears what an earlier session has left there.
  explicit Session(const Program& program, std::string_view instruction_set = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Description& description() const { return program_.description; }
  const Source* generator() const { return program_.generator; }
  std::string_view instruction_set() const { return variant_.name; }
  float* arena() const { return program_.arena.data(); }
  Engine& engine() const { return *engine_; }

 private:
  const Program& program_;
  const Program::Variant& variant_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace medley
