# Bundles and the store image that carries them: docs/guides/bundles.md.
#
#   $(call bundle,NAME,GENERATION,FILE=SOURCE ...,options of `bundle make`)
#       makes and signs out/bundles/NAME/GENERATION, whose files are copies of the sources; its
#       target is out/bundles/NAME/GENERATION/manifest.toml
#   $(call corrupt_bundle,NAME,GENERATION,FILE=SOURCE ...,options,FILE)
#       the same, and then one bit in the middle of FILE is another: for tests, and for the default
#       image, which shows that such a generation is not served
#   $(call store_image,IMAGE,NAME/GENERATION ...)
#       packs them
#
# A folder bundles/NAME says in its bundle.mk what is made of it.

include libos/model/model.mk

# The host tool.
BUNDLE_TOOL := out/host/bundle
HOSTED += bundle
HOSTED_PARTS_bundle := output model toml engine
HOSTED_SRCS_bundle  := $(sort $(wildcard build/tools/bundle/*.c)) $(MODEL_SHAPE_SRCS)
HOSTED_LIBS_bundle  := -lm

# Development keys: made once, for this clone, and never committed. The boot image carries
# $(TRUST_ROOT); what is signed with another key needs another trust root.
SIGNING_KEY := out/keys/development.key
TRUST_ROOT  := out/keys/development.pub

$(SIGNING_KEY): | $(BUNDLE_TOOL)
	$(call say,KEYGEN,$@)mkdir -p $(@D) && $(BUNDLE_TOOL) keygen --name development -o $(@D)/development
$(TRUST_ROOT): $(SIGNING_KEY) ;

bundle_source = $(lastword $(subst =, ,$(1)))
bundle_file   = $(firstword $(subst =, ,$(1)))

# $(call bundle_rule,<name>,<generation>,<files>,<options>,<command that follows>)
define bundle_rule
out/bundles/$(1)/$(2)/manifest.toml: $(foreach f,$(3),$(call bundle_source,$(f))) $(SIGNING_KEY) $(BUNDLE_TOOL)
	$$(call say,BUNDLE,$$(@D))rm -rf $$(@D) && mkdir -p $$(@D) && \
	    $(foreach f,$(3),cp --reflink=auto $(call bundle_source,$(f)) $$(@D)/$(call bundle_file,$(f)) &&) \
	    $(BUNDLE_TOOL) make $$(@D) $(4) && $(BUNDLE_TOOL) sign $$(@D) --key $(SIGNING_KEY)$(5)
endef
bundle         = $(eval $(call bundle_rule,$(1),$(2),$(3),$(4),))
corrupt_bundle = $(eval $(call bundle_rule,$(1),$(2),$(3),$(4), && build/tools/flip-bit $$(@D)/$(5)))

# $(call store_image_rule,<image>,<generations>)
define store_image_rule
$(1): $(2:%=out/bundles/%/manifest.toml) $(BUNDLE_TOOL)
	$$(call say,PACK,$$@)mkdir -p $$(@D) && $(BUNDLE_TOOL) pack -o $$@ $(2:%=out/bundles/%)
endef
store_image = $(eval $(call store_image_rule,$(1),$(2)))

include $(sort $(wildcard bundles/*/bundle.mk))
