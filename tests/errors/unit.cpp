// What the compiler is given of a wrong experiment: its description, and no engine.
#include MEDLEY_EXPERIMENT_HEADER

#include "medley/experiment/describe.hpp"

medley::Description described() {
  return medley::describe<medley::experiments::MEDLEY_EXPERIMENT>();
}
