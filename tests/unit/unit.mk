# Host unit tests: tests/unit/NAME.c, with cmocka or with a main() that prints TAP.
#
#   UNIT_SRCS_NAME   the sources under test
#   UNIT_FLAGS_NAME  further compiler flags
#   UNIT_TSAN        those that also run under the thread sanitizer

UNIT_TESTS := $(sort $(basename $(notdir $(wildcard tests/unit/*.c))))
UNIT_TSAN  :=
