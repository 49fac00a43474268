# Which store image is served from, and what in it.
#
#   (nothing)                      the default bundle (bundles/default)
#   MODEL=FOLDER TRUST=KEY.pub     a bundle: .../NAME/GENERATION, or .../NAME with its generations
#   MODEL=FILE [TOKENIZER=FILE]    a model that nobody signed, for experiments: FILE.gguf, which has its
#                                  vocabulary with it, or a llama2.c checkpoint, whose tokenizer is
#                                  tokenizer.bin beside it. VERIFY=on-fault: not eagerly.
#                                  LAYOUT=NAME: packed for the kernels that read that one
#
# gives
#   STORE_IMAGE      the image: a target
#   STORE_BUNDLE     the bundle's name
#   STORE_TRUST      the trust root
#   STORE_TRUSTED    a file that is written anew when another trust root is chosen, however old that is
#   STORE_UNSIGNED   1: the bundle is a file as it is, and whoever serves it must be told so

STORE_FOLDER   ?= out/model

# Paths become words of make and of the shell: $(call plain_path,VARIABLE) refuses those that are
# another word there.
store_hash  := \#
store_space := $(subst ,, )
unplain = $(strip $(foreach c,' " ` $$ ; & | ( ) < > * ? [ \ % : =,$(findstring $c,$1)) \
                  $(findstring $(store_hash),$1) $(if $(findstring $(store_space),$1),space))
plain_path = $(if $(call unplain,$($1)),$(error $1=$($1): make cannot have a path with such a \
    character in it: $(call unplain,$($1)); link to the file from a path that is plain))
$(foreach v,MODEL TRUST TOKENIZER,$(call plain_path,$v))

# $(call one_of,VARIABLE,VALUES,THE SAME IN WORDS)
one_of = $(if $($1),$(if $(filter-out $2,$($1)),$(error $1=$($1): must be $3)))
$(call one_of,VERIFY,eager on-fault,eager or on-fault)
# LAYOUT: one that the tool for bundles knows; it names them.
$(if $(filter-out 0 1,$(words $(LAYOUT))),$(error LAYOUT=$(LAYOUT): must be the name of one layout))

# What stands in the way of another variable: $(call only_with,VARIABLES,WHAT IT BELONGS TO)
only_with = $(foreach v,$1,$(if $($v),$(error $v=$($v): belongs to $2, and MODEL=$(MODEL) is none)))
STORE_UNSIGNED := 0

ifeq ($(MODEL),)
$(foreach v,TRUST TOKENIZER VERIFY LAYOUT,$(if $($v),\
    $(error $v=$($v): there is no MODEL that it could belong to)))
STORE_IMAGE  := out/store.img
STORE_BUNDLE := default
STORE_TRUST  := $(TRUST_ROOT)
else

STORE_IMAGE       := $(STORE_FOLDER)/store.img
STORE_GENERATIONS := $(patsubst %/manifest.toml,%,$(wildcard $(MODEL)/manifest.toml) \
                     $(wildcard $(MODEL)/*/manifest.toml))

ifneq ($(STORE_GENERATIONS),)
ifeq ($(wildcard $(TRUST)),)
$(error MODEL=$(MODEL): a bundle needs TRUST=, the file of the public key that signed it; \
    TRUST=$(TRUST): no such file)
endif
$(call only_with,TOKENIZER VERIFY LAYOUT,a file that becomes a bundle)
STORE_BUNDLE := $(lastword $(subst /, ,$(dir $(abspath $(firstword $(STORE_GENERATIONS))))))
STORE_TRUST  := $(TRUST)
STORE_FILES  := $(wildcard $(addsuffix /*,$(STORE_GENERATIONS)))
else ifneq ($(wildcard $(MODEL)/.),)
$(error MODEL=$(MODEL): a folder without a manifest.toml is no bundle; docs/guides/bundles.md says how one is made)
else ifeq ($(wildcard $(MODEL)),)
$(error MODEL=$(MODEL): no such file)
else
$(call only_with,TRUST,a bundle)
STORE_WEIGHTS := $(if $(filter %.gguf,$(MODEL)),model.gguf,model.bin)
TOKENIZER     ?= $(if $(filter %.gguf,$(MODEL)),,$(dir $(MODEL))tokenizer.bin)
VERIFY        ?= eager
ifneq ($(filter-out $(wildcard $(TOKENIZER)),$(TOKENIZER)),)
$(error MODEL=$(MODEL): its tokenizer is missing: TOKENIZER=$(TOKENIZER): no such file)
endif
STORE_BUNDLE      := raw
STORE_TRUST       := $(TRUST_ROOT)
STORE_UNSIGNED    := 1
STORE_GENERATIONS := $(STORE_FOLDER)/raw/1
STORE_FILES       := $(STORE_GENERATIONS)/manifest.toml

$(STORE_GENERATIONS)/manifest.toml: $(MODEL) $(TOKENIZER) $(STORE_FOLDER)/choice $(BUNDLE_TOOL)
	$(call say,BUNDLE,$(@D))rm -rf $(@D) && mkdir -p $(@D) && \
	    $(if $(LAYOUT),,ln -s $(abspath $(MODEL)) $(@D)/$(STORE_WEIGHTS) &&) \
	    $(if $(TOKENIZER),ln -s $(abspath $(TOKENIZER)) $(@D)/tokenizer.bin &&) \
	    $(BUNDLE_TOOL) make $(@D) --verify $(VERIFY) --weights $(STORE_WEIGHTS) \
	        $(if $(TOKENIZER),--tokenizer tokenizer.bin) \
	        $(if $(LAYOUT),--layout $(LAYOUT) --from $(MODEL))
endif

# A file that is written anew when another model is chosen, however old that is.
STORE_CHOICE := $(abspath $(MODEL) $(TOKENIZER)) $(VERIFY) $(LAYOUT)
ifneq ($(STORE_CHOICE),$(file <$(STORE_FOLDER)/choice))
$(shell mkdir -p $(STORE_FOLDER))
$(file >$(STORE_FOLDER)/choice,$(STORE_CHOICE))
endif

$(STORE_IMAGE): $(STORE_FILES) $(STORE_FOLDER)/choice $(BUNDLE_TOOL)
	$(call say,PACK,$@)$(BUNDLE_TOOL) pack -o $@ $(STORE_GENERATIONS)
endif

STORE_TRUSTED := $(STORE_FOLDER)/trusted
ifneq ($(abspath $(STORE_TRUST)),$(file <$(STORE_TRUSTED)))
$(shell mkdir -p $(STORE_FOLDER))
$(file >$(STORE_TRUSTED),$(abspath $(STORE_TRUST)))
endif
