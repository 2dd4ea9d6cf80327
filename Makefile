# Medley: one binary an experiment. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := $(if $(filter command%,$(origin EXPERIMENT)),binary,help)
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --output-sync=target $(if $(filter 0,$(MAKELEVEL)),--jobs=$(shell nproc))

EXPERIMENT ?= garments
# An experiment is a header; those under tests serve tests and benchmarks.
vpath %.hpp include/medley/experiments tests/experiments
EXPERIMENTS := $(notdir $(basename $(wildcard include/medley/experiments/*.hpp)))
TEST_EXPERIMENTS := $(notdir $(basename $(wildcard tests/experiments/*.hpp)))
CXX := $(if $(filter default,$(origin CXX)),g++,$(CXX))
is_gcc_of = $(findstring g++,$(subst clang++,,$(1)))
is_gcc := $(call is_gcc_of,$(CXX))
have = $(if $(shell command -v $(1)),yes)
# (On a bare machine the compiler is yet to be installed.)
MACHINE := $(or $(shell $(CXX) -dumpmachine 2>/dev/null),$(shell uname -m)-linux-gnu)

# Every instruction set named here goes into the binary; the best that the processor has is taken at
# start. The results are the same bits with each. `make` and `make run` build for this machine's best, so that an edit
# is soon running; what is installed, tested or timed has each that machines like this one may have.
# ISAS='avx512 avx2' builds both anywhere.
has_avx512 := $(shell grep -m1 -ow avx512vl /proc/cpuinfo)
ALL_ISAS := $(if $(findstring x86_64,$(MACHINE)),$(if $(has_avx512),avx512) avx2,$(if $(findstring aarch64,$(MACHINE)),neon,scalar))
ISAS ?= $(if $(filter-out run binary packages,$(MAKECMDGOALS)),$(strip $(ALL_ISAS)),$(firstword $(ALL_ISAS)))
# (g++ 12 warns of undefined registers inside its own AVX-512 header.)
GCC_AVX512_FLAGS := -Wno-maybe-uninitialized -Wno-uninitialized
FLAGS_avx512 := -march=x86-64-v4 -mprefer-vector-width=512 $(if $(is_gcc),$(GCC_AVX512_FLAGS))
FLAGS_avx2 := -march=x86-64-v3
FLAGS_neon :=
FLAGS_scalar := -DMEDLEY_SCALAR
# Tests and benchmarks of single parts are built for the best instruction set of this machine.
TEST_ISA ?= $(firstword $(if $(has_avx512),$(filter avx512,$(ISAS))) $(filter-out avx512,$(ISAS)))

# SANITIZE=address,undefined or SANITIZE=thread gives builds of their own.
SANITIZE ?=
OPT ?= -O2
# Lines of code for profilers and reports; builds that are only run go without, which compiles faster.
DEBUG ?= -g1
# What differs in compiler or options goes into a folder of its own; binaries also by instruction sets.
comma := ,
space := $(subst ,, )
BUILD := build/$(notdir $(CXX))$(OPT)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
BIN := $(BUILD)/$(subst $(space),-,$(strip $(ISAS)))

# (At -O3, g++ 12 warns of overlaps and overflows in libraries where there are none.)
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion $(if $(filter -O3,$(OPT)),,-Werror)
# Looking for use after scope multiplies the time that unrolled kernels take to compile.
SANITIZE_FLAGS := -fno-omit-frame-pointer -fno-sanitize-recover=all -Wno-error \
  $(if $(findstring address,$(SANITIZE)),-fno-sanitize-address-use-after-scope)
# g++ looks for garbage each time that its memory has doubled, from 128 MB on; up to half a gigabyte it may just grow.
GCC_FLAGS := --param=ggc-min-heapsize=524288
CXXFLAGS := -std=c++20 $(OPT) $(DEBUG) $(if $(is_gcc),$(GCC_FLAGS)) -ffp-contract=off -fno-math-errno -ffile-prefix-map=$(CURDIR)=. \
  $(WARNINGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE) $(SANITIZE_FLAGS))
# Unrolled kernels are long straight lines of loads and stores. Left alone, g++ compares each with a
# thousand before it and follows the ranges of their addresses, for a third of an engine's compile time
# and code that is no faster.
# It also guesses which class a virtual function is of, and compiles an experiment's generator again for that.
GCC_ENGINE_FLAGS := -fno-gnu-unique -fno-devirtualize-speculatively --param=sccvn-max-alias-queries-per-access=50 -fno-ipa-modref -fno-tree-vrp
ENGINE_FLAGS := $(if $(is_gcc),$(GCC_ENGINE_FLAGS))
# All that the shell and descriptions need of -O2 is vectors in loops over whole files; the rest takes a third longer to
# compile. So the shell is the same for engines of -O2 and of -O3.
LIGHT_FLAGS := $(if $(filter -O2 -O3,$(OPT)),-O1 -ftree-vectorize)
SHELL_FLAGS := $(LIGHT_FLAGS)
SHELL_BUILD := $(BUILD:%-O3=%-O2)/shell
CPPFLAGS := -Iinclude -Isrc -I. -MMD -MP
CROSS := $(if $(filter $(shell uname -m)-%,$(MACHINE)),,$(MACHINE)-)
# A binary holds all of the shell, so that an edit waits for the linker: the fastest of those that are there.
LINKER := $(firstword $(foreach linker,lld gold,$(if $(shell command -v $(CROSS)ld.$(linker)),$(linker))))
# (AddressSanitizer follows exceptions only through a shared libstdc++.)
LDFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE),-static-libgcc -static-libstdc++ $(LINKER:%=-fuse-ld=%)) -pthread
# What libtiff decompresses with.
TIFF_CODECS := -lwebp -lzstd -llzma -lLerc -ljbig -ldeflate
LDLIBS := -Wl,-Bstatic -lboost_program_options -ltiff -ljpeg -lpng $(TIFF_CODECS) -lz -lxxhash -lprotobuf-lite -Wl,-Bdynamic -lm

# The shell: a unit a room, as most of the time that a file takes goes into headers and their templates.
ROOMS := base experiment optimizers mixes data files import run study report export commands
# Another build's shell may serve, but for the rooms whose numbers reach checkpoints.
SHELL_FROM ?= $(SHELL_BUILD)
SHELL_OBJECTS := $(foreach room,$(ROOMS),$(if $(filter experiment optimizers mixes,$(room)),$(SHELL_BUILD),$(SHELL_FROM))/$(room).o) $(SHELL_BUILD)/page.o $(SHELL_FROM)/onnx.pb.o $(SHELL_FROM)/event.pb.o
BINARIES := $(EXPERIMENTS:%=$(BIN)/medley-%)
# MPI=1 adds many processes (include/medley/processes): medley-NAME-mpi, with Debian's Open MPI, or MPI=mpich.
MPI ?=
MPI_KINDS := openmpi mpich
MPI_KIND := $(if $(filter mpich,$(MPI)),mpich,openmpi)
MPICXX := OMPI_CXX=$(CXX) MPICH_CXX=$(CXX) mpicxx
LINK ?= yes
RUN_OUT ?= runs/$(EXPERIMENT)-$(shell date +%Y%m%d-%H%M%S)

PACKAGES := g++ make libxtensor-dev libxsimd-dev libboost-program-options-dev libgtest-dev \
  nlohmann-json3-dev libjpeg62-turbo-dev libpng-dev libtiff-dev libwebp-dev libstb-dev zlib1g-dev libfmt-dev libxxhash-dev libjs-chart.js \
  libonnx-dev libprotobuf-dev protobuf-compiler
TEST_PACKAGES := python3-numpy
# What the builds for comparison need: another compiler, other processors and their emulators. (Of the Cortex-M's C++ and C
# libraries the headers.)
CROSS_PACKAGES := clang libclang-rt-dev g++-aarch64-linux-gnu qemu-user-static gcc-arm-none-eabi qemu-system-arm libstdc++-arm-none-eabi-dev \
  libnewlib-dev $(addsuffix :arm64,libstdc++-12-dev \
  libboost-program-options1.74-dev libjpeg62-turbo-dev libpng-dev libtiff-dev libwebp-dev zlib1g-dev libxxhash-dev libprotobuf-dev)
FUZZ_PACKAGES := clang libclang-rt-dev
# What the pages of `report` are looked at with.
BROWSER_PACKAGES := chromium
# What makes the folder of Python packages that files for other programs are read with (tests/contract/peers.txt).
PEER_PACKAGES := python3-venv

PACKAGES_openmpi := libopenmpi-dev openmpi-bin
PACKAGES_mpich := libmpich-dev mpich

.PHONY: help run binary all install uninstall test unit-test error-test contract-test test-address test-thread sanitized \
  sanitized-training fuzz fuzz-all fuzz-corpus fuzz-corpus-all bench clean packages test-packages \
  cross-packages browser-packages mpi-packages peer-packages check-format mutants
.SECONDARY:

help: ## this list
	@echo 'usage: make TARGET [EXPERIMENT=name]   experiments: $(EXPERIMENTS)'
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: binary ## install what is missing, build, train EXPERIMENT on its own data, show the result
	$(BIN)/medley-$(EXPERIMENT) train --out $(RUN_OUT)

binary: $(BIN)/$(if $(MPI),$(MPI_KIND)/)medley-$(EXPERIMENT)$(if $(MPI),-mpi) ## build EXPERIMENT; the binary is build/medley-EXPERIMENT
all: $(BINARIES) ## build every experiment

# --- packages -------------------------------------------------------------------------------------

as_root := $(if $(filter 0,$(shell id -u)),,sudo)
define install
	@missing=$$({ dpkg-query -W -f '$${Package} $${Status}\n$${Package}:$${Architecture} $${Status}\n' $(1) 2>/dev/null || true; } | sed -n 's/ install ok installed$$//p' \
	  | sort | comm -13 - <(printf '%s\n' $(1) | sort)); \
	if [ -n "$$missing" ]; then echo "installing" $$missing; \
	  $(as_root) env DEBIAN_FRONTEND=noninteractive sh -c "apt-get update -q && apt-get install -y -q --no-install-recommends $$(echo $$missing)"; fi
	@mkdir -p $(@D) && touch $@
endef
build/packages: Makefile
	$(call install,$(PACKAGES))
build/mpi-%: build/packages
	$(call install,$(PACKAGES_$*))
build/test-packages: build/packages
	$(call install,$(TEST_PACKAGES))
build/cross-packages: build/packages
	@dpkg --print-foreign-architectures | grep -qx arm64 || $(as_root) dpkg --add-architecture arm64
	$(call install,$(CROSS_PACKAGES))
build/fuzz-packages: build/packages
	$(call install,$(FUZZ_PACKAGES))
build/browser-packages: build/packages
	$(call install,$(BROWSER_PACKAGES))
# (Into this clone alone. A folder that is not whole is made anew.)
build/peers/installed: tests/contract/peers.txt | build/test-packages
	$(call install,$(PEER_PACKAGES))
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check --no-input -r $<
	@touch $@
packages: build/packages ## install the packages that building needs
test-packages: build/test-packages ## install the packages that testing needs
cross-packages: build/cross-packages ## install other compilers and an emulator, for more of the tests
browser-packages: build/browser-packages ## install a browser, for the test of the pages of `report`
mpi-packages: $(MPI_KINDS:%=build/mpi-%) ## install Open MPI and MPICH, for the tests of many processes
peer-packages: build/peers/installed ## a folder with the Python packages that exported files are tested with

# --- compiling ------------------------------------------------------------------------------------

# The shell: compiled once, for any processor. (A room's folder is newer than its unit where a file came or went.)
.SECONDEXPANSION:
# A unit that includes these files, made anew where they are others.
define one_unit
	@mkdir -p $(@D)
	@printf '#include "%s"\n' $(1) > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef
$(SHELL_BUILD)/%.cpp: src/$$* Makefile
	$(call one_unit,$(sort $(wildcard src/$*/*.cpp)))
$(SHELL_BUILD)/main.cpp: src/main.cpp
	@mkdir -p $(@D)
	@echo '#include "src/main.cpp"' > $@
# What the pages of `report` bring with them, as bytes. (Scripts and style are named in the assembler's file.)
$(SHELL_BUILD)/page.o: src/report/page/embedded.S $(wildcard src/report/page/*) | build/packages
	@mkdir -p $(@D)
	$(CXX) -c $< -o $@
# ONNX files: the reader and writer of them that protoc makes of their definition. (Compiled for a processor, not for an
# experiment; warnings of what others wrote are not ours.)
ONNX_HEADER := build/onnx/onnx.pb.h
$(ONNX_HEADER): | build/packages
	@mkdir -p $(@D)
	protoc --cpp_out=$(@D) --proto_path=/usr/include/onnx onnx.proto
# TensorBoard's event files: the same of a definition of our own.
EVENT_HEADER := $(dir $(ONNX_HEADER))event.pb.h
$(EVENT_HEADER): src/export/event.proto | build/packages
	@mkdir -p $(@D)
	protoc --cpp_out=$(@D) --proto_path=$(<D) $(<F)
$(SHELL_BUILD)/event.pb.o: $(EVENT_HEADER)
$(SHELL_BUILD)/onnx.pb.o: $(ONNX_HEADER)
$(SHELL_BUILD)/onnx.pb.o $(SHELL_BUILD)/event.pb.o:
	@mkdir -p $(@D)
	$(CXX) -std=c++20 -O0 $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -w -c $(<:.h=.cc) -o $@
$(SHELL_BUILD)/export.o: CPPFLAGS += -isystem $(dir $(ONNX_HEADER))
$(SHELL_BUILD)/export.o: $(EVENT_HEADER) | $(ONNX_HEADER)
$(SHELL_BUILD)/mixes.o: SHELL_FLAGS += -fno-exceptions -fno-rtti
$(SHELL_BUILD)/%.o: $(SHELL_BUILD)/%.cpp | build/packages
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(SHELL_FLAGS) -c $< -o $@

# An experiment: its arena and description for any processor, its engine once an instruction set.
experiment_flags = '-DMEDLEY_EXPERIMENT=$(subst -,_,$(1))' '-DMEDLEY_EXPERIMENT_HEADER="$(wildcard include/medley/experiments/$(1).hpp tests/experiments/$(1).hpp)"'
define description_rule
$(BUILD)/$(subst $(space),-,$(strip $(1)))/%/experiment.o: src/experiments/experiment.cpp %.hpp | build/packages
	@mkdir -p $$(@D)
	$(CXX) $(CPPFLAGS) $$(call experiment_flags,$$*) $(1:%=-DMEDLEY_HAS_%) $(CXXFLAGS) $(LIGHT_FLAGS) $(FLAGS_scalar) -c $$< -o $$@
endef

# Headers that many units begin with, g++ reads once. (A cache of objects serves better alone, and for a single unit it
# does not pay.)
has_cache := $(findstring ccache,$(realpath $(shell command -v $(CXX))))
reads_once := $(if $(has_cache)$(SANITIZE),,$(is_gcc))

# An engine and the functions of its layers, which experiments share (src/engine/layers.sh). All symbols but the entry become
# local ("unique" ones could not), so that no inline function compiled for a newer processor can be linked into code that
# runs on an older one.
define engine_rule
$(BUILD)/common-$(1).hpp.gch: src/engine/common.hpp | build/packages
	@mkdir -p $$(@D) && cp $$< $$(@:.gch=)
	$(CXX) $(CPPFLAGS) -MF $$(@:.gch=.d) -MT $$@ -DMEDLEY_LAYERS_ELSEWHERE $(CXXFLAGS) $(ENGINE_FLAGS) $(FLAGS_$(1)) -w -x c++-header $$< -o $$@
$(BUILD)/%/engine.$(1).o: src/engine/engine.cpp %.hpp src/engine/layers.sh include/medley/network/site_functions.hpp $(if $(reads_once),$(BUILD)/common-$(1).hpp.gch) | build/packages
	@mkdir -p $$(@D)
	$(CXX) $(CPPFLAGS) -MF $$(@:.o=.d) -MT $$@ $(if $(reads_once),-include $(BUILD)/common-$(1).hpp) $$(call experiment_flags,$$*) -DMEDLEY_ISA=$(1) -DMEDLEY_LAYERS_ELSEWHERE $(CXXFLAGS) $(ENGINE_FLAGS) $(FLAGS_$(1)) -c $$< -o $$@.part.o
	NM=$(NM) sh src/engine/layers.sh $$@.part.o $$(word 2,$$^) $(BUILD)/layers-$(1) \
	  $(CXX) $(filter -I%,$(CPPFLAGS)) $(CXXFLAGS) $(ENGINE_FLAGS) $(FLAGS_$(1)) > $$@.layers
	$(LD_R) -r $(if $(SANITIZE),,--force-group-allocation) $$@.part.o $$$$(cat $$@.layers) -o $$@.one.o
	$(if $(SANITIZE),cp,$(OBJCOPY) --keep-global-symbol=medley_engine_$(1)) $$@.one.o $$@
	@rm $$@.part.o $$@.one.o
endef
LD_R := $(CROSS)ld
OBJCOPY := $(CROSS)objcopy
NM := $(CROSS)nm
$(foreach isa,$(ISAS),$(eval $(call engine_rule,$(isa))))

# Binaries with these instruction sets, in this folder, and whether they are the ones in build.
define binary_rule
$(call description_rule,$(1))
$(2)/medley-%: $(2)/%/experiment.o $(foreach isa,$(1),$(BUILD)/%/engine.$(isa).o) $(SHELL_FROM)/main.o $(SHELL_OBJECTS)
	$(CXX) $(LDFLAGS) $$^ $(LDLIBS) -o $$@
	$(if $(3),@ln -sf $(2:build/%=%)/medley-$$* build/medley-$$*)
endef
$(eval $(call binary_rule,$(ISAS),$(BIN),$(LINK)))

# Many processes: another main in front of the same objects. (Of what MPI's wrapper adds, C++ bindings are of another age.)
define mpi_main_rule
$(SHELL_BUILD)/mpi-$(1).o: $(SHELL_BUILD)/mpi.cpp | build/mpi-$(1)
	$(MPICXX).$(1) $(CPPFLAGS) -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX $(CXXFLAGS) $(SHELL_FLAGS) -c $$< -o $$@
endef
$(foreach kind,$(MPI_KINDS),$(eval $(call mpi_main_rule,$(kind))))
# Of an MPI, with these instruction sets, in a folder in this one.
define mpi_rule
$(3)/$(1)/medley-%-mpi: $(3)/%/experiment.o $(foreach isa,$(2),$(BUILD)/%/engine.$(isa).o) \
  $(SHELL_OBJECTS) $(SHELL_BUILD)/processes.o $(SHELL_BUILD)/mpi-$(1).o
	@mkdir -p $$(@D)
	$(MPICXX).$(1) $(LDFLAGS) $$^ $(LDLIBS) -o $$@
	$(if $(4),@ln -sf $$(@:build/%=%) build/medley-$$*-mpi)
endef
$(foreach kind,$(MPI_KINDS),$(eval $(call mpi_rule,$(kind),$(ISAS),$(BIN),$(LINK))))

# --- installing -----------------------------------------------------------------------------------

PREFIX ?= /usr/local
DESTDIR ?=
# The man page and the completion are what --help says, so that the binary must run here.
MAN_PAGE := $(BIN)/share/medley-$(EXPERIMENT).1
COMPLETION := $(BIN)/share/medley-$(EXPERIMENT).bash
INSTALLED_BINARY := $(DESTDIR)$(PREFIX)/bin/medley-$(EXPERIMENT)
INSTALLED_MAN_PAGE := $(DESTDIR)$(PREFIX)/share/man/man1/medley-$(EXPERIMENT).1
INSTALLED_COMPLETION := $(DESTDIR)$(PREFIX)/share/bash-completion/completions/medley-$(EXPERIMENT)
$(BIN)/share/medley-%.1: $(BIN)/medley-% src/commands/manual.sh
	@mkdir -p $(@D)
	sh src/commands/manual.sh man $< > $@
$(BIN)/share/medley-%.bash: $(BIN)/medley-% src/commands/manual.sh
	@mkdir -p $(@D)
	sh src/commands/manual.sh completion $< > $@
install: $(BIN)/medley-$(EXPERIMENT) $(MAN_PAGE) $(COMPLETION) ## EXPERIMENT's binary, man page and bash completion, under PREFIX (and DESTDIR)
	install -D -m 755 $(BIN)/medley-$(EXPERIMENT) '$(INSTALLED_BINARY)'
	install -D -m 644 $(MAN_PAGE) '$(INSTALLED_MAN_PAGE)'
	install -D -m 644 $(COMPLETION) '$(INSTALLED_COMPLETION)'
uninstall: ## remove what install has put there
	rm -f '$(INSTALLED_BINARY)' '$(INSTALLED_MAN_PAGE)' '$(INSTALLED_COMPLETION)'

# --- tests ----------------------------------------------------------------------------------------

PYTHON ?= /usr/bin/python3
# THOROUGH=1 tries each promise as often as tests/README.md says, beside more builds, and more shapes of kernels.
THOROUGH ?=
# Where it is there, clang++ compiles tests, in half the time of g++ and with other eyes; THOROUGH=1 is with g++.
TEST_CXX ?= $(if $(and $(is_gcc),$(call have,clang++)),$(if $(THOROUGH)$(SANITIZE),,clang++))
TEST_CXX := $(or $(TEST_CXX),$(CXX))
UNIT := $(BUILD)/unit-$(TEST_ISA)$(if $(filter-out $(CXX),$(TEST_CXX)),-$(TEST_CXX))
unit_tests = $(sort $(wildcard tests/unit/$(1)/*_test.cpp $(if $(THOROUGH),tests/unit/$(1)/*_thorough.cpp)))
# Tests of the shell are a unit a room, as the shell itself is, so that names in a room differ; those of code that is
# compiled for an instruction set have one each, as those of data, whose sources of records are named alike.
UNIT_ROOMS := $(filter-out base data,$(filter $(ROOMS) processes,$(notdir $(wildcard tests/unit/*))))
UNIT_UNITS := $(foreach room,$(filter-out $(UNIT_ROOMS),$(notdir $(wildcard tests/unit/*))),$(call unit_tests,$(room)))
UNIT_OBJECTS := $(UNIT_ROOMS:%=$(UNIT)/rooms/%.o) $(UNIT_UNITS:tests/unit/%.cpp=$(UNIT)/%.o)
# Tests of kernels unroll as much as the kernels do; -O1 without lines compiles them in half the time. Those of the shell read
# and compare. Those of engines have many engines of a few steps, for which g++'s -Og is enough, and layers without vectors,
# as other tests try those: a program of its own, as functions of both are named alike.
UNIT_CXX := $(TEST_CXX)
UNIT_OPT := -O1
UNIT_VECTORS :=
$(UNIT_ROOMS:%=$(UNIT)/rooms/%.o): UNIT_OPT := -O0
OF_ENGINES := $(UNIT)/engine_common.hpp.pch $(UNIT)/engine/%.o
$(OF_ENGINES): UNIT_CXX := $(CXX)
$(OF_ENGINES): UNIT_OPT := -Og
$(OF_ENGINES): UNIT_VECTORS := $(if $(THOROUGH)$(SANITIZE),,$(FLAGS_scalar))
UNIT_FLAGS = -Itests $(filter-out $(if $(call is_gcc_of,$(UNIT_CXX)),,$(GCC_FLAGS) $(GCC_ENGINE_FLAGS) $(GCC_AVX512_FLAGS)), \
  $(CXXFLAGS) $(UNIT_OPT) $(if $(SANITIZE),,-g0) $(ENGINE_FLAGS) $(FLAGS_$(TEST_ISA)) $(UNIT_VECTORS))
# Headers that most tests of a room begin with take some seconds of each: they are read once, unless there is a cache of
# objects, which serves better alone. (-w: of a header as the main file compilers warn. g++ looks for a .gch, clang++ for a
# .pch.)
unit_reads_once := $(if $(has_cache)$(SANITIZE),,yes)
common_of = $(UNIT)/$(patsubst %,%_,$(filter engine layers,$(1)))common.hpp
$(UNIT)/%.hpp.pch: tests/%.hpp | build/packages
	@mkdir -p $(@D) && cp $< $(@:.pch=)
	$(UNIT_CXX) $(CPPFLAGS) -MF $(@:.pch=.d) -MT $@ $(UNIT_FLAGS) -w -x c++-header $< -o $@
	$(if $(call is_gcc_of,$(UNIT_CXX)),@ln -f $@ $(@:.pch=.gch))
$(UNIT)/rooms/%.cpp: tests/unit/$$* Makefile
	$(call one_unit,$(call unit_tests,$*))
$(UNIT)/rooms/%.o: $(UNIT)/rooms/%.cpp | build/packages
	$(UNIT_CXX) $(CPPFLAGS) $(UNIT_FLAGS) -Wno-shadow -c $< -o $@
$(UNIT)/%.o: tests/unit/%.cpp $(if $(unit_reads_once),$$(call common_of,$$(*D)).pch) | build/packages
	@mkdir -p $(@D)
	$(UNIT_CXX) $(CPPFLAGS) $(if $(unit_reads_once),-include $(call common_of,$(*D))) $(UNIT_FLAGS) -c $< -o $@
$(UNIT)/tests: $(filter-out $(UNIT)/engine/%,$(UNIT_OBJECTS))
$(UNIT)/engine_tests: $(filter $(UNIT)/engine/%,$(UNIT_OBJECTS))
$(UNIT)/tests $(UNIT)/engine_tests: $(SHELL_OBJECTS) $(SHELL_BUILD)/processes.o
	$(CXX) $(LDFLAGS) $^ -Wl,-Bstatic -lgtest_main -lgtest $(LDLIBS) -o $@

$(UNIT)/export/%.o $(UNIT)/rooms/export.o: CPPFLAGS += -isystem $(dir $(ONNX_HEADER))
$(UNIT)/rooms/export.o: $(EVENT_HEADER) | $(ONNX_HEADER)
$(UNIT)/export/export_onnx_test.o: | $(ONNX_HEADER)
$(UNIT)/export/summary_values_test.o: $(EVENT_HEADER)

unit-test: $(UNIT)/tests $(UNIT)/engine_tests ## build and run the unit tests
	$(UNIT)/tests --gtest_brief=1
	$(UNIT)/engine_tests --gtest_brief=1

# Wrong experiments against what each compiler that is installed says of them.
error-test: | build/packages ## compile wrong experiments and read the errors
	$(PYTHON) tests/errors/run.py --compiler $(CXX)
	$(if $(filter-out clang++,$(CXX)),$(if $(call have,clang++),$(PYTHON) tests/errors/run.py --compiler clang++ $(if $(THOROUGH),,--every 3)))

# Two of the binaries are compared with themselves by instruction set; the others have the one that they would run with.
BEST_BIN := $(BUILD)/$(TEST_ISA)
$(if $(filter-out $(BIN),$(BEST_BIN)),$(eval $(call binary_rule,$(TEST_ISA),$(BEST_BIN))) \
  $(eval $(call mpi_rule,openmpi,$(TEST_ISA),$(BEST_BIN))))
CONTRACT_BINARIES := $(patsubst %,$(BIN)/medley-%,lenet everything) \
  $(patsubst %,$(BEST_BIN)/medley-%,garments clothing readme unet parity three-losses drawn two-tasks)
# Many processes, of the MPIs that are installed: no more engines than these.
have_mpi = $(and $(call have,mpicxx.$(1)),$(call have,mpirun.$(1)))
CONTRACT_MPI_KINDS := $(foreach kind,$(MPI_KINDS),$(if $(call have_mpi,$(kind)),$(kind)))
CONTRACT_openmpi := $(patsubst %,$(BIN)/openmpi/medley-%-mpi,everything lenet) $(patsubst %,$(BEST_BIN)/openmpi/medley-%-mpi,clothing drawn)
CONTRACT_mpich := $(BIN)/mpich/medley-everything-mpi
contract-test: $(CONTRACT_BINARIES) $(foreach kind,$(CONTRACT_MPI_KINDS),$(CONTRACT_$(kind))) other-builds $$(READ_BY_CLANG) build/test-packages ## run the promises on built binaries
	@rm -rf $(BUILD)/contract && mkdir $(BUILD)/contract && ln -s $(CONTRACT_BINARIES:$(BUILD)/%=../%) $(BUILD)/contract
	@$(foreach kind,$(CONTRACT_MPI_KINDS),mkdir $(BUILD)/contract/$(kind) && ln -s $(CONTRACT_$(kind):$(BUILD)/%=../../%) $(BUILD)/contract/$(kind);)
	$(PYTHON) tests/contract/run.py --binary-dir $(BUILD)/contract $(if $(THOROUGH),,--quick) --other-builds $(OTHER_BUILDS)
	$(PYTHON) tests/contract/readme.py $(BIN)/medley-lenet

# Builds that must give the same bytes: without any instruction set, by another compiler, for another processor, where
# those are installed. One build by clang++ for AArch64 is both; THOROUGH=1 has each alone, and other optimizations. Garments
# that others draw are few, of a small experiment.
CLANG_FOR_AARCH64 := build/compilers/aarch64-linux-gnu-clang++
have_clang := $(call have,clang++)
have_aarch64 := $(and $(call have,aarch64-linux-gnu-g++),$(call have,qemu-aarch64-static))
OTHER_BUILDS := build/$(CXX)-O2/scalar $(if $(THOROUGH),build/$(CXX)-O3/avx2) \
  $(if $(and $(have_clang),$(have_aarch64),$(if $(THOROUGH),,yes)),build/$(notdir $(CLANG_FOR_AARCH64))-O2/neon, \
  $(if $(have_clang),build/clang++-O2/avx2) $(if $(have_aarch64),build/aarch64-linux-gnu-g++-O2/neon))
$(CLANG_FOR_AARCH64):
	@mkdir -p $(@D) && ln -sf $$(command -v clang++) $@
# clang++'s build for this processor takes the shell that is there (SHELL_FROM); clang++ reads its sources all the same.
READ_BY_CLANG := $(if $(and $(is_gcc),$(filter build/clang++-%,$(OTHER_BUILDS)),$(if $(THOROUGH)$(SANITIZE),,yes)),$(ROOMS:%=build/clang++-reads/%))
build/clang++-reads/%: $(SHELL_BUILD)/%.cpp $(SHELL_BUILD)/%.o
	@mkdir -p $(@D)
	clang++ -std=c++20 -Iinclude -Isrc -I. -isystem $(dir $(ONNX_HEADER)) $(WARNINGS) -fsyntax-only $< && touch $@
.PHONY: other-builds $(OTHER_BUILDS)
other-builds: $(OTHER_BUILDS) ## build what results are compared with: see also cross-packages
# (A shell of another compiler is the one that is there, or, of another processor, one that compiles faster.)
other_compiler = $(patsubst build/%-O$(lastword $(subst -O, ,$(@D))),%,$(@D))
build/$(notdir $(CLANG_FOR_AARCH64))-O2/neon: $(CLANG_FOR_AARCH64)
$(OTHER_BUILDS): $(CONTRACT_BINARIES)  # one after the other: they share objects
	$(MAKE) LINK= DEBUG=-g0 $(if $(findstring build/$(CXX)-,$@),,SHELL_FLAGS=-O0) \
	  $(if $(THOROUGH),,$(if $(filter build/clang++-%,$@),SHELL_FROM=$(SHELL_BUILD))) \
	  $(if $(filter %/$(other_compiler),$(CLANG_FOR_AARCH64)),CXX=$(CLANG_FOR_AARCH64) MACHINE=aarch64-linux-gnu,CXX=$(other_compiler)) \
	  OPT=-O$(lastword $(subst -O, ,$(@D))) ISAS=$(@F) \
	  $(foreach e,everything $(if $(findstring neon,$@),drawn $(if $(THOROUGH),garments)),$@/medley-$(e))

# (In this order, the unit tests compile beside the builds for comparison and what is run on them.)
test: contract-test unit-test error-test ## install what is missing, build and run all tests; THOROUGH=1 more of each

# The same unit tests, and a training, under sanitizers, in builds of their own.
test-address: ## the unit tests and a training under AddressSanitizer and UndefinedBehaviorSanitizer
	$(MAKE) SANITIZE=address,undefined ISAS=avx2 OPT=-O1 sanitized
test-thread: ## a training with several threads under ThreadSanitizer
	$(MAKE) SANITIZE=thread ISAS=avx2 OPT=-O1 sanitized-training
sanitized: sanitized-training
	$(MAKE) unit-test
sanitized-training: $(BIN)/medley-lenet build/test-packages
	$(PYTHON) tests/contract/sanitized.py $(BIN)

# --- fuzzing --------------------------------------------------------------------------------------

# A harness for each reader. corpus/<harness> has seeds and what was once found, dictionaries/<harness>.dict the format's words.
FUZZERS := $(basename $(notdir $(wildcard tests/fuzz/*_fuzzer.cpp)))
FUZZ_SECONDS ?= 60
FUZZ_FLAGS := -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -max_len=8192 -print_final_stats=1
FUZZ_ENVIRONMENT := ASAN_OPTIONS=quarantine_size_mb=32:allocator_may_return_null=1
$(BUILD)/fuzz/%.o: tests/fuzz/%.cpp | build/packages
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -c $< -o $@
# A fuzzer is looked for faults in all rooms; over the corpora alone, in those that take bytes apart (PLAIN: the build that
# the others are from, which is there for other tests).
READERS := base data files import run
PLAIN ?=
FUZZED_OBJECTS := $(foreach object,$(filter-out %/commands.o,$(SHELL_OBJECTS)),$(if \
  $(and $(PLAIN),$(filter-out $(READERS),$(basename $(notdir $(object))))),$(PLAIN)/$(notdir $(object)),$(object)))
$(BUILD)/fuzz/%_fuzzer: $(BUILD)/fuzz/%_fuzzer.o $(FUZZED_OBJECTS)
	$(CXX) $(LDFLAGS) $^ -fsanitize=fuzzer $(LDLIBS) -o $@
# Without libFuzzer, one program has all harnesses, each by its name instead of LLVMFuzzerTestOneInput.
$(BUILD)/fuzz/corpus.cpp: tests/fuzz Makefile
	@mkdir -p $(@D)
	@{ echo '#include "tests/fuzz/fuzz.hpp"'; \
	  for name in $(FUZZERS); do printf '%s\n' "#define LLVMFuzzerTestOneInput $$name" "FUZZER $$name;" \
	    "#include \"tests/fuzz/$$name.cpp\"" '#undef LLVMFuzzerTestOneInput'; done; \
	  echo '#define MEDLEY_HARNESSES $(foreach name,$(FUZZERS),{"$(name)", $(name)},)'; \
	  echo '#include "tests/fuzz/corpus_main.cpp"'; } | sed -E 's/^FUZZER (.*);/extern "C" int \1(const std::uint8_t*, std::size_t);/' > $@
# (Names of one harness may be those of another's globals.)
$(BUILD)/fuzz/corpus.o: $(BUILD)/fuzz/corpus.cpp | build/packages
	$(CXX) $(CPPFLAGS) $(CXXFLAGS) -Wno-shadow -c $< -o $@
$(BUILD)/fuzz/corpus: $(BUILD)/fuzz/corpus.o $(FUZZED_OBJECTS)
	$(CXX) $(LDFLAGS) $^ $(LDLIBS) -o $@

fuzz: build/fuzz-packages ## fuzz every reader of files for FUZZ_SECONDS each, with clang++
	$(MAKE) CXX=clang++ SANITIZE=address,undefined,fuzzer-no-link ISAS=avx2 OPT=-O1 fuzz-all
fuzz-all: $(FUZZERS:%=$(BUILD)/fuzz/%)
	@for name in $(FUZZERS); do mkdir -p build/fuzz/$$name; echo "fuzzing $$name for $(FUZZ_SECONDS) s"; \
	  $(FUZZ_ENVIRONMENT) $(BUILD)/fuzz/$$name $(FUZZ_FLAGS) -artifact_prefix=build/fuzz/$$name- \
	    $$(ls tests/fuzz/dictionaries/$$name.dict 2>/dev/null | sed 's/^/-dict=/') build/fuzz/$$name tests/fuzz/corpus/$$name; done
# (clang++ compiles what is sanitized in half the time, too, where Debian has installed what it links then.)
clang_sanitizes = $(and $(is_gcc),$(have_clang),$(wildcard $(shell clang++ -print-resource-dir)/lib/linux/libclang_rt.asan*.a))
fuzz-corpus: $(filter-out $(READERS:%=$(SHELL_BUILD)/%.o) %/commands.o,$(SHELL_OBJECTS)) ## run the harnesses over their committed inputs alone; any compiler will do
	$(MAKE) $(if $(clang_sanitizes),CXX=clang++) SANITIZE=address,undefined ISAS=avx2 OPT=-O0 PLAIN=$(SHELL_BUILD) fuzz-corpus-all
fuzz-corpus-all: $(BUILD)/fuzz/corpus
	$< $(FUZZERS:%=tests/fuzz/corpus/%) 2> $(BUILD)/fuzz/corpus.log || { cat $(BUILD)/fuzz/corpus.log; exit 1; }

# --- mutants --------------------------------------------------------------------------------------

# MUTANTS_OPTIONS chooses rooms and ids; tests/mutants/README.md.
MUTANTS_OPTIONS ?=
mutants: build/test-packages ## make small wrong changes to a copy of the code and tell which test notices each
	$(PYTHON) tests/mutants/run.py $(MUTANTS_OPTIONS)

# Peers are used where they are installed: TORCH_PYTHON names a Python that has PyTorch.
TORCH_PYTHON ?= $(PYTHON)
# STEPS_OPTIONS='--isa avx2' holds both to AVX2; tests/bench/run.py has more.
STEPS_OPTIONS ?=
# LAYERS=1 times single convolutions instead, beside oneDNN where libdnnl-dev is installed; LAYERS_OPTIONS='--threads 2'.
# DNNL=DIR takes another oneDNN from DIR/include and DIR/lib. One that is not for OpenMP uses all processors: taskset -c 0.
LAYERS ?=
DNNL ?=
PEER := $(if $(wildcard $(or $(DNNL),/usr)/include/dnnl.hpp),1,0)
PEER_LINKS := $(if $(DNNL),-L$(DNNL)/lib $(addsuffix $(comma)$(abspath $(DNNL)/lib),-Wl$(comma)-rpath -Wl$(comma)-rpath-link)) -ldnnl -lgomp
BENCH_LAYERS := $(BUILD)/bench-layers$(if $(DNNL),-$(notdir $(abspath $(DNNL))))
$(BENCH_LAYERS): tests/bench/layers.cpp | build/packages
	@mkdir -p $(@D)
	$(CXX) $(CPPFLAGS) $(if $(DNNL),-isystem $(DNNL)/include) -DMEDLEY_PEER=$(PEER) $(CXXFLAGS) $(ENGINE_FLAGS) $(FLAGS_$(TEST_ISA)) $< $(LDFLAGS) $(if $(filter 1,$(PEER)),$(PEER_LINKS)) -o $@
# COSTS=1 compares losses, step modes and the start with each other; COSTS_OPTIONS: tests/bench/costs.py.
COSTS ?=
# MIXES=1 compares the steps of mixes with fixed weights, and with TorchJD and LibMTL where TORCH_PYTHON has the
# first and LIBMTL is a copy of the other's repository; MIXES_OPTIONS: tests/bench/mixes.py.
MIXES ?=
LIBMTL ?=
# PREDICT=1 times `eval` and `predict` beside ONNX Runtime (make peer-packages) and PyTorch; PREDICT_OPTIONS: tests/bench/predict.py.
PREDICT ?=
# MPI=1 times processes beside threads, and beside PyTorch's DistributedDataParallel; PROCESSES_OPTIONS: tests/bench/processes.py.
PROCESSES_OPTIONS ?=
$(BIN)/$(MPI_KIND)/bench-messages: tests/bench/messages.cpp src/mpi/mpi_processes.cpp | build/mpi-$(MPI_KIND)
	@mkdir -p $(@D)
	$(MPICXX) $(CPPFLAGS) -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX $(CXXFLAGS) $(LDFLAGS) $(filter %.cpp,$^) -lfmt -o $@
COSTS_NETWORKS := $(patsubst %,costs-%,joint single labels place alternating repeated simultaneous) garments
ifneq ($(MPI),)
bench: $(patsubst %,$(BIN)/$(MPI_KIND)/%,$(patsubst %,medley-%-mpi,clothing lenet resnet) bench-messages) build/test-packages
	$(PYTHON) tests/bench/processes.py --binary-dir $(BIN)/$(MPI_KIND) --launcher mpirun.$(MPI_KIND) --torch-python $(TORCH_PYTHON) --out $(BUILD)/processes $(PROCESSES_OPTIONS)
	$(PYTHON) tests/bench/processes_model.py $(BUILD)/processes.json
else ifneq ($(MIXES),)
bench: $(patsubst %,$(BIN)/medley-%,lenet clothing garments) build/test-packages
	$(PYTHON) tests/bench/mixes.py --binary-dir $(BIN) --torch-python $(TORCH_PYTHON) $(LIBMTL:%=--libmtl %) --out $(BUILD)/mixes.csv $(MIXES_OPTIONS)
else ifneq ($(COSTS),)
bench: $(COSTS_NETWORKS:%=$(BIN)/medley-%) build/test-packages
	$(PYTHON) tests/bench/costs.py --binary-dir $(BIN) --out $(BUILD)/costs.csv $(COSTS_OPTIONS)
else ifneq ($(PREDICT),)
bench: $(patsubst %,$(BIN)/medley-%,lenet clothing garments resnet) build/peers/installed
	$(PYTHON) tests/bench/predict.py --binary-dir $(BIN) --onnx-python build/peers/bin/python --torch-python $(TORCH_PYTHON) --out $(BUILD)/predict.csv $(PREDICT_OPTIONS)
else ifeq ($(LAYERS),)
bench: $(patsubst %,$(BIN)/medley-%,clothing garments lenet resnet wide) build/test-packages ## time training steps beside PyTorch, or (LAYERS=1) layers beside oneDNN, where these are installed, or (COSTS=1) losses and step modes, or (MIXES=1) mixes, or (PREDICT=1) what a trained network is used for, or (MPI=1) processes
	$(PYTHON) tests/bench/run.py --binary-dir $(BIN) --torch-python $(TORCH_PYTHON) --out $(BUILD)/steps.csv $(STEPS_OPTIONS)
else
bench: $(BENCH_LAYERS)
	OMP_PROC_BIND=true $< --out $(BUILD)/layers.csv $(LAYERS_OPTIONS)
endif

check-format: ## fail where the sources are not as clang-format leaves them
	clang-format --dry-run --Werror $$(git ls-files '*.hpp' '*.cpp')

clean: ## remove everything that was built (runs stay)
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
