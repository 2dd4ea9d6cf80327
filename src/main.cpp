// medley-<experiment> SUBCOMMAND [options]
#include "commands/commands.hpp"
#include "commands/standard_streams.hpp"

int main(int count, char** texts) {
  medley::prepare_standard_streams();
  return medley::run_program(medley::program(), {texts + 1, texts + count});
}
