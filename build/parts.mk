# Parts: sources that several programs for the machine that builds are made of, be they tools, unit tests
# or fuzz targets. A part is compiled once for each way of compiling (a folder under out: unit/asan,
# fuzz ...), and its objects are linked into all that name it. What a program wants compiled in a way of
# its own, with a double or a definition, is no part of it but among its sources.
#
#   PARTS += NAME
#   PART_SRCS_NAME      its sources
#   PART_FLAGS_NAME     further compiler flags, also for the sources of who is made of it
#   PART_LIBS_NAME      archives
#   PART_NEEDS_NAME     what must be there before anything is compiled
#   PART_ARM_SRCS_NAME  for an Arm CPU, where they are others
#   PART_ARM_FLAGS_NAME further flags for an Arm CPU

# $(call of_parts,<SRCS, FLAGS, LIBS or NEEDS>,<parts>)
of_parts = $(foreach p,$(2),$(PART_$(1)_$(p)))

# $(call part_objects,<folder under out>,<parts>); $(call arm_part_objects,...): those for an Arm CPU
part_objects     = $(foreach p,$(2),$(PART_SRCS_$(p):%=out/$(1)/$(p).part/%.o))
arm_part_objects = $(foreach p,$(2),$(patsubst %,out/$(1)/$(p).part/%.o,$(or $(PART_ARM_SRCS_$(p)),$(PART_SRCS_$(p)))))

# $(call objects_rule,<folder under out>,<word to say>,<compiler with flags>,<what must be there>)
define objects_rule
out/$(1)/%.o: % $(MAKE_FRAGMENTS) | $(4)
	$$(call say,$(2),$$<)mkdir -p $$(@D) && $(3) -MMD -MP -c -o $$@ $$<
endef

# $(call part_rules,<folder under out>,<word to say>,<compiler with flags>,<what must be there>): of all
# parts; $(call arm_part_rules,...): for an Arm CPU
part_rules     = $(foreach p,$(PARTS),$(eval $(call objects_rule,$(1)/$(p).part,$(2),\
                     $(3) $(PART_FLAGS_$(p)),$(4) $(PART_NEEDS_$(p)))))
arm_part_rules = $(foreach p,$(PARTS),$(eval $(call objects_rule,$(1)/$(p).part,$(2),\
                     $(3) $(PART_FLAGS_$(p)) $(PART_ARM_FLAGS_$(p)),$(4) $(PART_NEEDS_$(p)))))

# What tools that write files share.
PARTS += output
PART_SRCS_output  := build/tools/output/output.c
PART_FLAGS_output := -Ibuild/tools/output
