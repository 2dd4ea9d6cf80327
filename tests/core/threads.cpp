// The training of training.hpp as an ordinary engine does it: threads, vectors, memory for scores.
#include <cstdio>

#include "medley/engine/trainer_engine.hpp"
#include "tests/core/training.hpp"

int main() {
  using namespace medley;
  using namespace medley::testing;
  CoreRecords records;
  TrainerEngine<CoreExperiment> engine(arena);
  Settings settings = settings_of<CoreExperiment>(records);
  settings.threads = 3;
  engine.start(settings);
  Engine& any = engine;
  print(train(any, records, arena),
        [](const char* text, std::size_t size) { std::fwrite(text, 1, size, stdout); });
}
