# Benchmarks: like guest tests, each tests/bench/NAME.c is one program, which prints lines
#
#   bench: NAME VALUE UNIT bar=BAR
#
# BENCH_SRCS_NAME, BENCH_PROGRAMS_NAME and BENCH_FILES_NAME as in tests/guest/guest.mk.

BENCH_TESTS := $(sort $(basename $(notdir $(wildcard tests/bench/*.c))))
